"""What differs from place to place: a law of latency for each pair of places, a rate for each region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel.errors import ScenarioError
from sim.net.latency import law_table

Rates = int | NDArray[np.int64]


def pair_tables(law: Any, base_ns: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """A law whose shape follows the mean: one table per distinct base latency, int64[laws, TABLE], and which one each pair
    of sites has, int32[S, S]."""
    means, places = np.unique(base_ns, return_inverse=True)
    tables = np.array([_table_at(law, int(mean_ns)) for mean_ns in means], np.int64)
    return tables, places.reshape(base_ns.shape).astype(np.int32)


@lru_cache(maxsize=256)
def _table_at(law: Any, mean_ns: int) -> NDArray[np.int64]:
    table = law_table(law.of_mean(mean_ns))
    table.setflags(write=False)
    return table


def rates_bit_s(rate: int | Mapping[str, int], regions: Sequence[str], path: str) -> Rates:
    """One rate for all seats, or int64[seats] from a table of rates by region; ScenarioError where a region is not in it."""
    if not isinstance(rate, Mapping):
        return rate
    for region in dict.fromkeys(regions):
        if region not in rate:
            raise ScenarioError(f"says nothing of the region {region!r}; name every region, or give one rate for all", path)
    for region in rate:
        if region not in regions:
            raise ScenarioError(f"no seat stands in a region {region!r}", path)
    return np.array([rate[region] for region in regions], np.int64)
