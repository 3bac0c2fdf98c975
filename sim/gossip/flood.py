"""Flood: on first receipt, send the body to every neighbour but the one it came from.

Total sends 2E - (n - 1) for any delays (validation V21); the fastest and the most wasteful way to spread.
"""

from __future__ import annotations

from sim.kernel.dice import Dice
from sim.kernel.part import part
from sim.net.core.state import BODY, GOT, PUBLISHED, World
from sim.net.strategy import Strategy
from sim.net.topology import Topology


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """First receipt: a body to all neighbours but `peer`."""
    if event != PUBLISHED and event != GOT:
        return 0
    count = 0
    for place in range(w.offsets[seat], w.offsets[seat + 1]):
        neighbour = w.neighbours[place]
        if neighbour != peer:
            w.actions[count, 0] = BODY
            w.actions[count, 1] = neighbour
            w.actions[count, 2] = 0
            count += 1
    return count


@part
class Flood:
    """Send every body to every neighbour but the one it came from."""

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        return Strategy(rule, most_actions=topology.largest_degree)
