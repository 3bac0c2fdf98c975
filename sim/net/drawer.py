"""Records, which only a few seats are to hold, put away while nothing is under way about them: what keeps long runs of many small.

A row of the tables (item, seat) is as wide as the network, and a record lies at two or three seats. So its row is given to the next item
once it has come to rest: what seats have of it is kept cell by cell, and put back as it was when somebody names the record again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.net.core import state as st

if TYPE_CHECKING:
    from sim.net.network import Network

CELL = np.dtype([("seat", "i4"), ("came_from", "i4"), ("arrival", "i8"), ("notes", "i8"), ("held", "u1")])
REST = {"held": st.ABSENT, "arrival": -1, "notes": 0, "came_from": -1}
"""What a row's cells hold before anything has happened to them."""
FEWEST = 1024
"""Records with rows that are not worth looking through."""
_MOST_CELLS = 1 << 20


def arrivals_in(cells: bytes, seats: int) -> NDArray[np.int64]:
    """int64[seats]: when each seat came to hold a record that is put away; -1 never."""
    found, kept = np.full(seats, REST["arrival"], np.int64), np.frombuffer(cells, CELL)
    found[kept["seat"]] = kept["arrival"]
    return found


def first_copies_in(cells: bytes) -> int:
    """How many seats had a record that is put away first from another."""
    return int(np.count_nonzero(np.frombuffer(cells, CELL)["came_from"] >= 0))


class Drawer:
    """The records of one run."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._out: dict[int, int] = {}
        """Records with rows, and when each was named last."""
        self.away: dict[int, bytes] = {}
        """The cells of each record that is put away."""
        self._due = FEWEST
        self._nowhere = -1

    def item(self, name: str, size_bytes: int = 0) -> int:
        """The number of a record, which has a row until the clock has moved on; see `Network.item`."""
        network = self._network
        item = network.item(name, "record", size_bytes)
        if item in self.away:
            self._take_out(item)
        self._out[item] = int(network.world.clock[st.NOW])
        if len(self._out) >= self._due:
            self._tidy()
            self._due = max(FEWEST, 2 * len(self._out))
        return item

    def arrival_ns(self, item: int) -> NDArray[np.int64]:
        """int64[seats]: when each seat came to hold an item of the network, -1 never; not to be written to."""
        arrival = self._network.world.arrival
        if item in self.away:
            return arrivals_in(self.away[item], arrival.shape[1])
        row: NDArray[np.int64] = arrival[self._network.row_of[item]]
        return row

    def arrivals_ns(self, items: list[int]) -> list[NDArray[np.int64]]:
        """The same of many, copied."""
        row_of, away = self._network.row_of, self.away
        found: list[NDArray[np.int64]] = list(self._network.world.arrival.take([row_of[item] for item in items], 0))
        for place, item in enumerate(items) if away else ():
            if item in away:
                found[place] = arrivals_in(away[item], len(found[place]))
        return found

    def _take_out(self, item: int) -> None:
        network, cells = self._network, np.frombuffer(self.away.pop(item), CELL)
        row = network.row_of[item] = network.new_row("record")
        for table in REST:
            getattr(network.world, table)[row, cells["seat"]] = cells[table]
        network.world.items[item]["row"] = row

    def _tidy(self) -> None:
        """Put away all that nothing is under way about, and that nobody named at this instant: orders about it may not be obeyed yet."""
        network, now_ns = self._network, self._network.world.clock[st.NOW]
        if self._nowhere < 0:
            self._nowhere = network.new_row("record")
        used = network.world.envelopes[: int(network.world.clock[st.ENVELOPES_USED])]
        live = used[(used["copies"] > 0) & (used["packet"] != st.MESSAGE) & (used["packet"] != st.CERTIFICATE)]
        busy = np.zeros(len(network.item_names), np.bool_)
        busy[live["item"][(live["item"] >= 0) & (live["item"] < len(busy))]] = True
        idle = np.array([item for item, named_ns in self._out.items() if named_ns < now_ns and not busy[item]], np.int64)
        for some in np.array_split(idle, max(1, idle.size * network.world.held.shape[1] // _MOST_CELLS)):
            self._put_away(some)

    def _put_away(self, items: NDArray[np.int64]) -> None:
        network, world = self._network, self._network.world
        rows = world.items["row"][items].astype(np.int64)
        tables = {table: getattr(world, table)[rows] for table in REST}
        which, seats = np.nonzero(np.logical_or.reduce([tables[table] != rest for table, rest in REST.items()]))
        cells = np.zeros(len(which), CELL)
        cells["seat"] = seats
        for table, rest in REST.items():
            cells[table] = tables[table][which, seats]
            getattr(world, table)[rows] = rest
        ends = np.searchsorted(which, np.arange(len(items)), "right").tolist()
        for item, row, begin, end in zip(items.tolist(), rows.tolist(), [0, *ends], ends, strict=False):
            self.away[item] = cells[begin:end].tobytes()
            network.row_of[item] = self._nowhere
            network.spare_rows.append(row)
            del self._out[item]
        world.items["row"][items] = self._nowhere
