"""Crash: a node stops, forgets what it had not kept, and may come back."""

from __future__ import annotations

from collections.abc import Callable

from sim.kernel.part import part
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
                if world.program is not None:
                    world.nodes[seat].restart(world.program)

        return mend
