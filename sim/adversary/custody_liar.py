"""The custody liar: it takes fragments and shares, says that it keeps them, and answers nobody who asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.kernel.part import part
from sim.net.core.state import SERVES
from sim.node.surroundings import Surroundings


@part
class CustodyLiar:
    """Answer no request for what it should keep; it relays, votes and publishes like everybody else."""

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Stop serving."""
        network = world.society.network
        for seat in seats:
            network.set_flag(seat, SERVES, False)

        def release() -> None:
            for seat in seats:
                network.set_flag(seat, SERVES, True)

        return release
