"""Whether there is room: the core never allocates, so it returns to Python before an array could overflow."""

from __future__ import annotations

from sim.kernel.jit import inlined, njit
from sim.net.core.calendar import largest_bucket_fits, peek
from sim.net.core.members import LOG_ROWS
from sim.net.core.state import (
    BUCKETS,
    CHUNK_EVENTS,
    CHUNKS_USED,
    ENVELOPES_USED,
    FAR,
    FOLD,
    LOGGED,
    MAILED,
    NARROW,
    NEAR,
    OPEN_AT,
    OPEN_END,
    PENDING,
    RECORD_WIRE,
    SEATS,
    TRIPS,
    WIDEN,
    WIRED,
    WOKEN,
    World,
)


@inlined
def peek_with_room(w: World, until_ns: int) -> int:
    """`peek`, or -2 if opening the next bucket might need more room than there is."""
    if w.clock[OPEN_AT] >= w.clock[OPEN_END] and not _can_open(w):
        return -2
    return peek(w, until_ns)


@njit
def _can_open(w: World) -> bool:
    """Whether there is room to open the next bucket, and to change the width of all if that is due."""
    clock = w.clock
    if not largest_bucket_fits(w):
        return False
    if clock[NARROW] > 0 or clock[WIDEN] > 0:
        moving = clock[PENDING]  # all events may be filed anew, into either heap or any bucket
        if clock[NEAR] + moving > w.near.shape[0] or clock[FAR] + moving > w.far.shape[0]:
            return False
    else:
        moving = clock[FAR]
    if clock[CHUNKS_USED] + moving + 2 <= w.chunks.shape[0]:
        return True
    return clock[CHUNKS_USED] + _chunks_for(w, moving) <= w.chunks.shape[0]


@njit
def _chunks_for(w: World, events: int) -> int:
    """Most chunks that so many events can take: one begun in every bucket, the others full."""
    return min(events, w.setup[BUCKETS]) + events // CHUNK_EVENTS + 2


@njit
def room_left(w: World) -> int:
    """How many events or commands, whatever they are, can be carried out without an array overflowing."""
    clock = w.clock
    most = (w.actions.shape[0] + w.setup[SEATS] + 2) * w.setup[FOLD]
    least = (w.chunks.shape[0] - clock[CHUNKS_USED]) // most
    least = min(least, (w.near.shape[0] - clock[NEAR]) // most)
    least = min(least, (w.far.shape[0] - clock[FAR]) // most)
    envelopes = w.actions.shape[0] + 2 if w.setup[TRIPS] == 0 else most
    least = min(least, (w.envelopes.shape[0] - clock[ENVELOPES_USED]) // envelopes)
    least = min(least, (w.woken.shape[0] - clock[WOKEN]) // w.probes.shape[0])
    least = min(least, (w.mail.shape[0] - clock[MAILED]) // 4)
    if w.member_log.shape[0] > 1:
        least = min(least, (w.member_log.shape[0] - clock[LOGGED]) // LOG_ROWS)
    if w.setup[RECORD_WIRE] != 0:
        least = min(least, (w.wire.shape[0] - clock[WIRED]) // most)
    return least
