"""The custody liar: it takes fragments and shares, says that it keeps them, and answers nobody who asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.net.core.state import SERVES
from sim.node.surroundings import Surroundings

_UNASKED = ("avid", "bracha", "flood", "kadcast", "push", "rotor", "turbine")
"""Kinds of gossip in which nobody ever asks for anything."""


@part
class CustodyLiar:
    """Answer no request for what it should keep; it relays, votes and publishes like everybody else."""

    def fits(self, world: Surroundings) -> None:
        """Somebody may ask: nodes for blocks that they missed, readers for records, anybody for shares."""
        society = world.society
        if world.program is None and society.behind is None and society.storage is None and world.gossip in _UNASKED:
            raise ScenarioError(f"nobody ever asks for anything under {world.gossip} alone; use kind drop or withhold", "kind")

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Stop serving."""
        network = world.society.network
        for seat in seats:
            network.set_flag(seat, SERVES, False)

        def release() -> None:
            for seat in seats:
                network.set_flag(seat, SERVES, True)

        return release
