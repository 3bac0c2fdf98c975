"""Crash: a node stops, forgets what it had not kept, and may come back."""

from __future__ import annotations

from collections.abc import Callable

from sim.kernel.part import part
from sim.net.core.state import UP
from sim.node.surroundings import Surroundings


@part
class Crash:
    """Stop the chosen seats; they restart when the fault ends, with only what the protocol wrote down."""

    seats: object = 1  # a count, a share, names, a role or a region

    def strike(self, world: Surroundings) -> Callable[[], None]:
        """Switch them off."""
        seats = world.choose(self.seats, "crash")  # type: ignore[arg-type]
        for seat in seats:
            world.nodes[seat].crash()

        def mend() -> None:
            for seat in seats:
                revive(world, seat)

        return mend


def revive(world: Surroundings, seat: int) -> None:
    """Bring a seat up again; where there is no consensus it has no program to start, but it relays."""
    if world.program is not None:
        world.nodes[seat].restart(world.program)
    else:
        world.society.trace.record("restart", seat)
        world.society.network.set_flag(seat, UP, True)
