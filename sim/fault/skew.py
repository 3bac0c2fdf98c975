"""Skew: clocks that go ahead or behind, as far as the application reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Duration
from sim.node.surroundings import Surroundings


@part
class Skew:
    """Let the clocks of the chosen seats be wrong by `ahead` or `behind`; they are right again when the fault ends.

    Touches the times that organisations write into what they file (log windows), not the protocol's timers and not the times of blocks.
    """

    seats: object = field(default=1)  # a count, a share, names, a role or a region
    ahead: Duration = 0
    """How far they are ahead."""
    behind: Duration = 0
    """How far they are behind."""

    def check(self) -> None:
        """A clock is wrong in one direction."""
        if bool(self.ahead) == bool(self.behind):
            raise ScenarioError("a clock is either ahead or behind; give one of the two", "ahead")

    def strike(self, world: Surroundings) -> Callable[[], None]:
        """Put the clocks wrong."""
        chosen = world.choose(self.seats, "skew")  # type: ignore[arg-type]

        def turn(by_ns: int) -> None:
            for seat in chosen:
                world.skew_ns[seat] = world.skew_ns.get(seat, 0) + by_ns

        turn(self.ahead - self.behind)
        return lambda: turn(self.behind - self.ahead)
