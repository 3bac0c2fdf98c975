"""Asking for memory ahead of the event that will work on it: in a large network most of a run's time is waiting for memory.

Nothing here changes any outcome; interpreted, it does nothing that shows.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.jit import COMPILED, inlined
from sim.net.core.state import BODY, HELD, OPEN_END, SERVED, WAITS_OF_SEAT, World

if COMPILED:
    from sim.net.core.compiled import fetch_early
else:

    def fetch_early(array: np.ndarray, row: int, offset_bytes: int) -> None:
        """Nothing to gain without machine code."""


FEW = 96
"""Of a bucket of the calendar so many events' memory is asked for when it is opened."""
_SOON = 6  # events between asking for the memory of one and working on it
_LINE_BYTES = 64


@inlined
def fetch_ahead(w: World, at: int) -> None:
    """The event at that place of the open bucket comes now: ask for what the next ones need."""
    if at + _SOON < w.clock[OPEN_END]:
        if w.clock[OPEN_END] > FEW:
            fetch_for_copy(w, w.opened[at + _SOON, 1])
        _fetch_for_first_copy(w, w.opened[at + _SOON // 2, 1])


@inlined
def fetch_for_copy(w: World, word: int) -> None:
    """An event is near: its seat, the line that receiving touches, and its envelope."""
    fetch_early(w.seats, (word >> 32) & 0xFFFFFF, 0)
    fetch_early(w.envelopes, word & 0xFFFFFFFF, 0)


@inlined
def _fetch_for_first_copy(w: World, word: int) -> None:
    """An event is very near: the first copy of a body makes its seat relay it, which takes more."""
    if word >> 56 > SERVED:  # it is no copy's
        return
    row = w.envelopes[word & 0xFFFFFFFF]
    if row["packet"] == BODY and row["item"] >= 0:  # spam is about nothing
        seat = (word >> 32) & 0xFFFFFF
        place = w.items[row["item"]]["row"]
        if w.held[place, seat] != HELD:
            fetch_early(w.seats, seat, _LINE_BYTES)
            fetch_early(w.offsets, seat, 0)
            fetch_early(w.arrival, place, seat * 8)
            fetch_early(w.came_from, place, seat * 4)
            fetch_early(w.waits, WAITS_OF_SEAT + seat, 0)
