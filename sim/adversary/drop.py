"""Drop: the relay that takes part in everything but passes nobody else's bodies on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.kernel.part import part
from sim.net.core.state import RELAYS
from sim.node.surroundings import Surroundings


@part
class Drop:
    """Relay nothing: what others publish ends here. Its own messages still go out."""

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Stop relaying; what the seat itself publishes is handed to its neighbours once."""
        network = world.society.network
        for seat in seats:
            network.set_flag(seat, RELAYS, False)

        def release() -> None:
            for seat in seats:
                network.set_flag(seat, RELAYS, True)

        return release
