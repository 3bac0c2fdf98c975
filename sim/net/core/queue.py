"""An uplink at which copies queue event by event, because what comes later may change when they leave.

Either the copies share the rate equally (processor sharing: with one bottleneck this is max-min fairness; Bertsekas and
Gallager, Data Networks, 1992, section 6.5.2), or the first one has it all (FIFO). Each copy's work is the time it takes alone. The
line's `SERVICE` counts, in 1/1024 ns, how much every copy being served has had since the line was last idle; a copy leaves
when that reaches its `FINISH`. So arrivals cost no walk over the others, and FIFO is the case in which finishes add up.

A copy of at most `LANE_BYTES` is not queued behind the others: it goes at once, and they all stand still meanwhile.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.jit import inlined, njit
from sim.net.core.calendar import push
from sim.net.core.links import word_of
from sim.net.core.state import (
    AFTER,
    BEGUN,
    COPIES,
    FAIR,
    FINISH,
    FIRST,
    LANE_BYTES,
    LANE_FREE_NS,
    LAST,
    LEAVES,
    NEXT_NS,
    NOW,
    PASSES,
    PERIOD_BYTES,
    PERIOD_NS,
    SERVICE,
    SINCE_NS,
    WINDOW_BITS,
    World,
)

_FINE_BITS = 10
_FINE = (1 << _FINE_BITS) - 1


@njit
def join(w: World, seat: int, copy: int) -> None:
    """A copy comes to its seat's uplink now."""
    now_ns = w.clock[NOW]
    line = w.uplinks[seat]
    _serve(w, seat)
    work_ns = w.envelopes[copy]["up_busy_ns"]
    if line[COPIES] == 0 and line[LANE_FREE_NS] <= now_ns:
        line[PERIOD_NS] = now_ns
        line[PERIOD_BYTES] = 0
    w.trips[copy, BEGUN] = now_ns
    if w.envelopes[copy]["size_bytes"] <= w.setup[LANE_BYTES]:
        line[LANE_FREE_NS] = max(now_ns, line[LANE_FREE_NS]) + work_ns
        if line[COPIES] > 0:
            line[SINCE_NS] += work_ns
        push(w, line[LANE_FREE_NS], word_of(PASSES, seat, copy))
        return
    before = np.int64(0)
    if line[COPIES] == 0:
        line[SINCE_NS] = max(now_ns, line[LANE_FREE_NS])
        line[SERVICE] = 0
    elif w.setup[FAIR] == 0:
        before = w.trips[line[LAST], FINISH]
    else:
        before = line[SERVICE]
    w.trips[copy, FINISH] = before + (work_ns << _FINE_BITS)
    _insert(w, seat, copy)
    schedule(w, seat)


@njit
def first_left(w: World, seat: int) -> int:
    """The copy that has left the line by now, taken off it; -1 if this is no time at which one was to leave, or too early."""
    line = w.uplinks[seat]
    if line[NEXT_NS] != w.clock[NOW]:
        return -1  # something has come in between, and another event is waiting
    line[NEXT_NS] = -1
    if _first_leaves_ns(w, seat) > w.clock[NOW]:
        return -1
    _serve(w, seat)
    copy = line[FIRST]
    line[FIRST] = w.trips[copy, AFTER]
    line[COPIES] -= 1
    return copy


@njit
def schedule(w: World, seat: int) -> None:
    """See to it that there is an event when the first copy of the line has left."""
    line = w.uplinks[seat]
    if line[COPIES] == 0:
        return
    time_ns = _first_leaves_ns(w, seat)
    if line[NEXT_NS] < 0 or time_ns < line[NEXT_NS]:
        line[NEXT_NS] = time_ns
        push(w, time_ns, word_of(LEAVES, seat, 0))


@njit
def _first_leaves_ns(w: World, seat: int) -> int:
    """When the first copy of the line will have left if nothing comes in between; some copy must be there."""
    line = w.uplinks[seat]
    sharers = line[COPIES] if w.setup[FAIR] != 0 else np.int64(1)
    left = max(0, w.trips[line[FIRST], FINISH] - line[SERVICE])
    return line[SINCE_NS] + (left >> _FINE_BITS) * sharers + (((left & _FINE) * sharers + _FINE) >> _FINE_BITS)


@njit
def meter(w: World, seat: int, size_bytes: int) -> None:
    """Enter bytes that have left: as many a window as since the line was last idle, on average; at least one window is counted."""
    line = w.uplinks[seat]
    line[PERIOD_BYTES] += size_bytes
    windows = ((w.clock[NOW] - line[PERIOD_NS]) >> (WINDOW_BITS - _FINE_BITS)) + 1  # in 1/1024
    if windows < 1 << _FINE_BITS:
        windows = np.int64(1 << _FINE_BITS)
    w.window_most[seat, 0] = max(w.window_most[seat, 0], (line[PERIOD_BYTES] << _FINE_BITS) // windows)


@inlined
def _serve(w: World, seat: int) -> None:
    """Let the line work up to now; after a copy of the lane it may stand still until later than now."""
    line = w.uplinks[seat]
    spent_ns = w.clock[NOW] - line[SINCE_NS]
    if spent_ns > 0 and line[COPIES] > 0:
        line[SERVICE] += (spent_ns << _FINE_BITS) // line[COPIES] if w.setup[FAIR] != 0 else spent_ns << _FINE_BITS
        line[SINCE_NS] += spent_ns


@njit
def _insert(w: World, seat: int, copy: int) -> None:
    """Into the row of copies, in the order in which they will leave; of two alike the earlier one first."""
    line = w.uplinks[seat]
    finish = w.trips[copy, FINISH]
    line[COPIES] += 1
    if line[COPIES] == 1:
        line[FIRST] = copy
        line[LAST] = copy
        return
    if w.trips[line[LAST], FINISH] <= finish:
        w.trips[line[LAST], AFTER] = copy
        line[LAST] = copy
        return
    before = np.int64(-1)
    at = line[FIRST]
    while w.trips[at, FINISH] <= finish:
        before = at
        at = w.trips[at, AFTER]
    w.trips[copy, AFTER] = at
    if before < 0:
        line[FIRST] = copy
    else:
        w.trips[before, AFTER] = copy
