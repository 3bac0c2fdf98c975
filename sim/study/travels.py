"""Everything that was published and how it travelled, one row a thing: votes and records too, which `Spread` leaves out.

The arrays are those of the delivery core, not copies. A kind is a family ('block', 'record', 'tx', 'rumour'), or for a
protocol message that travels by gossip the name of its class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.net.core import state as st
from sim.net.drawer import Drawer, arrivals_in, first_copies_in
from sim.net.network import Network

MOST_CELLS = 1 << 20
"""Cells (thing, seat) that are looked at in one go."""


@dataclass(frozen=True, eq=False)
class Travels:
    """Columns, one entry a published thing; of a thing in pieces, its pieces are counted with it."""

    kinds: tuple[str, ...]
    kind: NDArray[np.int64]
    """Place of its kind in `kinds`."""
    names: tuple[str, ...]
    """Its digest, or whatever it is called."""
    publisher: NDArray[np.int64]
    published_ns: NDArray[np.int64]
    packets: NDArray[np.int64]
    """Packets about it that were sent: bodies, announcements, requests, control packets that name it."""
    sent_bytes: NDArray[np.int64]
    waited_ns: NDArray[np.int64]
    """How long these packets stood in uplink queues, in all."""
    copies: NDArray[np.int64]
    """Copies of its body (or of pieces of it) that were received."""
    first_copies: NDArray[np.int64]
    pieces: NDArray[np.int64]
    """int64[things, 2]: row of its first piece and how many there are; -1 and 0 where it travels whole."""
    row: NDArray[np.int64]
    """Its row in the two tables below."""
    arrival_ns: NDArray[np.int64]
    """int64[rows, seats]: when a seat held the whole of it; -1 never."""
    came_from: NDArray[np.int32]
    """int32[rows, seats]: who sent a seat its first copy; -2 - row of the piece that completed it; -1 nobody."""
    put_away: Mapping[int, bytes] = field(default_factory=dict)
    """Things that have no row, and what seats had of them; see `sim.net.drawer`."""

    def arrivals_ns(self, things: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64[things, seats]: when a seat held the whole of each; -1 never."""
        found: NDArray[np.int64] = self.arrival_ns[self.row[things]]
        for place, thing in enumerate(things.tolist()):
            if thing in self.put_away:
                found[place] = arrivals_in(self.put_away[thing], found.shape[1])
        return found

    def slabs(self, chosen: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """`chosen` things in portions of at most MOST_CELLS cells."""
        portions = -(-len(chosen) * max(1, self.arrival_ns.shape[1]) // MOST_CELLS)
        return [part for part in np.array_split(chosen, max(1, min(len(chosen), portions))) if len(part)]

    def hops(self, things: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64[things, seats]: over how many links each seat's first copy came; the publisher 0, -1 where no way is known.

        Of a thing in pieces it is the way of the piece that completed it.
        """
        came_from = self.came_from[self.row[things]].astype(np.int64)
        start = np.full(came_from.shape, -1, np.int64)
        for place in np.flatnonzero((came_from <= -2).any(axis=1)):
            first, count = self.pieces[things[place]]
            way = self.came_from[first : first + count].astype(np.int64)
            of_piece = hops_of(way, _at(np.full(way.shape, -1, np.int64), self.publisher[things[place]]))
            completed = np.flatnonzero(came_from[place] <= -2)
            start[place, completed] = of_piece[-2 - came_from[place, completed] - first, completed]
        return hops_of(came_from, _at(start, self.publisher[things]))


def _at(start: NDArray[np.int64], publisher: Any) -> NDArray[np.int64]:
    """`start`, where the publisher of each row stands at the beginning of its way."""
    start[np.arange(len(start)), publisher] = 0
    return start


def hops_of(came_from: NDArray[np.int64], start: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64[things, seats]: `start` (links already behind it; -1 unknown) of the seat at the root of each seat's way, plus the way.

    Every round doubles how far back is looked, so a hundred thousand seats in a row take seventeen.
    """
    steps = ((came_from >= 0) & (start < 0)).astype(np.int64)
    before = np.where(steps > 0, came_from, np.arange(came_from.shape[1]))
    for _ in range(came_from.shape[1].bit_length()):
        further = np.take_along_axis(steps, before, axis=1)
        if not further.any():
            break
        steps += further
        before = np.take_along_axis(before, before, axis=1)
    root = np.take_along_axis(start, before, axis=1)
    return np.where(root < 0, -1, root + steps)


class Travelled:
    """Columns that are made when they are first asked for: checks never ask, metrics and pictures do."""

    def __init__(self, lay_open: Callable[[], Travels]) -> None:
        self._lay_open: Callable[[], Travels] | None = lay_open

    @cached_property
    def columns(self) -> Travels:
        """All that was published; what they were made from is let go of."""
        assert self._lay_open is not None
        columns, self._lay_open = self._lay_open(), None
        return columns


def travels_of(network: Network, drawer: Drawer) -> Travels:
    """What the delivery core wrote down of everything that somebody published."""
    core = network.world
    count = len(network.item_names)
    items, books = core.items[:count], core.item_books[:count]
    pieces = items["whole"] >= 0
    in_pieces = bool(pieces.any())
    owner = np.where(pieces, items["whole"], np.arange(count))
    first_copies, slab = np.zeros(count, np.int64), max(1, MOST_CELLS // core.came_from.shape[1])
    for begin in range(0, count, slab):
        rows = items["row"][begin : begin + slab]
        first_copies[begin : begin + slab] = np.count_nonzero(core.came_from[rows] >= 0, axis=1)
    for item, cells in drawer.away.items():
        first_copies[item] = first_copies_in(cells)
    chosen = np.flatnonzero((items["published_ns"] >= 0) & ~pieces)
    codes: dict[str, int] = {}
    places = chosen.tolist()
    told = zip(places, items["message"][chosen].tolist(), strict=True)
    kind = [codes.setdefault(_kind(network, item, message), len(codes)) for item, message in told]

    def counted(column: NDArray[np.int64]) -> NDArray[np.int64]:
        if not in_pieces:
            return column[chosen]
        total = np.zeros(count, np.int64)
        np.add.at(total, owner, column)
        return total[chosen]

    return Travels(
        kinds=tuple(codes),
        kind=np.array(kind, np.int64),
        names=tuple([str(network.item_names[item]) for item in places]),
        publisher=items["publisher"][chosen].astype(np.int64),
        published_ns=items["published_ns"][chosen],
        packets=counted(books[:, st.BOOK_PACKETS]),
        sent_bytes=counted(books[:, st.BOOK_BYTES]),
        waited_ns=counted(books[:, st.BOOK_WAITED]),
        copies=counted(books[:, st.BOOK_COPIES]),
        first_copies=counted(first_copies),
        pieces=np.stack([_row_of(items, items["first_piece"][chosen]), items["pieces"][chosen]], axis=1).astype(np.int64),
        row=items["row"][chosen].astype(np.int64),
        arrival_ns=core.arrival,
        came_from=core.came_from,
        put_away={thing: drawer.away[item] for thing, item in enumerate(chosen.tolist()) if item in drawer.away},
    )


def _row_of(items: Any, chosen: NDArray[np.int32]) -> NDArray[np.int32]:
    """The rows of some items, -1 for -1."""
    rows: NDArray[np.int32] = np.where(chosen >= 0, items["row"][chosen], -1)
    return rows


def _kind(network: Network, item: int, message: int) -> str:
    if message < 0:
        return network.families[item]
    return network.kind_names[int(network.world.messages[message]["kind"])]
