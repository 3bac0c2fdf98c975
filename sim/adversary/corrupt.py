"""Corrupt: the relay that passes on bodies which are no longer what their digest says.

Whoever receives such a copy takes all of it in, hashes it (CPU time, where that is modelled), sees that it is not the item, and
drops it: it is never held, never counted as a copy and never passed on. It costs the network bytes and checks, and whoever had
asked the corrupt seat for the body the time until it asks somebody else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Share
from sim.net.bending import bend
from sim.net.core.state import ROT_BELOW
from sim.node.surroundings import Surroundings


@part
class Corrupt:
    """Spoil others' bodies while relaying them; one's own go out as they are."""

    share: Share = 1.0  # share of the items that are spoilt; of a spoilt item every copy that this seat sends

    def check(self) -> None:
        """Spoiling nothing is no attack."""
        if self.share == 0:
            raise ScenarioError("0 % changes nothing; write a share such as '50 %'", "share")

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Spoil from now on."""
        network = world.society.network
        for seat in seats:
            bend(network, seat, ROT_BELOW, round(self.share * 2**32))

        def release() -> None:
            for seat in seats:
                bend(network, seat, ROT_BELOW, 0)

        return release
