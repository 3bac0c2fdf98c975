"""A seat's downlink: a line that works on what comes in, at one rate, and is never idle while there is something to work on.

A copy is known of only when its last bit is here, but the line has worked on it since its first bit came, in whatever time
other copies left idle. To tell how much that was, a seat keeps a few marks: instants at which the line had nothing to do, and
all the work that it had been given by then. Between marks idle time is counted low, never high, so no line carries more than
its rate. It is low by the work since a mark, and marks lie a quarter of the longest copy's work apart, so what is missed is a
part of a copy's own length.

A copy is taken in when all work that came before its last bit is done (the order of the bits, not of the copies).
"""

from __future__ import annotations

import numpy as np

from sim.kernel.jit import inlined, njit
from sim.net.core.state import LANE_BYTES, LONGEST_NS, MARKS, WINDOW_BITS, World

_LEAST_NS = 1 << 20  # at least a millisecond of work lies between two marks: a line that does little is left alone


@inlined
def take_downlink(w: World, seat: int, size_bytes: int, first_bit_ns: int, now_ns: int) -> int:
    """Queue on the seat's downlink now that the last bit is here; returns when the copy is wholly taken in."""
    row = w.seats[seat]
    work_ns = np.int64(size_bytes * row["down_ns_per_byte"] + 0.5)
    idle_ns = np.int64(0)  # what stays of the idle time since the first bit
    if first_bit_ns >= row["down_free_ns"]:
        if row["down_work_ns"] - row["down_marked_ns"] >= max(_LEAST_NS, w.clock[LONGEST_NS] >> 2):
            _mark(w, seat, first_bit_ns)
        free_ns = first_bit_ns + work_ns
    else:
        idle_ns = _idle_since(w, seat, first_bit_ns)
        used_ns = min(work_ns, idle_ns)
        if used_ns > 0:
            _use_idle(w, seat, first_bit_ns, used_ns)
        free_ns = row["down_free_ns"] + work_ns - used_ns
        idle_ns -= used_ns
    row["down_free_ns"] = free_ns
    row["down_work_ns"] += work_ns
    _meter(w, seat, size_bytes, free_ns - idle_ns)
    if size_bytes <= w.setup[LANE_BYTES]:  # what is small does not wait behind the others; they wait for it
        return max(now_ns, first_bit_ns + work_ns)
    return max(now_ns, free_ns)


@inlined
def _meter(w: World, seat: int, size_bytes: int, done_ns: int) -> None:
    """Enter bytes into the window in which the line was done with them."""
    row = w.seats[seat]
    if done_ns >> WINDOW_BITS != row["down_window"]:
        w.window_most[seat, 1] = max(w.window_most[seat, 1], row["down_window_bytes"])
        row["down_window"] = done_ns >> WINDOW_BITS
        row["down_window_bytes"] = 0
    row["down_window_bytes"] += size_bytes


@njit
def _mark(w: World, seat: int, now_ns: int) -> None:
    """Remember this instant, at which the line has nothing to do; the oldest mark is forgotten."""
    marks = w.marks
    for place in range(2 * MARKS - 2):
        marks[seat, place] = marks[seat, place + 2]
    marks[seat, 2 * MARKS - 2] = now_ns
    marks[seat, 2 * MARKS - 1] = w.seats[seat]["down_work_ns"]
    w.seats[seat]["down_marked_ns"] = w.seats[seat]["down_work_ns"]


@njit
def _idle_since(w: World, seat: int, first_bit_ns: int) -> int:
    """How long the line has surely been idle from `first_bit_ns` to the end of its present work."""
    end_ns = w.seats[seat]["down_free_ns"]
    work_ns = w.seats[seat]["down_work_ns"]
    idle_ns = np.int64(0)
    for mark in range(MARKS - 1, -1, -1):
        begin_ns = w.marks[seat, 2 * mark]
        done_ns = w.marks[seat, 2 * mark + 1]
        if begin_ns <= first_bit_ns:
            return idle_ns + max(0, end_ns - first_bit_ns - (work_ns - done_ns))
        idle_ns += end_ns - begin_ns - (work_ns - done_ns)
        end_ns = begin_ns
        work_ns = done_ns
    return idle_ns


@njit
def _use_idle(w: World, seat: int, first_bit_ns: int, used_ns: int) -> None:
    """Work was done in the earliest idle time from `first_bit_ns` on: by later marks the line had been given that much more."""
    before_ns = w.marks[seat, 1]
    placed_ns = np.int64(0)
    for mark in range(1, MARKS):
        begin_ns = w.marks[seat, 2 * mark - 2]
        end_ns = w.marks[seat, 2 * mark]
        done_ns = w.marks[seat, 2 * mark + 1]
        if end_ns > first_bit_ns:
            idle_ns = max(0, end_ns - max(begin_ns, first_bit_ns) - (done_ns - before_ns))
            placed_ns = min(used_ns, placed_ns + idle_ns)
            w.marks[seat, 2 * mark + 1] = done_ns + placed_ns
        before_ns = done_ns
