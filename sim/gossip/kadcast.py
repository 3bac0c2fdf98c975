"""Kadcast: broadcast by halving the space of identifiers, as Kademlia's buckets do.

Rohrer, Tschorsch, "Kadcast: a structured approach to broadcast in blockchain networks", ACM AFT 2019 (eprint 2019/876),
sections 3 and 4. Each seat has a random identifier of 64 bits; its bucket j holds the seats whose identifiers agree with its
own in exactly the first j bits, of which it knows up to `bucket`. The publisher sends to `delegates` seats of every bucket; who
gets a copy from a seat of which it is in bucket j answers for the part of that bucket around itself, that is, for its own
buckets above j (the paper's falling height). A seat acts on the first copy only.

Cost: with one delegate n - 1 bodies, none twice, in at most as many hops as there are buckets, about log2 n. With b delegates a
seat's first copy tends to come from higher up, so that it answers for more: about 6 (n - 1) bodies with b = 3 and 400 seats, not
the b n that is often quoted. A silent delegate hides its part of the space from that copy: redundancy comes from b, and from
`repairs`, coded pieces that each choose their own delegates (the paper's forward error correction).

Simplified: buckets are filled and fresh from the start (no look-ups, no pings); the known seats of a bucket are drawn once.
"""

from __future__ import annotations

import numpy as np

from sim.gossip.stakes import coded
from sim.kernel.dice import Dice, draw64
from sim.kernel.errors import ScenarioError
from sim.kernel.jit import njit
from sim.kernel.part import part
from sim.kernel.units import Count
from sim.net.core.state import BODY, GOT, PUBLISHED, SEATS, World
from sim.net.strategy import Strategy
from sim.net.topology import Topology

DELEGATES, BUCKET, KEY, BUCKETS, SPACE = range(5)
"""Words of `options`; then the seats by identifier [n], the place of each seat among them [n], and where each bucket of each
seat begins and ends among them [n, buckets, 2]."""
IDENTIFIER_BITS = 64
_SHIFT = np.uint64(32)


@njit
def delegates_of(w: World, seat: int, item: int, bucket: int, count: int) -> int:
    """Choose distinct delegates among the known seats of one bucket; returns the new count of actions.

    The c-th known seat is drawn once from the c-th of `BUCKET` equal stretches of the bucket, the delegates anew for each item.
    """
    n = w.setup[SEATS]
    at = SPACE + 2 * n + 2 * (seat * w.options[BUCKETS] + bucket)
    begin = w.options[at]
    size = w.options[at + 1] - begin
    known = min(size, w.options[BUCKET])
    wanted = min(known, w.options[DELEGATES])
    address = draw64(draw64(np.uint64(w.options[KEY]), np.uint64(seat)), np.uint64(bucket))
    key = draw64(w.items[item]["key"], address)
    for place in range(known):
        luck = np.int64(draw64(key, np.uint64(place)) >> _SHIFT)
        if luck * (known - place) >> 32 < wanted:  # selection sampling: exactly so many, each set as likely
            wanted -= 1
            within = np.int64(draw64(address, np.uint64(place)) >> _SHIFT)
            first = place * size // known
            stretch = (place + 1) * size // known - first
            w.actions[count, 0] = BODY
            w.actions[count, 1] = w.options[SPACE + begin + first + (within * stretch >> 32)]
            w.actions[count, 2] = 0
            count += 1
    return count


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """Publish to delegates of all buckets; on first receipt, to delegates of the buckets above the one of the sender."""
    if event != PUBLISHED and event != GOT:
        return 0
    n = w.setup[SEATS]
    buckets = w.options[BUCKETS]
    first = 0
    if event == GOT:
        mine = w.options[SPACE + n + seat]
        while first < buckets:  # the sender's bucket in which this seat lies is this seat's bucket in which the sender lies
            at = SPACE + 2 * n + 2 * (peer * buckets + first)
            first += 1
            if w.options[at] <= mine < w.options[at + 1]:
                break
    count = 0
    for bucket in range(first, buckets):
        count = delegates_of(w, seat, item, bucket, count)
    return count


def buckets_of(identifiers: list[int]) -> tuple[list[int], list[int], list[list[tuple[int, int]]]]:
    """Seats by identifier, the place of each seat in that order, and per seat each bucket's begin and end in that order."""
    n = len(identifiers)
    order = sorted(range(n), key=lambda seat: identifiers[seat])
    ranked = np.array([identifiers[seat] for seat in order], np.uint64)
    bounds: list[list[tuple[int, int]]] = [[] for _ in range(n)]
    for bit in range(IDENTIFIER_BITS):
        width = np.uint64(IDENTIFIER_BITS - 1 - bit)
        sibling = (ranked >> width) ^ np.uint64(1)  # the first bits of those that agree up to here and differ in this bit
        prefixes = ranked >> width
        begins = np.searchsorted(prefixes, sibling, "left").tolist()
        ends = np.searchsorted(prefixes, sibling, "right").tolist()
        for place, seat in enumerate(order):
            bounds[seat].append((begins[place], ends[place]))
        if len(np.unique(prefixes)) == n:
            break
    places = [0] * n
    for place, seat in enumerate(order):
        places[seat] = place
    return order, places, bounds


@part
class Kadcast:
    """Hand a body to delegates of each bucket of the identifier space, which answer for their part of it."""

    delegates: Count = 3  # seats of each bucket that get a copy
    bucket: Count = 20  # seats of a bucket that are known
    originals: Count = 1  # pieces into which a body is cut and which are enough to rebuild it; 1: it travels whole
    repairs: Count = 0  # coded pieces on top

    def check(self) -> None:
        """Somebody is told, and something."""
        for key in ("delegates", "bucket", "originals"):
            if getattr(self, key) < 1:
                raise ScenarioError("0 would spread nothing; give at least 1", key)

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        identifiers = [dice.key("kadcast-identifier", seat) for seat in range(topology.n)]
        order, places, bounds = buckets_of(identifiers)
        buckets = len(bounds[0])
        flat = [edge for seat in bounds for pair in seat for edge in pair]
        options = (self.delegates, self.bucket, dice.key("kadcast") >> 1, buckets, *order, *places, *flat)
        most = max(1, buckets * min(self.delegates, self.bucket, topology.n))
        whole = self.originals == 1 and self.repairs == 0
        cut = None if whole else coded(self.originals, self.repairs)
        return Strategy(rule, options=options, most_actions=most, cut=cut)
