"""Items by the hundred, and rows of the tables (item, seat) that are given up again: what keeps runs of many slots small.

An item's number is its own for the whole run; its row, where the core keeps what each seat has of it, may go to another item once
nothing can ask for it any more. Such items come in blocks of one size, so that a row given up fits the next block.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.net import arena
from sim.net.core import state as st

if TYPE_CHECKING:
    from sim.net.network import Network

Packed = tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]
"""Cells that hold anything, their states and times; cells with a note, and the notes."""
_TABLES = ("held", "arrival", "notes", "came_from")


class Shelf:
    """The blocks of items of one run."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._free: dict[int, list[int]] = {}
        """By size of a block, the first rows of those given up."""
        self._nowhere = -1

    def put(self, name: Hashable, family: str, count: int, size_bytes: int) -> int:
        """Make `count` items that are alike, with rows one after the other; returns the first."""
        network = self._network
        first = len(network.item_names)
        network.item_names += [name] * count
        network.families += [family] * count
        row = self._rows(count)
        world = arena.enlarge(network.world, _doubled(network, ("items", "item_books"), first + count))
        items = world.items[first : first + count]
        items["key"] = network.dice.words("item", family, count=first + count)[first:]
        items["size_bytes"] = size_bytes
        for field in ("published_ns", "publisher", "message", "signer", "whole", "first_piece"):
            items[field] = -1
        items["row"] = np.arange(row, row + count)
        network.row_of.extend(range(row, row + count))
        world.setup[st.ITEMS] = first + count
        network.largest_bytes = max(network.largest_bytes, size_bytes)
        return first

    def _rows(self, count: int) -> int:
        """The first of so many rows that nobody uses, as good as new."""
        network = self._network
        if self._free.get(count):
            row = self._free[count].pop()
            world = network.world
            for table in _TABLES:
                getattr(world, table)[row : row + count] = -1 if table in ("arrival", "came_from") else 0
            return row
        row = network.rows
        network.rows += count
        arena.enlarge(network.world, _doubled(network, _TABLES, network.rows))
        return row

    def give_up(self, first: int, count: int) -> None:
        """Nothing will ask for these items of one block again, or not before they are taken back."""
        world = self._network.world
        if self._nowhere < 0:
            self._nowhere = self._rows(1)
        self._free.setdefault(count, []).append(int(world.items[first]["row"]))
        world.items[first : first + count]["row"] = self._nowhere
        self._network.row_of[first : first + count] = array("i", [self._nowhere]) * count

    def packed(self, first: int, count: int) -> Packed:
        """What seats have of the items of one block, in little room. From whom they had it is not kept."""
        world = self._network.world
        row = int(world.items[first]["row"])
        held, arrival, notes = (getattr(world, table)[row : row + count].reshape(-1) for table in _TABLES[:3])
        had = np.flatnonzero(held).astype(np.int32)
        noted = np.flatnonzero(notes).astype(np.int32)
        return had, held[had], arrival[had], noted, notes[noted]

    def take_back(self, first: int, packed: Packed, count: int) -> None:
        """Give the items of a block rows again, with what seats had of them."""
        row = self._rows(count)
        world = self._network.world
        held, arrival, notes = (getattr(world, table)[row : row + count].reshape(-1) for table in _TABLES[:3])
        had, states, times_ns, noted, words = packed
        held[had], arrival[had], notes[noted] = states, times_ns, words
        world.items[first : first + count]["row"] = np.arange(row, row + count)
        self._network.row_of[first : first + count] = array("i", range(row, row + count))

    def under_way(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(Items that copies, requests or ticks on their way are about; items of whose coming a keeper is to hear)."""
        world = self._network.world
        used = world.envelopes[: int(world.clock[st.ENVELOPES_USED])]
        live = used[(used["copies"] > 0) & (used["packet"] != st.MESSAGE) & (used["packet"] != st.CERTIFICATE)]
        told = live[(live["packet"] == st.TICK) & (live["signer"] == st.KEEPER_TICK)]
        return np.sort(live["item"].astype(np.int64)), told["item"].astype(np.int64)


def _doubled(network: Network, names: tuple[str, ...], rows: int) -> dict[str, int]:
    """Room for so many rows, twice over where it is short."""
    return dict.fromkeys(names, 2 * rows) if rows > getattr(network.world, names[0]).shape[0] else {}
