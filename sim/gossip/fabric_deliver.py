"""Fabric deliver: every peer takes its blocks from an orderer, as Hyperledger Fabric 3 does by default.

Fabric 3 does not gossip blocks (sampleconfig/core.yaml: `blockGossipEnabled: false`): each peer opens a stream of whole blocks from
one orderer. With a BFT ordering service it takes headers from the others beside it, and changes to the next orderer when a
header has been there for `censorship` without its block (`blockCensorshipTimeoutKey`, 30 s).

Cost: every block leaves the orderers once per peer, so the orderers' uplinks bound everything; n - 1 bodies, and one header per
peer and watched orderer. A publisher that is no orderer hands its body to the orderer of its stream.

Simplified: the publisher's copies to the other orderers stand for the replication that consensus does, which is not Fabric's
deliver; a stream to an orderer that has crashed is noticed only by headers (with `watched` 0, as under Raft here, not at all).
"""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import Dice, draw64
from sim.kernel.errors import ScenarioError
from sim.kernel.jit import njit
from sim.kernel.part import part
from sim.kernel.units import Count, Duration
from sim.net.choose import choose
from sim.net.core.state import (
    ABOUT,
    ANNOUNCE,
    ANNOUNCED,
    BODY,
    CHECKING,
    CONTROL,
    GOT,
    HEARD,
    HEARD_WORD,
    HELD,
    ITEMS,
    NOW,
    PUBLISHED,
    REQUEST_BYTES,
    SEATS,
    SIZE_BYTES,
    STARTED,
    TICK,
    TICKED,
    WORD,
    World,
)
from sim.net.strategy import Strategy
from sim.net.topology import Topology

CENSORSHIP, WATCHED, KEY, ORDERERS, LIST = range(5)
"""Words of `options`; then the orderers' seats [n, the first ORDERERS of them count], and for each seat its place among them or -1."""
STREAM, SUBSCRIBERS = range(2)
"""Words of `memory`: the place of the orderer that this peer streams from; then two bits a seat: it wants blocks, or headers."""
CANCEL, BLOCKS, HEADERS = range(3)  # what a peer tells an orderer that it wants from now on
_SEATS_A_WORD = 31  # two bits each, the sign left alone


@njit
def tell(w: World, count: int, orderer: int, wish: int) -> int:
    """Tell the orderer at a place what this peer wants of it; returns the new count of actions."""
    w.actions[count, 0] = CONTROL
    w.actions[count, 1] = w.options[LIST + orderer]
    w.actions[count, 2] = 0
    w.actions[count, SIZE_BYTES] = w.setup[REQUEST_BYTES]
    w.actions[count, WORD] = wish + (w.clock[NOW] << 2)
    return count + 1


@njit
def subscribe(w: World, seat: int) -> int:
    """A peer opens its streams: blocks from one orderer drawn once, headers from the next ones."""
    orderers = w.options[ORDERERS]
    luck = np.int64(draw64(np.uint64(w.options[KEY]), np.uint64(seat)) >> np.uint64(32))
    w.memory[seat, STREAM] = luck * orderers >> 32
    count = tell(w, 0, w.memory[seat, STREAM], BLOCKS)
    for step in range(1, w.options[WATCHED] + 1):
        count = tell(w, count, (w.memory[seat, STREAM] + step) % orderers, HEADERS)
    return count


@njit
def stream(w: World, seat: int, peer: int, packet: int, wish: int, count: int) -> int:
    """A copy to every subscriber with that wish but `peer`; returns the new count of actions."""
    for other in range(w.setup[SEATS]):
        wishes = w.memory[seat, SUBSCRIBERS + other // _SEATS_A_WORD] >> (2 * (other % _SEATS_A_WORD))
        if other != peer and wishes & 3 == wish:
            w.actions[count, 0] = packet
            w.actions[count, 1] = other
            w.actions[count, 2] = 0
            count += 1
    return count


@njit
def seek(w: World, seat: int, peer: int, packet: int, asked_ns: int) -> int:
    """What this orderer holds and `peer` did not when it asked (its wish says from which block on); as much as fits."""
    count = 0
    for item in range(w.setup[ITEMS]):
        row = w.items[item]["row"]
        theirs_ns = w.arrival[row, peer]
        lacks = theirs_ns < 0 or theirs_ns > asked_ns
        if lacks and w.held[row, seat] == HELD and w.items[item]["first_piece"] < 0 and count < w.actions.shape[0]:
            w.actions[count, 0] = packet
            w.actions[count, 1] = peer
            w.actions[count, 2] = 0
            w.actions[count, ABOUT] = item
            count += 1
    return count


@njit
def hear_wish(w: World, seat: int, peer: int) -> int:
    """An orderer notes what a peer wants and sends what it has of it already."""
    wish = w.clock[HEARD_WORD] & 3
    shift = 2 * (peer % _SEATS_A_WORD)
    place = SUBSCRIBERS + peer // _SEATS_A_WORD
    w.memory[seat, place] += (wish - ((w.memory[seat, place] >> shift) & 3)) << shift
    if wish == CANCEL:
        return 0
    return seek(w, seat, peer, BODY if wish == BLOCKS else ANNOUNCE, w.clock[HEARD_WORD] >> 2)


@njit
def change_orderer(w: World, seat: int) -> int:
    """A header has waited too long for its block: from now on stream from the next orderer."""
    orderers = w.options[ORDERERS]
    count = tell(w, 0, w.memory[seat, STREAM], HEADERS if w.options[WATCHED] == orderers - 1 else CANCEL)
    w.memory[seat, STREAM] = (w.memory[seat, STREAM] + 1) % orderers
    return tell(w, count, w.memory[seat, STREAM], BLOCKS)


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """Peers subscribe and watch; orderers keep a list of wishes and stream. `notes` is 1 while a header waits for its block."""
    n = w.setup[SEATS]
    orderer = w.options[LIST + n + seat]
    count = 0
    if event == STARTED:
        return subscribe(w, seat) if orderer < 0 else 0
    if event == HEARD:
        return hear_wish(w, seat, peer)
    if event == PUBLISHED and orderer < 0:
        w.actions[0, 0] = BODY
        w.actions[0, 1] = w.options[LIST + w.memory[seat, STREAM]]
        w.actions[0, 2] = 0
        return 1
    if (event == GOT or event == PUBLISHED) and orderer >= 0:
        if event == PUBLISHED or w.options[LIST + n + peer] < 0:  # new to the ordering service
            for place in range(w.options[ORDERERS]):
                if place != orderer:
                    w.actions[count, 0] = BODY
                    w.actions[count, 1] = w.options[LIST + place]
                    w.actions[count, 2] = 0
                    count += 1
        count = stream(w, seat, peer, BODY, BLOCKS, count)
        return stream(w, seat, peer, ANNOUNCE, HEADERS, count)
    if (event == ANNOUNCED or event == TICKED) and w.held[w.items[item]["row"], seat] < CHECKING:
        row = w.items[item]["row"]
        if event == ANNOUNCED and w.notes[row, seat] == 1:
            return 0
        if event == TICKED:
            count = change_orderer(w, seat)
        w.notes[row, seat] = 1
        w.actions[count, 0] = TICK
        w.actions[count, 1] = 0
        w.actions[count, 2] = w.options[CENSORSHIP]
        return count + 1
    return 0


@part
class FabricDeliver:
    """Every peer streams its blocks from one orderer, and watches the headers of others."""

    orderers: object = 5  # the ordering service: a count, a share, names, a role or a region
    watched: Count | None = None  # other orderers from which a peer takes headers; by default all, as with a BFT ordering service
    censorship: Duration = 30_000_000_000  # how long a header may be there without its block before the peer changes its orderer

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        try:
            seats = choose(self.orderers, topology, dice, "fabric-orderers")
        except ScenarioError as error:
            raise ScenarioError(error.sentence, "orderers") from None
        if not seats:
            raise ScenarioError("without an orderer no block is delivered; give at least 1", "orderers")
        watched = len(seats) - 1 if self.watched is None else self.watched
        if watched >= len(seats):
            raise ScenarioError(f"a peer can watch at most {len(seats) - 1} orderers beside its own, not {watched}", "watched")
        n = topology.n
        places = {seat: place for place, seat in enumerate(seats)}
        listed = [*seats, *[0] * (n - len(seats)), *(places.get(seat, -1) for seat in range(n))]
        options = (self.censorship, watched, dice.key("fabric-deliver") >> 1, len(seats), *listed)
        words = SUBSCRIBERS + n // _SEATS_A_WORD + 1
        return Strategy(rule, options=options, memory_words=words, most_actions=2 * n + 4, starts=True)
