"""Metrics of who can be held to what: M4 audit gap, M11 tampering that nobody noticed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.health.registrar import Filing


def notices_missing(notices: Sequence[Filing], limit_ns: int, end_ns: int) -> dict[str, Any]:
    """M4 for broken glass: accesses whose notice was not final in time, and the longest time an access went unrecorded."""
    missing = [
        filing for filing in notices
        if (filing.first_final_ns < 0 and end_ns - filing.submitted_ns > limit_ns)
        or filing.first_final_ns - filing.submitted_ns > limit_ns
    ]  # fmt: skip
    longest = max((_unrecorded_ns(filing, end_ns) for filing in notices), default=0)
    return {"count": len(missing), "accesses": len(notices), "longest_s": longest / 1e9, "lost_by_reorg": sum(filing.reverted > 0 for filing in notices)}  # fmt: skip


def _unrecorded_ns(filing: Filing, end_ns: int) -> int:
    return (end_ns if filing.first_final_ns < 0 else filing.first_final_ns) - filing.submitted_ns
