"""Who is there and who is linked to whom: seats, their names, roles and regions, and links in compressed rows.

Links go both ways. The neighbours of seat `i` are `neighbours[offsets[i]:offsets[i + 1]]`, ascending: the form (CSR) that
the compiled core reads. Topologies are only made by `linked`, which refuses what no run could use.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel.errors import ScenarioError
from sim.kernel.jit import njit
from sim.net.core.state import Placed

MOST_SEATS = 2_000_000
MOST_LINKS = 2**28
"""Directed links; their row of int32 takes 1 GiB."""


@dataclass(frozen=True, eq=False)
class Topology:
    """Places and links of one run; immutable.

    names, roles, regions   one text per seat; names are unique
    offsets, neighbours     int32[n + 1], int32[directed links]: links in compressed rows, both directions, ascending
    sites                   int32[n]: the row of `base_ns` in which a seat stands
    base_ns                 int64[S, S]: one-way base latency from site to site, or None where the link's law says all
    latitude, longitude     float64[n] in degrees, or None
    link_bit_s              int64[directed links] in the order of `neighbours`: a rate of the link itself, 0 without; or None
    """

    names: tuple[str, ...]
    roles: tuple[str, ...]
    regions: tuple[str, ...]
    offsets: NDArray[np.int32]
    neighbours: NDArray[np.int32]
    sites: NDArray[np.int32]
    base_ns: NDArray[np.int64] | None = None
    latitude: NDArray[np.float64] | None = None
    longitude: NDArray[np.float64] | None = None
    link_bit_s: NDArray[np.int64] | None = None

    @cached_property
    def n(self) -> int:
        """Number of seats."""
        return len(self.names)

    @property
    def links(self) -> int:
        """Number of links, each counted once."""
        return len(self.neighbours) // 2

    @cached_property
    def placed(self) -> Placed:
        """Links and latencies as the core has them."""
        base_ns = np.zeros((1, 1), np.int64) if self.base_ns is None else np.ascontiguousarray(self.base_ns, np.int64)
        return Placed.of({"offsets": self.offsets, "neighbours": self.neighbours, "base_ns": base_ns})

    @property
    def degrees(self) -> NDArray[np.int32]:
        """Neighbours per seat, int32[n]."""
        return np.diff(self.offsets)

    @cached_property
    def largest_degree(self) -> int:
        """Most neighbours that any seat has."""
        return int(self.degrees.max(initial=0))

    def neighbours_of(self, seat: int) -> NDArray[np.int32]:
        """The seats linked to `seat`, ascending."""
        return self.neighbours[self.offsets[seat] : self.offsets[seat + 1]]

    def hops_from(self, seat: int) -> NDArray[np.int32]:
        """Fewest links from `seat` to every seat, int32[n]."""
        hops: NDArray[np.int32] = walk(self.offsets, self.neighbours, seat)
        return hops


def linked(
    names: Sequence[str],
    edges: NDArray[Any],
    *,
    path: str = "",
    roles: Sequence[str] | None = None,
    regions: Sequence[str] | None = None,
    sites: NDArray[np.int32] | None = None,
    base_ns: NDArray[np.int64] | None = None,
    latitude: NDArray[np.float64] | None = None,
    longitude: NDArray[np.float64] | None = None,
) -> Topology:
    """A topology from links given once each as whole numbers [m, 2].

    Raises ScenarioError, at the key `path`, for names that repeat, a link from a seat to itself, a link given twice,
    or seats that no way leads to.
    """
    count = check_count(len(names), path)
    if len(set(names)) < count:
        ranked = sorted(names)
        twice = next(name for name, following in itertools.pairwise(ranked) if name == following)
        raise ScenarioError(f"two seats are called {twice!r}", path)
    offsets, neighbours = _rows(count, edges, names, path)
    hops = walk(offsets, neighbours, 0)
    lost = np.flatnonzero(hops < 0)
    if len(lost):
        raise ScenarioError(
            f"not connected: {len(lost)} of {count} seats cannot be reached from {names[0]!r}, {names[lost[0]]!r} among them", path
        )
    return Topology(
        names=tuple(names),
        roles=tuple(roles) if roles is not None else ("member",) * count,
        regions=tuple(regions) if regions is not None else ("everywhere",) * count,
        offsets=frozen(offsets),
        neighbours=frozen(neighbours),
        sites=frozen(np.zeros(count, np.int32) if sites is None else sites.astype(np.int32)),
        base_ns=None if base_ns is None else frozen(check_base(base_ns, path)),
        latitude=None if latitude is None else frozen(latitude),
        longitude=None if longitude is None else frozen(longitude),
    )


def check_count(count: int, path: str = "seats") -> int:
    """`count` if a network can have so many seats, else ScenarioError."""
    if count < 1:
        raise ScenarioError("a network needs at least one seat", path)
    if count > MOST_SEATS:
        raise ScenarioError(f"{count:,} seats are more than the {MOST_SEATS:,} that fit in one run", path)
    return count


def check_links(count: int, path: str) -> None:
    """Raise ScenarioError where `count` links, each counted once, would not fit in memory."""
    if 2 * count > MOST_LINKS:
        raise ScenarioError(f"{count:,} links are more than the {MOST_LINKS // 2:,} that fit in one run", path)


def check_base(base_ns: NDArray[np.int64], path: str) -> NDArray[np.int64]:
    """`base_ns` if every one-way delay is between 0 and an hour, else ScenarioError."""
    if len(base_ns) and (base_ns.min() < 0 or base_ns.max() > 3_600_000_000_000):
        raise ScenarioError("latencies between places must lie between 0 and 1 h", path)
    return base_ns


def reaches_all(count: int, edges: NDArray[Any]) -> bool:
    """Whether links [m, 2] leave no seat unreached."""
    offsets, neighbours = compressed(count, np.ascontiguousarray(edges, np.int64).reshape(-1, 2))
    return bool((walk(offsets, neighbours, 0) >= 0).all())


def numbered(stem: str, count: int) -> list[str]:
    """Names such as `seat-007`, counted from 0 and padded so that they sort as they count."""
    width = len(str(count - 1))
    return [f"{stem}-{number:0{width}d}" for number in range(count)]


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """The array, contiguous and no longer writable."""
    array = np.ascontiguousarray(array)
    array.setflags(write=False)
    return array


def _rows(count: int, edges: NDArray[Any], names: Sequence[str], path: str) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Offsets and neighbours from links given once each."""
    check_links(len(edges), path)
    pairs = np.asarray(edges, dtype=np.int64).reshape(-1, 2)
    selfish = np.flatnonzero(pairs[:, 0] == pairs[:, 1])
    if len(selfish):
        raise ScenarioError(f"{names[pairs[selfish[0], 0]]!r} is linked to itself", path)
    offsets, neighbours = compressed(count, np.ascontiguousarray(pairs))
    double = np.flatnonzero(neighbours[1:] == neighbours[:-1]) + 1  # equal neighbours side by side, if in one row
    double = double[np.isin(double, offsets, invert=True)]
    if len(double):
        one, other = int(np.searchsorted(offsets, double[0], "right")) - 1, int(neighbours[double[0]])
        raise ScenarioError(f"the link between {names[one]!r} and {names[other]!r} is given twice", path)
    return offsets, neighbours


@njit
def compressed(count: int, edges: Any) -> Any:
    """Offsets and ascending neighbours, both directions, from links int64[m, 2]: two counting sorts, by one end and by the other."""
    offsets = np.zeros(count + 1, np.int32)
    for link in range(len(edges)):
        offsets[edges[link, 0] + 1] += 1
        offsets[edges[link, 1] + 1] += 1
    for seat in range(count):
        offsets[seat + 1] += offsets[seat]
    ends = np.empty(2 * len(edges), np.int32)
    place = offsets[:count].copy()
    for link in range(len(edges)):
        one, other = edges[link, 0], edges[link, 1]
        ends[place[one]] = other
        place[one] += 1
        ends[place[other]] = one
        place[other] += 1
    neighbours = np.empty(2 * len(edges), np.int32)
    place[:] = offsets[:count]
    for seat in range(count):  # seats in ascending order enter themselves into the rows of their neighbours
        for at in range(offsets[seat], offsets[seat + 1]):
            other = ends[at]
            neighbours[place[other]] = seat
            place[other] += 1
    return offsets, neighbours


@njit
def walk(offsets: Any, neighbours: Any, start: int) -> Any:
    """Fewest links from `start` to every seat by breadth-first search, int32[n]; -1 where no way leads."""
    count = len(offsets) - 1
    hops = np.full(count, -1, np.int32)
    queue = np.empty(count, np.int32)
    hops[start] = 0
    queue[0] = start
    head, tail = 0, 1
    while head < tail:
        seat = queue[head]
        head += 1
        for place in range(offsets[seat], offsets[seat + 1]):
            other = neighbours[place]
            if hops[other] < 0:
                hops[other] = hops[seat] + 1
                queue[tail] = other
                tail += 1
    return hops


def relinked(topology: Topology, gone: Sequence[tuple[int, int]], fresh: Sequence[tuple[int, int]], path: str = "") -> Topology:
    """The same seats with some links fewer and some more, each given once.

    Raises ScenarioError, at the key `path`, where a new link exists already or the rest would fall apart.
    """
    ends = np.repeat(np.arange(topology.n), topology.degrees)
    once = ends < topology.neighbours
    pairs = np.stack((ends[once], topology.neighbours[once].astype(np.int64)), axis=1)
    keys = pairs[:, 0] * topology.n + pairs[:, 1]
    lost = np.array([min(pair) * topology.n + max(pair) for pair in gone], np.int64)
    kept = pairs[~np.isin(keys, lost)]
    edges = np.concatenate((kept, np.array(fresh, np.int64).reshape(-1, 2)))
    offsets, neighbours = _rows(topology.n, edges, topology.names, path)
    if not reaches_all(topology.n, edges):
        raise ScenarioError("without the links that give way some seats could not be reached any more; give seats more links", path)
    return replace(topology, offsets=frozen(offsets), neighbours=frozen(neighbours))
