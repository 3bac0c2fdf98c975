"""HyParView, compiled: a small active view of open connections, a larger passive view of replacements.

Leitão, Pereira, Rodrigues, "HyParView: a membership protocol for reliable gossip-based broadcast", DSN 2007, algorithms 1
to 3. It lies on this floor because machine code is kept on disk by the state of the kernel and of this floor.

A seat remembers four words, for each slot of its active view a peer (plus one), whether it is lazy, and when it was last
heard, and its passive view, peers (plus one). A word of a control packet is a kind (4 bits), a number (8 bits: what is left
of a walk, or a priority) and two seats (24 bits each). A connection is seen to break when nothing came over it for a while.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import draw64
from sim.kernel.jit import inlined, njit
from sim.net.core.state import CONTROL, DELAY_NS, NOW, PACKET, SEATS, SIZE_BYTES, TARGET, WORD, World

KEY, LINKS, MOST_ACTIVE, MOST_PASSIVE, ACTIVE_WALK, PASSIVE_WALK, SHUFFLE_WALK, SHUFFLE_ACTIVE, SHUFFLE_PASSIVE = range(9)
SHUFFLE_BEATS, BEAT_NS, DEAD_NS, CONTROL_BYTES, ID_BYTES = range(9, 14)
VIEW_OPTIONS = 14

ACTIVE, PENDING, BEATS, SLOTS = range(4)
PEER, LAZY, LAST_NS = range(3)
SLOT_WORDS = 3

JOIN, FORWARD_JOIN, NEIGHBOUR, WELCOME, REFUSAL, DISCONNECT, SHUFFLE, SHUFFLED, ALIVE = range(9)
VIEW_KINDS = 9
LOW, HIGH = 0, 1  # a neighbour request of low priority may be refused, one of a seat that has nobody may not
SEAT_BITS = 24
DOOR_BEATS = 4  # between two entries of a seat that has some neighbours
JOIN_SALT, SHUFFLE_SALT = 1 << 30, 1 << 31


@inlined
def word_of(kind: int, number: int, one: int, other: int) -> int:
    """Pack the word of a control packet."""
    return kind | number << 4 | one << 12 | other << (12 + SEAT_BITS)


@njit
def tell(w: World, count: int, target: int, word: int, ids: int) -> int:
    """Fill an action: a control packet that names so many seats."""
    row = w.actions[count]
    row[PACKET] = CONTROL
    row[TARGET] = target
    row[DELAY_NS] = 0
    row[SIZE_BYTES] = w.options[CONTROL_BYTES] + ids * w.options[ID_BYTES]
    row[WORD] = word
    return count + 1


@njit
def below(w: World, seat: int, salt: int, bound: int) -> int:
    """A whole number below `bound`, drawn for this seat, instant and purpose."""
    key = draw64(np.uint64(w.options[KEY]) ^ np.uint64(w.clock[NOW]), np.uint64(seat))
    return np.int64(draw64(key, np.uint64(salt)) >> np.uint64(32)) * bound >> 32


@inlined
def slot_at(slot: int) -> int:
    """Where a slot of the active view begins in a seat's memory."""
    return SLOTS + slot * SLOT_WORDS


@inlined
def passive_at(w: World, place: int) -> int:
    """Where a place of the passive view lies in a seat's memory."""
    return SLOTS + w.options[MOST_ACTIVE] * SLOT_WORDS + place


@njit
def slot_of(w: World, seat: int, peer: int) -> int:
    """The slot of a peer in the active view, -1 if it is not there."""
    for slot in range(w.options[MOST_ACTIVE]):
        if w.memory[seat, slot_at(slot) + PEER] == peer + 1:
            return slot
    return -1


@njit
def any_active(w: World, seat: int, salt: int, but: int, other: int) -> int:
    """A random member of the active view that is neither of two seats; -1 if there is none."""
    left = 0
    for turn in range(2):
        chosen = below(w, seat, salt, left) if turn == 1 and left > 0 else -1
        for slot in range(w.options[MOST_ACTIVE]):
            peer = w.memory[seat, slot_at(slot) + PEER] - 1
            if peer < 0 or peer in (but, other):
                continue
            if turn == 0:
                left += 1
            elif chosen == 0:
                return peer
            else:
                chosen -= 1
    return -1


@njit
def any_passive(w: World, seat: int, salt: int) -> int:
    """A random member of the passive view; -1 if it is empty."""
    most = w.options[MOST_PASSIVE]
    start = below(w, seat, salt, most) if most > 0 else 0
    for step in range(most):  # members are few and stand anywhere: the first one from a random place on
        peer = w.memory[seat, passive_at(w, (start + step) % most)] - 1
        if peer >= 0:
            return peer
    return -1


@njit
def forget(w: World, seat: int, peer: int) -> None:
    """Strike a seat off the passive view."""
    for place in range(w.options[MOST_PASSIVE]):
        if w.memory[seat, passive_at(w, place)] == peer + 1:
            w.memory[seat, passive_at(w, place)] = 0


@njit
def note_passive(w: World, seat: int, peer: int) -> None:
    """Remember a seat as a replacement, in place of a random one if there is no room."""
    most = w.options[MOST_PASSIVE]
    if most == 0 or peer == seat or slot_of(w, seat, peer) >= 0:
        return
    free = -1
    for place in range(most):
        if w.memory[seat, passive_at(w, place)] == peer + 1:
            return
        if w.memory[seat, passive_at(w, place)] == 0:
            free = place
    w.memory[seat, passive_at(w, free if free >= 0 else below(w, seat, peer, most))] = peer + 1


@njit
def drop_active(w: World, seat: int, peer: int) -> None:
    """Take a peer out of the active view."""
    slot = slot_of(w, seat, peer)
    if slot >= 0:
        w.memory[seat, slot_at(slot) + PEER] = 0
        w.memory[seat, ACTIVE] -= 1


@njit
def add_active(w: World, seat: int, peer: int, count: int) -> int:
    """Take a peer into the active view, eager at first; a random one is disconnected if there is no room."""
    if peer == seat or slot_of(w, seat, peer) >= 0:
        return count
    if w.memory[seat, ACTIVE] == w.options[MOST_ACTIVE]:
        unlucky = any_active(w, seat, peer, peer, -1)
        drop_active(w, seat, unlucky)
        note_passive(w, seat, unlucky)
        count = tell(w, count, unlucky, word_of(DISCONNECT, 0, 0, 0), 0)
    slot = slot_of(w, seat, -1)
    w.memory[seat, slot_at(slot) + PEER] = peer + 1
    w.memory[seat, slot_at(slot) + LAZY] = 0
    w.memory[seat, slot_at(slot) + LAST_NS] = w.clock[NOW]
    w.memory[seat, ACTIVE] += 1
    forget(w, seat, peer)
    return count


@njit
def replace(w: World, seat: int, salt: int, count: int) -> int:
    """Ask a member of the passive view to become a neighbour, one at a time, while the active view has room."""
    memory = w.memory[seat]
    if memory[PENDING] > 0 or memory[ACTIVE] >= w.options[MOST_ACTIVE]:
        return count
    peer = any_passive(w, seat, salt)
    if peer < 0:
        return count
    memory[PENDING] = peer + 1
    return tell(w, count, peer, word_of(NEIGHBOUR, HIGH if memory[ACTIVE] == 0 else LOW, 0, 0), 0)


@njit
def join(w: World, seat: int, among: int, count: int) -> int:
    """Enter through a contact, a random seat of the first `among`."""
    contact = below(w, seat, JOIN_SALT, among)
    if contact == seat:
        contact = (contact + 1) % among
    if contact == seat:
        return count
    count = add_active(w, seat, contact, count)
    return tell(w, count, contact, word_of(JOIN, 0, 0, 0), 1)


@njit
def hear_view(w: World, seat: int, peer: int, word: int) -> int:
    """A packet about views; returns how many actions there are."""
    kind, number = word & 15, word >> 4 & 255
    one, other = word >> 12 & 0xFFFFFF, word >> (12 + SEAT_BITS) & 0xFFFFFF
    memory = w.memory[seat]
    count = 0
    if kind == JOIN:
        count = add_active(w, seat, peer, count)
        for slot in range(w.options[MOST_ACTIVE]):
            near = memory[slot_at(slot) + PEER] - 1
            if near >= 0 and near != peer:
                count = tell(w, count, near, word_of(FORWARD_JOIN, w.options[ACTIVE_WALK], peer, 0), 1)
    elif kind == FORWARD_JOIN:
        count = _forward(w, seat, peer, number, one)
    elif kind == NEIGHBOUR:
        if number == HIGH or memory[ACTIVE] < w.options[MOST_ACTIVE] or slot_of(w, seat, peer) >= 0:
            count = tell(w, add_active(w, seat, peer, count), peer, word_of(WELCOME, 0, 0, 0), 0)
        else:
            count = tell(w, count, peer, word_of(REFUSAL, 0, 0, 0), 0)
    elif kind == WELCOME:
        count = add_active(w, seat, peer, count)
    elif kind == DISCONNECT:
        drop_active(w, seat, peer)
        note_passive(w, seat, peer)
    elif kind == SHUFFLE:
        onward = any_active(w, seat, one ^ other, peer, one) if number > 0 else -1
        if onward >= 0:
            return tell(w, 0, onward, word_of(SHUFFLE, number - 1, one, other), 2)
        back = any_passive(w, seat, one)
        note_passive(w, seat, other)
        return tell(w, 0, one, word_of(SHUFFLED, 0, back, 0), 1) if back >= 0 else 0
    elif kind == SHUFFLED:
        note_passive(w, seat, one)
    elif kind == ALIVE and slot_of(w, seat, peer) < 0:  # a connection of which this end knows nothing: a welcome was lost
        return tell(w, 0, peer, word_of(DISCONNECT, 0, 0, 0), 0)
    if (kind in (WELCOME, REFUSAL)) and memory[PENDING] == peer + 1:
        memory[PENDING] = 0
    return count if kind == REFUSAL else replace(w, seat, word & 0xFFFF, count) if kind == DISCONNECT else count


@njit
def _forward(w: World, seat: int, peer: int, left: int, fresh: int) -> int:
    """A newcomer's name on its walk: at its end it finds a neighbour, on its way it is remembered once."""
    if fresh == seat:
        return 0
    onward = any_active(w, seat, fresh, peer, fresh)
    if left == 0 or onward < 0:
        return tell(w, 0, fresh, word_of(NEIGHBOUR, HIGH, 0, 0), 0) if slot_of(w, seat, fresh) < 0 else 0
    if left == w.options[PASSIVE_WALK]:
        note_passive(w, seat, fresh)
    return tell(w, 0, onward, word_of(FORWARD_JOIN, left - 1, fresh, 0), 1)


@njit
def view_beat(w: World, seat: int, count: int) -> int:
    """Keep connections alive, replace what has fallen silent, now and then shuffle passive views along a walk."""
    memory = w.memory[seat]
    memory[BEATS] += 1
    if memory[PENDING] > 0:  # no answer for a whole beat: nobody lives there
        forget(w, seat, memory[PENDING] - 1)
        memory[PENDING] = 0
    for slot in range(w.options[MOST_ACTIVE]):
        peer = memory[slot_at(slot) + PEER] - 1
        if peer < 0:
            continue
        if w.clock[NOW] - memory[slot_at(slot) + LAST_NS] > w.options[DEAD_NS]:
            drop_active(w, seat, peer)
        else:
            count = tell(w, count, peer, word_of(ALIVE, 0, 0, 0), 0)
    count = replace(w, seat, memory[BEATS], count)
    few = memory[ACTIVE] == 0 or (2 * memory[ACTIVE] < w.options[MOST_ACTIVE] and memory[BEATS] % DOOR_BEATS == 0)
    if few and memory[PENDING] == 0 and any_passive(w, seat, 0) < 0:  # few are here, and nobody is known: in again by the door
        count = join(w, seat, w.setup[SEATS], count)
    if memory[BEATS] % w.options[SHUFFLE_BEATS] == 0:
        first = any_active(w, seat, SHUFFLE_SALT, -1, -1)
        for turn in range(1 + w.options[SHUFFLE_ACTIVE] + w.options[SHUFFLE_PASSIVE]):
            told = seat if turn == 0 else any_active(w, seat, turn, first, -1)
            if turn > w.options[SHUFFLE_ACTIVE]:
                told = any_passive(w, seat, turn)
            if first >= 0 and told >= 0:
                count = tell(w, count, first, word_of(SHUFFLE, w.options[SHUFFLE_WALK], seat, told), 2)
    return count
