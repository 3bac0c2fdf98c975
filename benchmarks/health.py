"""A region's day and a country's minute, all ten workloads on one ledger.

The region (R48) plays 24 hours of the clock in one hour of simulated time (goal: 120 s of CPU, 2 GiB; at ten times the traffic 15 min).
The country (4,000 nodes, 510 times the traffic) plays one minute and tells what saturates.
"""

from __future__ import annotations

import sys
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import process_time

import sim.study.read
from sim.kernel.rubbish import rarely_collected
from sim.net.core.state import DELIVERED
from sim.study.build import build, clear_up
from sim.study.run import judged, turn
from sim.study.witness import evidence_of

FOLDER = Path(__file__).parent.parent / "scenarios"
SCENARIO = FOLDER / "health" / "day-in-a-hospital-network.toml"


def hospital_day_x10() -> dict[str, float | int]:
    """The same with ten times the traffic."""
    return hospital_day(scale=10.0)


@rarely_collected()
def national_minute(duration: str = "60 s") -> dict[str, float | int]:
    """CPU seconds and memory of `scenarios/large/national-scale.toml` from its file to its report, and how full resources came to be.

    Shares above 1 say by what factor more was asked for than the resource can do.
    """
    file = FOLDER / "large" / "national-scale.toml"
    for length in ("1 s", duration):  # the first compiles
        begun = process_time()
        report = judged(sim.study.read.load(file, [f'duration="{length}"']), 7, _tell, []).to_dict()
        cpu_s = process_time() - begun
    load = report["load"]
    return {
        "deliveries": report["run"]["deliveries"],
        "cpu_s": cpu_s,
        "per_cpu_s": report["run"]["deliveries"] / cpu_s,
        "rss_bytes": _peak_bytes(),
        "uplink_busiest": load["uplink"]["busiest"],
        "uplink_saturated_seats": load["uplink"]["saturated_seats"],
        "uplink_backlog_s": load["uplink"]["backlog_s"],
        "downlink_busiest": load["downlink"]["busiest"],
        "cpu_busiest": load["cpu"]["busiest"],
        "block_space": load["block_space"]["later_half"],
    }


def _tell(share: float, text: str) -> None:
    """How far a run of minutes has come, to standard error."""
    if round(100 * share) % 5 == 0:
        sys.stderr.write(f"  {share:4.0%} after {process_time():,.0f} s of CPU: {text}\n")


def _peak_bytes() -> int:
    return getrusage(RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@rarely_collected()
def hospital_day(duration: str = "1 h", scale: float = 1.0) -> dict[str, float | int]:
    """CPU seconds of building, running and judging; a first short run compiles."""
    keys = [f"workload.{place}.{key}" for place in range(10) for key in ("start_hour=0", f"scale={scale}")]
    for length in ("2 s", duration):
        begun = process_time()
        world = build(sim.study.read.load(SCENARIO, [f'duration="{length}"', *keys]), 7)
        built = process_time()
        turn(world, _tell)
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
        "rss_bytes": _peak_bytes(),
        "filed": filed,
        "final": final,
    }


HEAVY = {"hospital_day_x10": hospital_day_x10, "national_minute": national_minute}
