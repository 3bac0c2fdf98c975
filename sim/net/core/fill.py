"""Filling: max-min fair rates of the copies on a set of lines, and which lines that set must hold (see `sim.net.core.fair`)."""

from __future__ import annotations

import numpy as np

from sim.kernel.jit import njit
from sim.net.core.state import (
    BELOW,
    CAPACITY,
    FIRST_FLOW,
    FLOWS,
    LINE_LIMIT,
    LINE_USED,
    LINES,
    MARKED,
    NEW_RATE,
    OPEN_FLOWS,
    RATE,
    SEATS,
    SPARE,
    TOUCHED,
    WAYS,
    World,
)

_FULL = 1 - 1e-6
"""A line that carries this part of its rate passes on what changes. More lines than need be cost time and change no rate."""
UNSETTLED, SETTLED = 1, 2


@njit
def mark(w: World, line: int) -> None:
    """The rates on this line are to be reckoned anew."""
    if w.lines[line, MARKED] == 0:
        w.lines[line, MARKED] = 1
        w.line_work[w.clock[TOUCHED], 0] = line
        w.clock[TOUCHED] += 1


@njit
def way_of_line(w: World, line: int) -> int:
    """Whether a line is an uplink (0), a downlink (1) or a link (2)."""
    seats = w.setup[SEATS]
    return 0 if line < seats else 1 if line < 2 * seats else 2


@njit
def gather(w: World, count: int, known: int) -> int:
    """All copies on marked lines, and all full lines that they hold; returns how many copies.

    The first `count` copies and the lines before place `known` have been looked at; among those copies' lines some may have become full.
    """
    for place in range(count):
        mark_full(w, w.line_work[place, 1])
    at = known
    while at < w.clock[TOUCHED]:
        line = w.line_work[at, 0]
        at += 1
        way = way_of_line(w, line)
        copy = w.lines[line, FIRST_FLOW]
        while copy >= 0:
            if w.flows[copy, MARKED] == 0:
                w.flows[copy, MARKED] = UNSETTLED
                w.flow_rates[copy, NEW_RATE] = w.flow_rates[copy, RATE]
                w.line_work[count, 1] = copy
                count += 1
                mark_full(w, copy)
            copy = w.flows[copy, BELOW + way]
    return count


@njit
def mark_full(w: World, copy: int) -> None:
    """Mark those of a copy's lines that are full."""
    for way in range(WAYS):
        line = w.flows[copy, LINES + way]
        if line >= 0 and w.lines[line, LINE_LIMIT] > 0 and w.line_rates[line, LINE_USED] >= _FULL * w.line_rates[line, CAPACITY]:
            mark(w, line)


@njit
def share_out(w: World, count: int) -> None:
    """New rates for the first `count` copies of the working list, as far as marked lines say."""
    touched = w.clock[TOUCHED]
    for place in range(touched):
        line = w.line_work[place, 0]
        w.lines[line, OPEN_FLOWS] = w.lines[line, FLOWS]
        w.line_rates[line, SPARE] = w.line_rates[line, CAPACITY]
        w.line_work[place, 2] = line
    for place in range(count):
        w.flows[w.line_work[place, 1], MARKED] = UNSETTLED
    left = count
    lines = touched
    while left > 0:
        best, least = np.int64(-1), np.inf
        kept = 0
        for place in range(lines):
            line = w.line_work[place, 2]
            if w.lines[line, OPEN_FLOWS] > 0:
                w.line_work[kept, 2] = line
                kept += 1
                share = w.line_rates[line, SPARE] / w.lines[line, OPEN_FLOWS]
                if share < least or (share == least and line < best):
                    best, least = line, share
        lines = kept
        left -= _settle_line(w, best, least)


@njit
def _settle_line(w: World, line: int, rate: float) -> int:
    """Every copy on this line that has no rate yet gets this one; returns how many did."""
    way = way_of_line(w, line)
    settled = 0
    copy = w.lines[line, FIRST_FLOW]
    while copy >= 0:
        if w.flows[copy, MARKED] == UNSETTLED:
            w.flows[copy, MARKED] = SETTLED
            settled += 1
            more = rate - w.flow_rates[copy, NEW_RATE]
            w.flow_rates[copy, NEW_RATE] = rate
            for other in range(WAYS):
                held = w.flows[copy, LINES + other]
                if held >= 0:
                    w.line_rates[held, LINE_USED] += more
                    if w.lines[held, MARKED] != 0:
                        w.line_rates[held, SPARE] = max(0.0, w.line_rates[held, SPARE] - rate)
                        w.lines[held, OPEN_FLOWS] -= 1
        copy = w.flows[copy, BELOW + way]
    return settled
