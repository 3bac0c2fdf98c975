"""Turbine: a body in coded shreds, each sent down a tree of its own that is shuffled by stake.

Solana's block propagation (docs.anza.xyz, "Turbine Block Propagation"; Agave turbine/src/cluster_nodes.rs: `get_retransmit_peers`).
The publisher sends each shred to one root; the root sends it to `fanout` seats, each of these to `fanout` others, and so on.
Everybody knows all stakes and the shred's name, so everybody computes the same order of seats: no message is spent on the tree.

Cost: each shred is sent n - 1 times and reaches each seat once; a seat takes in (originals + repairs) / originals times the
body, and the depth is 2 hops up to fanout + 1 other seats, 3 up to fanout ** 2 + fanout + 1. With n - 2 <= fanout and a share
p of relays silent a body is lost with the binomial tail P(Bin(shreds, 1 - p) < originals) (validation V77).

Simplified: the body is one coded group however large (Solana cuts a block into many groups of 32 + 32), and a seat that has
rebuilt the body does not send on the shreds that it missed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

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

FANOUT, KEY, STAKES = range(3)  # words of `options`; then stakes[n], their Fenwick tree [n + 1], and room to thin it out [n + 1]
_LOW_32 = 0xFFFFFFFF


@njit
def take_out(w: World, seat: int) -> int:
    """Remove a seat from the thinned Fenwick tree; returns its stake."""
    n = w.setup[SEATS]
    room = STAKES + 2 * n + 1
    stake = w.options[STAKES + seat]
    place = seat + 1
    while place <= n:
        w.options[room + place] -= stake
        place += place & -place
    return stake


@njit
def seat_at(w: World, amount: int) -> int:
    """The seat in whose stretch `amount` falls when the remaining stakes are laid end to end."""
    n = w.setup[SEATS]
    room = STAKES + 2 * n + 1
    step = 1
    while 2 * step <= n:
        step *= 2
    place = 0
    while step > 0:
        if place + step <= n and w.options[room + place + step] <= amount:
            place += step
            amount -= w.options[room + place]
        step //= 2
    return place


@njit
def shuffle(w: World, item: int) -> None:
    """Order the seats for one shred, by stake without replacement, the publisher last.

    The order is public (a function of the shred's name), so it is worked out once: `notes[row, place]` keeps the seat at a
    place plus one in its upper half, `notes[row, seat]` the place of a seat in its lower half.
    """
    n = w.setup[SEATS]
    row = w.items[item]["row"]
    publisher = int(w.items[item]["publisher"])
    for place in range(n + 1):
        w.options[STAKES + 2 * n + 1 + place] = w.options[STAKES + n + place]
    left = np.int64(0)
    for seat in range(n):
        left += w.options[STAKES + seat]
    left -= take_out(w, publisher)
    key = draw64(w.items[item]["key"], np.uint64(w.options[KEY]))
    for place in range(n):
        seat = publisher
        if place < n - 1:
            luck = np.int64(draw64(key, np.uint64(place)) >> np.uint64(32))
            seat = seat_at(w, luck * left >> 32)
            left -= take_out(w, seat)
        w.notes[row, place] += (seat + 1) << 32
        w.notes[row, seat] += place


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """Publish to the root; on first receipt, pass on to the seats below in this shred's tree."""
    if event != PUBLISHED and event != GOT:
        return 0
    row = w.items[item]["row"]
    last = w.setup[SEATS] - 1  # the publisher's place: nobody sends to it
    if w.notes[row, last] == 0:
        shuffle(w, item)
    place = w.notes[row, seat] & _LOW_32
    if place == last:
        w.actions[0, 0] = BODY
        w.actions[0, 1] = (w.notes[row, 0] >> 32) - 1
        w.actions[0, 2] = 0
        return min(1, last)
    fanout = w.options[FANOUT]
    offset = max(0, place - 1) % fanout
    step = 1 if place == 0 else fanout
    below = (place - offset) * fanout + offset + 1
    count = 0
    while below < last and count < fanout:
        w.actions[count, 0] = BODY
        w.actions[count, 1] = (w.notes[row, below] >> 32) - 1
        w.actions[count, 2] = 0
        below += step
        count += 1
    return count


def fenwick(stakes: list[int]) -> list[int]:
    """Partial sums of stakes as Fenwick's tree, one longer than `stakes`."""
    tree = [0, *stakes]
    for place in range(1, len(tree)):
        above = place + (place & -place)
        if above < len(tree):
            tree[above] += tree[place]
    return tree


@part
class Turbine:
    """Send each coded shred of a body down its own stake-shuffled tree."""

    fanout: Count = 200  # seats to which one seat passes a shred
    originals: Count = 32  # shreds that are enough to rebuild a body
    repairs: Count = 32  # coded shreds on top
    stake: Mapping[str, Count] = field(default_factory=dict)  # of the seats with this name, role or region; 1 for all others

    def check(self) -> None:
        """There is somebody to pass on to, and something to pass on."""
        if self.fanout < 1:
            raise ScenarioError("0 would end the tree at its root; give at least 1", "fanout")
        if self.originals < 1:
            raise ScenarioError("a body cannot be rebuilt from 0 shreds; give at least 1", "originals")

    def stakes(self, topology: Topology) -> list[int]:
        """What each seat has at stake."""
        return stakes_of(self.stake, topology)

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        stakes = self.stakes(topology)
        tree = fenwick(stakes)
        options = (self.fanout, dice.key("turbine") >> 1, *stakes, *tree, *tree)
        most = max(1, min(self.fanout, topology.n))
        return Strategy(rule, options=options, most_actions=most, cut=coded(self.originals, self.repairs))
