"""What one pass over all decisions finds: compiled, since a run may make a million of them, and a small run notices every step of NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel.jit import njit

Ints = NDArray[np.int64]
NOWHERE = -(1 << 63)
BEGINNING, ANYWHERE = -1, -2
"""What a seat decided before its first decision, and before the first after a restart."""


def distinct(values: Ints) -> tuple[Ints, Ints, Ints]:
    """The distinct values in ascending order, the place of the first of each, and for each value which one it is.

    The same as `np.unique`, but without sorting where the values lie close together, as slots do.
    """
    close: tuple[Ints, Ints, Ints] = _distinct_close(values)
    if len(close[2]) == len(values):
        return close
    kinds, first, which = np.unique(values, return_index=True, return_inverse=True)
    return kinds, first, which.ravel()


@njit
def _distinct_close(values: Any) -> Any:
    """`distinct` by a table from the lowest to the highest value; nothing where that would be much longer than the values."""
    count = len(values)
    low = high = values[0] if count else 0
    for value in values:
        low, high = min(low, value), max(high, value)
    if high // 2 - low // 2 > 2 * count + 512:  # halves, for the whole way may not fit 64 bits
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, nothing
    first = np.full(high - low + 1, -1, np.int64)
    kinds_count = 0
    for place in range(count):
        if first[values[place] - low] < 0:
            first[values[place] - low] = place
            kinds_count += 1
    kinds, places, which = np.empty(kinds_count, np.int64), np.empty(kinds_count, np.int64), np.empty(count, np.int64)
    kind = 0
    for above in range(high - low + 1 if count else 0):
        if first[above] >= 0:
            kinds[kind], places[kind], first[above] = low + above, first[above], kind
            kind += 1
    for place in range(count):
        which[place] = first[values[place] - low]
    return kinds, places, which


@njit
def first_unlike(code: Any, first: Any, which: Any) -> Any:
    """The first decision whose digest is not that of its slot's first decision; -1 where there is none."""
    for place in range(len(code)):
        if code[place] != code[first[which[place]]]:
            return place
    return -1


@njit
def first_out_of_order(seat: Any, which: Any, ups: Any, seats: Any, slots: Any) -> Any:
    """(place, what the seat decided before, what comes next elsewhere) of the first decision that is not its seat's next; -1 where all are.

    Slots are counted in ascending order (`which` of `distinct`). Next is whatever the first seat to go on from there decided; BEGINNING
    where the decision does not rise at all. `ups`, int64[restarts, 2]: after how many decisions a seat came up that may go on anywhere.
    """
    last = np.full(seats, BEGINNING, np.int64)
    after = np.full(slots + 1, -1, np.int64)
    up = 0
    for place in range(len(seat)):
        while up < len(ups) and ups[up, 0] <= place:
            last[ups[up, 1]] = ANYWHERE
            up += 1
        slot, before = which[place], last[seat[place]]
        last[seat[place]] = slot
        if before == ANYWHERE:
            continue
        if slot <= before:
            return place, before, BEGINNING
        if after[before + 1] < 0:
            after[before + 1] = slot
        elif after[before + 1] != slot:
            return place, before, after[before + 1]
    return -1, BEGINNING, BEGINNING


@njit
def highest_since(time_ns: Any, seat: Any, slot: Any, since_ns: Any, live: Any) -> Any:
    """int64[live]: the highest slot that each of these seats decided from an instant on, NOWHERE where it decided none; the least, the most."""
    highest = np.full(max(1, live[-1] + 1, seat.max() + 1 if len(seat) else 0), NOWHERE, np.int64)
    for place in range(len(seat)):
        if time_ns[place] >= since_ns and slot[place] > highest[seat[place]]:
            highest[seat[place]] = slot[place]
    reached = highest[live]
    return reached, reached.min(), reached.max()


@njit
def all_hold(arrival_ns: Any, seats: Any) -> Any:
    """Whether each of these seats came to hold something (`arrival_ns`, int64[everybody]: when, below 0 never)."""
    for seat in seats:
        if arrival_ns[seat] < 0:
            return False
    return True


VOTES, PROPOSES = 1, 2
"""What a content is to the judges of quorums, a bit each: something that is counted, something that is proposed."""


@njit
def first_said(spoken: Any, roles: Any, honest: Any) -> Any:
    """(votes, proposals, offsets, signers, when_ns), from rows of `spoken` (time, identity, to whom, content); each content once an identity.

    votes, proposals   int64[..., 3]: time, identity and content, in order of time; votes of `honest` identities (bool[identities]) only
    signers, when_ns   int64[votes]: identity and time of the votes by content, and of one content by time
    offsets            int64[contents + 1]: those of content c are signers[offsets[c]:offsets[c + 1]]
    roles              uint8[contents]
    """
    heard = np.zeros((len(roles), (len(honest) + 63) // 64), np.uint64)
    votes, proposals = np.empty((len(spoken), 3), np.int64), np.empty((len(spoken), 3), np.int64)
    offsets = np.zeros(len(roles) + 1, np.int64)
    voted = proposed = 0
    for time_ns, identity, _, content in spoken:
        word, bit = identity >> 6, np.uint64(1) << np.uint64(identity & 63)
        if not roles[content] or heard[content, word] & bit:
            continue
        heard[content, word] |= bit
        if roles[content] & VOTES and honest[identity]:
            votes[voted, 0], votes[voted, 1], votes[voted, 2] = time_ns, identity, content
            offsets[content + 1] += 1
            voted += 1
        if roles[content] & PROPOSES:
            proposals[proposed, 0], proposals[proposed, 1], proposals[proposed, 2] = time_ns, identity, content
            proposed += 1
    for content in range(len(roles)):
        offsets[content + 1] += offsets[content]
    signers, when_ns, free = np.empty(voted, np.int64), np.empty(voted, np.int64), offsets[:-1].copy()
    for time_ns, identity, content in votes[:voted]:
        place = free[content]
        when_ns[place], signers[place], free[content] = time_ns, identity, place + 1
    return votes[:voted], proposals[:proposed], offsets, signers, when_ns
