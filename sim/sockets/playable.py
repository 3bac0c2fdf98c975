"""Which scenarios can be lived through, and what of them a live run leaves out."""

from __future__ import annotations

from sim.consensus.nakamoto import Nakamoto
from sim.fault.crash import Crash
from sim.health.counters import Counters
from sim.health.synthetic import Synthetic
from sim.kernel.errors import ScenarioError
from sim.net.topology import Topology
from sim.study.plugins import kind_of
from sim.study.scenario import Scenario

MOST_SEATS = 32
MOST_SECONDS = 600.0
MOST_BLOCK_BYTES = 4 << 20
PLAYED_LOADS = (Synthetic, Counters)
"""Workloads that only submit. The others also send records around and read them, which no socket carries yet."""


def check(scenario: Scenario, topology: Topology, seconds: float) -> None:
    """Raises ScenarioError, with the key, for what cannot be done in real time."""
    if not 0 < seconds <= MOST_SECONDS:
        raise ScenarioError(f"{seconds:g} s cannot be lived through; write more than 0 and at most {MOST_SECONDS:g}", "--seconds")
    if scenario.consensus is None:
        raise ScenarioError("is missing; a live run is of nodes that agree on something, such as kind = 'pbft'", "consensus")
    if isinstance(scenario.consensus.protocol, Nakamoto):
        raise ScenarioError("the work in its blocks is drawn and not done, so other worlds cannot check it", "consensus.kind")
    if topology.n > MOST_SEATS:
        raise ScenarioError(f"{topology.n} nodes are too many for one machine's sockets; take at most {MOST_SEATS}", "topology")
    if scenario.consensus.max_block + scenario.consensus.filler > MOST_BLOCK_BYTES:
        raise ScenarioError(f"blocks may weigh {MOST_BLOCK_BYTES:,} bytes at most, with their filler", "consensus.max_block")
    for name, why in (
        ("adversary", "all nodes of a live run are honest; drop the table"),
        ("membership", "everybody knows everybody in a live run; drop the table"),
        ("availability", "no socket carries shares; drop the table"),
    ):
        if getattr(scenario, name):
            raise ScenarioError(why, name)
    for place, entry in enumerate(scenario.fault):
        if not isinstance(entry.part, Crash):
            raise ScenarioError(f"a live run knows crashes only, not {kind_of(entry.part)!r}", f"fault[{place}].kind")
    for place, load in enumerate(scenario.workload):
        if not isinstance(load, PLAYED_LOADS):
            known = ", ".join(kind_of(kind()) for kind in PLAYED_LOADS)
            raise ScenarioError(f"a live run knows {known} only, not {kind_of(load)!r}", f"workload[{place}].kind")


def not_played(scenario: Scenario) -> tuple[str, ...]:
    """What a live run leaves out of any scenario."""
    said = [
        "link, seat: latency, bandwidth, CPU and loss are this machine's own",
        "gossip: bodies flood over the topology's links, whatever the strategy",
        "expect: nothing is measured, only what was decided is compared",
    ]
    return (*said, *(("chunk: bodies travel whole",) if scenario.chunk else ()))
