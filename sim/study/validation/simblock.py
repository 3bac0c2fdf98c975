"""Group B: SimBlock's published model of Litecoin and Dogecoin, as a scenario."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.study.distribution import rank_of
from sim.study.read import loads
from sim.study.run import run
from sim.study.validation.case import Case, Measured, Within, mean_of
from sim.study.validation.worlds import MS, delays_ns

_BLOCKS = 300  # of one topology
_TEXT = """
title = "SimBlock's COIN"
duration = "DURATION s"
trace = "decisions"
[topology]
kind = "outbound"
law = "LAW"
fresh = true
matrix = "simblock-2015"
seats = { SEATS }
[link]
jitter = { kind = "pareto" }
[seat.up]
NORTH_AMERICA = "4.7 Mbit/s"
EUROPE = "8.1 Mbit/s"
SOUTH_AMERICA = "1.8 Mbit/s"
ASIA_PACIFIC = "5.3 Mbit/s"
JAPAN = "3.4 Mbit/s"
AUSTRALIA = "5.2 Mbit/s"
[seat.down]
NORTH_AMERICA = "25 Mbit/s"
EUROPE = "24 Mbit/s"
SOUTH_AMERICA = "6.5 Mbit/s"
ASIA_PACIFIC = "10 Mbit/s"
JAPAN = "17.5 Mbit/s"
AUSTRALIA = "14 Mbit/s"
[gossip]
kind = "simblock"
[[workload]]
kind = "rumour"
size = "SIZE B"
count = BLOCKS
every = "INTERVAL s"
arrivals = "poisson"
"""
_SHARES = {
    "litecoin": (0.3661, 0.4791, 0.0149, 0.1022, 0.0238, 0.0139),
    "dogecoin": (0.3924, 0.4879, 0.0212, 0.0697, 0.0106, 0.0182),
}
"""Shares of the six regions, in the order above: `simblock_region_share.csv`."""
_REGIONS = ("NORTH_AMERICA", "EUROPE", "SOUTH_AMERICA", "ASIA_PACIFIC", "JAPAN", "AUSTRALIA")


def seats_of(shares: tuple[float, ...], seats: int) -> dict[str, int]:
    """Seats per region, dealt as SimBlock deals them: up to each cumulative share, and one more."""
    ends = [min(seats, int(seats * share) + 1) for share in np.cumsum(shares)]
    ends[-1] = seats
    return dict(zip(_REGIONS, np.diff([0, *ends]).tolist(), strict=True))


def scenario_text(coin: str, seats: int, size_bytes: int, interval_s: int) -> str:
    """The scenario file. Blocks come by a Poisson clock from seats drawn alike; the forks of 1 % of them are left out."""
    words: dict[str, Any] = {
        "COIN": coin.capitalize(),
        "LAW": coin,
        "DURATION": 2 * _BLOCKS * interval_s,
        "SEATS": ", ".join(f"{region} = {count}" for region, count in seats_of(_SHARES[coin], seats).items()),
        "SIZE": size_bytes,
        "BLOCKS": _BLOCKS,
        "INTERVAL": interval_s,
    }
    text = _TEXT
    for word, value in words.items():
        text = text.replace(word, str(value))
    return text


@lru_cache(maxsize=4)
def _times_ms(coin: str, runs: int) -> NDArray[np.float64]:
    """Arrival times of 300 blocks in each of `runs` topologies, float64[runs, blocks, nodes], ascending; the miner's is 0."""
    seats, size_bytes, interval_s = _MODELS[coin]
    scenario = loads(scenario_text(coin, seats, size_bytes, interval_s))
    found = np.array([delays_ns(run(scenario, seed).evidence) for seed in range(1, runs + 1)])
    return np.sort(np.where(found < 0, np.inf, found / MS), axis=2)


def _coverage(coin: str, percent: int) -> Callable[[int], Measured]:
    """Mean over blocks of the time until `percent` of all nodes hold the block, the miner among them; one value a topology."""

    def measure(runs: int) -> Measured:
        times = _times_ms(coin, runs)
        return mean_of(times[:, :, rank_of(percent, times.shape[2])].mean(axis=1))

    return measure


def _mean(coin: str) -> Callable[[int], Measured]:
    return lambda runs: mean_of(_times_ms(coin, runs).mean(axis=(1, 2)))


_MODELS = {"litecoin": (800, 6110, 150), "dogecoin": (600, 8000, 60)}
"""Nodes, bytes of a block, seconds between blocks."""
_PRINTED = {"litecoin": (512, 589, 826, 1244, 1760, 3142, 997), "dogecoin": (484, 563, 745, 1046, 1399, 2212, 853)}
"""Times to 10, 25, 50, 75, 90 and 99 % of the nodes in ms, and the mean over nodes."""
_PERCENT = (10, 25, 50, 75, 90, 99)


def _case(coin: str, what: str, expected: float, measure: Callable[[int], Measured]) -> Case:
    return Case(
        id="V38",
        what=f"SimBlock's {coin.capitalize()}, {_MODELS[coin][0]} nodes: {what}",
        unit="ms",
        source="REF: SimBlock 5fc7f9f7, 2015 tables; forks left out",
        expected=expected,
        rule=Within(0.05),
        measure=measure,
        runs=12,
        quick=3,
    )


CASES = tuple(
    case
    for coin, printed in _PRINTED.items()
    for case in (
        *(
            _case(coin, f"time to {percent} % of them", expected, _coverage(coin, percent))
            for percent, expected in zip(_PERCENT, printed, strict=False)
        ),
        _case(coin, "mean time over nodes", printed[-1], _mean(coin)),
    )
)
