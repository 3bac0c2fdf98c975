"""Group E, conventions of reporting: coverage on arrival times that are known beforehand."""

from __future__ import annotations

import math
from collections.abc import Callable

from sim.study.validation.case import Case, Measured
from sim.study.validation.worlds import constant, first_seat, play, spreading

_LEAVES = 100


def _coverage(percent: int, crashed: bool = False) -> Callable[[int], Measured]:
    """The report's coverage of one rumour that a hub sends to 100 leaves, one a second: arrival times 1 to 100 s."""
    origin = first_seat(_LEAVES + 1)
    last = {"fault": [{"kind": "crash", "seats": [f"seat-{_LEAVES}"]}]} if crashed else None
    star = {"kind": "star", "seats": _LEAVES + 1}
    tables = spreading(star, constant("0 s"), {"size": "1 MB", "origin": origin}, up="8 Mbit/s", duration="200 s", more=last)

    def measure(runs: int) -> Measured:
        found = play(tables).to_dict()["gossip"]["coverage_s"][f"p{percent}"]
        return Measured(math.inf if found is None else float(found))

    return measure


CASES = (
    *(
        Case(
            id="V86",
            what=f"arrival times 1..100: time to {percent} % coverage",
            source="CF: nearest rank, the source excluded",
            expected=percent,
            measure=_coverage(percent),
        )
        for percent in (50, 90, 99, 100)
    ),
    Case(
        id="V86",
        what="the last of 100 never receives: time to 99 % coverage",
        source="CF: never is infinity, and counts",
        expected=99,
        measure=_coverage(99, crashed=True),
    ),
)
