"""Latencies that a drawn network says of its links, as base latencies from place to place.

A link's attribute `latency_ms` (a number) or `latency` ("12.5 ms") is its one-way latency; `latency_back_ms` or `latency_back` that of
the direction towards the end that is named first, where it differs. In a directed file an arc has its own. Nodes with the same
attribute `site` stand in one place; `within_ms` is the latency between two of them. Between places without a link a copy takes
as long as the quickest way over links that have one, as packets do in the network below.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel.errors import ScenarioError
from sim.kernel.jit import njit
from sim.kernel.units import parse_duration
from sim.net.core.order import heap_pop, heap_push

MOST_SITES = 3000
"""Places between which latencies are kept; the square of them in int64 takes 72 MB."""
TOWARDS = "towards"
"""Attribute of a link: its end that was named last."""
_MS = 1_000_000
Way = tuple[int, int]


def as_written(end: str, *latencies: str) -> dict[str, str]:
    """Attributes of a link to `end`, from the one or two latencies behind its names: an undirected graph forgets which end came first."""
    return {**dict(zip(("latency", "latency_back"), latencies, strict=False)), TOWARDS: end}


def has_latency(attributes: Mapping[str, Any]) -> bool:
    """Whether a link says how long it takes."""
    return attributes.get("latency_ms") is not None or attributes.get("latency") is not None


def between_places(
    given: Mapping[Way, int], sites: NDArray[np.int32], within_ns: Mapping[int, int], names: tuple[str, ...], path: str
) -> NDArray[np.int64]:
    """int64[S, S] from the latency of each directed pair of linked seats. ScenarioError where two links of two places contradict each other."""
    count = int(sites.max()) + 1
    if count > MOST_SITES:
        raise ScenarioError(
            f"links have latencies of their own, and {count:,} places are more than the {MOST_SITES:,} between which they are kept; "
            "give nodes that stand in one place the same 'site', or leave the latencies out",
            path,
        )
    known = np.full((count, count), -1, np.int64)
    for (one, other), latency_ns in given.items():
        here, there = sites[one], sites[other]
        if known[here, there] not in (-1, latency_ns):
            raise ScenarioError(
                f"the link from {names[one]!r} to {names[other]!r} takes {latency_ns / _MS:g} ms, another between the same two sites "
                f"{known[here, there] / _MS:g} ms; give them sites of their own",
                path,
            )
        known[here, there] = latency_ns
    for site, latency_ns in within_ns.items():
        known[site, site] = latency_ns
    apart = known.copy()
    np.fill_diagonal(apart, -1)
    here, there = np.nonzero(apart >= 0)
    offsets = np.concatenate(([0], np.cumsum(np.bincount(here, minlength=count))))
    quickest: NDArray[np.int64] = quickest_ways(offsets.astype(np.int64), there.astype(np.int64), apart[here, there])
    return np.where(known >= 0, known, quickest)


@njit
def quickest_ways(offsets: Any, ends: Any, latencies_ns: Any) -> Any:
    """Shortest latencies between all places, int64[S, S] (Dijkstra, 1959, from each); -1 where no way leads."""
    count = len(offsets) - 1
    found = np.full((count, count), -1, np.int64)
    heap = np.zeros((len(ends) + count + 1, 3), np.int64)
    for start in range(count):
        size = heap_push(heap, 0, 0, start, start)
        while size > 0:
            time_ns, place = heap[0, 0], heap[0, 2]
            size = heap_pop(heap, size)
            if found[start, place] >= 0:
                continue
            found[start, place] = time_ns
            for at in range(offsets[place], offsets[place + 1]):
                if found[start, ends[at]] < 0:
                    size = heap_push(heap, size, time_ns + latencies_ns[at], ends[at], ends[at])
    return found


def latency_of_link(attributes: Mapping[str, Any], back: bool, ends: str, path: str) -> int:
    """One direction's latency in ns; the other direction's where only one is given. ScenarioError where it is none."""
    names = ("latency_back_ms", "latency_back", "latency_ms", "latency") if back else ("latency_ms", "latency")
    value, name = next((attributes[name], name) for name in names if attributes.get(name) is not None)
    return as_latency(value, name.endswith("_ms"), f"the latency of the link between {ends}", path)


def as_latency(value: Any, in_ms: bool, what: str, path: str) -> int:
    """A latency in ns, from a number of ms or a text with its unit."""
    if not in_ms:
        try:
            return _within(parse_duration(str(value)), what, path)
        except ScenarioError as error:
            raise ScenarioError(error.sentence if error.path else f"{what}: {error.sentence}", path) from None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ScenarioError(f"{what} is {value!r}, no number of ms", path) from None
    return _within(round(number * _MS) if math.isfinite(number) else -1, what, path)


def _within(latency_ns: int, what: str, path: str) -> int:
    if not 0 <= latency_ns <= 3_600_000_000_000:
        raise ScenarioError(f"{what} must lie between 0 and 1 h", path)
    return latency_ns
