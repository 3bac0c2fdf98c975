"""Service levels by class: what had to be done within which time, and which share of it was.

C0 is local and never waits for consensus, C1 interactive, C2 rights and safety (the last honest node counts), C3 the record,
C4 regulatory. Deadlines of an hour and more are of the clock on the wall, so they shrink with a compressed day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sim.health.tally import share

CLASSES = ("C0", "C1", "C2", "C3", "C4")
OF_THE_CLOCK_S = 3600


@dataclass(frozen=True)
class Level:
    """One service level."""

    urgency: str
    """One of `CLASSES`."""
    name: str
    target_s: float

    def deadline_ns(self, compression: float) -> int:
        """The time allowed, in simulated nanoseconds."""
        factor = compression if self.target_s >= OF_THE_CLOCK_S else 1.0
        return round(self.target_s * 1e9 / factor)


@dataclass(eq=False, slots=True)
class Ask:
    """One thing that had to be done: when it began, and when it was done (-1: not yet)."""

    level: Level
    begun_ns: int
    done_ns: int = -1
    failed: bool = False
    """It ended without being done."""


def attained(asks: Iterable[Ask], end_ns: int, compression: float) -> tuple[int, int]:
    """(done in time, judged). What is open at the end and not yet late is left out: nobody knows."""
    good = judged = 0
    for ask in asks:
        late_ns = ask.begun_ns + ask.level.deadline_ns(compression)
        in_time = 0 <= ask.done_ns <= late_ns
        if in_time or ask.failed or ask.done_ns >= 0 or late_ns <= end_ns:
            judged += 1
            good += in_time and not ask.failed
    return good, judged


def slo_table(levels: Iterable[Level], asks: Iterable[Ask], end_ns: int, compression: float) -> list[dict[str, Any]]:
    """The report's `slo` rows, in the order of `levels`."""
    by_level: dict[Level, list[Ask]] = {level: [] for level in levels}
    for ask in asks:
        by_level.setdefault(ask.level, []).append(ask)
    rows = []
    for level, mine in by_level.items():
        good, judged = attained(mine, end_ns, compression)
        rows.append(
            {
                "name": f"{level.urgency} {level.name}",
                "target": level.target_s,
                "attained_share": share(good, judged),
                "judged": judged,
            }
        )
    return rows


def class_table(asks: Iterable[Ask], end_ns: int, compression: float) -> dict[str, dict[str, Any]]:
    """For each class: how many were judged, and the share that was in time."""
    by_class: dict[str, list[Ask]] = {name: [] for name in CLASSES}
    for ask in asks:
        by_class[ask.level.urgency].append(ask)
    found = {name: attained(mine, end_ns, compression) for name, mine in by_class.items()}
    return {name: {"judged": judged, "attained_share": share(good, judged)} for name, (good, judged) in found.items()}
