"""Metrics of who can be held to what: M4 audit gap, M11 tampering that nobody noticed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sim.health.registrar import Filing
from sim.health.tally import distribution


@dataclass(eq=False, slots=True)
class LogWindow:
    """One stretch of an organisation's log and the root that is to seal it."""

    organisation: int
    number: int
    leaves: int
    events: int
    until_ns: int
    filing: Filing
    rewritten_ns: int = -1
    """When somebody altered an entry; -1 never."""
    before_root: bool = False
    """It was altered before the root was made, so the root seals the lie."""
    flagged_ns: int = -1
    """When an auditor's proof check failed."""


def _missing(filings: Sequence[Filing], limit_ns: int, end_ns: int) -> list[Filing]:
    return [
        filing for filing in filings
        if (filing.first_final_ns < 0 and end_ns - filing.submitted_ns > limit_ns)
        or filing.first_final_ns - filing.submitted_ns > limit_ns
    ]  # fmt: skip


def _unrecorded_ns(filing: Filing, end_ns: int) -> int:
    return (end_ns if filing.first_final_ns < 0 else filing.first_final_ns) - filing.submitted_ns


def notices_missing(notices: Sequence[Filing], limit_ns: int, end_ns: int) -> dict[str, Any]:
    """M4 for broken glass: accesses whose notice was not final in time, and the longest time an access went unrecorded."""
    longest = max((_unrecorded_ns(filing, end_ns) for filing in notices), default=0)
    return {
        "count": len(_missing(notices, limit_ns, end_ns)),
        "accesses": len(notices),
        "longest_s": longest / 1e9,
        "lost_by_reorg": sum(filing.reverted > 0 for filing in notices),
    }


def audit_gap(
    windows: Sequence[LogWindow], limit_ns: int, end_ns: int, canonical: Callable[[Filing], str | None]
) -> dict[str, Any]:
    """M4 for logs: accesses whose window had no final root within the limit, the longest gap, leaves lost by a reorganisation for
    good, and windows that the chain refused as out of order."""
    missing = [window for window in windows if _missing([window.filing], limit_ns, end_ns)]
    lost = [window for window in windows if window.filing.reverted and canonical(window.filing) is None]
    refused = [window for window in windows if canonical(window.filing) not in ("", None)]
    longest = max((_unrecorded_ns(window.filing, end_ns) for window in windows), default=0)
    return {
        "count": sum(window.events for window in missing),
        "accesses": sum(window.events for window in windows),
        "longest_s": longest / 1e9,
        "lost_by_reorg": sum(window.events for window in lost),
        "out_of_order": len(refused),
    }


def log_tampering(windows: Sequence[LogWindow], checks: int) -> dict[str, Any]:
    """M11 for logs: windows that were rewritten and that no proof check flagged; only what was altered after its root can be seen."""
    altered = [window for window in windows if window.rewritten_ns >= 0]
    flagged = [window for window in altered if window.flagged_ns >= 0]
    return {
        "count": len(altered) - len(flagged),
        "altered": len(altered),
        "detected": len(flagged),
        "altered_before_root": sum(window.before_root for window in altered),
        "proofs_checked": checks,
        "detected_after_s": distribution([(window.flagged_ns - window.rewritten_ns) / 1e9 for window in flagged]),
    }
