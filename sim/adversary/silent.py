"""Silent: the node hears everything and says nothing, not even for others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sim.kernel.part import part
from sim.net.core.state import MUTE, RELAYS, SERVES
from sim.node.surroundings import Surroundings


@part
class Silent:
    """Say nothing: no messages, no relaying, no serving of what it holds, and nothing that keeps an overlay going."""

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Drop everything that goes out."""
        network = world.society.network
        for seat in seats:
            world.add_behaviour(seat, _nothing)
            network.set_flag(seat, RELAYS, False)
            network.set_flag(seat, SERVES, False)
            network.set_flag(seat, MUTE, True)

        def release() -> None:
            for seat in seats:
                world.drop_behaviour(seat, _nothing)
                network.set_flag(seat, RELAYS, True)
                network.set_flag(seat, SERVES, True)
                network.set_flag(seat, MUTE, False)

        return release


def _nothing(to: int, said: Any) -> Iterator[tuple[int, Any]]:
    yield from ()
