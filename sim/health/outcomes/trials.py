"""Metrics of trials: M10 safety reports, M11 tampering that nobody noticed, M12 allocation conflicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sim.health.levels import Ask, attained
from sim.health.registrar import Filing
from sim.health.tally import distribution


@dataclass(eq=False, slots=True)
class Subject:
    """One subject of a trial, as they really are treated."""

    name: str
    trial: str
    site: int
    consent: Filing | None
    """None: from before the run."""
    treated: list[tuple[int, int, bool]] = field(default_factory=list)
    """(slot, time_ns, whether consent was final at the site then) of every kit that was handed out."""
    consent_lost: bool = False
    """The site's chain took the consent back after the subject had been treated."""

    @property
    def consented(self) -> bool:
        """Whether the consent is final at the site now."""
        return self.consent is None or self.consent.accepted


@dataclass(slots=True)
class Publication:
    """One publication of results: what was registered, what was said, and whether a reader saw a difference."""

    trial: str
    time_ns: int
    altered: bool
    flagged_ns: int = -1
    """When a reader's check flagged it; -1 never."""


def safety_report_deadline_miss(asks: Sequence[Ask], end_ns: int, compression: float) -> dict[str, Any]:
    """M10: adverse events that a sponsor or regulator could not see by the deadline, and how long it took to see them."""
    good, judged = attained(asks, end_ns, compression)
    seen = [(ask.done_ns - ask.begun_ns) / 1e9 for ask in asks if ask.done_ns >= 0]
    return {"count": judged - good, "reports": judged, "visible_after_s": distribution(seen)}


def tamper_undetected(publications: Sequence[Publication], rejected: int, passed: int, parallel_versions: int) -> dict[str, Any]:
    """M11 for trials: altered outcomes and forms that no check flagged; protocol versions in force at once on two nodes' chains."""
    altered = [one for one in publications if one.altered]
    missed = [one for one in altered if one.flagged_ns < 0]
    return {
        "count": len(missed) + passed,
        "altered": len(altered) + rejected + passed,
        "detected": len(altered) - len(missed) + rejected,
        "detected_after_s": distribution([(one.flagged_ns - one.time_ns) / 1e9 for one in altered if one.flagged_ns >= 0]),
        "versions_in_parallel": parallel_versions,
    }


def allocation_conflict(subjects: Sequence[Subject]) -> dict[str, Any]:
    """M12: slots whose kit went to two subjects, subjects with two slots, and subjects treated while their consent was not final."""
    holders: dict[tuple[str, int], int] = {}
    for subject in subjects:
        for slot in dict.fromkeys(slot for slot, _, _ in subject.treated):
            holders[subject.trial, slot] = holders.get((subject.trial, slot), 0) + 1
    return {
        "slots_given_twice": sum(count > 1 for count in holders.values()),
        "subjects_with_two_slots": sum(len({slot for slot, _, _ in subject.treated}) > 1 for subject in subjects),
        "treated_without_final_consent": sum(any(not final for _, _, final in subject.treated) for subject in subjects),
        "consent_lost_after_treatment": sum(subject.consent_lost for subject in subjects),
        "subjects_treated": sum(bool(subject.treated) for subject in subjects),
    }
