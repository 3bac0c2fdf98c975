"""Raft's elections: how often nobody wins because several stand at once."""

from __future__ import annotations

from collections.abc import Callable
from math import comb

from sim.study.validation.case import FOUR_ERRORS, Case, Measured, share_of
from sim.study.validation.worlds import agreeing, evidence

SERVERS, LIVE = 5, 4


def split_chance(latency: float, servers: int = SERVERS, live: int = LIVE) -> float:
    """That so many stand before they hear of each other that nobody can win; `latency` in ranges of the election timeout.

    Ongaro's thesis (2014), section 9.3, for one fixed latency.
    """
    least = live - servers // 2
    return sum(comb(live, many) * latency**many * (1 - latency) ** (live - many) for many in range(least, live + 1))


def _splits(latency_ms: int) -> Callable[[int], Measured]:
    """All wake at once with timeouts drawn from [1 s, 2 s), one of five being down: in how many runs term 1 has no leader."""
    tables = agreeing(
        "raft",
        SERVERS,
        {"kind": "constant", "value": f"{latency_ms} ms"},
        duration="4 s",
        consensus={"prevote": False, "election_timeout": "1 s", "heartbeat": "500 ms"},
        more={"fault": [{"kind": "crash", "seats": ["seat-4"], "at": "0 s"}]},
    )

    def measure(runs: int) -> Measured:
        split = 0
        for seed in range(1, runs + 1):
            notes = evidence(tables, seed).trace.of("note")
            split += not any(row[3] == "leader" and row[4]["term"] == 1 for row in notes)
        return share_of(split, runs, split_chance(latency_ms / 1000))

    return measure


CASES = tuple(
    Case(
        id="V60",
        what=f"Raft split votes, {LIVE} of {SERVERS} live, latency {latency_ms / 1000:g} of the range",
        source="Ongaro 2014, 9.3; CF, MC",
        expected=split_chance(latency_ms / 1000),
        rule=FOUR_ERRORS,
        measure=_splits(latency_ms),
        runs=3000,
        quick=400,
    )
    for latency_ms in (100, 200)
)
