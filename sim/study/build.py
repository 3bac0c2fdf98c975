"""From a scenario and a seed to a world at rest: every part is made here, and nowhere else do parts of floor 3 meet."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.loop import VirtualLoop
from sim.kernel.presets import chosen
from sim.kernel.trace import LEVELS, WIRE, Trace
from sim.net.arena import retire
from sim.net.core.members import REPORTS
from sim.net.membership import enter
from sim.net.network import Network
from sim.net.strategy import Strategy, chunks_of
from sim.net.topology import Topology
from sim.node.node import Node
from sim.node.nodes import Nodes
from sim.node.society import Society
from sim.node.surroundings import Surroundings
from sim.node.terms import bounds
from sim.study.bookkeeping import Bookkeeping
from sim.study.checks_safety import SafetyWatch
from sim.study.held import check_seats, seats_held
from sim.study.load_watch import LoadWatch
from sim.study.marketplace import Marketplace
from sim.study.plugins import kind_of
from sim.study.pricing import costs_of
from sim.study.scenario import Scenario
from sim.study.trouble import add_trouble


@dataclass
class World:
    """One run, ready to go."""

    scenario: Scenario
    topology: Topology
    loop: VirtualLoop
    network: Network
    society: Society
    books: Bookkeeping
    surroundings: Surroundings
    trace: Trace
    safety: SafetyWatch = field(init=False)
    markets: list[tuple[Any, Marketplace]] = field(default_factory=list)
    corrupted: list[bool] = field(default_factory=list)
    load: LoadWatch = field(default_factory=LoadWatch)


def build(scenario: Scenario, seed: int) -> World:
    """Make everything; raises ScenarioError where the parts do not fit each other."""
    dice = Dice(seed)
    topology = topology_of(scenario, dice)
    check_seats(scenario, topology, dice)
    costs = costs_of(scenario, topology)
    loop = VirtualLoop()  # type: ignore[abstract]  # asyncio raises NotImplementedError for what has no place here
    strategy = strategy_of(scenario, topology, dice)
    try:
        network = Network(topology, costs, strategy, dice, wire=LEVELS[scenario.trace] >= WIRE)
    except MemoryError:
        raise ScenarioError(f"{topology.n:,} seats need more memory than there is here; write fewer", "topology.seats") from None
    loop.source = network
    trace = network.trace = Trace(loop, scenario.trace)
    _add_membership(scenario, strategy, network, trace)
    consensus = scenario.consensus
    if consensus is not None:
        _check_size(consensus.protocol, topology.n)
    f, quorum_size = bounds(None if consensus is None else consensus.protocol, topology.n)
    route, bodies = ("direct", "gossip") if consensus is None else (consensus.route, consensus.bodies)
    society = Society(network, loop, trace, dice, route=route, bodies=bodies, faulty_bound=f, quorum_size=quorum_size)
    society.nodes = Nodes(society)
    interval, most, filler = (0, 0, 0) if consensus is None else (consensus.block_interval, consensus.max_block, consensus.filler)
    society.block_interval_ns = interval
    books = Bookkeeping(society, interval, most, filler, scenario.mempool)
    program = None if consensus is None else consensus.protocol.run
    n = topology.n
    corrupted = [False] * n
    surroundings = Surroundings(society, topology, program, corrupted=corrupted, alters=[False] * n)
    surroundings.gossip = "" if scenario.gossip is None else kind_of(scenario.gossip)
    loop.describe_waits = lambda: describe_waits(society.nodes)
    world = World(scenario, topology, loop, network, society, books, surroundings, trace, corrupted=corrupted)
    try:
        if hasattr(scenario.availability, "store"):
            society.storage = scenario.availability.store(surroundings)
        if hasattr(scenario.availability, "behind"):
            society.behind = scenario.availability.behind(surroundings)
    except ScenarioError as error:
        raise error.under("availability") from None
    if program is not None:
        _start(society, program)
    try:
        add_trouble(world)
    except ScenarioError:
        for node in society.nodes.made.values():
            node.stop()
        raise
    world.safety = SafetyWatch([not bad for bad in corrupted], getattr(getattr(consensus, "protocol", None), "finality", "certain"))
    world.safety.watch(trace)
    _add_workloads(world)
    return world


def _start(society: Society, program: Callable[[Node], Coroutine[Any, Any, None]]) -> None:
    """Run the protocol at every seat."""
    made = society.nodes.made
    for seat in range(society.n):
        if seat not in made:
            made[seat] = Node(society, seat)  # with its boxes at once, which asking for it would put off
        made[seat].start(program)


def _check_size(protocol: Any, n: int) -> None:
    """A protocol, and a preset, is of a network of some size at least."""
    least = getattr(protocol, "least_seats", 1)
    if n < least:
        why = f"{kind_of(protocol)} decides nothing among fewer than {least} seats, and there are {n}; give more or another kind"
        raise ScenarioError(why, "consensus.kind")
    preset = chosen(protocol)
    if preset is not None and n < preset.least_seats:
        raise ScenarioError(
            f"{protocol.preset!r} is of at least {preset.least_seats} validators, but there are {n} seats", "consensus.preset"
        )


def strategy_of(scenario: Scenario, topology: Topology, dice: Dice) -> Strategy:
    """The scenario's gossip as the network needs it, with bodies in chunks if it says so."""
    if scenario.gossip is None:
        return with_keeper(Strategy(_no_relay), scenario, topology, dice)
    try:
        strategy: Strategy = scenario.gossip.strategy(topology, dice)
    except ScenarioError as error:
        raise error if error.path.startswith("gossip") else error.under("gossip") from None
    if scenario.chunk:
        if strategy.cut is not None:
            raise ScenarioError("this gossip kind cuts bodies into pieces of its own; drop the key", "chunk")
        strategy.cut = chunks_of(scenario.chunk)
    return with_keeper(strategy, scenario, topology, dice)


def topology_of(scenario: Scenario, dice: Dice) -> Topology:
    """The scenario's topology, as adversaries who choose their neighbours have made it."""
    try:
        topology: Topology = scenario.topology.build(dice)
    except ScenarioError as error:
        raise error.under("topology") from None
    for place, entry in enumerate(scenario.adversary):
        rewire = getattr(entry.part, "rewire", None)
        if rewire is not None:
            try:
                topology = rewire(topology, seats_held(scenario, place, topology, dice), dice)
            except ScenarioError as error:
                raise error.under(f"adversary[{place}]") from None
    return topology


def _add_membership(scenario: Scenario, strategy: Strategy, network: Network, trace: Trace) -> None:
    """The scenario's membership beside its gossip; what it reports goes into the trace."""
    if scenario.membership is None:
        return
    try:
        membership = scenario.membership.membership(network.topology, network.dice)
        if membership.view and not strategy.samples:
            raise ScenarioError("this gossip kind uses the topology's links, so a view has no effect on it", "kind")
        enter(network, membership)
    except ScenarioError as error:
        raise error.under("membership") from None

    def log(time_ns: int, seat: int, about: int, what: int) -> None:
        trace.record("member", seat, REPORTS[what & 7], about, bool(what >> 3), at_ns=time_ns)

    network.on_log = log


def with_keeper(strategy: Strategy, scenario: Scenario, topology: Topology, dice: Dice) -> Strategy:
    """The strategy, beside it the rule for shares if the scenario's scheme of availability has one."""
    if hasattr(scenario.availability, "keeper"):
        try:
            strategy.keeper = scenario.availability.keeper(topology, dice, bool(scenario.seat.cores))
        except ScenarioError as error:
            raise error.under("availability") from None
    return strategy


def describe_waits(nodes: Sequence[Node]) -> str:
    """Who waits for what, the first few nodes."""
    told = [f"{'; '.join(node.waits()) or 'nothing'} (n{node.id})" for node in nodes[:5]]
    return f"all {len(nodes)} nodes wait: " + ", ".join(told)


def _no_relay(w: Any, event: int, seat: int, peer: int, item: int) -> int:
    return 0


def _add_workloads(world: World) -> None:
    duration_ns = world.scenario.duration
    has_ledger = world.scenario.consensus is not None
    for number, workload in enumerate(world.scenario.workload):
        market = Marketplace(world.surroundings, world.books, duration_ns, world.corrupted, has_ledger, number)
        try:
            workload.setup(market)
            workload.start(market)
        except ScenarioError as error:
            for node in world.society.nodes:
                node.stop()
            raise error.under(f"workload[{number}]") from None
        world.markets.append((workload, market))


def clear_up(world: World) -> None:
    """Break the circles between loop, tasks and nodes, so that memory goes back at once."""
    society, network, loop = world.society, world.network, world.loop
    for node in society.nodes.made.values():
        node.stop()
    loop.close()
    retire(network.world)
    society.nodes.made.clear()
    del society.nodes
    society.on_decide.clear()
    society.on_revoke.clear()
    society.patient.clear()
    society.behind = society.storage = None
    society.next_batch = society.next_bundle = society.batch = society.accepts = society.waiting = None
    society.forget_following()
    del network.on_mail, network.on_moves
    network.trace = loop.source = world.trace.on_hurry = None
    loop.describe_waits = str
