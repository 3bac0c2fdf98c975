"""The event queue: a calendar of buckets, each a chain of small contiguous chunks, opened one at a time.

R. Brown, "Calendar queues", CACM 31(10), 1988, with two changes for speed: a bucket is not kept sorted but written like a
radix partition and sorted when it is opened, and what falls into the open bucket goes to a tiny heap beside it. Events
beyond the calendar's year wait in a second heap. The order is total: by time, then by the order of pushing. That order does
not depend on the bucket width, which only adapts for speed.

An event is two words: its time and (stage << 56 | seat << 32 | envelope).
"""

from __future__ import annotations

import numpy as np

from sim.kernel.jit import inlined, njit
from sim.net.core.ahead import FEW, fetch_ahead, fetch_for_copy
from sim.net.core.order import heap_pop, heap_push, lowest_bit, sort_within
from sim.net.core.state import (
    BUCKETS,
    CHUNK_BITS,
    CHUNK_EVENTS,
    CHUNKS_USED,
    FAR,
    FAR_PUSHES,
    FREE_CHUNK,
    NARROW,
    NEAR,
    OPEN_AT,
    OPEN_BUCKET,
    OPEN_END,
    PEAK_PENDING,
    PENDING,
    SERIAL,
    SHIFT,
    WIDE_PENDING,
    WIDE_SHIFT,
    WIDEN,
    World,
)

_ONE = np.uint64(1)
_CROWDED = 1024  # events in one bucket from which the width is reconsidered
_AIM = 128  # events a bucket should hold


@inlined
def push(w: World, time_ns: int, word: int) -> None:
    """Add an event; the caller has made sure of room for it (`sim.net.core.room`)."""
    clock = w.clock
    clock[PENDING] += 1
    bucket = time_ns >> clock[SHIFT]
    ahead = bucket - clock[OPEN_BUCKET]
    if 0 < ahead < w.setup[BUCKETS]:
        append(w, bucket & (w.setup[BUCKETS] - 1), time_ns, word)
    else:
        _push_aside(w, time_ns, word, ahead)


@njit
def _push_aside(w: World, time_ns: int, word: int, ahead: int) -> None:
    """Into a heap: what falls into the open bucket, or beyond the year."""
    clock = w.clock
    if ahead <= 0:
        clock[NEAR] = heap_push(w.near, clock[NEAR], time_ns, clock[SERIAL], word)
    else:
        clock[FAR] = heap_push(w.far, clock[FAR], time_ns, clock[SERIAL], word)
        clock[FAR_PUSHES] += 1
    clock[SERIAL] += 1


@inlined
def append(w: World, slot: int, time_ns: int, word: int) -> None:
    """Write an event at the end of a bucket's chain."""
    at: int = np.int64(w.bucket_at[slot])
    if at & (CHUNK_EVENTS - 1) == 0:
        at = _next_chunk(w, slot, at)
    w.bucket_at[slot] = at + 1
    chunk = at >> CHUNK_BITS
    place = 2 * (at & (CHUNK_EVENTS - 1))
    w.chunks[chunk, place] = time_ns
    w.chunks[chunk, place + 1] = word


@njit
def _next_chunk(w: World, slot: int, at: int) -> int:
    """Hang an empty chunk on a bucket's chain; returns where its first event goes."""
    clock = w.clock
    fresh = clock[FREE_CHUNK]
    if fresh >= 0:
        clock[FREE_CHUNK] = w.chunk_next[fresh]
    else:
        fresh = clock[CHUNKS_USED]
        clock[CHUNKS_USED] += 1
    w.chunk_next[fresh] = -1
    if at == 0:
        w.bucket_first[slot] = fresh
        w.occupied[slot >> 6] |= _ONE << np.uint64(slot & 63)
    else:
        w.chunk_next[(at >> CHUNK_BITS) - 1] = fresh
    return fresh << CHUNK_BITS


@inlined
def fill_of(chunk: int, after: int, end: int) -> int:
    """Events in a chunk of a chain that is written up to `end`: all but the last chunk are full."""
    if after >= 0:
        return CHUNK_EVENTS
    return end - (chunk << CHUNK_BITS)


@njit
def peek(w: World, until_ns: int) -> int:
    """The time of the next event, opening buckets as needed; -1 if there is none.

    A bucket that begins after `until_ns` stays closed, so that what is pushed until then finds the calendar, not the heap;
    the answer is then the time at which it begins, or a little less.
    """
    clock = w.clock
    while True:
        if clock[OPEN_AT] < clock[OPEN_END]:
            time_ns = w.opened[clock[OPEN_AT], 0]
            if clock[NEAR] > 0 and w.near[0, 0] < time_ns:
                return w.near[0, 0]
            return time_ns
        if clock[NEAR] > 0:
            return w.near[0, 0]
        later_ns = _open_next(w, until_ns)
        if later_ns != 0:
            return later_ns


@njit
def pop(w: World) -> int:
    """Take the event that `peek` showed and return its word."""
    clock = w.clock
    clock[PENDING] -= 1
    at = clock[OPEN_AT]
    if at < clock[OPEN_END] and not (clock[NEAR] > 0 and w.near[0, 0] < w.opened[at, 0]):
        clock[OPEN_AT] = at + 1
        fetch_ahead(w, at)
        return w.opened[at, 1]
    word = w.near[0, 2]
    clock[NEAR] = heap_pop(w.near, clock[NEAR])
    return word


@njit
def largest_bucket_fits(w: World) -> bool:
    """Whether any bucket could be opened without more room: all that is pending fits."""
    return w.clock[PENDING] <= w.opened.shape[0]


@njit
def _open_next(w: World, until_ns: int) -> int:
    """Open the next bucket that holds anything: sorted into `opened`, its chunks given back.

    Returns 0, or -1 where nothing is pending, or the beginning of the next bucket where that is after `until_ns`.
    """
    clock = w.clock
    if clock[PENDING] == 0:
        return -1
    if clock[NARROW] > 0 or clock[WIDEN] > 0:
        _change_width(w)
    slot = _next_occupied(w)
    if slot < 0:
        if w.far[0, 0] > until_ns:
            return w.far[0, 0]
        clock[OPEN_BUCKET] = (w.far[0, 0] >> clock[SHIFT]) - 1
        _bring_near(w)
        slot = _next_occupied(w)
    year = w.setup[BUCKETS]
    begins_ns = (clock[OPEN_BUCKET] + 1 + ((slot - clock[OPEN_BUCKET] - 1) & (year - 1))) << clock[SHIFT]
    if begins_ns > until_ns:
        return begins_ns
    clock[OPEN_BUCKET] += 1 + ((slot - clock[OPEN_BUCKET] - 1) & (year - 1))
    count = _gather(w, slot)
    sort_within(w.opened, w.sorting, w.shares, count, clock[SHIFT])
    clock[OPEN_AT] = 0
    clock[OPEN_END] = count
    if clock[PENDING] > clock[PEAK_PENDING]:
        clock[PEAK_PENDING] = clock[PENDING]
    if count > _CROWDED and clock[SHIFT] > 0:
        _judge_width(w, count)
    _bring_near(w)
    if clock[FAR_PUSHES] > 4096:
        if clock[FAR] > 4096:
            clock[WIDEN] = 1
        clock[FAR_PUSHES] = 0
    return 0


@njit
def _judge_width(w: World, count: int) -> None:
    """Ask for narrower buckets if this one is crowded with different times."""
    spread = w.opened[count - 1, 0] - w.opened[0, 0]
    clock = w.clock
    if clock[PENDING] < clock[WIDE_PENDING] // 4:
        clock[WIDE_SHIFT] = 0  # else no width is tried again that was found too narrow: both complaints may be just
    if spread >= 16 and clock[FAR] * 2 < clock[PENDING]:
        while (count >> clock[NARROW]) > _AIM and clock[NARROW] < clock[SHIFT] - clock[WIDE_SHIFT]:
            clock[NARROW] += 1


@njit
def _next_occupied(w: World) -> int:
    """The first occupied slot after the open one, round the year; -1 if all are empty."""
    year = w.setup[BUCKETS]
    start = (w.clock[OPEN_BUCKET] + 1) & (year - 1)
    words = year >> 6
    at = start >> 6
    bits = w.occupied[at] & (~np.uint64(0) << np.uint64(start & 63))
    for _ in range(words + 1):
        if bits != np.uint64(0):
            return (at << 6) + lowest_bit(bits)
        at = (at + 1) & (words - 1)
        bits = w.occupied[at]
    return -1


@njit
def _gather(w: World, slot: int) -> int:
    """Copy a bucket's chain into `opened` in order of pushing and free its chunks; returns how many events."""
    count = 0
    chunk = np.int64(w.bucket_first[slot])
    end = np.int64(w.bucket_at[slot])
    while chunk >= 0:
        after = np.int64(w.chunk_next[chunk])
        for place in range(fill_of(chunk, after, end)):
            w.opened[count, 0] = w.chunks[chunk, 2 * place]
            w.opened[count, 1] = w.chunks[chunk, 2 * place + 1]
            if count < FEW:
                fetch_for_copy(w, w.chunks[chunk, 2 * place + 1])
            count += 1
        w.chunk_next[chunk] = w.clock[FREE_CHUNK]
        w.clock[FREE_CHUNK] = chunk
        chunk = after
    w.bucket_first[slot] = -1
    w.bucket_at[slot] = 0
    w.occupied[slot >> 6] &= ~(_ONE << np.uint64(slot & 63))
    return count


@njit
def _bring_near(w: World) -> None:
    """Move what has come within the year from the far heap into its bucket, before anything newer can get there."""
    clock = w.clock
    year = w.setup[BUCKETS]
    while clock[FAR] > 0:
        bucket = w.far[0, 0] >> clock[SHIFT]
        if bucket - clock[OPEN_BUCKET] >= year:
            return
        append(w, bucket & (year - 1), w.far[0, 0], w.far[0, 2])
        clock[FAR] = heap_pop(w.far, clock[FAR])


@njit
def _change_width(w: World) -> None:
    """Re-file everything under another bucket width, keeping the order of pushing among equal times."""
    clock = w.clock
    last_ns = (clock[OPEN_BUCKET] + 1) << clock[SHIFT]  # nothing pending lies before this instant
    chain = -1  # first of the emptied buckets' chunks, all in one chain, time -1 after its last event
    last = -1
    for _ in range(w.setup[BUCKETS]):
        slot = _next_occupied(w)
        if slot < 0:
            break
        clock[OPEN_BUCKET] += 1 + ((slot - clock[OPEN_BUCKET] - 1) & (w.setup[BUCKETS] - 1))
        end = np.int64(w.bucket_at[slot])
        chunk: int = np.int64(w.bucket_first[slot])
        if chain < 0:
            chain = chunk
        else:
            w.chunk_next[last] = chunk
        while chunk >= 0:
            after: int = np.int64(w.chunk_next[chunk])
            fill = fill_of(chunk, after, end)
            for place in range(fill, CHUNK_EVENTS):
                w.chunks[chunk, 2 * place] = -1
            last = chunk
            chunk = after
        w.bucket_first[slot] = -1
        w.bucket_at[slot] = 0
        w.occupied[slot >> 6] &= ~(_ONE << np.uint64(slot & 63))
    clock[SHIFT] += 2 * clock[WIDEN] - clock[NARROW] * (1 - clock[WIDEN])
    if clock[WIDEN] > 0:
        clock[WIDE_SHIFT], clock[WIDE_PENDING] = clock[SHIFT], clock[PENDING]
    clock[NARROW] = 0
    clock[WIDEN] = 0
    clock[OPEN_BUCKET] = (last_ns >> clock[SHIFT]) - 1
    _bring_near(w)  # what a wider year reaches is later than all of `chain`
    while chain >= 0:
        for place in range(CHUNK_EVENTS):
            if w.chunks[chain, 2 * place] < 0:
                break
            clock[PENDING] -= 1
            push(w, w.chunks[chain, 2 * place], w.chunks[chain, 2 * place + 1])
        after = np.int64(w.chunk_next[chain])
        w.chunk_next[chain] = clock[FREE_CHUNK]
        clock[FREE_CHUNK] = chain
        chain = after
