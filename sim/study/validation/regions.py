"""Group C, Raft between cloud regions: a leader waits for the second nearest of four, and for nothing else.

Eight round trips are quoted from Microsoft's "Azure network round-trip latency statistics" (median of 30 July 2026): those of the two
leaders that the case names. The table itself is not shipped, because the page of 2026 states no licence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import combinations, count
from typing import Any

from sim.study.validation.case import Case, Measured, common
from sim.study.validation.worlds import MS, Table, evidence

ROUND_TRIPS_MS: Mapping[str, Mapping[str, int]] = {
    "east-us": {"west-europe": 83, "japan-east": 162, "southeast-asia": 224, "brazil-south": 117},
    "japan-east": {"east-us": 162, "west-europe": 234, "southeast-asia": 72, "brazil-south": 262},
}
"""By leader, then by follower."""


def _five_regions(leader: str) -> Table:
    """A seat in each region, half the leader's round trip each way; what followers say to each other plays no part in a commit."""
    row = ROUND_TRIPS_MS[leader]
    links: list[Any] = [[leader, other, f"{round_trip * 500} us"] for other, round_trip in row.items()]
    links += [[one, other, "100 ms"] for one, other in combinations(row, 2)]
    return {
        "duration": "60 s",
        "topology": {"kind": "links", "links": links},
        "consensus": {"kind": "raft", "bodies": "attached", "block_interval": "1 s", "election_timeout": "2 s"},
    }


def commit_ms(leader: str) -> Callable[[int], Measured]:
    """From the append to the leader's commit, in the first run in which this region is elected."""
    tables = _five_regions(leader)

    def measure(runs: int) -> Measured:
        for seed in count(1):
            found = evidence(tables, seed)
            appended = {row[3]: (row[0], row[2]) for row in found.trace.of("publish")}
            seat = found.names.index(leader)
            led = [row for row in found.trace.of("decide") if row[2] == seat == appended[row[4]][1]]
            if len(led) > 20:
                return common([(row[0] - appended[row[4]][0]) / MS for row in led])
            if seed == 100:
                break
        return Measured(math.nan)

    return measure


CASES = tuple(
    Case(
        id="V59",
        what=f"Raft over five Azure regions, leader {leader}: commit",
        source="CF: 2nd smallest RTT",
        unit="ms",
        expected=sorted(ROUND_TRIPS_MS[leader].values())[1],
        measure=commit_ms(leader),
    )
    for leader in ROUND_TRIPS_MS
)
