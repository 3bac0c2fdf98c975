"""Cases for which a whole part is missing. Each is to move to the file of its group once the part is there."""

from __future__ import annotations

from sim.study.validation.case import Case

_ROWS: tuple[tuple[str, str, float, str, str], ...] = (
    (
        "V59",
        "Raft over five Azure regions, leader East US: commit, ms",
        117,
        "CF: 2nd smallest RTT",
        "the Azure table (no licence)",
    ),
)
CASES = tuple(
    Case(id=case, what=what, expected=expected, source=source, missing=missing) for case, what, expected, source, missing in _ROWS
)
