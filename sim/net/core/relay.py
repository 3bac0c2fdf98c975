"""Items and how they travel: a seat comes to hold something, the gossip rule says what it sends because of it.

The rule is one function, the same for all seats: `rule(w, event, seat, peer, item) -> count`. An item is a block, a
transaction, a record, a gossiped vote, or a piece of a larger item. Events, with what `peer` and `item` then mean:

    PUBLISHED   the seat has made the item                     GOT        its first whole, checked copy came from `peer`
    ANNOUNCED   `peer` says that it holds the item             REQUESTED  `peer` wants the item, which this seat holds
    TICKED      a tick is due; `peer` is its number            STARTED    time begins (only where the strategy `starts`)
    HEARD       a control packet came from `peer`; its word is w.clock[HEARD_WORD]; `item` is what it is about, or -1
    REPEATED    `peer` sent a body that was here already (only where the strategy `tells_copies`)
    OFFERED     a body has come from `peer` and not been looked at; any answer but 0 refuses it (only where the strategy `screens`)
    SPOILT      a body from `peer` failed its check: not what it says it is, or no valid item at all (likewise); it can ask for nothing

It fills `count` rows of `w.actions` and the core carries them out. Columns: PACKET (BODY, ANNOUNCE, REQUEST, CONTROL or
TICK), TARGET (a seat, any seat; of a TICK its number), DELAY_NS, and three that may be left alone: ABOUT (another item than
the event's), SIZE_BYTES (of a control packet), WORD (a control packet's meaning). A rule keeps what it remembers in
`w.memory[seat, :]`, of an item at a seat in `w.notes[row, seat]`, and finds its parameters in `w.options`.

Of an item whose duty is SHARE the keeper is told instead, a second rule with the same contract (`sim/net/keeper.py`).
What a seat does is switched by its flags, from outside: without RELAYS it spreads only what it has made itself,
without SERVES it answers no request, without both it does neither. A MUTE one sends nothing that the rule asks for, not even control
packets; a seat that is down sends nothing, but ticks that are about no item run on.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.jit import njit
from sim.net.core.bends import send_late, shunned
from sim.net.core.calendar import push
from sim.net.core.links import new_envelope, publish_ready_ns, take_core, word_of
from sim.net.core.members import hear_member, tick_member
from sim.net.core.packets import send_item
from sim.net.core.rules import ask_rule, call_rule
from sim.net.core.state import (
    ABSENT,
    ANNOUNCE,
    ANNOUNCED,
    ARRIVED,
    BENT,
    BLOB,
    CONTROL,
    CORES,
    FIRST_COPIES,
    GOT,
    HEARD,
    HEARD_WORD,
    HELD,
    KEEPER_TICK,
    LATE,
    MEMBER,
    MEMBER_TICK,
    NOW,
    OFFERED,
    PUBLISHED,
    REJECTED,
    RELAYS,
    REPEATED,
    REQUEST,
    REQUESTED,
    SCREENS,
    SERVES,
    SPOILT,
    STARTED,
    TICK,
    TICKED,
    WANTED,
    World,
)
from sim.net.core.votes import deliver, wake_holders


@njit
def start(w: World, seat: int) -> None:
    """Time begins for the rule at a seat."""
    ask_rule(w, STARTED, seat, -1, -1, w.clock[NOW])


@njit
def publish(w: World, seat: int, item: int, relayed: int) -> None:
    """`seat` makes an item known to the world: it holds it at once and, if `relayed`, does what the rule says."""
    row = w.items[item]
    if w.held[row["row"], seat] == HELD:
        return
    row["published_ns"] = w.clock[NOW]
    ready_ns = w.clock[NOW]
    if w.setup[CORES] > 0:
        ready_ns = publish_ready_ns(w, seat, item)
    _mark_held(w, seat, item)
    _speak(w, seat, item)
    if relayed and w.seats[seat]["flags"] & (RELAYS | SERVES):
        ask_rule(w, PUBLISHED, seat, -1, item, ready_ns)


@njit
def _mark_held(w: World, seat: int, item: int) -> int:
    """Keep an item; returns the whole that this piece has completed, -1 where it has completed none."""
    row = w.items[item]
    w.held[row["row"], seat] = HELD
    w.arrival[row["row"], seat] = w.clock[NOW]
    row["reached"] += 1
    if w.seats[seat]["probe"] >= 0:
        wake_holders(w, seat, item)
    if row["duty"] < 0:
        _tell_keeper(w, seat, item)
    if row["whole"] >= 0 and _count_piece(w, seat, np.int64(row["whole"]), item):
        return np.int64(row["whole"])
    return np.int64(-1)


@njit
def _tell_keeper(w: World, seat: int, item: int) -> None:
    """A block with more behind it is here: its keeper hears of it in a tick of its own, as a rule may be at work now."""
    envelope = new_envelope(w, seat, KEEPER_TICK, item, TICK, 0, np.uint64(0))
    push(w, w.clock[NOW], word_of(ARRIVED, seat, envelope))


@njit
def _count_piece(w: World, seat: int, whole: int, piece: int) -> bool:
    """A seat holds one piece more; with enough of them it holds the whole. `notes` of the whole counts."""
    row = w.items[whole]
    w.notes[row["row"], seat] += 1
    if w.notes[row["row"], seat] == row["enough"] and w.held[row["row"], seat] != HELD:
        w.held[row["row"], seat] = HELD
        w.arrival[row["row"], seat] = w.clock[NOW]
        w.came_from[row["row"], seat] = -2 - w.items[piece]["row"]
        row["reached"] += 1
        if row["execute_ns"] > 0 and w.setup[CORES] > 0:
            take_core(w, seat, w.clock[NOW], row["execute_ns"])
        if row["duty"] < 0:
            _tell_keeper(w, seat, whole)
        if w.seats[seat]["probe"] >= 0:
            wake_holders(w, seat, whole)
        return True
    return False


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
    w.came_from[w.items[item]["row"], seat] = peer
    whole = _mark_held(w, seat, item)
    _speak(w, seat, item)
    if whole >= 0:
        _speak(w, seat, whole)
    if relayed and w.seats[seat]["flags"] & RELAYS:
        ask_rule(w, GOT, seat, peer, item, w.clock[NOW])


@njit
def attach(w: World, seat: int, item: int) -> None:
    """An item came inside a message: keep it; what came with a message is not relayed."""
    if w.held[w.items[item]["row"], seat] != HELD:
        _mark_held(w, seat, item)


@njit
def request_is_lost(w: World, seat: int, item: int) -> None:
    """A seat was down when its patience for a body ended: the next announcement is answered again."""
    if w.held[w.items[item]["row"], seat] == WANTED:
        w.held[w.items[item]["row"], seat] = ABSENT
        w.notes[w.items[item]["row"], seat] = 0


@njit
def hear(w: World, seat: int, envelope: int) -> None:
    """An announcement, a request, a control packet or a tick has reached `seat`."""
    row = w.envelopes[envelope]
    item = np.int64(row["item"])
    packet = row["packet"]
    peer = np.int64(row["source"])
    now_ns = w.clock[NOW]
    if packet == ANNOUNCE:
        ask_rule(w, ANNOUNCED, seat, peer, item, now_ns)
    elif packet == REQUEST:
        if (w.seats[seat]["flags"] & SERVES) and w.held[w.items[item]["row"], seat] == HELD:
            if row["signer"] == BLOB:
                if not w.seats[seat]["flags"] & BENT or not shunned(w, seat, peer, item):
                    send_item(w, seat, peer, item, BLOB, now_ns)
            else:
                ask_rule(w, REQUESTED, seat, peer, item, now_ns)
    elif packet == CONTROL:
        w.clock[HEARD_WORD] = row["word"]
        ask_rule(w, HEARD, seat, peer, item, now_ns)
    elif packet == MEMBER:
        hear_member(w, seat, peer, np.int64(row["word"]))
    elif row["signer"] == MEMBER_TICK:
        tick_member(w, seat, np.int64(row["word"]))
    elif row["signer"] == LATE:
        send_late(w, seat, item, np.int64(row["word"]))
    else:
        ask_rule(w, TICKED, seat, np.int64(row["signer"]), item, now_ns)


@njit
def refuses(w: World, seat: int, peer: int, item: int) -> bool:
    """Whether the rule does not even look at a body that `peer` sends (only where the strategy `screens`)."""
    refused: bool = call_rule(w, OFFERED, seat, peer, item) != 0
    return refused


@njit
def reject(w: World, seat: int, peer: int, item: int) -> None:
    """A body has failed its check: it is dropped, and the rule is told who sent it (only where the strategy `screens`)."""
    w.clock[REJECTED] += 1
    if w.setup[SCREENS]:
        call_rule(w, SPOILT, seat, peer, item)


@njit
def hear_again(w: World, seat: int, peer: int, item: int) -> None:
    """A body came that was here already."""
    ask_rule(w, REPEATED, seat, peer, item, w.clock[NOW])
