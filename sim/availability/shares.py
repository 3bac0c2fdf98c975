"""The matrix of shares as its rule sees it: the words of the keeper's options, lines, places, and the items behind a block.

In one dimension there is one row, and each share is a column and a line of its own; in two, lines are the rows and then the columns.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import draw64
from sim.kernel.jit import njit
from sim.net.core.state import (
    ABOUT,
    DELAY_NS,
    KEEPER_OPTIONS,
    PACKET,
    SEATS,
    TARGET,
    World,
)

(DIMENSIONS, ROWS, COLUMNS, NEED, PATIENCE_NS, DECODE_NS, SAMPLES, COPIES, KEY, DEGREE, TURNS, CHECKS, MOST_ASKED) = range(13)
(SLOTS_AT, MESH_AT, FIRST_MEMBER_AT, MEMBERS_AT, FIRST_LINE_AT, LINES_AT, WANTED_AT, SERVERS_AT, SERVERS, NEED_DOWN) = range(13, 23)
(REBUILDS, REBUILT, RESEEDED, REBUILD_CPU_NS) = range(23, 27)
KNOWN, KNOWN_AT = 27, 28
OPTION_WORDS = 29
"""Words of the keeper's options; those that end in AT say where a table begins, counted from the first word. NEED is of a row, NEED_DOWN
of a column. Four the rule counts up itself: lines rebuilt, shares that came of it, copies of them sent, CPU time. KNOWN others are known to each seat, 0: all."""
VERDICT, FRAUD, FIRST_LINE = 1, 2, 3  # items behind the whole
ASK_AGAIN, REBUILD = 1, 2  # ticks; REBUILD + 1 + line is for a line of two
PUT_OFF = 1 << 30
"""Added to a tick that was due at a seat that was down: the seat looks again whether it is back."""
BACK_NS = 1_000_000_000
"""After how long it does."""
_U32 = np.uint64(32)


@njit
def word(w: World, place: int) -> int:
    """A word of the keeper's options."""
    return w.options[w.setup[KEEPER_OPTIONS] + place]


@njit
def row_of(w: World, item: int) -> int:
    """Where in the tables (item, seat) an item's row lies. Lines and shares of one block lie one after the other."""
    return np.int64(w.items[item]["row"])


@njit
def below(w: World, whole: int, seat: int, turn: int, bound: int) -> int:
    """A number below `bound`, drawn for the data, the seat and the turn."""
    key = draw64(w.items[whole]["key"] ^ np.uint64(word(w, KEY)), np.uint64(seat))
    return np.int64(draw64(key, np.uint64(turn)) >> _U32) * bound >> 32


@njit
def line_of(w: World, index: int, way: int) -> int:
    """The line of a share: in two dimensions its row (way 0) or its column (way 1), in one its column."""
    columns = word(w, COLUMNS)
    if word(w, DIMENSIONS) == 1:
        return index
    return index // columns if way == 0 else word(w, ROWS) + index % columns


@njit
def share_on(w: World, line: int, place: int) -> int:
    """The share at a place of a line."""
    rows, columns = word(w, ROWS), word(w, COLUMNS)
    if word(w, DIMENSIONS) == 1:
        return line
    return line * columns + place if line < rows else place * columns + line - rows


@njit
def length(w: World, line: int) -> int:
    """How many shares a line has."""
    if word(w, DIMENSIONS) == 1:
        return 1
    return word(w, COLUMNS) if line < word(w, ROWS) else word(w, ROWS)


@njit
def need(w: World, line: int) -> int:
    """How many shares of a line are enough for the rest of it; in one dimension, of the whole."""
    return word(w, NEED) if word(w, DIMENSIONS) == 1 or line < word(w, ROWS) else word(w, NEED_DOWN)


@njit
def count_up(w: World, place: int, by: int) -> None:
    """One of the keeper's own counts grows."""
    w.options[w.setup[KEEPER_OPTIONS] + place] += by


@njit
def slot(w: World, line: int, seat: int) -> int:
    """The seat's place in the mesh of a line; -1 where it does not keep it."""
    return word(w, word(w, SLOTS_AT) + line * w.setup[SEATS] + seat)


@njit
def act(w: World, count: int, packet: int, target: int, about: int, delay_ns: int) -> int:
    """Write down one action; returns the new count."""
    w.actions[count, PACKET] = packet
    w.actions[count, TARGET] = target
    w.actions[count, DELAY_NS] = delay_ns
    w.actions[count, ABOUT] = about
    return count + 1


@njit
def own_lines(w: World, seat: int) -> tuple[int, int]:
    """Where in the options the list of a seat's lines begins, and where it ends."""
    first = word(w, FIRST_LINE_AT) + seat
    return word(w, LINES_AT) + word(w, first), word(w, LINES_AT) + word(w, first + 1)


@njit
def keepers(w: World, seat: int, line: int) -> int:
    """How many keepers of a line a seat can turn to: all of them, itself included, or those that it knows."""
    if word(w, KNOWN) == 0:
        first = word(w, FIRST_MEMBER_AT) + line
        return word(w, first + 1) - word(w, first)
    count = 0
    for place in range(word(w, KNOWN)):
        other = word(w, word(w, KNOWN_AT) + seat * word(w, KNOWN) + place)
        count += other >= 0 and slot(w, line, other) >= 0
    return count


@njit
def keeper_at(w: World, seat: int, line: int, wanted: int) -> int:
    """One of them, 0 <= wanted < keepers."""
    if word(w, KNOWN) == 0:
        return word(w, word(w, MEMBERS_AT) + word(w, word(w, FIRST_MEMBER_AT) + line) + wanted)
    place = -1
    other = -1
    while wanted >= 0:
        place += 1
        other = word(w, word(w, KNOWN_AT) + seat * word(w, KNOWN) + place)
        wanted -= other >= 0 and slot(w, line, other) >= 0
    return other
