"""A region's day: all ten workloads on one ledger, 24 hours of the clock in one hour of simulated time (goal: 120 s CPU, 2 GiB)."""

from __future__ import annotations

import sys
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import process_time

import sim.study.read
from sim.kernel.rubbish import rarely_collected
from sim.net.core.state import DELIVERED
from sim.study.build import build, clear_up
from sim.study.run import evidence_of, turn

SCENARIO = Path(__file__).parent.parent / "scenarios" / "health" / "day-in-a-hospital-network.toml"


@rarely_collected()
def hospital_day(duration: str = "1 h") -> dict[str, float | int]:
    """CPU seconds of building, running and judging; a first short run compiles."""
    midnight = [f"workload.{place}.start_hour=0" for place in range(10)]
    for length in ("2 s", duration):
        begun = process_time()
        world = build(sim.study.read.load(SCENARIO, [f'duration="{length}"', *midnight]), 7)
        built = process_time()
        turn(world)
        evidence = evidence_of(world)
        ended = process_time()
        deliveries = int(world.network.world.clock[DELIVERED])
        filed = sum(int(table["submitted"]) for table in evidence.workloads)
        final = sum(int(table["final"]) for table in evidence.workloads)
        clear_up(world)
    if final < 0.8 * filed:  # what was filed in the last second or two waits for its block
        raise RuntimeError(f"only {final} of {filed} filings were final")
    cpu_s = ended - begun
    return {
        "deliveries": deliveries,
        "cpu_s": cpu_s,
        "per_cpu_s": deliveries / cpu_s,
        "set_up_cpu_s": built - begun,
        "rss_bytes": getrusage(RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "filed": filed,
        "final": final,
    }
