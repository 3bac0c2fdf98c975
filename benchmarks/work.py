"""What is measured: pieces of work as scenarios, each beside the same work in the plain loop of `plain`, one beside another."""

from __future__ import annotations

import resource
import statistics
import sys
from collections.abc import Callable
from time import process_time

import sim.study.read
from benchmarks import plain
from benchmarks.health import hospital_day
from sim.kernel.dice import draw
from sim.kernel.rubbish import rarely_collected
from sim.net.core.links import serialise_ns
from sim.net.core.state import BODY, DELIVERED
from sim.study.build import World, build, clear_up
from sim.study.checks import check
from sim.study.metrics_rows import read
from sim.study.run import turn
from sim.study.scenario import Scenario
from sim.study.witness import evidence_of

LATENCY = {"latency": {"kind": "lognormal", "median": "25 ms", "sigma": 0.4}}
DECISIONS = 10
RUNS_AT_A_TIME = 50
Result = dict[str, float | int]


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


def vote_scenario(n: int, duration: str = "1 s", block_interval: str = "100 s") -> Scenario:
    """PBFT among n coroutine nodes, all to all; as it stands, there is time for one decision."""
    return sim.study.read.from_dict(
        {
            "duration": duration,
            "topology": {"kind": "complete", "seats": n},
            "link": LATENCY,
            "consensus": {"kind": "pbft", "bodies": "attached", "block_interval": block_interval, "patience": "100 s"},
        }
    )


def decisions(world: World) -> int:
    """How many decisions the trace holds, over all seats."""
    return sum(row[1] == "decide" for row in world.trace)


@rarely_collected()
def measured(scenario: Scenario, repeats: int, enough: Callable[[World], bool]) -> Result:
    """CPU seconds of the run itself, set-up apart: median of `repeats` after a warm-up, which also compiles."""
    spent, ready, deliveries = [], [], 0
    for attempt in range(repeats + 1):
        before = process_time()
        world = build(scenario, 1)
        begun = process_time()
        turn(world)
        ended = process_time()
        if not enough(world) or world.safety.violation is not None:
            raise RuntimeError(f"the run did not do its work: {scenario}")
        deliveries = int(world.network.world.clock[DELIVERED])
        if attempt:
            spent.append(ended - begun)
            ready.append(begun - before)
        clear_up(world)
        del world
    cpu_s = statistics.median(spent)
    return {
        "deliveries": deliveries,
        "cpu_s": cpu_s,
        "per_cpu_s": deliveries / cpu_s,
        "set_up_cpu_s": statistics.median(ready),
        "rss_bytes": peak_rss_bytes(),
    }


def peak_rss_bytes() -> int:
    """The most memory this process has held; each benchmark has a process to itself. Ask before the yardstick runs."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def beside(ours: Result, yardstick: Callable[[], tuple[int, float]], repeats: int) -> Result:
    """Our rate as a multiple of the yardstick's, which is the best of `repeats`: a doubt counts against us."""
    rate = max(work / cpu_s for work, cpu_s in (yardstick() for _ in range(repeats)))
    return {"ratio": ours["per_cpu_s"] / rate, **ours, "baseline_per_cpu_s": rate}


def agreed(outcome: plain.Outcome, deliveries: int, when_ns: list[int]) -> tuple[int, float]:
    """The yardstick's deliveries and seconds; RuntimeError unless it came to the very same times in as many deliveries."""
    if outcome.deliveries != deliveries or outcome.when_ns != when_ns:
        raise RuntimeError("the yardstick did other work than the simulator: its times or its deliveries differ")
    return outcome.deliveries, outcome.cpu_s


def plain_flood(scenario: Scenario) -> Callable[[], tuple[int, float]]:
    """The yardstick over the graph, the weather and the lines of one run of `flood_scenario`."""
    world = build(scenario, 1)
    turn(world)
    net, seats = world.network.world, world.topology.n
    item, line = net.items[0], net.seats[0]
    neighbours = [world.topology.neighbours_of(seat).tolist() for seat in range(seats)]
    when_ns = (net.arrival[0, :seats] - item["published_ns"]).tolist()
    deliveries = int(net.clock[DELIVERED])
    size_bytes, origin, key = int(item["size_bytes"]), int(item["publisher"]), draw(int(item["key"]), BODY)
    table = net.tables[0].tolist()
    busy_ns = [serialise_ns(size_bytes, float(line[rate])) for rate in ("up_ns_per_byte", "down_ns_per_byte")]
    clear_up(world)
    return lambda: agreed(plain.flood(neighbours, origin, key, table, *busy_ns), deliveries, when_ns)


def plain_votes(scenario: Scenario) -> Callable[[], tuple[int, float]]:
    """The yardstick under the weather of one run of `vote_scenario`, up to the first decision."""
    world = build(scenario, 1)
    turn(world)
    net, n = world.network.world, world.topology.n
    decided_ns = {row[2]: row[0] for row in world.trace if row[1] == "decide"}
    when_ns = [decided_ns[seat] for seat in range(n)]
    keys = [int(key) for key in net.messages["key"][:3]]  # a proposal, a prepare and a commit, in the order of their making
    deliveries = int(net.clock[DELIVERED])
    quorum, table = world.society.quorum_size, net.tables[0].tolist()
    clear_up(world)
    return lambda: agreed(plain.votes(n, quorum, keys, table), deliveries, when_ns)


def flood(seats: int, repeats: int) -> Result:
    """Flood over so many seats; the yardstick floods the very same graph."""
    scenario = flood_scenario(seats)
    ours = measured(scenario, repeats, lambda world: bool(world.network.world.items[0]["reached"] == seats))
    return beside(ours, plain_flood(scenario), 3)


def flood_all_costs(seats: int, repeats: int) -> Result:
    """The same flood with CPU time and loss as well; `ratio` is to the flood with latency and bandwidth only, taken in turn."""
    plain_one = flood_scenario(seats)
    whole = plain_one.but(**{"seat.cores": 4, "link.loss": 0.001})
    found: list[list[Result]] = [[], []]
    for _ in range(repeats):
        for results, scenario in zip(found, (plain_one, whole), strict=True):
            results.append(measured(scenario, 1, lambda world: bool(world.network.world.items[0]["reached"] == seats)))
    rates = [max(float(one["per_cpu_s"]) for one in results) for results in found]
    best = max(found[1], key=lambda one: one["per_cpu_s"])
    return {"ratio": rates[1] / rates[0], **best, "baseline_per_cpu_s": rates[0]}


def pbft(n: int, repeats: int) -> Result:
    """One decision among n; the yardstick counts the very same votes."""
    scenario = vote_scenario(n)
    ours = measured(scenario, repeats, lambda world: decisions(world) == n)
    return beside(ours, plain_votes(scenario), 2)


def small_runs(repeats: int) -> Result:
    """PBFT among four: set-up, ten decisions, safety judged at every event and all checks at the end; runs per CPU second."""
    scenario = vote_scenario(4, "1499 ms", "150 ms")  # an eleventh block would be due at 1.5 s

    @rarely_collected()
    def once(seed: int) -> int:
        world = build(scenario, seed)
        turn(world)
        evidence = evidence_of(world)
        failed = [verdict for verdict in check(evidence) if verdict.verdict == "fail"]
        if failed or read(evidence).decisions.slot.size < 4 * DECISIONS:
            raise RuntimeError(f"a small run with seed {seed} did not do its work: {failed}")
        deliveries = int(world.network.world.clock[DELIVERED])
        clear_up(world)
        return deliveries

    deliveries = once(1)
    spent = []
    for _ in range(repeats):
        begun = process_time()
        for seed in range(RUNS_AT_A_TIME):
            once(seed)
        spent.append((process_time() - begun) / RUNS_AT_A_TIME)
    cpu_s = statistics.median(spent)
    ours: Result = {"deliveries": deliveries, "cpu_s": cpu_s, "per_cpu_s": 1 / cpu_s, "rss_bytes": peak_rss_bytes()}
    decision = plain_votes(vote_scenario(4))

    def yardstick() -> tuple[int, float]:
        return RUNS_AT_A_TIME, sum(decision()[1] for _ in range(RUNS_AT_A_TIME * DECISIONS))

    return beside(ours, yardstick, 3)


BENCHMARKS: dict[str, Callable[[], Result]] = {
    "flood_10k": lambda: flood(10_000, 7),
    "flood_10k_all_costs": lambda: flood_all_costs(10_000, 12),
    "flood_100k": lambda: flood(100_000, 3),
    "pbft_1024": lambda: pbft(1024, 3),
    "pbft_256": lambda: pbft(256, 7),
    "small_runs": lambda: small_runs(15),
    "hospital_day": hospital_day,
}
"""By name. `per_cpu_s` counts deliveries, in small_runs whole runs; `set_up_cpu_s` comes on top, save in small_runs."""
