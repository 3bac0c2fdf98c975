"""The keeper's rule of all schemes in shares: spread along lines, rebuild what is missing on the way, sample, ask again.

A block's data lies in a matrix of shares, rows x columns; in one dimension there is one row and each share is a column. Each seat
keeps some whole lines and is, for each of them, in a mesh with `DEGREE` others who keep it too (PeerDAS: consensus specifications,
fulu/das-core; two dimensions: Hall-Andersen, Simkin, Wagner 2023 and the study of Codex and the Ethereum Foundation, arXiv
2407.18085). A share that comes is passed on along the lines it lies on. Who has enough of a line rebuilds the rest and passes that
on as well. A seat that keeps no line asks some of those who do for a few shares drawn by itself (Al-Bassam, Sonnino, Buterin 2018).

Of the data there are these items, one after the other: the whole, the verdict (held where the seat is satisfied), the fraud proof,
in two dimensions one for each line (its `notes` count shares held), and the shares. The header's duty names the whole.
"""

from __future__ import annotations

import numpy as np

from sim.availability.shares import (
    ASK_AGAIN,
    BACK_NS,
    CHECKS,
    COPIES,
    DECODE_NS,
    DEGREE,
    DIMENSIONS,
    FIRST_LINE,
    FRAUD,
    MESH_AT,
    NEED,
    PUT_OFF,
    REBUILD,
    REBUILD_CPU_NS,
    REBUILDS,
    REBUILT,
    RESEEDED,
    VERDICT,
    WANTED_AT,
    act,
    below,
    count_up,
    keeper_at,
    keepers,
    length,
    line_of,
    need,
    own_lines,
    row_of,
    share_on,
    slot,
    word,
)
from sim.availability.shares_asking import ask, sample
from sim.kernel.jit import njit
from sim.net.core.links import take_core
from sim.net.core.relay import attach
from sim.net.core.state import (
    ABSENT,
    BAD,
    BODY,
    CORES,
    GOT,
    HELD,
    KEEPER_TICK,
    NOW,
    PLAIN,
    PUBLISHED,
    RELAYS,
    REQUESTED,
    TICK,
    TICKED,
    UP,
    WANTED,
    World,
)

_LOW_32 = 0xFFFFFFFF
_REBUILDING = 1 << 62


@njit
def pass_on(w: World, seat: int, peer: int, share: int, index: int, count: int) -> int:
    """A copy to the seat's neighbours on the lines of a share, but not to whom it came from."""
    degree = word(w, DEGREE)
    for way in range(word(w, DIMENSIONS)):
        place = slot(w, line_of(w, index, way), seat)
        if place >= 0:
            at = word(w, MESH_AT) + place * degree
            for step in range(degree):
                target = word(w, at + step)
                if target < 0:
                    break
                if target != peer:
                    count = act(w, count, BODY, target, share, 0)
    return count


@njit
def hand_out(w: World, seat: int, whole: int, share: int, index: int, count: int) -> int:
    """The publisher's copies: to some who keep each line of the share, drawn for it."""
    for way in range(word(w, DIMENSIONS)):
        line = line_of(w, index, way)
        members = keepers(w, seat, line)
        copies = min(word(w, COPIES), members)
        start = below(w, whole, share, way, members) if members > 0 else 0
        for step in range(copies):
            target = keeper_at(w, seat, line, (start + step * (members // copies)) % members)
            if target != seat:
                count = act(w, count, BODY, target, share, 0)
    return count


@njit
def take(w: World, seat: int, whole: int, share: int, index: int) -> None:
    """A share has come to lie here: count it on its lines and towards the seat's verdict."""
    mine = w.notes[row_of(w, share), seat] > 0
    for way in range(word(w, DIMENSIONS)):
        line = line_of(w, index, way)
        if word(w, DIMENSIONS) == 2:
            w.notes[row_of(w, whole + FIRST_LINE + line), seat] += 1
        mine = mine or slot(w, line, seat) >= 0
    if mine:
        verdict = row_of(w, whole + VERDICT)
        w.notes[verdict, seat] += 1
        if (w.notes[verdict, seat] & _LOW_32) == word(w, word(w, WANTED_AT) + seat):
            attach(w, seat, whole + VERDICT)


@njit
def plan_rebuilding(w: World, seat: int, whole: int, index: int, count: int) -> int:
    """If a line can be rebuilt now that a share has come, begin to: it is done after the time of decoding."""
    if word(w, DIMENSIONS) == 1:
        verdict = row_of(w, whole + VERDICT)
        state = w.notes[verdict, seat]
        lacks = (state & _LOW_32) < word(w, word(w, WANTED_AT) + seat)
        if lacks and state < _REBUILDING and w.notes[row_of(w, whole), seat] >= word(w, NEED):
            first, end = own_lines(w, seat)
            if end > first:
                w.notes[verdict, seat] += _REBUILDING
                count = act(w, count, TICK, REBUILD, whole, decoding_ns(w, seat))
        return count
    for way in range(2):
        line = line_of(w, index, way)
        if slot(w, line, seat) >= 0:
            count = plan_line(w, seat, whole, line, count)
    return count


@njit
def plan_line(w: World, seat: int, whole: int, line: int, count: int) -> int:
    """Begin to rebuild a line of two dimensions if enough of it is here, not all, and it has not been begun."""
    row = row_of(w, whole + FIRST_LINE + line)
    kept = w.notes[row, seat]
    if kept >= need(w, line) and kept < length(w, line) and w.held[row, seat] == ABSENT:
        w.held[row, seat] = WANTED
        count = act(w, count, TICK, REBUILD + 1 + line, whole, decoding_ns(w, seat))
    return count


@njit
def decoding_ns(w: World, seat: int) -> int:
    """How long a seat takes from now on to decode a line: its cores, where there are any, do one thing after the other."""
    work_ns = word(w, DECODE_NS)
    count_up(w, REBUILDS, 1)
    count_up(w, REBUILD_CPU_NS, work_ns)
    if w.setup[CORES] == 0:
        return work_ns
    return take_core(w, seat, w.clock[NOW], work_ns) - w.clock[NOW]


@njit
def rebuild(w: World, seat: int, whole: int, line: int, count: int) -> int:
    """Compute what is missing on a line, keep it and pass it on; who finds a wrong code tells everybody."""
    first_share = np.int64(w.items[whole]["first_piece"])
    if w.items[first_share]["duty"] == BAD:
        return accuse(w, seat, whole, count)
    first_row = row_of(w, first_share)
    for place in range(length(w, line)):
        index = share_on(w, line, place)
        share = first_share + index
        if w.held[first_row + index, seat] != HELD:
            attach(w, seat, share)
            take(w, seat, whole, share, index)
            before = count
            count = pass_on(w, seat, -1, share, index, count)
            count_up(w, REBUILT, 1)
            if w.seats[seat]["flags"] & RELAYS:
                count_up(w, RESEEDED, count - before)
    return count


@njit
def accuse(w: World, seat: int, whole: int, count: int) -> int:
    """The shares are no code: hold the proof of it and send it along the overlay, where the gossip takes it on."""
    if w.held[row_of(w, whole + FRAUD), seat] != HELD:
        attach(w, seat, whole + FRAUD)
        for place in range(w.offsets[seat], w.offsets[seat + 1]):
            if count < w.actions.shape[0]:
                count = act(w, count, BODY, np.int64(w.neighbours[place]), whole + FRAUD, 0)
    return count


@njit
def begin_rebuilding(w: World, seat: int, whole: int, tick: int) -> int:
    """Decoding is done."""
    if tick > REBUILD:
        line = tick - REBUILD - 1
        w.held[row_of(w, whole + FIRST_LINE + line), seat] = HELD
        count = rebuild(w, seat, whole, line, 0)
        first, end = own_lines(w, seat)
        for at in range(first, end):  # a share rebuilt on one line may be enough for the lines across
            count = plan_line(w, seat, whole, word(w, at), count)
        return count
    count = 0
    first, end = own_lines(w, seat)
    for at in range(first, end):
        count = rebuild(w, seat, whole, word(w, at), count)
    return count


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """What a seat does about the data behind blocks."""
    if event == TICKED and peer == KEEPER_TICK:
        whole = -np.int64(w.items[item]["duty"])
        if w.items[whole]["duty"] == PLAIN:  # its rows were given up: Python puts them back at the end of this instant
            return act(w, 0, TICK, KEEPER_TICK, item, 1)
        first, end = own_lines(w, seat)
        if first == end:
            sample(w, seat, whole)
        if word(w, word(w, WANTED_AT) + seat) == 0:
            attach(w, seat, whole + VERDICT)
        return ask(w, seat, whole, 0)
    if event == TICKED and not w.seats[seat]["flags"] & UP:
        return act(w, 0, TICK, peer | PUT_OFF, item, BACK_NS)
    if event == TICKED and peer > PUT_OFF + ASK_AGAIN:  # back: what lay half decoded in memory is decoded anew
        return act(w, 0, TICK, peer ^ PUT_OFF, item, decoding_ns(w, seat))
    if event == TICKED and peer | PUT_OFF == ASK_AGAIN | PUT_OFF:
        if w.held[row_of(w, item + VERDICT), seat] == HELD:
            return 0
        row = row_of(w, item + FRAUD)
        w.notes[row, seat] += 1
        return ask(w, seat, item, w.notes[row, seat])
    if event == TICKED:
        return begin_rebuilding(w, seat, item, peer)
    if event == REQUESTED:
        return act(w, 0, BODY, peer, item, 0)
    if event != GOT and event != PUBLISHED:
        return 0
    whole = np.int64(w.items[item]["whole"])
    index = item - np.int64(w.items[whole]["first_piece"])
    if event == PUBLISHED:
        take(w, seat, whole, item, index)
        return hand_out(w, seat, whole, item, index, 0)
    if w.items[item]["duty"] == BAD and word(w, CHECKS) != 0:  # it does not open the commitment: refused, not passed on
        w.held[row_of(w, item), seat] = ABSENT
        w.arrival[row_of(w, item), seat] = -1
        w.notes[row_of(w, whole), seat] -= 1
        return 0
    take(w, seat, whole, item, index)
    return plan_rebuilding(w, seat, whole, index, pass_on(w, seat, peer, item, index, 0))
