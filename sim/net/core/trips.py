"""A copy with a trip of its own, for what the plain way of `sim.net.core.send` does not have.

That is: uplinks shared fairly or with a lane for small messages (`sim.net.core.queue`), rates of single links, retransmission,
duplicates, copies that fall behind, and windows of TCP (`sim.net.core.tcp`). Such a copy has an envelope for itself, whose
`up_busy_ns` becomes the time from its first bit's leaving to its last bit's.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import draw64
from sim.kernel.jit import inlined, njit
from sim.net.core.books import count_copies, count_waiting
from sim.net.core.calendar import push
from sim.net.core.fair import first_ended, is_due, meter_line, set_out, set_timer, settle
from sim.net.core.links import (
    is_cut,
    is_lost,
    latency_of,
    new_envelope,
    record,
    release,
    serialise_ns,
    take_uplink,
    way_of,
    word_of,
)
from sim.net.core.queue import first_left, join, meter, schedule
from sim.net.core.state import (
    ARRIVED,
    BEGUN,
    CAP_BIT_S,
    CAP_FREE_NS,
    CAPPED,
    CUT,
    DUPLICATE_BELOW,
    DUPLICATED,
    FAIR,
    FATE_CUT,
    FATE_LOST,
    IN_FLIGHT,
    JOINS,
    LEAVES,
    LINE_LIMIT,
    LINES,
    LONGEST_NS,
    LOST,
    MAX_MIN,
    NOW,
    PASSES,
    QUEUED,
    REORDER_BELOW,
    REORDER_NS,
    RESENDS,
    RESENT_COPIES,
    RETRANSMIT_NS,
    SEATS,
    SETTLES,
    TCP_ARRIVED_NS,
    TCP_BYTES,
    TCP_USED_NS,
    TCP_WINDOW,
    TO,
    TRIES,
    UP,
    WAYS,
    World,
)
from sim.net.core.tcp import stall_ns

_U32 = np.uint64(32)
_TWIN = np.uint64(0x5851F42D4C957F2D)  # these set the draws of one copy apart
_BEHIND = np.uint64(0x14057B7EF767814F)


@njit
def begin(w: World, ready_ns: int, envelope: int, target: int) -> int:
    """One copy of an envelope sets out; returns how long it stood in the uplink's queue, as far as that is known yet."""
    copy = _own(w, envelope)
    w.trips[copy, TO] = target
    w.trips[copy, TRIES] = 0
    w.clock[IN_FLIGHT] += 1
    return _go(w, ready_ns, copy)


@njit
def happen_at_sender(w: World, stage: int, seat: int, copy: int) -> None:
    """One event: a copy joins its uplink, or the first one there has left, or a lost copy goes again."""
    if stage == JOINS and w.setup[MAX_MIN] != 0:
        _set_out(w, seat, copy)
    elif stage == JOINS:
        join(w, seat, copy)
    elif stage == PASSES:
        work_ns = w.envelopes[copy]["up_busy_ns"]
        _leave(w, seat, copy, w.clock[NOW] - work_ns, work_ns)
    elif stage == SETTLES:
        settle(w)
    elif stage == LEAVES and w.setup[MAX_MIN] != 0:
        _let_out(w, seat)
    elif stage == LEAVES:
        first = first_left(w, seat)
        if first >= 0:
            work_ns = w.envelopes[first]["up_busy_ns"]
            begun_ns = w.trips[first, BEGUN] if w.setup[FAIR] != 0 else w.clock[NOW] - work_ns
            _leave(w, seat, first, begun_ns, work_ns)
        schedule(w, seat)
    elif stage == RESENDS:
        if not w.seats[seat]["flags"] & UP:
            release(w, copy)
            return
        w.trips[copy, TRIES] += 1
        w.clock[RESENT_COPIES] += 1
        w.clock[IN_FLIGHT] += 1
        count_copies(w, copy, 1)
        count_waiting(w, copy, _go(w, w.clock[NOW], copy))


@njit
def _let_out(w: World, seat: int) -> None:
    """Copies of a seat that have held their lines for long enough by now; no more in one event than there is room for."""
    if not is_due(w, seat):
        return
    for _ in range(w.setup[SEATS]):
        copy = first_ended(w, seat)
        if copy < 0:
            break
        _leave(w, seat, copy, w.trips[copy, BEGUN], _alone_ns(w, copy))
    set_timer(w, seat)


@njit
def _alone_ns(w: World, copy: int) -> int:
    """How long a copy would take over its lines alone."""
    slowest = np.int64(-1)
    for way in range(WAYS):
        line = w.flows[copy, LINES + way]
        if line >= 0 and w.lines[line, LINE_LIMIT] > 0 and (slowest < 0 or w.lines[line, LINE_LIMIT] < slowest):
            slowest = w.lines[line, LINE_LIMIT]
    return serialise_ns(w.envelopes[copy]["size_bytes"], 8e9 / slowest)


@njit
def _leave(w: World, seat: int, copy: int, begun_ns: int, work_ns: int) -> None:
    """A copy's last bit has just left the uplink at which it queued."""
    waited_ns = w.clock[NOW] - w.trips[copy, BEGUN] - work_ns
    if waited_ns > w.seats[seat]["longest_queue_ns"]:
        w.seats[seat]["longest_queue_ns"] = waited_ns
    count_waiting(w, copy, waited_ns)
    if w.setup[MAX_MIN] == 0:
        meter(w, seat, w.envelopes[copy]["size_bytes"])
    elif w.flows[copy, LINES] < 0:  # passed by the others: those are metered where they are taken off their lines
        meter_line(w, seat, w.envelopes[copy]["size_bytes"])
    _depart(w, copy, w.clock[NOW], begun_ns)


@njit
def _own(w: World, envelope: int) -> int:
    """An envelope for one copy alone."""
    row = w.envelopes[envelope]
    copy = new_envelope(w, row["source"], row["signer"], row["item"], row["packet"], row["size_bytes"], row["key"])
    w.envelopes[copy]["word"] = row["word"]
    w.envelopes[copy]["sent_ns"] = row["sent_ns"]
    if w.setup[MAX_MIN] != 0:
        for way in range(WAYS):
            w.flows[copy, LINES + way] = -1
    return copy


@njit
def _go(w: World, ready_ns: int, copy: int) -> int:
    """Through the uplink and on, or into its queue."""
    row = w.envelopes[copy]
    source = np.int64(row["source"])
    busy_ns = row["up_busy_ns"]
    if w.setup[MAX_MIN] != 0:
        if ready_ns > w.clock[NOW]:
            push(w, ready_ns, word_of(JOINS, source, copy))
        else:
            _set_out(w, source, copy)
        return 0
    limited = w.seats[source]["up_ns_per_byte"] > 0
    if limited and w.setup[QUEUED] != 0:
        if ready_ns > w.clock[NOW]:
            push(w, ready_ns, word_of(JOINS, source, copy))
        else:
            join(w, source, copy)
        return 0
    leaves_ns = ready_ns
    if limited:
        leaves_ns = take_uplink(w, ready_ns, source, row["size_bytes"], busy_ns)
    _depart(w, copy, leaves_ns, leaves_ns - busy_ns)
    return leaves_ns - busy_ns - ready_ns


@njit
def _set_out(w: World, source: int, copy: int) -> None:
    """Onto all lines of the copy's way, or at once through them if none has a rate."""
    link = np.int64(-1)
    if w.setup[CAPPED] != 0:
        link = link_of(w, source, w.trips[copy, TO])
    for way in range(WAYS):
        w.flows[copy, LINES + way] = -1
    w.trips[copy, BEGUN] = w.clock[NOW]
    if not set_out(w, source, copy, link, _key_of(w, copy)):
        _depart(w, copy, w.clock[NOW], w.clock[NOW])


@inlined
def _key_of(w: World, copy: int) -> np.uint64:
    """What a copy's draws go by: every time it is sent it meets other weather."""
    key = w.envelopes[copy]["key"]
    if w.trips[copy, TRIES] > 0:
        key = draw64(key, np.uint64(w.trips[copy, TRIES]))
    return key


@njit
def _depart(w: World, copy: int, leaves_ns: int, begun_ns: int) -> None:
    """The last bit of a copy is through the uplink at `leaves_ns`; the first one was on its way at `begun_ns`."""
    row = w.envelopes[copy]
    source = np.int64(row["source"])
    target = w.trips[copy, TO]
    link = np.int64(-1)
    if w.setup[CAPPED] != 0 or w.setup[TCP_BYTES] > 0:
        link = link_of(w, source, target)
    if link >= 0 and w.links[link, CAP_BIT_S] > 0 and w.setup[MAX_MIN] == 0:
        leaves_ns = _take_link(w, link, row["size_bytes"], leaves_ns, begun_ns)
    key = _key_of(w, copy)
    if is_cut(w, source, target):
        w.clock[CUT] += 1
        w.clock[IN_FLIGHT] -= 1
        record(w, leaves_ns, FATE_CUT, copy, target)
        release(w, copy)
    elif is_lost(w, key, source, target):
        w.clock[LOST] += 1
        w.clock[IN_FLIGHT] -= 1
        record(w, leaves_ns, FATE_LOST, copy, target)
        if link >= 0 and w.setup[TCP_BYTES] > 0:
            w.links[link, TCP_WINDOW] = w.setup[TCP_BYTES]
        if w.setup[RETRANSMIT_NS] > 0:
            push(w, leaves_ns + w.setup[RETRANSMIT_NS], word_of(RESENDS, source, copy))
        else:
            release(w, copy)
    else:
        _travel(w, copy, key, link, leaves_ns, begun_ns)


@njit
def _travel(w: World, copy: int, key: np.uint64, link: int, leaves_ns: int, begun_ns: int) -> None:
    """A copy that will arrive, and perhaps a second one of it that the network has made."""
    row = w.envelopes[copy]
    source = np.int64(row["source"])
    target = w.trips[copy, TO]
    way = way_of(source, target)
    latency_ns = latency_of(w, key, source, target)
    if w.setup[TCP_BYTES] > 0:
        leaves_ns += stall_ns(w, source, link, row["size_bytes"], begun_ns, 2 * latency_ns)
    arrives_ns = leaves_ns + latency_ns
    if w.setup[REORDER_BELOW] > 0 and np.int64(draw64(key ^ _BEHIND, way) >> _U32) < w.setup[REORDER_BELOW]:
        arrives_ns += w.setup[REORDER_NS]
    if link >= 0 and w.setup[TCP_BYTES] > 0:
        arrives_ns = max(arrives_ns, w.links[link, TCP_ARRIVED_NS])  # a connection delivers in order
        w.links[link, TCP_ARRIVED_NS] = arrives_ns
        w.links[link, TCP_USED_NS] = leaves_ns
    row["up_busy_ns"] = leaves_ns - begun_ns
    if leaves_ns - begun_ns > w.clock[LONGEST_NS]:
        w.clock[LONGEST_NS] = leaves_ns - begun_ns
    push(w, arrives_ns, word_of(ARRIVED, target, copy))
    if w.setup[DUPLICATE_BELOW] > 0 and np.int64(draw64(key ^ _TWIN, way) >> _U32) < w.setup[DUPLICATE_BELOW]:
        twin = _own(w, copy)
        w.envelopes[twin]["up_busy_ns"] = leaves_ns - begun_ns
        w.clock[DUPLICATED] += 1
        w.clock[IN_FLIGHT] += 1
        push(w, leaves_ns + latency_of(w, draw64(key, _TWIN), source, target), word_of(ARRIVED, target, twin))


@inlined
def _take_link(w: World, link: int, size_bytes: int, leaves_ns: int, begun_ns: int) -> int:
    """Queue on the link itself, which works on a copy from its first bit on; returns when the last bit has left."""
    free_ns = max(begun_ns, w.links[link, CAP_FREE_NS]) + serialise_ns(size_bytes, 8e9 / w.links[link, CAP_BIT_S])
    w.links[link, CAP_FREE_NS] = free_ns
    return max(leaves_ns, free_ns)


@njit
def link_of(w: World, source: int, target: int) -> int:
    """The place of the link from seat to seat among `neighbours`, or -1."""
    low = np.int64(w.offsets[source])
    high = np.int64(w.offsets[source + 1])
    end = high
    while low < high:
        middle = (low + high) >> 1
        if w.neighbours[middle] < target:
            low = middle + 1
        else:
            high = middle
    return low if low < end and w.neighbours[low] == target else -1
