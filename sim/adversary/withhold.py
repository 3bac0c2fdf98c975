"""Withhold: publish the header and keep the body, so that a block may be named but not had."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.net.core.state import RELAYS, SERVES
from sim.node.surroundings import Surroundings


@part
class Withhold:
    """Name blocks without handing out their bodies; also refuse to serve anything it holds."""

    def fits(self, world: Surroundings) -> None:
        """A body that travels inside the proposal cannot be kept back."""
        if world.society.bodies == "attached":
            raise ScenarioError('withholding has no effect while bodies travel inside proposals; write bodies = "gossip"', "kind")

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Keep bodies at home."""
        for seat in seats:
            world.society.network.set_flag(seat, RELAYS, False)
            world.society.network.set_flag(seat, SERVES, False)

        def release() -> None:
            for seat in seats:
                world.society.network.set_flag(seat, RELAYS, True)
                world.society.network.set_flag(seat, SERVES, True)

        return release
