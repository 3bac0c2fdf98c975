"""Cyclon, compiled: a small view of others, kept random by swapping some of it with the one that has been in it longest.

`sim/membership/cyclon.py` is its manual. A seat remembers its view (each slot a peer plus one, 0 if empty), the age of each
entry in rounds, which slots it has sent in a swap that is not answered yet (bits), how many lists it has written, and these.
An entry of a list is a peer plus one, above AGE_AT its age.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import draw64
from sim.kernel.jit import inlined, njit
from sim.net.core.state import NOW, World
from sim.net.lists import below, find_list, open_list, tell, word_of

KEY, PERIOD_NS, SLOTS, SWAPPED, HEAD_BYTES, ENTRY_BYTES = range(6)
SWAP, ANSWER = range(2)
PERIOD = 0  # a tick
AGE_AT = 25
PEER_MASK = (1 << AGE_AT) - 1
MOST_SLOTS = 60
_DOOR, _OLDEST, _GIVEN = 1 << 20, 1 << 21, 1 << 22


@inlined
def ages_at(w: World) -> int:
    """Where the ages begin in a seat's memory."""
    return w.member_options[SLOTS]


@inlined
def sent_at(w: World) -> int:
    """Where the set of sent slots lies; behind it the number of lists written, then the lists."""
    return 2 * w.member_options[SLOTS]


@njit
def knows(w: World, seat: int, peer: int) -> bool:
    """Whether a peer is in a seat's view."""
    for slot in range(w.member_options[SLOTS]):
        if w.member_memory[seat, slot] == peer + 1:
            return True
    return False


@njit
def enter_by_links(w: World, seat: int) -> None:
    """An empty view is filled with neighbours in the topology, drawn at random if there are too many."""
    first = np.int64(w.offsets[seat])
    left = np.int64(w.offsets[seat + 1]) - first
    wanted = min(left, w.member_options[SLOTS])
    slot = 0
    for place in range(first, first + left):
        if below(w, w.member_options[KEY], seat, _DOOR + place - first, left) < wanted:
            w.member_memory[seat, slot] = np.int64(w.neighbours[place]) + 1
            w.member_memory[seat, ages_at(w) + slot] = 0
            slot += 1
            wanted -= 1
        left -= 1


@njit
def oldest_slot(w: World, seat: int) -> int:
    """All entries grow older by a round; the slot of the oldest one, by chance among equals; -1 for an empty view."""
    memory = w.member_memory[seat]
    key = draw64(draw64(np.uint64(w.member_options[KEY]) ^ np.uint64(w.clock[NOW]), np.uint64(seat)), np.uint64(_OLDEST))
    best, best_age, best_luck = -1, np.int64(0), np.uint64(0)
    for slot in range(w.member_options[SLOTS]):
        if memory[slot] == 0:
            continue
        memory[ages_at(w) + slot] += 1
        age = memory[ages_at(w) + slot]
        luck = draw64(key, np.uint64(slot))
        if best < 0 or age > best_age or (age == best_age and luck > best_luck):
            best, best_age, best_luck = slot, age, luck
    return best


@njit
def give(w: World, seat: int, wanted: int, salt: int, entry: int) -> int:
    """Write so many random entries of the view into a list; returns the slots they stand in, as bits."""
    memory = w.member_memory[seat]
    left = 0
    for slot in range(w.member_options[SLOTS]):
        left += memory[slot] > 0
    given = np.int64(0)
    for slot in range(w.member_options[SLOTS]):
        if memory[slot] == 0:
            continue
        if below(w, w.member_options[KEY], seat, _GIVEN + salt * MOST_SLOTS + slot, left) < wanted:
            memory[entry] = memory[slot] | memory[ages_at(w) + slot] << AGE_AT
            entry += 1
            wanted -= 1
            given |= np.int64(1) << slot
        left -= 1
    return given


@njit
def take(w: World, seat: int, peer: int, word: int, given: int) -> None:
    """Merge a list into the view: strangers go into empty slots first, then into those whose entries were given away."""
    memory = w.member_memory[seat]
    entry = find_list(w, peer, sent_at(w) + 2, w.member_options[SWAPPED], word)
    if entry < 0:
        return
    for place in range(w.member_options[SWAPPED]):
        known = w.member_memory[peer, entry + place]
        if known == 0:
            break
        stranger = (known & PEER_MASK) - 1
        if stranger == seat or knows(w, seat, stranger):
            continue
        free = -1
        for slot in range(w.member_options[SLOTS]):
            if memory[slot] == 0:
                free = slot
                break
            if free < 0 and given >> slot & 1:
                free = slot
        if free < 0:
            break
        given &= ~(np.int64(1) << free)
        memory[free] = stranger + 1
        memory[ages_at(w) + free] = known >> AGE_AT


@njit
def begin_swap(w: World, seat: int, count: int) -> int:
    """Swap with the oldest entry, which leaves the view: it is told of this seat itself and of some others."""
    memory = w.member_memory[seat]
    slot = oldest_slot(w, seat)
    if slot < 0:
        enter_by_links(w, seat)
        slot = oldest_slot(w, seat)
        if slot < 0:
            return count
    peer = memory[slot] - 1
    memory[slot] = 0
    number = memory[sent_at(w) + 1]
    memory[sent_at(w) + 1] += 1
    entry = open_list(w, seat, sent_at(w) + 2, w.member_options[SWAPPED], number)
    memory[entry] = seat + 1
    given = give(w, seat, w.member_options[SWAPPED] - 1, 0, entry + 1)
    memory[sent_at(w)] = given | np.int64(1) << slot
    return tell(w, count, peer, word_of(SWAP, 0, number), size_of(w, seat, entry))


@njit
def answer_swap(w: World, seat: int, peer: int, word: int) -> int:
    """Give as many random entries back, then take what came."""
    memory = w.member_memory[seat]
    number = memory[sent_at(w) + 1]
    memory[sent_at(w) + 1] += 1
    entry = open_list(w, seat, sent_at(w) + 2, w.member_options[SWAPPED], number)
    given = give(w, seat, w.member_options[SWAPPED], 1 + peer, entry)
    take(w, seat, peer, word, given)
    return tell(w, 0, peer, word_of(ANSWER, 0, number), size_of(w, seat, entry))


@njit
def size_of(w: World, seat: int, entry: int) -> int:
    """Bytes of a packet with that list."""
    size_bytes = w.member_options[HEAD_BYTES]
    for place in range(w.member_options[SWAPPED]):
        if w.member_memory[seat, entry + place] > 0:
            size_bytes += w.member_options[ENTRY_BYTES]
    return size_bytes
