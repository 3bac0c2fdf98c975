"""When the shares that are out give back all: the k-th of them in one dimension, peeling line by line in two."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.kernel.jit import njit

Times = NDArray[np.int64]


def rebuildable_at(first_ns: Times, enough: int, enough_down: int) -> int:
    """When shares that come at these times (int64[rows, columns], -1 never) first determine all of them; -1 never.

    With one row any `enough` shares do. With more, a row with `enough` or a column with `enough_down` of its shares gives all of
    them, which may complete others, and so on. Which line is completed first does not matter: peeling only ever adds.
    """
    if first_ns.shape[0] == 1:
        known = np.sort(first_ns[first_ns >= 0])
        return int(known[enough - 1]) if known.size >= enough else -1
    order = np.argsort(first_ns, axis=None, kind="stable")
    order = order[first_ns.ravel()[order] >= 0]
    place = int(completing(order, first_ns.shape[0], first_ns.shape[1], enough, enough_down))
    return int(first_ns.ravel()[order[place]]) if place >= 0 else -1


def rebuilt(there: NDArray[np.bool_], enough: int, enough_down: int) -> bool:
    """Whether the shares that are there (bool[rows, columns]) give back all."""
    return rebuildable_at(np.where(there, 0, -1).astype(np.int64), enough, enough_down) >= 0


@njit
def completing(order: Times, rows: int, columns: int, enough: int, enough_down: int) -> int:
    """The place in the order of coming of the share with which all are determined; -1 if even all of them are too few."""
    known = np.zeros((rows, columns), np.bool_)
    count = np.zeros(rows + columns, np.int64)
    waiting = np.zeros(rows + columns, np.int64)
    left = rows * columns
    for place in range(len(order)):
        row, column = order[place] // columns, order[place] % columns
        if known[row, column]:
            continue
        known[row, column] = True
        left -= 1
        pending = 0
        for line in (row, rows + column):
            count[line] += 1
            if count[line] == (enough if line < rows else enough_down):
                waiting[pending] = line
                pending += 1
        while pending > 0:
            pending -= 1
            line = waiting[pending]
            for step in range(columns if line < rows else rows):
                r = line if line < rows else step
                c = step if line < rows else line - rows
                if not known[r, c]:
                    known[r, c] = True
                    left -= 1
                    for other in (r, rows + c):
                        count[other] += 1
                        if count[other] == (enough if other < rows else enough_down):
                            waiting[pending] = other
                            pending += 1
        if left == 0:
            return place
    return -1
