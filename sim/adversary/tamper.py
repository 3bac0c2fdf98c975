"""Tamper: hand out altered copies of the records one holds; a reader who checks the anchor notices."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.kernel.part import part
from sim.node.surroundings import Surroundings


@part
class Tamper:
    """Serve altered copies of off-chain records."""

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Alter what is served from now on."""
        for seat in seats:
            world.alters[seat] = True

        def release() -> None:
            for seat in seats:
                world.alters[seat] = False

        return release
