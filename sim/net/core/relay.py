"""Items and how they travel: a seat comes to hold something, the gossip rule says what it sends because of it.

The rule is one function, the same for all seats: `rule(w, event, seat, peer, item) -> count`. It writes `count` rows
(packet, target seat, delay in ns) into `w.actions`; the core sends them. An item is a block, a transaction, a record or
a gossiped vote. What a seat does with items is switched by its flags, from outside: RELAYS, SERVES.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import draw64
from sim.kernel.jit import COMPILED, njit
from sim.net.core.calendar import push
from sim.net.core.links import new_envelope, release, signing_ns, take_core, transmit, word_of
from sim.net.core.state import (
    ABSENT,
    ANNOUNCE,
    ANNOUNCE_BYTES,
    ANNOUNCED,
    ARRIVED,
    BLOB,
    BODY,
    BODY_COPIES,
    CHECKING,
    CORES,
    FIRST_COPIES,
    GOT,
    HELD,
    NOW,
    PUBLISHED,
    RELAYS,
    REQUEST,
    REQUEST_BYTES,
    REQUESTED,
    SERVES,
    TICK,
    TICKED,
    WANTED,
    World,
)
from sim.net.core.votes import deliver, wake_holders

if COMPILED:
    from sim.net.core.compiled import call_rule
else:

    def call_rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
        """Ask the gossip rule; how many rows of `w.actions` it has filled."""
        count: int = w.rule(w, event, seat, peer, item)
        return count


@njit
def publish(w: World, seat: int, item: int, relayed: int) -> None:
    """`seat` makes an item known to the world: it holds it at once and, if `relayed`, does what the rule says."""
    row = w.items[item]
    if w.held[row["row"], seat] == HELD:
        return
    row["published_ns"] = w.clock[NOW]
    ready_ns = w.clock[NOW]
    if w.setup[CORES] > 0:
        ready_ns = take_core(w, seat, ready_ns, signing_ns(w, row["size_bytes"]))
    _mark_held(w, seat, item)
    _speak(w, seat, item)
    if relayed and w.seats[seat]["flags"] & RELAYS:
        act(w, call_rule(w, PUBLISHED, seat, -1, item), seat, item, ready_ns)


@njit
def _mark_held(w: World, seat: int, item: int) -> None:
    row = w.items[item]
    w.held[row["row"], seat] = HELD
    w.arrival[row["row"], seat] = w.clock[NOW]
    row["reached"] += 1
    if w.seats[seat]["probe"] >= 0:
        wake_holders(w, seat, item)


@njit
def _speak(w: World, seat: int, item: int) -> None:
    """If the item is a gossiped message: it has now been said to this seat."""
    row = w.items[item]
    message = np.int64(row["message"])
    if message >= 0:
        if w.messages[message]["attached"] >= 0:
            attach(w, seat, np.int64(w.messages[message]["attached"]))
        deliver(w, seat, np.int64(row["signer"]), message)


@njit
def hold(w: World, seat: int, peer: int, item: int, relayed: bool) -> None:
    """A whole, checked copy is at `seat` for the first time: keep it, and relay it if it came by gossip."""
    if w.held[w.items[item]["row"], seat] == HELD:  # published here, or attached to a message, while it was being checked
        return
    w.clock[FIRST_COPIES] += 1
    _mark_held(w, seat, item)
    _speak(w, seat, item)
    if relayed and w.seats[seat]["flags"] & RELAYS:
        act(w, call_rule(w, GOT, seat, peer, item), seat, item, w.clock[NOW])


@njit
def attach(w: World, seat: int, item: int) -> None:
    """An item came inside a message: keep it; what came with a message is not relayed."""
    if w.held[w.items[item]["row"], seat] != HELD:
        _mark_held(w, seat, item)


@njit
def body_is_new(w: World, seat: int, item: int) -> bool:
    """Whether a body that has just been taken in has not been seen here; then it is being checked from now on."""
    w.clock[BODY_COPIES] += 1
    place = w.items[item]["row"]
    if w.held[place, seat] >= CHECKING:
        return False
    w.held[place, seat] = CHECKING
    return True


@njit
def body_is_lost(w: World, seat: int, item: int) -> None:
    """A seat went down while it was checking a body: the next copy is new again."""
    if w.held[w.items[item]["row"], seat] == CHECKING:
        w.held[w.items[item]["row"], seat] = ABSENT


@njit
def request_is_lost(w: World, seat: int, item: int) -> None:
    """A seat was down when its patience for a body ended: the next announcement is answered again."""
    if w.held[w.items[item]["row"], seat] == WANTED:
        w.held[w.items[item]["row"], seat] = ABSENT
        w.notes[w.items[item]["row"], seat] = 0


@njit
def hear(w: World, seat: int, envelope: int) -> None:
    """An announcement, a request or a tick has reached `seat`."""
    row = w.envelopes[envelope]
    item = np.int64(row["item"])
    packet = row["packet"]
    peer = np.int64(row["source"])
    flags = w.seats[seat]["flags"]
    if packet == ANNOUNCE:
        act(w, call_rule(w, ANNOUNCED, seat, peer, item), seat, item, w.clock[NOW])
    elif packet == REQUEST:
        if (flags & SERVES) and w.held[w.items[item]["row"], seat] == HELD:
            if row["signer"] == BLOB:
                send_item(w, seat, peer, item, BLOB, w.clock[NOW])
            else:
                act(w, call_rule(w, REQUESTED, seat, peer, item), seat, item, w.clock[NOW])
    elif packet == TICK:
        act(w, call_rule(w, TICKED, seat, np.int64(row["signer"]), item), seat, item, w.clock[NOW])


@njit
def act(w: World, count: int, seat: int, item: int, ready_ns: int) -> None:
    """Send what the rule has asked for; copies of one packet share an envelope."""
    at = 0
    while at < count:
        packet = w.actions[at, 0]
        if packet == TICK:
            envelope = new_envelope(w, seat, w.actions[at, 1], item, TICK, 0, np.uint64(0))
            push(w, w.clock[NOW] + max(0, w.actions[at, 2]), word_of(ARRIVED, seat, envelope))
            at += 1
            continue
        envelope = _item_envelope(w, seat, item, packet)
        while at < count and w.actions[at, 0] == packet:
            transmit(w, ready_ns + w.actions[at, 2], envelope, w.actions[at, 1])
            at += 1
        release(w, envelope)


@njit
def _item_envelope(w: World, seat: int, item: int, packet: int) -> int:
    size_bytes = w.items[item]["size_bytes"]
    if packet == ANNOUNCE:
        size_bytes = w.setup[ANNOUNCE_BYTES]
    elif packet == REQUEST:
        size_bytes = w.setup[REQUEST_BYTES]
    key = draw64(w.items[item]["key"], np.uint64(packet))
    return new_envelope(w, seat, packet, item, packet, size_bytes, key)


@njit
def send_item(w: World, seat: int, target: int, item: int, packet: int, ready_ns: int) -> None:
    """One copy of an item, or of a packet about it, to one seat outside the gossip rule."""
    envelope = _item_envelope(w, seat, item, packet)
    transmit(w, ready_ns, envelope, target)
    release(w, envelope)


@njit
def ask(w: World, seat: int, target: int, item: int, turn: int) -> None:
    """Request an item from one seat by name; `turn` sets repeated requests apart."""
    key = draw64(w.items[item]["key"], np.uint64(BODY + 64 + turn))
    envelope = new_envelope(w, seat, BLOB, item, REQUEST, w.setup[REQUEST_BYTES], key)
    transmit(w, w.clock[NOW], envelope, target)
    release(w, envelope)
