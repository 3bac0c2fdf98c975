"""Metric of a region's eyes: M16 completeness of reports, delay of a cluster's detection, reach of advisories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sim.health.registrar import Filing
from sim.health.tally import distribution, share


@dataclass(frozen=True, slots=True)
class Advisory:
    """One advisory: filed, by whom, and since when there was reason for it."""

    filing: Filing
    genuine: bool
    since_ns: int


def public_health_completeness(
    reports: Sequence[tuple[int, int]],
    limit_ns: int,
    end_ns: int,
    duplicates_counted: int,
    duplicates_refused: int,
    advisories: Sequence[Advisory],
    reached_ns: Callable[[Filing, float], int],
) -> dict[str, Any]:
    """M16: `reports` are (happened_ns, at the agency ns or -1); what is not yet late at the end is left out.

    An advisory's delay counts from the report that made a cluster of the reports before it, over every agency that saw them.
    """
    judged = [(made, there) for made, there in reports if there >= 0 or end_ns - made > limit_ns]
    genuine = [one for one in advisories if one.genuine]
    reach = [(reached_ns(one.filing, 0.99), one.filing.submitted_ns) for one in genuine]
    return {
        "complete_share": share(sum(0 <= there - made <= limit_ns for made, there in judged), len(judged)),
        "reports": len(judged),
        "missing": sum(there < 0 for _, there in judged),
        "delay_s": distribution([(there - made) / 1e9 for made, there in judged if there >= 0]),
        "duplicates_counted": duplicates_counted,
        "duplicates_refused": duplicates_refused,
        "advisories": len(genuine),
        "cluster_detected_after_s": distribution([(one.filing.submitted_ns - one.since_ns) / 1e9 for one in genuine]),
        "advisory_reach_s": distribution([(time_ns - begun_ns) / 1e9 for time_ns, begun_ns in reach if time_ns >= 0]),
        "forged_advisories_accepted": sum(one.filing.answer == "" for one in advisories if not one.genuine),
        "forged_advisories": len(advisories) - len(genuine),
    }
