"""Run the benchmarks: a warm-up each, then the median of several repetitions."""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
from collections.abc import Callable
from time import process_time
from typing import Any

import sim
import sim.study.read
from benchmarks import plain
from sim.study.build import build, clear_up
from sim.study.run import turn
from sim.study.scenario import Scenario

LATENCY = {"latency": {"kind": "lognormal", "median": "25 ms", "sigma": 0.4}}


def flood_scenario(seats: int) -> Scenario:
    """One kilobyte flooded over a random 8-regular graph, lognormal latency, bandwidth on, as anybody would run it."""
    return sim.study.read.from_dict(
        {
            "duration": "60 s",
            "topology": {"kind": "random-regular", "seats": seats, "degree": 8},
            "link": LATENCY,
            "seat": {"up": "50 Mbit/s", "down": "200 Mbit/s"},
            "gossip": {"kind": "flood"},
            "workload": [{"kind": "rumour", "size": "1 kB"}],
        }
    )


def vote_scenario(n: int) -> Scenario:
    """One PBFT decision among n coroutine nodes, all to all."""
    return sim.study.read.from_dict(
        {
            "duration": "1 s",
            "topology": {"kind": "complete", "seats": n},
            "link": LATENCY,
            "consensus": {"kind": "pbft", "bodies": "attached", "block_interval": "100 s", "patience": "100 s"},
        }
    )


def measured(scenario: Scenario, repeats: int, enough: Callable[[Any], bool]) -> dict[str, Any]:
    """CPU of the run itself (set-up apart): median of `repeats` after a warm-up."""
    spent, ready, deliveries = [], [], 0
    for attempt in range(repeats + 1):
        before = process_time()
        world = build(scenario, 1)
        begun = process_time()
        turn(world)
        ended = process_time()
        assert enough(world), "the run did not do its work"
        deliveries = int(world.network.world.clock[22])
        if attempt:
            spent.append(ended - begun)
            ready.append(begun - before)
        clear_up(world)
        del world
    cpu_s = statistics.median(spent)
    return {"deliveries": deliveries, "cpu_s": cpu_s, "per_cpu_s": deliveries / cpu_s, "set_up_cpu_s": statistics.median(ready)}


def with_ratio(ours: dict[str, Any], theirs: tuple[int, float]) -> dict[str, Any]:
    """Our rate beside the yardstick's."""
    rate = theirs[0] / theirs[1]
    ours["plain_per_cpu_s"] = rate
    ours["ratio"] = ours["per_cpu_s"] / rate
    ours["rss_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return ours


def flood(seats: int, repeats: int) -> dict[str, Any]:
    """Flood over so many seats; the yardstick does the very same flood."""
    scenario = flood_scenario(seats)
    ours = measured(scenario, repeats, lambda world: world.network.world.items[0]["reached"] == seats)
    world = build(scenario, 1)
    neighbours = [world.topology.neighbours_of(seat).tolist() for seat in range(seats)]
    clear_up(world)
    return with_ratio(ours, plain.flood(neighbours, plain.lognormal_delays()))


def pbft(n: int, repeats: int) -> dict[str, Any]:
    """One decision among n; the yardstick counts the same votes."""

    def all_decided(world: Any) -> bool:
        return len({row[2] for row in world.trace if row[1] == "decide"}) == n

    return with_ratio(measured(vote_scenario(n), repeats, all_decided), plain.votes(n, plain.lognormal_delays()))


def small_runs(repeats: int) -> dict[str, Any]:
    """PBFT among four: set-up, ten decisions, agreement and order judged at every event; whole runs per CPU second."""
    scenario = vote_scenario(4).but(**{"consensus.block_interval": 0, "duration": 10_000_000_000})

    def once() -> None:
        world = build(scenario, 1)
        while len(world.society.nodes[0].keep["proofs"]) < 10 if "proofs" in world.society.nodes[0].keep else True:
            world.loop.run(world.loop.now_ns + 100_000_000)
        assert world.safety.violation is None
        clear_up(world)

    once()
    rates = []
    for _ in range(repeats):
        begun = process_time()
        for _ in range(50):
            once()
        rates.append(50 / (process_time() - begun))
    rate = statistics.median(rates)
    return {"runs_per_cpu_s": rate, "per_cpu_s": rate, "cpu_s": 1 / rate, "ratio": None, "rss_bytes": None}


BENCHMARKS: dict[str, Callable[[], dict[str, Any]]] = {
    "flood_10k": lambda: flood(10_000, 7),
    "flood_100k": lambda: flood(100_000, 3),
    "pbft_256": lambda: pbft(256, 7),
    "pbft_1024": lambda: pbft(1024, 3),
    "small_runs": lambda: small_runs(5),
}


def main() -> int:
    """Print a table, or one JSON document."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark is called {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    results = {}
    for name in options.names or BENCHMARKS:
        sys.stderr.write(f"{name} ...\n")
        results[name] = BENCHMARKS[name]()
        if not options.json:
            told = ", ".join(f"{key} {value:,.4g}" for key, value in results[name].items() if value is not None)
            print(f"{name}: {told}")
    if options.json:
        print(json.dumps(results, indent=2))
    return 0


raise SystemExit(main())
