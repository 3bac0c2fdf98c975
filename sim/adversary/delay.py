"""Delay: the relay that passes everything on, only later, so that nobody can say it dropped anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Duration
from sim.net.bending import bend
from sim.net.core.state import LATE_NS
from sim.node.surroundings import Surroundings


@part
class Delay:
    """Hold what others have published back for `by` before passing it on, or announcing it. What the seat publishes leaves at once."""

    by: Duration = 1_000_000_000  # how much later than an honest relay

    def check(self) -> None:
        """A delay of nothing is no attack."""
        if self.by == 0:
            raise ScenarioError("a delay of 0 changes nothing; write a duration such as '1 s'", "by")

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Put the delay behind each seat's relaying."""
        network = world.society.network
        for seat in seats:
            bend(network, seat, LATE_NS, self.by)

        def release() -> None:
            for seat in seats:
                bend(network, seat, LATE_NS, 0)

        return release
