"""Max-min fair rates: every copy under way holds its sender's uplink, its receiver's downlink and its link, all at once.

The fluid model of flow-level simulators: no copy's rate can be raised without lowering that of a copy that has no more (Bertsekas
and Gallager, Data Networks, 1992, section 6.5.2; Casanova et al., "Versatile, scalable, and accurate simulation of distributed
applications and platforms", JPDC 2014, section 4.2). Rates are found by filling: the line with the least for each of its copies
settles them, then the next. The latency comes on top, so a copy holds its downlink while it is being sent.

Only what can change is reckoned anew: lines that are full pass a change on, others absorb it. Which lines those were
does not change the outcome, bit for bit: additions, products and quotients of IEEE 754 in a fixed order, nothing else.

A copy of at most `LANE_BYTES` shares with nobody: it goes at once, and whoever holds the line stands still meanwhile.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.jit import inlined, njit
from sim.net.core.calendar import push
from sim.net.core.fill import gather, mark, mark_full, share_out
from sim.net.core.links import is_cut, is_lost, serialise_ns, word_of
from sim.net.core.order import sort_by_time
from sim.net.core.state import (
    ABOVE,
    BELOW,
    BYTES_LEFT,
    ENDS_NS,
    FIRST_FLOW,
    FLOWS,
    FREE_LANE_NS,
    LANE_BYTES,
    LAST_FLOW,
    LEAVES,
    LINE_BYTES,
    LINE_LIMIT,
    LINE_NEXT_NS,
    LINE_SINCE_NS,
    LINE_USED,
    LINES,
    MARKED,
    NEVER_NS,
    NEW_RATE,
    NOW,
    PASSES,
    RATE,
    RESTS_NS,
    SEATS,
    SETTLES,
    SETTLING,
    TO,
    TOUCHED,
    WAYS,
    WINDOW_BITS,
    World,
)

_FINE_BITS = 10
_LONGEST_NS = 1e18


@njit
def set_out(w: World, seat: int, copy: int, link: int, key: np.uint64) -> bool:
    """A copy comes to its lines now; False if none of them has a rate, so that it is through at once."""
    flow = w.flows[copy]
    target = w.trips[copy, TO]
    lines = w.lines
    size_bytes = w.envelopes[copy]["size_bytes"]
    if size_bytes <= w.setup[LANE_BYTES]:
        if lines[seat, LINE_LIMIT] == 0:
            return False
        push(w, _pass(w, seat, size_bytes, w.envelopes[copy]["up_busy_ns"], w.clock[NOW]), word_of(PASSES, seat, copy))
        return True
    flow[LINES] = seat  # also where it has no limit: a seat's timer looks at all that it sends
    down = w.setup[SEATS] + target
    if lines[down, LINE_LIMIT] > 0 and not is_cut(w, seat, target) and not is_lost(w, key, seat, target):
        flow[LINES + 1] = down
    if link >= 0 and lines[2 * w.setup[SEATS] + link, LINE_LIMIT] > 0:
        flow[LINES + 2] = 2 * w.setup[SEATS] + link
    first = np.int64(-1)
    rests_ns = w.clock[NOW]
    for way in range(WAYS):
        line = flow[LINES + way]
        if line >= 0 and lines[line, LINE_LIMIT] > 0:
            rests_ns = max(rests_ns, lines[line, FREE_LANE_NS])
            if first < 0:
                first = line
    if first < 0:
        flow[LINES] = -1
        return False
    w.flow_rates[copy, BYTES_LEFT] = size_bytes
    w.flow_rates[copy, RATE] = 0.0
    flow[RESTS_NS] = rests_ns
    flow[ENDS_NS] = NEVER_NS
    flow[MARKED] = 0
    for way in range(WAYS):
        if flow[LINES + way] >= 0:
            _hang(w, flow[LINES + way], way, copy)
    mark(w, first)
    _will_settle(w)
    return True


@njit
def first_ended(w: World, seat: int) -> int:
    """A copy of the seat's that is through its lines by now, taken off them; -1 if there is none."""
    copy = w.lines[seat, FIRST_FLOW]
    while copy >= 0 and w.flows[copy, ENDS_NS] > w.clock[NOW]:
        copy = w.flows[copy, BELOW]
    if copy < 0:
        return -1
    size_bytes = w.envelopes[copy]["size_bytes"]
    mark_full(w, copy)
    for way in range(WAYS):
        line = w.flows[copy, LINES + way]
        if line >= 0:
            w.line_rates[line, LINE_USED] -= w.flow_rates[copy, RATE]
            _unhang(w, line, way, copy)
            if way < 2 and w.lines[line, LINE_LIMIT] > 0:
                meter_line(w, line, size_bytes)
    _will_settle(w)
    return copy


@njit
def is_due(w: World, seat: int) -> bool:
    """Whether the seat's timer has run out now; it is then to be set anew."""
    if w.lines[seat, LINE_NEXT_NS] != w.clock[NOW]:
        return False
    w.lines[seat, LINE_NEXT_NS] = -1
    return True


@njit
def settle(w: World) -> None:
    """New rates for all that a change can have reached, and timers for those that will be through sooner."""
    clock = w.clock
    clock[SETTLING] = 0
    count = gather(w, 0, 0)
    while True:
        share_out(w, count)
        known = clock[TOUCHED]
        count = gather(w, count, known)
        if clock[TOUCHED] == known:
            break
    for place in range(clock[TOUCHED]):
        w.lines[w.line_work[place, 0], MARKED] = 0
    clock[TOUCHED] = 0
    seats = np.int64(0)
    for place in range(count):
        copy = w.line_work[place, 1]
        source = np.int64(w.envelopes[copy]["source"])
        w.flows[copy, MARKED] = 0
        if _takes_rate(w, copy) and w.lines[source, MARKED] == 0:
            w.lines[source, MARKED] = 1
            w.line_order[seats, 0] = source
            seats += 1
    sort_by_time(
        w.line_order, w.sorting, seats
    )  # by seat: the order of what happens at one instant must not depend on the way here
    for place in range(seats):
        w.lines[w.line_order[place, 0], MARKED] = 0
        set_timer(w, w.line_order[place, 0])


@inlined
def _takes_rate(w: World, copy: int) -> bool:
    """From now on a copy has its new rate; one whose rate stays is left as it is, so that nothing depends on who was looked at."""
    rates = w.flow_rates[copy]
    changes: bool = rates[NEW_RATE] != rates[RATE]
    if changes:
        spent_ns = w.clock[NOW] - w.flows[copy, RESTS_NS]
        if spent_ns > 0:
            rates[BYTES_LEFT] = max(0.0, rates[BYTES_LEFT] - rates[RATE] * spent_ns)
            w.flows[copy, RESTS_NS] = w.clock[NOW]
        rates[RATE] = rates[NEW_RATE]
        lasts_ns = min(rates[BYTES_LEFT] / rates[RATE], _LONGEST_NS)
        w.flows[copy, ENDS_NS] = w.flows[copy, RESTS_NS] + np.int64(lasts_ns + 0.5)
    return changes


@njit
def set_timer(w: World, seat: int) -> None:
    """See to it that there is an event when the first of the seat's copies is through."""
    ends_ns = NEVER_NS
    copy = w.lines[seat, FIRST_FLOW]
    while copy >= 0:
        ends_ns = min(ends_ns, w.flows[copy, ENDS_NS])
        copy = w.flows[copy, BELOW]
    if ends_ns < NEVER_NS and (w.lines[seat, LINE_NEXT_NS] < 0 or ends_ns < w.lines[seat, LINE_NEXT_NS]):
        w.lines[seat, LINE_NEXT_NS] = max(ends_ns, w.clock[NOW])
        push(w, w.lines[seat, LINE_NEXT_NS], word_of(LEAVES, seat, 0))


@njit
def come_in(w: World, seat: int, copy: int, first_bit_ns: int) -> int:
    """When a copy whose last bit is here has been taken in: at once if it has held the downlink all the way."""
    now_ns: int = w.clock[NOW]
    if w.flows[copy, LINES + 1] >= 0:
        return now_ns
    size_bytes = w.envelopes[copy]["size_bytes"]
    work_ns = serialise_ns(size_bytes, w.seats[seat]["down_ns_per_byte"])
    line = w.setup[SEATS] + seat
    _pass(w, line, size_bytes, work_ns, first_bit_ns)
    meter_line(w, line, size_bytes)
    return max(now_ns, first_bit_ns + work_ns)


@njit
def _pass(w: World, line: int, size_bytes: int, work_ns: int, from_ns: int) -> int:
    """Something goes over a line before all others, behind what does likewise; returns when it is through."""
    lines = w.lines
    if lines[line, FLOWS] == 0 and lines[line, FREE_LANE_NS] <= w.clock[NOW]:
        lines[line, LINE_SINCE_NS] = w.clock[NOW]
        lines[line, LINE_BYTES] = 0
    lines[line, FREE_LANE_NS] = max(from_ns, lines[line, FREE_LANE_NS]) + work_ns
    way = 0 if line < w.setup[SEATS] else 1
    copy = lines[line, FIRST_FLOW]
    while copy >= 0:
        w.flows[copy, RESTS_NS] += work_ns
        if w.flows[copy, ENDS_NS] < NEVER_NS:
            w.flows[copy, ENDS_NS] += work_ns
        copy = w.flows[copy, BELOW + way]
    freed_ns: int = lines[line, FREE_LANE_NS]
    return freed_ns


@njit
def meter_line(w: World, line: int, size_bytes: int) -> None:
    """Enter bytes that are through: as many a window as since the line was last idle, on average; at least one window is counted."""
    lines = w.lines
    seats = w.setup[SEATS]
    lines[line, LINE_BYTES] += size_bytes
    windows = ((w.clock[NOW] - lines[line, LINE_SINCE_NS]) >> (WINDOW_BITS - _FINE_BITS)) + 1  # in 1/1024
    if windows < 1 << _FINE_BITS:
        windows = np.int64(1 << _FINE_BITS)
    most = (lines[line, LINE_BYTES] << _FINE_BITS) // windows
    if line < seats:
        w.window_most[line, 0] = max(w.window_most[line, 0], most)
    else:
        w.window_most[line - seats, 1] = max(w.window_most[line - seats, 1], most)


@njit
def _will_settle(w: World) -> None:
    """Rates are reckoned anew once all that happens at this instant has happened, as far as it is known yet."""
    if w.clock[SETTLING] == 0:
        w.clock[SETTLING] = 1
        push(w, w.clock[NOW], word_of(SETTLES, 0, 0))


@njit
def _hang(w: World, line: int, way: int, copy: int) -> None:
    """Onto the end of a line's list."""
    lines, flows = w.lines, w.flows
    if lines[line, FLOWS] == 0:
        if lines[line, FREE_LANE_NS] <= w.clock[NOW]:
            lines[line, LINE_SINCE_NS] = w.clock[NOW]
            lines[line, LINE_BYTES] = 0
        lines[line, FIRST_FLOW] = copy
    else:
        flows[lines[line, LAST_FLOW], BELOW + way] = copy
    flows[copy, ABOVE + way] = lines[line, LAST_FLOW] if lines[line, FLOWS] > 0 else -1
    flows[copy, BELOW + way] = -1
    lines[line, LAST_FLOW] = copy
    lines[line, FLOWS] += 1


@njit
def _unhang(w: World, line: int, way: int, copy: int) -> None:
    """Off a line's list."""
    lines, flows = w.lines, w.flows
    above, below = flows[copy, ABOVE + way], flows[copy, BELOW + way]
    if above < 0:
        lines[line, FIRST_FLOW] = below
    else:
        flows[above, BELOW + way] = below
    if below < 0:
        lines[line, LAST_FLOW] = above
    else:
        flows[below, ABOVE + way] = above
    lines[line, FLOWS] -= 1
    if lines[line, FLOWS] == 0:
        w.line_rates[line, LINE_USED] = 0.0
