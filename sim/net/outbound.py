"""Overlays that grow from outbound links: every seat dials some others, and links serve both ways, as in Bitcoin.

How many a seat dials may follow a measured law: SimBlock's tables for Bitcoin, Litecoin and Dogecoin (github.com/dsg-titech/simblock,
commit 5fc7f9f7, NetworkConfiguration.java), dealt out as quotas over all seats and shuffled, as SimBlock does.
"""

from __future__ import annotations

import csv
import math
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.files import FileName
from sim.kernel.part import part
from sim.kernel.units import Count
from sim.net.matrices import TABLES, region_matrix, table_lines
from sim.net.random_graphs import outbound_edges
from sim.net.topologies import check_degree
from sim.net.topology import Topology, check_count, linked, numbered, reaches_all

_DRAWS = 100


@part
class Outbound:
    """Every seat links itself to some others, drawn at random; the links serve both ways, so the mean degree is about twice that."""

    seats: Count | dict[str, Count]
    """Number of seats, or seats per region, such as {EUROPE = 400, JAPAN = 20}."""
    links: Count | None = None
    """How many others each seat dials; by default 8."""
    law: Literal["", "bitcoin-2015", "litecoin", "dogecoin"] = ""
    """A measured law of the number dialled instead: 1 to 20, a different one for each seat."""
    fresh: bool = False
    """Whether a seat passes over those that have dialled it already (SimBlock does); otherwise the two links are one."""
    matrix: FileName = ""
    """Base latency between the regions: the names and files that `regions` takes, such as simblock-2015 or a CSV file of round trips in ms."""

    def check(self) -> None:
        """A matrix needs regions; nobody dials nobody."""
        if self.matrix and not isinstance(self.seats, dict):
            raise ScenarioError("a matrix needs seats per region, such as seats = {EUROPE = 400, JAPAN = 20}", "matrix")
        if self.law and self.links is not None:
            raise ScenarioError("the law says already how many are dialled; give links or law, not both", "links")
        if self.links == 0:
            raise ScenarioError("a seat that dials nobody may never be connected; at least 1", "links")

    def build(self, dice: Dice) -> Topology:
        """The topology drawn from `dice`; drawn again, up to 100 times, where it comes out in pieces."""
        counts = self.seats if isinstance(self.seats, dict) else {"seat": self.seats}
        total = check_count(sum(counts.values()))
        dialled = law_quotas(self.law, total) if self.law else np.full(total, 8 if self.links is None else self.links, np.int64)
        check_degree(total, int(dialled.max()), "links")
        places, names, regions = [], [], []
        for place, (region, count) in enumerate(counts.items()):
            names += numbered(region, count) if count else []
            regions += [region] * count
            places += [place] * count
        edges = self._links(total, dialled, dice)
        if not isinstance(self.seats, dict):
            return linked(names, edges, path="links")
        base_ns = region_matrix(self.matrix, tuple(counts)) if self.matrix else None
        return linked(names, edges, path="links", regions=regions, sites=np.array(places, np.int32), base_ns=base_ns)

    @np.errstate(over="ignore")
    def _links(self, total: int, dialled: NDArray[np.int64], dice: Dice) -> NDArray[Any]:
        for draw in range(_DRAWS):
            each = dialled[dice.shuffled(total, "topology", "dialled", draw)]
            edges: NDArray[Any] = outbound_edges(np.uint64(dice.key("topology", draw)), each, self.fresh)
            if reaches_all(total, edges):
                break
        return edges


def law_quotas(law: str, seats: int) -> NDArray[np.int64]:
    """How many seats dial how many others: int64[seats], ascending; the share of those up to k is the table's at k."""
    cumulative = _laws()[law]
    ends = np.minimum([math.floor(seats * share) + 1 for share in cumulative], seats)
    ends[-1] = seats
    counts = np.diff(np.concatenate(([0], ends)))
    return np.repeat(np.arange(1, len(ends) + 1), counts)


@cache
def _laws() -> dict[str, tuple[float, ...]]:
    """P(number dialled <= k) for k = 1, 2, ... by law."""
    rows = list(csv.DictReader(table_lines(Path(TABLES) / "simblock_outdegree_cdf.csv", "law")))
    columns = {"bitcoin-2015": "bitcoin_2015", "litecoin": "litecoin", "dogecoin": "dogecoin"}
    return {law: tuple(float(row[column]) for row in rows) for law, column in columns.items()}
