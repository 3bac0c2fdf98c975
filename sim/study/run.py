"""One scenario and one seed, executed and judged."""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections.abc import Callable

from sim.kernel.errors import ScenarioError, StandsStill
from sim.kernel.loop import apart
from sim.kernel.rubbish import rarely_collected
from sim.net.core import state as st
from sim.net.driver import beginning
from sim.study.build import World, build, clear_up
from sim.study.foreseen import foresee
from sim.study.load_watch import LoadWatch
from sim.study.metrics import measure
from sim.study.report import Report
from sim.study.scenario import Scenario, checked_seed
from sim.study.witness import each_seats, evidence_of

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
    load = world.load = LoadWatch.over(each_seats(costs.up_bit_s, world.topology.n), int(core.setup[st.CORES]))
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
