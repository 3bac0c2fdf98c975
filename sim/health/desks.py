"""Clerks, for workloads in a closed loop: each files one thing, waits for its answer, and only then takes up the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from sim.health.registrar import NEVER, Filing
from sim.health.world import WorkloadWorld

Work = Callable[[], None]


class Desks:
    """The desks of all organisations in one workload; `clerks` at each, and what nobody has taken up yet."""

    def __init__(self, world: WorkloadWorld, clerks: int, filings: Sequence[Filing]) -> None:
        self.clerks = clerks
        self._world, self._filings = world, filings
        self._waiting: dict[int, deque[Work]] = {}
        self._busy: dict[int, int] = {}

    def bring(self, seat: int, work: Work) -> None:
        """Have work done now if a clerk is free, or as soon as one is; without clerks (an open loop) now."""
        if not self.clerks:
            work()
        elif self._busy.get(seat, 0) < self.clerks:
            self._busy[seat] = self._busy.get(seat, 0) + 1
            self._take_up(seat, work)
        else:
            self._waiting.setdefault(seat, deque()).append(work)

    def done(self, filing: Filing) -> None:
        """A filing was answered, or dropped: the clerk who waited for it, if one did, takes up the next."""
        if filing.clerk >= 0:
            seat, filing.clerk = filing.clerk, NEVER
            self._next(seat)

    def waiting(self) -> int:
        """How much work lies there."""
        return sum(map(len, self._waiting.values()))

    def _take_up(self, seat: int, work: Work) -> None:
        """A clerk files, and waits for what was filed."""
        before = len(self._filings)
        work()
        if len(self._filings) > before and not self._filings[before].dropped:
            self._filings[before].clerk = seat
        else:
            self._next(seat)

    def _next(self, seat: int) -> None:
        queue = self._waiting.get(seat)
        if queue:
            self._world.at(self._world.now_ns, self._take_up, seat, queue.popleft())
        else:
            self._busy[seat] -= 1
