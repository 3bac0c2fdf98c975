"""The keeper's rule of availability certificates: disperse, acknowledge, certify.

The publisher sends seat i the i-th share, or everybody the whole; whoever holds what is its own says so to the publisher; with
enough of these signatures the publisher has a certificate, which it sends to everybody. The items behind a block are those of
`sim.availability.shares`; its verdict is the certificate itself.
"""

from __future__ import annotations

import numpy as np

from sim.availability.shares import VERDICT, act, row_of, word
from sim.kernel.jit import njit
from sim.net.core.relay import attach
from sim.net.core.state import (
    BODY,
    CONTROL,
    GOT,
    HEARD,
    PUBLISHED,
    REQUESTED,
    SEATS,
    SIZE_BYTES,
    World,
)

ACKS, CODED, ACK_BYTES = range(3)
OPTION_WORDS = 3


@njit
def to_all_others(w: World, seat: int, item: int) -> int:
    """One copy to every other seat; returns how many actions that takes."""
    count = 0
    for step in range(1, w.setup[SEATS]):
        count = act(w, count, BODY, (seat + step) % w.setup[SEATS], item, 0)
    return count


@njit
def acknowledged(w: World, seat: int, whole: int) -> int:
    """One more seat has what is its own; with enough of them the certificate goes out."""
    certificate = whole + VERDICT
    row = row_of(w, certificate)
    w.notes[row, seat] += 1
    if w.notes[row, seat] != word(w, ACKS):
        return 0
    attach(w, seat, certificate)
    return to_all_others(w, seat, certificate)


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """What a seat does about the data behind blocks."""
    if event == HEARD:
        return acknowledged(w, seat, item)
    if event == REQUESTED:
        return act(w, 0, BODY, peer, item, 0)
    whole = np.int64(w.items[item]["whole"])
    if whole < 0 or (event != GOT and event != PUBLISHED):  # a certificate has come: to hold it is all
        return 0
    index = item - np.int64(w.items[whole]["first_piece"])
    if event == PUBLISHED:
        if word(w, CODED) == 0:
            count = to_all_others(w, seat, item)
            w.notes[row_of(w, whole + VERDICT), seat] += 1
            return count
        return acknowledged(w, seat, whole) if index == seat else act(w, 0, BODY, index, item, 0)
    if word(w, CODED) != 0 and index != seat:
        return 0
    w.actions[0, SIZE_BYTES] = word(w, ACK_BYTES)
    return act(w, 0, CONTROL, np.int64(w.items[whole]["publisher"]), whole, 0)
