"""Push, infect and die: on first receipt, send the body to `fanout` random neighbours, once.

Eugster, Guerraoui, Kermarrec, Massoulié, "Epidemic information dissemination in distributed systems", IEEE Computer 2004.
On a complete graph the share reached is the root of x = 1 - exp(-fanout x) (validation V23).
"""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import Dice, draw64
from sim.kernel.part import part
from sim.kernel.units import Count
from sim.net.core.state import BODY, GOT, PUBLISHED, World
from sim.net.strategy import Strategy
from sim.net.topology import Topology


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """First receipt: a body to so many distinct neighbours; options are fanout and key."""
    if event != PUBLISHED and event != GOT:
        return 0
    start = w.offsets[seat]
    degree = w.offsets[seat + 1] - start
    wanted = min(w.options[0], degree)
    key = draw64(w.items[item]["key"] ^ np.uint64(w.options[1]), np.uint64(seat))
    count = 0
    turn = 0
    while count < wanted:
        luck = draw64(key, np.uint64(turn)) >> np.uint64(32)
        turn += 1
        neighbour = w.neighbours[start + (np.int64(luck) * degree >> 32)]
        fresh = True
        for earlier in range(count):
            if w.actions[earlier, 1] == neighbour:
                fresh = False
        if fresh:
            w.actions[count, 0] = BODY
            w.actions[count, 1] = neighbour
            w.actions[count, 2] = 0
            count += 1
    return count


@part
class Push:
    """On first receipt, send the body to `fanout` random neighbours, and never again."""

    fanout: Count = 4  # neighbours told by each infected seat

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        key = dice.key("push") >> 1
        return Strategy(rule, options=(self.fanout, key), most_actions=max(1, min(self.fanout, topology.largest_degree)))
