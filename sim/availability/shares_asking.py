"""Asking for shares: a sampler draws some and asks those who keep all, a keeper of lines asks others for what has not come."""

from __future__ import annotations

import numpy as np

from sim.availability.shares import (
    ASK_AGAIN,
    MOST_ASKED,
    PATIENCE_NS,
    SAMPLES,
    SERVERS,
    SERVERS_AT,
    TURNS,
    VERDICT,
    act,
    below,
    keeper_at,
    keepers,
    length,
    own_lines,
    row_of,
    share_on,
    word,
)
from sim.kernel.jit import njit
from sim.net.core.state import HELD, REQUEST, TICK, World


@njit
def sample(w: World, seat: int, whole: int) -> None:
    """Draw which shares this seat will ask for, all different, and mark them."""
    shares = np.int64(w.items[whole]["pieces"])
    first_share = np.int64(w.items[whole]["first_piece"])
    first_row = row_of(w, first_share)
    wanted = word(w, SAMPLES)  # at most as many as there are
    found = 0
    turn = 0
    while found < wanted:
        row = first_row + below(w, whole, seat, turn, shares)
        turn += 1
        if w.notes[row, seat] == 0:
            w.notes[row, seat] = 1
            found += 1
    w.notes[row_of(w, whole + VERDICT), seat] += turn << 32


@njit
def ask(w: World, seat: int, whole: int, turn: int) -> int:
    """Ask for what is missing: a sampler any server, who keeps lines another who keeps one of the share's; and plan the next time."""
    first_share = np.int64(w.items[whole]["first_piece"])
    first_row = row_of(w, first_share)
    count = 0
    first, end = own_lines(w, seat)
    if first == end:
        shares = np.int64(w.items[whole]["pieces"])
        draws = (w.notes[row_of(w, whole + VERDICT), seat] >> 32) & 0x3FFFFFFF
        for place in range(draws):
            index = below(w, whole, seat, place, shares)
            if w.held[first_row + index, seat] != HELD and w.notes[first_row + index, seat] != turn + 2:
                share = first_share + index
                w.notes[first_row + index, seat] = turn + 2  # a share drawn twice is asked for once
                server = below(w, whole, seat, (turn + 1 << 32) + place, word(w, SERVERS))
                count = act(w, count, REQUEST, word(w, word(w, SERVERS_AT) + server), share, 0)
    elif turn > 0:
        for at in range(first, end):
            line = word(w, at)
            members = keepers(w, seat, line)
            for place in range(length(w, line)):
                index = share_on(w, line, place)
                share = first_share + index
                if w.held[first_row + index, seat] != HELD and count < word(w, MOST_ASKED) and members > 0:
                    target = keeper_at(w, seat, line, below(w, whole, seat, (turn << 32) + share, members))
                    if target != seat:
                        count = act(w, count, REQUEST, target, share, 0)
    if turn < word(w, TURNS):
        count = act(w, count, TICK, ASK_AGAIN, whole, word(w, PATIENCE_NS))
    return count
