"""Rotor: a body in coded shreds, each sent to one relay drawn by stake, which sends it to everybody.

Alpenglow's block dissemination (Kniep, Sliwinski, Wattenhofer, "Solana Alpenglow consensus", 2025, section 2.2; samplers as in
its reference implementation). Turbine with a single layer: 2 hops at most, and the load follows the stake.

Cost: the publisher sends (originals + repairs) / originals times the body, each relay n - 2 copies of each of its shreds, each
shred travels n - 1 times in all. A body is lost where fewer than `originals` relays are honest: with independent draws the
binomial tail P(Bin(shreds, 1 - p) < originals) for a silent stake of share p (validation V77), with `partition` less.

Simplified: the body is one coded group (a slice) however large.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

import numpy as np

from sim.gossip.stakes import coded, stakes_of
from sim.kernel.dice import Dice, draw64
from sim.kernel.errors import ScenarioError
from sim.kernel.jit import njit
from sim.kernel.part import part
from sim.kernel.units import Count
from sim.net.core.state import BODY, GOT, PUBLISHED, SEATS, World
from sim.net.strategy import Strategy
from sim.net.topology import Topology

# Words of `options`; from LINE on the seats in the order in which their stakes lie on a line, then the stakes.
KEY, PARTITION, LINE = range(3)
_SHIFT = np.uint64(32)


@njit
def relay_of(w: World, item: int) -> int:
    """The seat that relays a shred: drawn from all stakes, or from the shred's own stretch of the line of stakes."""
    n = w.setup[SEATS]
    row = w.items[item]
    publisher = np.int64(row["publisher"])
    total = np.int64(0)
    for seat in range(n):
        if seat != publisher:
            total += w.options[LINE + n + seat]
    key = np.uint64(w.options[KEY])
    amount = np.int64(draw64(draw64(row["key"], key), np.uint64(0)) >> _SHIFT) * total >> 32
    if w.options[PARTITION] and row["whole"] >= 0:
        whole = w.items[row["whole"]]
        shreds = np.int64(whole["pieces"])
        turned = np.int64(draw64(draw64(whole["key"], key), np.uint64(1)) >> _SHIFT) * total >> 32
        amount = (((item - np.int64(whole["first_piece"])) * total + amount) // shreds + turned) % total
    for place in range(n):
        seat = w.options[LINE + place]
        if seat != publisher:
            amount -= w.options[LINE + n + seat]
            if amount < 0:
                return seat
    return -1


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """Publish to the relay; who gets a shred from its publisher is the relay, and sends it to all others."""
    if event != PUBLISHED and event != GOT:
        return 0
    publisher = int(w.items[item]["publisher"])
    if event == PUBLISHED:
        relay = relay_of(w, item)
        if relay >= 0 and relay != seat:
            w.actions[0, 0] = BODY
            w.actions[0, 1] = relay
            w.actions[0, 2] = 0
            return 1
    elif peer != publisher:
        return 0
    count = 0
    n = w.setup[SEATS]
    for step in range(1, n):
        other = (seat + step) % n  # not all relays begin with the same seat
        if other != publisher:
            w.actions[count, 0] = BODY
            w.actions[count, 1] = other
            w.actions[count, 2] = 0
            count += 1
    return count


@part
class Rotor:
    """Send each coded shred of a body to one relay, drawn by stake, which sends it to everybody."""

    originals: Count = 32  # shreds that are enough to rebuild a body
    repairs: Count = 32  # coded shreds on top
    sampling: Literal["partition", "iid"] = "partition"  # one relay from each of as many equal parts of all stake, or each from all
    stake: Mapping[str, Count] = field(default_factory=dict)  # of the seats with this name, role or region; 1 for all others

    def check(self) -> None:
        """There is something to relay."""
        if self.originals < 1:
            raise ScenarioError("a body cannot be rebuilt from 0 shreds; give at least 1", "originals")

    def stakes(self, topology: Topology) -> list[int]:
        """What each seat has at stake."""
        return stakes_of(self.stake, topology)

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        stakes = self.stakes(topology)
        line = dice.shuffled(topology.n, "rotor-line")
        options = (dice.key("rotor") >> 1, int(self.sampling == "partition"), *line, *stakes)
        return Strategy(rule, options=options, most_actions=max(1, topology.n - 1), cut=coded(self.originals, self.repairs))
