"""Withhold: publish the header and keep the body, so that a block may be named but not had."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.kernel.part import part
from sim.net.core.state import SERVES
from sim.node.surroundings import Surroundings


@part
class Withhold:
    """Name blocks without handing out their bodies; also refuse to serve anything it holds."""

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Keep bodies at home."""
        for seat in seats:
            world.withholds[seat] = True
            world.society.network.set_flag(seat, SERVES, False)

        def release() -> None:
            for seat in seats:
                world.withholds[seat] = False
                world.society.network.set_flag(seat, SERVES, True)

        return release
