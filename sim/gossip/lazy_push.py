"""Lazy push: on first receipt, send the body to `fanout` random neighbours and announce it to all the others.

Ethereum's block propagation (devp2p, capability eth, "Block Propagation": whole blocks to a few peers, hashes to the rest).
The pushed bodies make it nearly as fast as flood, the announcements make it reach everybody. With `fanout` 0 it is
`announce`, with `fanout` no less than every degree it is `flood`, to the last copy.
"""

from __future__ import annotations

import numpy as np

from sim.gossip.announce import ask_or_answer
from sim.kernel.dice import Dice, draw64
from sim.kernel.part import part
from sim.kernel.units import Count, Duration
from sim.net.core.state import ANNOUNCE, BODY, GOT, PUBLISHED, World
from sim.net.strategy import Strategy
from sim.net.topology import Topology


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """Options: patience, fanout, key. Asking and answering are those of `announce`."""
    if event == PUBLISHED or event == GOT:
        first = w.offsets[seat]
        last = w.offsets[seat + 1]
        left = last - first  # neighbours not yet looked at, without the one it came from
        for place in range(first, last):
            if w.neighbours[place] == peer:
                left -= 1
        wanted = w.options[1]
        key = draw64(w.items[item]["key"] ^ np.uint64(w.options[2]), np.uint64(seat))
        count = 0
        for place in range(first, last):
            neighbour = w.neighbours[place]
            if neighbour != peer:
                luck = draw64(key, np.uint64(place - first)) >> np.uint64(32)
                w.actions[count, 0] = ANNOUNCE
                if (np.int64(luck) * left >> 32) < wanted:  # selection sampling: exactly so many, each set as likely
                    w.actions[count, 0] = BODY
                    wanted -= 1
                w.actions[count, 1] = neighbour
                w.actions[count, 2] = 0
                left -= 1
                count += 1
        return count
    return ask_or_answer(w, event, seat, peer, item)


@part
class LazyPush:
    """Send the body to `fanout` random neighbours, announce it to the others, send it to those of them that ask."""

    fanout: Count = 2  # neighbours that get the body unasked
    patience: Duration = 2_000_000_000  # how long to wait for a body before asking another announcer

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        key = dice.key("lazy-push") >> 1
        return Strategy(rule, options=(self.patience, self.fanout, key), most_actions=max(2, topology.largest_degree))
