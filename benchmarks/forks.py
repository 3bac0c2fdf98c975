"""Chains that fork at scale: 10,000 blocks of Nakamoto's over 1,000 nodes, run and judged (goal: 60 s of CPU)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from resource import RUSAGE_SELF, getrusage
from time import process_time

import sim
from sim.study.read import from_dict
from sim.study.scenario import Scenario

Result = dict[str, float | int]
INTERVAL_S = 600


def mining(blocks: int, seats: int) -> Scenario:
    """So many ten-minute blocks, flooded over a random 8-regular graph with links of half a second."""
    return from_dict(
        {
            "duration": f"{INTERVAL_S * blocks} s",
            "topology": {"kind": "random-regular", "seats": seats, "degree": 8},
            "link": {"latency": {"kind": "lognormal", "median": "500 ms", "sigma": 0.4}},
            "gossip": {"kind": "flood"},
            "consensus": {"kind": "nakamoto", "block_interval": f"{INTERVAL_S} s"},
        }
    )


def nakamoto(blocks: int, seats: int) -> Result:
    """CPU seconds from the scenario to its report, after a short run that compiles; everybody must have come to agree."""
    sim.run(mining(3, 20))
    begun = process_time()
    report = sim.run(mining(blocks, seats), 1)
    cpu_s = process_time() - begun
    table = report.to_dict()
    verdicts = {check["name"]: check["verdict"] for check in table["checks"]}
    if table["consensus"]["decided"] < 0.95 * blocks or "fail" in verdicts.values():
        raise RuntimeError(f"{table['consensus']['decided']} blocks of {blocks} were decided: {verdicts}")
    deliveries = report.evidence.counters["delivered"]
    return {
        "deliveries": deliveries,
        "cpu_s": cpu_s,
        "per_cpu_s": deliveries / cpu_s,
        "blocks": table["consensus"]["decided"],
        "rss_bytes": getrusage(RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }


HEAVY: dict[str, Callable[[], Result]] = {"nakamoto_1000": lambda: nakamoto(10_000, 1_000)}
"""Run only when named."""
