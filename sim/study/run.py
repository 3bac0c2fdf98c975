"""One scenario and one seed, executed and judged."""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel.errors import ScenarioError, StandsStill
from sim.kernel.loop import apart
from sim.kernel.rubbish import rarely_collected
from sim.net.core import state as st
from sim.net.driver import beginning
from sim.net.pairs import Rates
from sim.net.tally import voters
from sim.study.build import World, build, clear_up
from sim.study.evidence import Evidence, Spread, Waiting
from sim.study.foreseen import foresee
from sim.study.load_watch import LoadWatch
from sim.study.metrics import measure
from sim.study.plugins import kind_of
from sim.study.pricing import not_modelled
from sim.study.reckoning import reckoning_of
from sim.study.report import Report
from sim.study.scenario import Scenario, checked_seed
from sim.study.travels import travels_of

Progress = Callable[[float, str], None]
"""Called with the share of simulated time that is over and a short text."""

_STEPS = 100


def run(scenario: Scenario, seed: int | None = None, progress: Progress | None = None) -> Report:
    """Run a scenario to its end and report; works beside a running loop (Jupyter), where it waits for a worker thread.

    Raises ScenarioError where the scenario cannot be run, ProtocolError where honest code broke a rule of the house.
    """
    if asyncio.events._get_running_loop() is None:
        return _run(scenario, seed, progress, [])
    worlds: list[World] = []

    def interrupt() -> None:
        for world in worlds:
            world.loop.halt()

    return apart(lambda: _run(scenario, seed, progress, worlds), interrupt)


async def arun(scenario: Scenario, seed: int | None = None, progress: Progress | None = None) -> Report:
    """`run` without blocking the loop that awaits it."""
    worlds: list[World] = []
    work = asyncio.get_running_loop().run_in_executor(None, _run, scenario, seed, progress, worlds)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        for world in worlds:
            world.loop.halt()
        raise


def _run(scenario: Scenario, seed: int | None, progress: Progress | None, worlds: list[World]) -> Report:
    if not isinstance(scenario, Scenario):
        raise ScenarioError(f"a scenario is wanted, such as sim.load(path) gives, not a {type(scenario).__name__}", "run")
    with rarely_collected():
        return judged(scenario, scenario.seed if seed is None else checked_seed(seed), progress, worlds)


def judged(
    scenario: Scenario, seed: int, progress: Progress | None, worlds: list[World], look: Callable[[World], None] | None = None
) -> Report:
    """Build, run to the end, judge and report; `worlds` gets the world, `look` is shown it at each hundredth of the time."""
    from sim import __version__

    started = time.perf_counter()
    if progress is not None:
        progress(0.0, beginning())
    world = _ready(scenario, seed)
    worlds.append(world)
    turn(world, progress, _watching(world, look))
    evidence = evidence_of(world)
    report = Report.of(
        evidence,
        scenario,
        seed,
        time.perf_counter() - started,
        world.trace.digest(),
        __version__,
        evidence.counters["delivered"],
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        scenario.expect,
    )
    clear_up(world)
    return report


def _ready(scenario: Scenario, seed: int) -> World:
    """A world at rest. ScenarioError where its report cannot hold what is expected of it."""
    world = build(scenario, seed)
    _watching(world, None)
    if not scenario.expect or foresee(measure(evidence_of(world, begun=False)), scenario.expect) is None:
        return world
    slip = foresee(measure(evidence_of(world)), scenario.expect)  # workloads may know the name, but what they tell may change them
    clear_up(world)
    if slip is not None:
        raise slip
    return build(scenario, seed)


def turn(world: World, progress: Progress | None = None, look: Callable[[World], None] | None = None) -> None:
    """Let the whole duration pass, telling how far it has come and showing the world to whoever wants to look."""
    duration_ns = world.scenario.duration
    if look is not None:
        look(world)
    if progress is None and look is None:
        _advance(world, duration_ns)
        return
    for step in range(1, _STEPS + 1):
        if progress is not None:
            progress((step - 1) / _STEPS, f"{world.loop.now_ns / 1e9:,.0f} s simulated, {len(world.trace):,} events")
        _advance(world, duration_ns * step // _STEPS)
        if world.loop.halted:
            raise KeyboardInterrupt
        if look is not None:
            look(world)
    if progress is not None:
        progress(1.0, "judging")


def _watching(world: World, look: Callable[[World], None] | None) -> Callable[[World], None] | None:
    """`look`, and the lines of uplinks and CPUs looked at beside it, where any are modelled."""
    costs, core = world.network.costs, world.network.world
    load = world.load = LoadWatch.over(_each(costs.up_bit_s, world.topology.n), int(core.setup[st.CORES]))
    if not load.wanted:
        return look

    def both(world: World) -> None:
        core = world.network.world
        load.look(core.seats["sent_bytes"], core.cores[:, -1], world.loop.now_ns)
        if look is not None:
            look(world)

    return both


def _advance(world: World, until_ns: int) -> None:
    """Raises ScenarioError where so much happens at one instant that time does not go on: nothing in the scenario takes any."""
    try:
        world.loop.run(until_ns)
    except StandsStill as error:
        raise ScenarioError(f"{error}; give the links a latency, or blocks an interval above 0", "link.latency") from None


def evidence_of(world: World, begun: bool = True) -> Evidence:
    """Lay the finished run open, or one that has not begun, of which workloads have nothing to tell."""
    scenario, topology, network, trace = world.scenario, world.topology, world.network, world.trace
    core, seats = network.world, network.world.seats
    protocol = None if scenario.consensus is None else scenario.consensus.protocol
    return Evidence(
        trace=trace,
        names=topology.names,
        roles=topology.roles,
        regions=topology.regions,
        honest=~np.array(world.corrupted, np.bool_),
        faulty_bound=world.society.f,
        quorum_size=world.society.quorum_size,
        duration_ns=scenario.duration,
        heal_ns=scenario.heal,
        consensus_kind=None if protocol is None else kind_of(protocol),
        finality=getattr(protocol, "finality", "certain"),
        gossip_kind="none" if scenario.gossip is None else kind_of(scenario.gossip),
        membership_kind=None if scenario.membership is None else kind_of(scenario.membership),
        membership_period_ns=getattr(scenario.membership, "period", 0),
        views=core.member_memory[:, : core.setup[st.VIEW]] - 1 if core.setup[st.VIEW] else None,
        membership_detects=bool(getattr(scenario.membership, "detects", False)),
        spreads=spreads_of(world),
        travels=travels_of(network, world.books.drawer),
        blocks=world.society.blocks,
        counters=counters_of(core.clock),
        by_kind=network.by_kind,
        by_packet={name: _pair(core.by_packet[packet]) for packet, name in enumerate(st.PACKET_NAMES) if core.by_packet[packet, 0]},
        waited_by_kind={name: int(core.waits[st.WAITS_OF_KIND + kind]) for kind, name in enumerate(network.kind_names)},
        waited_by_packet={name: int(core.waits[packet]) for packet, name in enumerate(st.PACKET_NAMES)},
        waited_ns=core.waits[st.WAITS_OF_SEAT :].copy(),
        longest_wait_ns=seats["longest_queue_ns"].copy(),
        sent_bytes=seats["sent_bytes"].copy(),
        received_bytes=seats["received_bytes"].copy(),
        up_bit_s=_each(network.costs.up_bit_s, topology.n),
        down_bit_s=_each(network.costs.down_bit_s, topology.n),
        cores=int(core.setup[st.CORES]),
        cpu_busy_ns=core.cores[:, -1].copy(),
        waiting=None if scenario.consensus is None else _waiting(world),
        window_ns=1 << st.WINDOW_BITS,
        up_window_most=np.maximum(core.window_most[:, 0], seats["up_window_bytes"]),
        down_window_most=np.maximum(core.window_most[:, 1], seats["down_window_bytes"]),
        load_watch=world.load,
        largest_bytes=network.largest_bytes,
        latitude=topology.latitude,
        longitude=topology.longitude,
        offsets=topology.offsets,
        neighbours=topology.neighbours,
        **_signed(world, protocol),
        workloads=tuple(dict(workload.outcome(market)) for workload, market in world.markets if begun),
        availability_kind="full" if scenario.availability is None else kind_of(scenario.availability),
        deadline_ns=getattr(scenario.availability, "deadline", 0),
        shared=() if world.society.behind is None else world.society.behind.shared(),
        rebuilt=None if world.society.behind is None else world.society.behind.rebuilt(),
        kept=() if world.society.storage is None else world.society.storage.kept(),
        storage=None if world.society.storage is None else world.society.storage.books,
        reckoning=reckoning_of(scenario),
        not_modelled=not_modelled(scenario) + ((PLAIN_RULE,) if core.plain is not None else ()),
    )


def _waiting(world: World) -> Waiting:
    pool = world.books.mempool
    return Waiting(pool.capacity, pool.most_waiting, len(pool), pool.refused, pool.displaced, world.books.max_block_bytes)


def _signed(world: World, protocol: Any) -> dict[str, Any]:
    """What was said, by whom, and which of it the protocol lets decide."""
    society = world.society
    said = tuple(said for said in society.contents if getattr(type(said), "is_vote", False))
    return {
        "ballots": getattr(protocol, "ballots", None),
        "longest_timer_ns": longest_timer_ns(protocol),
        "identities": society.nodes[0].n,
        "contents": tuple(society.contents),
        "spoken": np.array(society.spoken, np.int64).reshape(-1, 4),
        "said": said,
        "said_by": voters(world.network, len(said), society.lost_votes),
    }


def longest_timer_ns(protocol: Any) -> int:
    """The longest of a protocol's durations; 0 where it has none."""
    known = fields(protocol) if is_dataclass(protocol) else ()
    times = [getattr(protocol, one.name) for one in known if str(one.type) == "Duration"]
    return max((int(one) for one in times if one), default=0)


PLAIN_RULE = "the gossip rule runs as plain Python, which Numba could not compile: slower, same bits"


def _each(rate: Rates, seats: int) -> NDArray[np.int64]:
    """int64[seats]: the rate of each seat."""
    return np.full(seats, rate, np.int64)


def counters_of(clock: Any) -> dict[str, int]:
    """The core's counts of copies; what is still on its way is in flight."""
    return {
        "sent": int(clock[st.SENT]),
        "delivered": int(clock[st.DELIVERED]),
        "lost": int(clock[st.LOST]),
        "cut": int(clock[st.CUT]),
        "down": int(clock[st.DOWN]),
        "first_copies": int(clock[st.FIRST_COPIES]),
        "body_copies": int(clock[st.BODY_COPIES]),
        "duplicated": int(clock[st.DUPLICATED]),
        "resent": int(clock[st.RESENT_COPIES]),
        "rejected": int(clock[st.REJECTED]),
        "unread": int(clock[st.UNREAD]),
        "in_flight": int(clock[st.IN_FLIGHT]),
    }


def spreads_of(world: World) -> tuple[Spread, ...]:
    """How each block has travelled; where nobody published one, everything but votes and pieces."""
    network = world.network
    core, families = network.world, network.families
    published = np.flatnonzero(core.items["published_ns"][: len(families)] >= 0).tolist()
    chosen = [item for item in published if families[item] == "block"]
    if not chosen:
        chosen = [item for item in published if families[item] not in ("vote", "piece")]
    rows = core.items[chosen]
    columns = (rows[name].tolist() for name in ("publisher", "published_ns", "size_bytes"))
    arrival_ns = world.books.drawer.arrival_ns
    found = [
        Spread(str(network.item_names[item]), families[item], publisher, published_ns, size_bytes, arrival_ns(item).copy())
        for item, publisher, published_ns, size_bytes in zip(chosen, *columns, strict=True)
    ]
    return tuple(found)


def _pair(row: Any) -> tuple[int, int]:
    return int(row[0]), int(row[1])
