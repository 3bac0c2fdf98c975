"""Push, infect and die: on first receipt, send the body to `fanout` random neighbours, once.

Eugster, Guerraoui, Kermarrec, Massoulié, "Epidemic information dissemination in distributed systems", IEEE Computer 2004.
On a complete graph the share reached is the root of x = 1 - exp(-fanout x) (validation V23).
"""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import Dice, draw64
from sim.kernel.part import part
from sim.kernel.units import Count
from sim.net.core.state import BODY, GOT, PACKET, PUBLISHED, World
from sim.net.rounds import some_peers
from sim.net.strategy import Strategy
from sim.net.topology import Topology


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """First receipt: a body to so many distinct neighbours; options are fanout and key."""
    if event != PUBLISHED and event != GOT:
        return 0
    key = draw64(w.items[item]["key"] ^ np.uint64(w.options[1]), np.uint64(seat))
    count = some_peers(w, seat, w.options[0], 0, key)
    for at in range(count):
        w.actions[at, PACKET] = BODY
    return count


@part
class Push:
    """On first receipt, send the body to `fanout` random neighbours, and never again."""

    fanout: Count = 4  # neighbours told by each infected seat

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        key = dice.key("push") >> 1
        return Strategy(
            rule, options=(self.fanout, key), most_actions=max(1, min(self.fanout, topology.largest_degree)), samples=True
        )
