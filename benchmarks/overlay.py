"""Heavier work without a yardstick: GossipSub with its heartbeats, a large body in chunks, and what a seat costs that does nothing."""

from __future__ import annotations

import gc
from collections.abc import Callable
from time import process_time

import sim.study.read
from benchmarks.work import LATENCY, Result, flood_scenario, measured, peak_rss_bytes
from sim.kernel.rubbish import rarely_collected
from sim.net.core.state import DELIVERED
from sim.study.build import World, build, clear_up
from sim.study.run import turn
from sim.study.scenario import Scenario

DEGREE = 16


def gossipsub_scenario(
    seats: int, duration: str, size: str, count: int, every: str, chunk: str | None = None, first: str = "5 s"
) -> Scenario:
    """Bodies over GossipSub with the defaults of go-libp2p, 16 links a seat, a heartbeat a second; bandwidth on."""
    tables = {
        "duration": duration,
        "topology": {"kind": "random-regular", "seats": seats, "degree": DEGREE},
        "link": LATENCY,
        "seat": {"up": "50 Mbit/s", "down": "200 Mbit/s"},
        "gossip": {"kind": "gossipsub"},
        "workload": [{"kind": "rumour", "size": size, "count": count, "every": every, "first": first}],
    }
    return sim.study.read.from_dict(tables if chunk is None else {**tables, "chunk": chunk})


def all_reached(count: int, seats: int) -> Callable[[World], bool]:
    """Whether each of the first `count` bodies reached 99.9 % of the seats."""
    return lambda world: bool((world.network.world.items["reached"][:count] >= 0.999 * seats).all())


def gossipsub(seats: int, every: str, count: int, repeats: int) -> Result:
    """Twenty seconds, a heartbeat a second; from the fifth on a body of 1 kB every `every`."""
    return measured(gossipsub_scenario(seats, "20 s", "1 kB", count, every), repeats, all_reached(count, seats))


def chunks(seats: int) -> Result:
    """One body of 1 MB in chunks of 64 KiB, once, after a warm-up with fewer seats that compiles."""
    warm_up = gossipsub_scenario(100, "10 s", "1 MB", 1, "1 s", "64 KiB", "3 s")
    once(warm_up, all_reached(1, 100))
    return once(gossipsub_scenario(seats, "15 s", "1 MB", 1, "1 s", "64 KiB", "3 s"), all_reached(1, seats))


@rarely_collected()
def once(scenario: Scenario, enough: Callable[[World], bool]) -> Result:
    """`measured`, but a single time and without a warm-up."""
    before = process_time()
    world = build(scenario, 1)
    begun = process_time()
    turn(world)
    cpu_s = process_time() - begun
    if not enough(world):
        raise RuntimeError(f"the run did not do its work: {scenario}")
    deliveries = int(world.network.world.clock[DELIVERED])
    clear_up(world)
    return {
        "deliveries": deliveries,
        "cpu_s": cpu_s,
        "per_cpu_s": deliveries / cpu_s,
        "set_up_cpu_s": begun - before,
        "rss_bytes": peak_rss_bytes(),
    }


@rarely_collected()
def idle(scenario: Callable[[int], Scenario], seats: int) -> Result:
    """Set-up of so many seats, and four seconds in which they say nothing: CPU seconds, and by how much memory grew, for each seat."""
    clear_up(build(scenario(1000), 1))
    gc.collect()
    before, started = peak_rss_bytes(), process_time()
    world = build(scenario(seats), 1)
    cpu_s = process_time() - started
    world.loop.run(4_000_000_000)
    grown = peak_rss_bytes() - before
    clear_up(world)
    return {"set_up_cpu_s": cpu_s, "bytes_per_seat": grown / seats, "rss_bytes": peak_rss_bytes()}


def idle_gossipsub(seats: int) -> Scenario:
    """A GossipSub network before its first body."""
    return gossipsub_scenario(seats, "20 s", "1 kB", 1, "1 s")


HEAVY: dict[str, Callable[[], Result]] = {
    "gossipsub_10k": lambda: gossipsub(10_000, "100 ms", 100, 3),
    "gossipsub_10k_calm": lambda: gossipsub(10_000, "500 ms", 20, 3),
    "gossipsub_100k_chunks": lambda: chunks(100_000),
    "idle_100k": lambda: idle(lambda seats: flood_scenario(seats).but(**{"workload.0.first": "5 s"}), 100_000),
    "idle_gossipsub_100k": lambda: idle(idle_gossipsub, 100_000),
}
"""By name; run only when named. The bars of the two with 10,000 seats are deliveries a CPU second, calm or busy."""
