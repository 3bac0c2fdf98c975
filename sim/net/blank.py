"""Small worlds at rest, kept as one piece of memory each: of sixty arrays made one by one, a small run would notice every one.

What is at rest depends on a handful of numbers alone (how many seats, cores, buckets…), so runs that agree in them begin with the
same bytes. A run gets a copy of its own; nothing it writes is seen by another.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from sim.net.core import state as st

_LINE_BYTES = 64
"""Each array begins at a cache line."""


class Blank:
    """The arrays of a world, of which `world()` makes as many as are wanted.

    Of `unused` ones, which only larger ones in their places (`World.exchange`) give a meaning, Python is shown the same few
    cells in all worlds, not to be written to. The core has cells of its own there too.
    """

    def __init__(self, arrays: dict[str, Any], unused: Iterable[str] = ()) -> None:
        self._unused = {name: arrays[name] for name in unused}
        for array in self._unused.values():
            array.setflags(write=False)
        ends = np.cumsum([-(-array.nbytes // _LINE_BYTES) * _LINE_BYTES for array in arrays.values()])
        offsets = [0, *ends[:-1].tolist()]
        self._image = np.zeros(int(ends[-1]), np.uint8)
        self._layout = [
            (name, array.shape, array.dtype, at)
            for (name, array), at in zip(arrays.items(), offsets, strict=True)
            if name not in self._unused
        ]
        for (_, array), at in zip(arrays.items(), offsets, strict=True):
            self._image[at : at + array.nbytes] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        placed = st.Placed.of(arrays)
        self._table = st.World().table  # with addresses counted from the first array's
        self._table[placed.places] = placed.rows
        self._table[placed.places, 0] = offsets
        self._starts = np.zeros_like(self._table)
        self._starts[placed.places, 0] = 1

    def world(self) -> st.World:
        """A world with these arrays, and nothing in the places of others."""
        room = np.empty(len(self._image) + _LINE_BYTES, np.uint8)
        address = st.address_of(room)
        begin = -address % _LINE_BYTES
        room[begin : begin + len(self._image)] = self._image
        world = st.World(self._table + self._starts * (address + begin))
        for name, shape, kind, at in self._layout:
            setattr(world, name, np.ndarray(shape, kind, room, begin + at))
        for name, array in self._unused.items():
            setattr(world, name, array)
        return world
