"""Flood with perfect suppression: a body goes to the neighbours that do not have it, as if everybody knew at once who has.

Nobody can know that; what GossipSub's IDONTWANT or an announcement learns after a delay, this rule reads off the world. It is the
bound for all of them: each link carries the body once, from the end that had it first, whatever the delays, so on D-regular
links a seat gets D/2 - 1 + 1/n copies in vain (validation V22), against D - 2 + 2/n of a flood.
"""

from __future__ import annotations

from sim.kernel.dice import Dice
from sim.kernel.part import part
from sim.net.core.state import BODY, CHECKING, GOT, PUBLISHED, World
from sim.net.strategy import Strategy
from sim.net.topology import Topology


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """First receipt: a body to all neighbours that have not got it yet."""
    if event != PUBLISHED and event != GOT:
        return 0
    row = w.items[item]["row"]
    count = 0
    for place in range(w.offsets[seat], w.offsets[seat + 1]):
        neighbour = w.neighbours[place]
        if w.held[row, neighbour] < CHECKING:
            w.actions[count, 0] = BODY
            w.actions[count, 1] = neighbour
            w.actions[count, 2] = 0
            count += 1
    return count


@part
class FloodOnce:
    """Send every body to every neighbour that does not have it, which no real seat can know: a bound to compare others with."""

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        return Strategy(rule, most_actions=topology.largest_degree)
