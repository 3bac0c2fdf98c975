"""What uplinks and CPUs were given to do and could not do yet, followed through the run: how much stands in line, and since when.

Between two looks a resource works off what it can; what is left of the work it was given stands in line (Lindley's recursion, 1952).
Kept are one line and one instant a seat, so a long run costs no more than a short one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

SECOND_NS = 1_000_000_000


@dataclass(eq=False)
class Line:
    """The work in line at one kind of resource of each seat."""

    work_ns: NDArray[np.float64]
    """float64[seats]: how long the resource would take for what it was given and has not done."""
    since_ns: NDArray[np.int64]
    """int64[seats]: when that began to stand in line, to one look; -1 where nothing does."""
    given: NDArray[np.float64]
    """float64[seats]: all that it was given until the last look, in ns of its work."""

    @classmethod
    def of(cls, seats: int) -> Line:
        """Nothing in line."""
        return cls(np.zeros(seats), np.full(seats, -1, np.int64), np.zeros(seats))

    def look(self, given_ns: NDArray[np.float64], before_ns: int, now_ns: int) -> None:
        """Take in that by now so much work was given in all; the last look was at `before_ns`."""
        left_ns = self.work_ns + (given_ns - self.given) - (now_ns - before_ns)
        self.work_ns = np.maximum(left_ns, 0.0)
        began = np.where(self.since_ns < 0, before_ns, self.since_ns)
        self.since_ns = np.where(self.work_ns > 0, began, -1)
        self.given = given_ns


@dataclass(eq=False)
class LoadWatch:
    """The lines of one run, as of its last look; None where a resource is not modelled."""

    uplink: Line | None = None
    cpu: Line | None = None
    looked_ns: int = 0
    step_ns: int = 0
    """The longest time from one look to the next: nothing finer is known."""
    bit_s: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    cores: int = 0

    @classmethod
    def over(cls, up_bit_s: NDArray[np.int64], cores: int) -> LoadWatch:
        """Watch uplinks of these rates (int64[seats], 0: not modelled) and so many cores a seat."""
        seats = len(up_bit_s)
        return cls(Line.of(seats) if up_bit_s.any() else None, Line.of(seats) if cores else None, bit_s=up_bit_s, cores=cores)

    @property
    def wanted(self) -> bool:
        """Whether there is anything to watch."""
        return self.uplink is not None or self.cpu is not None

    def look(self, sent_bytes: NDArray[np.int64], busy_ns: NDArray[np.int64], now_ns: int) -> None:
        """Take in bytes sent and CPU time given until now, int64[seats] each."""
        self.step_ns = max(self.step_ns, now_ns - self.looked_ns)
        if self.uplink is not None:
            given_ns = sent_bytes * (8.0 * SECOND_NS) / np.where(self.bit_s > 0, self.bit_s, np.inf)
            self.uplink.look(given_ns, self.looked_ns, now_ns)
        if self.cpu is not None:
            self.cpu.look(busy_ns / self.cores, self.looked_ns, now_ns)
        self.looked_ns = now_ns
