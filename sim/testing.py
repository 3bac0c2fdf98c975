"""For authors of parts: one call that puts a protocol or a strategy through what every built-in has to stand.

    from sim.testing import check_consensus, check_gossip, hunt

Each check raises AssertionError with the scene, the check, its evidence, the seed, and the call that shows it again alone.
`hunt` draws runs with enemies until safety breaks, and gives the scenario that broke it.
"""

from __future__ import annotations

import base64
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Coroutine, Mapping
from hashlib import blake2b
from typing import Any

import numpy as np

from sim.kernel.dice import Dice
from sim.kernel.loop import VirtualLoop
from sim.kernel.trace import Trace
from sim.net.costs import Costs
from sim.net.network import Network
from sim.net.strategy import Strategy
from sim.net.topologies import Complete
from sim.net.topology import numbered
from sim.node.message import Signed
from sim.node.node import Node
from sim.node.nodes import Nodes
from sim.node.society import Society
from sim.node.terms import bounds
from sim.study.drawing import CRASHES
from sim.study.hunt import Prey, hunt
from sim.study.read import from_dict
from sim.study.report import Report
from sim.study.run import run
from sim.study.scenario import Consensus, Scenario

__all__ = ["Prey", "Stage", "check_consensus", "check_gossip", "fingerprint", "hunt"]

DRAWN = "drawn runs"
DRAWN_RUNS = 15  # of each seed
DRAWN_PACE = 5  # blocks every second
BY_SIGNATURES = (
    "one-vote",
    "certificate-soundness",
    "lock-monotonicity",
    "view-monotonicity",
    "leader-uniqueness",
    "log-matching",
    "leader-completeness",
    "external-validity",
    "recovery-time",
)
SAFETY = ("agreement", "prefix-order", "validity", "integrity", "message-conservation")


_INTERPRETED = "import sys; from sim.testing import _fingerprints; print(*_fingerprints(sys.stdin.read()))"


def check_consensus(
    protocol: Any, *, seats: int = 4, seeds: int | tuple[int, ...] = 3, lies: bool = True, scene: str | None = None
) -> None:
    """Run a protocol honest, with f seats crashed, silent and lying, and cut in two and healed; twice each.

    A protocol that says which of its votes decide (`ballots`) is also hunted by drawn mixtures of enemies and weather, and judged by
    signatures: 15 runs for each seed, in the scene "drawn runs". `lies=False` is for protocols that tolerate crashes only. Safety must hold in every scene, liveness after healing.
    `seeds` is how many, or which; `scene` is one of the scenes alone, as a failure names it.
    """
    crash_only = getattr(protocol, "crash_tolerant", False)
    f, _ = bounds(protocol, seats)
    scenes: dict[str, Mapping[str, Any]] = {
        "all honest": {},
        "f seats crash and come back": {"fault": [{"kind": "crash", "seats": f, "at": "20 s", "lasts": "20 s"}]},
        "cut in two and healed": {
            "fault": [{"kind": "partition", "at": "20 s", "lasts": "20 s", "groups": [list(numbered("seat", seats)[:2])]}]
        },
    }
    if lies and not crash_only:
        scenes["f seats are silent"] = {"adversary": [{"kind": "silent", "seats": f}]}
        if "equivocate" not in getattr(protocol, "no_lie", ()):
            scenes["f seats tell two stories"] = {"adversary": [{"kind": "equivocate", "seats": f}]}
    chosen = _chosen({**scenes, DRAWN: {}}, scene)
    if chosen.pop(DRAWN, None) is not None and getattr(protocol, "ballots", None) is not None:
        _hunt(protocol, seats, seeds, lies, alone=scene == DRAWN)
    for name, trouble in chosen.items():
        scenario = _mesh(seats, trouble).but(consensus=Consensus(protocol=protocol, block_interval=1_000_000_000))
        for seed in _seeds(seeds):
            again = f"check_consensus({protocol!r}, seats={seats}, seeds=({seed},), scene={name!r})"
            report = run(scenario, seed)
            _must_pass(report, (*SAFETY, "termination"), f"{name}, seed {seed}", again)
            _must_not_fail(report, BY_SIGNATURES, f"{name}, seed {seed}", again)
        assert fingerprint(report) == fingerprint(run(scenario, seed)), f"{name}: two runs with one seed differ\n  again: {again}"


def check_gossip(strategy: Any, *, least_reached: float = 1.0, seeds: int | tuple[int, ...] = 3, scene: str | None = None) -> None:
    """Spread ten rumours over a mesh, a ring and a random graph, with and without bandwidth; twice each.

    Every seat must be reached (or the share that the strategy promises), every copy accounted for, and the rule must do
    the same compiled and interpreted, which another process tells (not for a class typed into a notebook, which no other
    process can read). `seeds` is how many, or which; `scene` is one of the scenes alone, as a failure names it.
    """
    scenes: dict[str, Mapping[str, Any]] = {}
    for topology in (
        {"kind": "complete", "seats": 12},
        {"kind": "ring", "seats": 9},
        {"kind": "random-regular", "seats": 40, "degree": 6},
    ):
        for seat in ({}, {"up": "20 Mbit/s", "down": "50 Mbit/s"}):
            scenes[f"{topology['kind']}, bandwidth {'on' if seat else 'off'}"] = {
                "duration": "60 s",
                "topology": topology,
                "link": {"latency": {"kind": "exponential", "mean": "30 ms"}},
                "seat": seat,
                "workload": [{"kind": "rumour", "size": "20 kB", "count": 10, "every": "100 ms"}],
            }
    chosen = _chosen(scenes, scene)
    prints = []
    for name, tables in chosen.items():
        scenario = from_dict(tables).but(gossip=strategy)
        for seed in _seeds(seeds):
            again = f"check_gossip({strategy!r}, least_reached={least_reached}, seeds=({seed},), scene={name!r})"
            report = run(scenario, seed)
            reached = report.to_dict()["gossip"]["reached_share"]
            place = f"{name}, seed {seed}"
            assert reached >= least_reached, f"{place}: only {reached:.1%} of the seats were reached\n  again: {again}"
            _must_pass(report, ("message-conservation",), place, again)
        prints.append(fingerprint(report))
        assert prints[-1] == fingerprint(run(scenario, seed)), f"{name}: two runs with one seed differ\n  again: {again}"
    if type(strategy).__module__ != "__main__":
        told = _interpreted(list(chosen.values()), strategy, seed)
        for name, mine, other in zip(chosen, prints, told, strict=True):
            assert mine == other, f"{name}, seed {seed}: compiled and interpreted differ\n  again: {again}"


def fingerprint(report: Report) -> str:
    """Hexadecimal digest of a run: its trace, its counts of copies, and when every item reached every seat."""
    evidence = report.evidence
    said = blake2b(repr((report.to_dict()["medgossip"]["trace_digest"], sorted(evidence.counters.items()))).encode())
    travels = evidence.travels
    if travels is not None:
        for some in travels.slabs(np.arange(len(travels.row))):
            said.update(travels.arrivals_ns(some).tobytes())
    return said.hexdigest()


class Stage:
    """One node alone, for tests of a protocol message by message: deliver, let time pass, read what it sent."""

    def __init__(self, protocol: Any, *, seat: int = 0, seats: int = 4) -> None:
        self.loop = VirtualLoop()  # type: ignore[abstract]
        dice = Dice(1)
        topology = Complete(seats=seats).build(dice)
        network = Network(topology, Costs(), Strategy(_no_relay), dice)
        self.loop.source = network
        self.trace = Trace(self.loop)
        f, quorum_size = bounds(protocol, seats)
        self.society = Society(network, self.loop, self.trace, dice, bodies="attached", faulty_bound=f, quorum_size=quorum_size)
        self.society.nodes = Nodes(self.society)
        self.node = self.society.nodes[seat]
        self.sent: list[tuple[int, Any]] = []
        """(receiver, message) of everything the node sent to others, in order."""
        self.node.outbound = (self._kept,)
        program: Callable[[Node], Coroutine[Any, Any, None]] = protocol.run
        self.node.start(program)
        self.advance(0)

    def deliver(self, sender: int, message: Any) -> None:
        """A message signed by `sender` reaches the node now."""
        self.society.send(sender, self.node.seat, sender, message)
        self.advance(0)

    def publish(self, sender: int, block: Any) -> str:
        """A block of somebody else's becomes known to the node."""
        digest = self.society.nodes[sender].publish(block)
        self.society.network.publish(self.node.seat, self.society.block_item(block), False)
        self.advance(0)
        return digest

    def advance(self, duration_ns: int) -> None:
        """Let so much virtual time pass."""
        self.loop.run(self.loop.now_ns + duration_ns)

    @property
    def decided(self) -> list[tuple[int, str]]:
        """(slot, digest) of what the node has decided."""
        return [(row[3], row[4]) for row in self.trace if row[1] == "decide"]

    def _kept(self, to: int, said: Any) -> Any:
        if to == self.node.seat:
            yield to, said
        else:
            self.sent.append((to, said))


def signed(sender: int, message: Any) -> Signed[Any]:
    """A signed message as an inbox would make it, for tests of pure rules."""
    return Signed(sender, message)


def _mesh(seats: int, trouble: Mapping[str, Any]) -> Scenario:
    return from_dict(
        {
            "title": "conformance",
            "duration": "150 s",
            "heal": "50 s",
            "topology": {"kind": "complete", "seats": seats},
            "link": {"latency": {"kind": "lognormal", "median": "20 ms", "sigma": 0.3}},
            **trouble,
        }
    )


def _chosen(scenes: dict[str, Mapping[str, Any]], scene: str | None) -> dict[str, Mapping[str, Any]]:
    if scene is None:
        return scenes
    if scene not in scenes:
        raise ValueError(f"no scene is called {scene!r}; there are {', '.join(map(repr, scenes))}")
    return {scene: scenes[scene]}


def _seeds(seeds: int | tuple[int, ...]) -> tuple[int, ...]:
    chosen = tuple(range(1, seeds + 1)) if isinstance(seeds, int) else seeds
    if not chosen:
        raise ValueError("a check with no seed would check nothing")
    return chosen


def _must_pass(report: Report, names: tuple[str, ...], place: str, again: str) -> None:
    for check in report.to_dict()["checks"]:
        if check["name"] in names:
            assert check["verdict"] == "pass", f"{place}: {check['name']}: {check['evidence']}\n  again: {again}"


def _must_not_fail(report: Report, names: tuple[str, ...], place: str, again: str) -> None:
    for check in report.to_dict()["checks"]:
        if check["name"] in names:
            assert check["verdict"] != "fail", f"{place}: {check['name']}: {check['evidence']}\n  again: {again}"


def _hunt(protocol: Any, seats: int, seeds: int | tuple[int, ...], lies: bool, alone: bool) -> None:
    """Drawn runs; where the scene is asked for by itself, `seeds` are the numbers of the runs."""
    kinds = None if lies else CRASHES
    numbers = _seeds(seeds) if alone else tuple(range(DRAWN_RUNS * len(_seeds(seeds))))
    for number in numbers:
        found = hunt(protocol, 1, seats=seats, first=number, pace=DRAWN_PACE, duration="6 s", lies=kinds)
        again = f"check_consensus({protocol!r}, seats={seats}, seeds=({number},), lies={lies}, scene={DRAWN!r})"
        assert found is None, f"{DRAWN}, {found}\n  again: {again}"


def _interpreted(scenes: list[Mapping[str, Any]], strategy: Any, seed: int) -> list[str]:
    """The fingerprints of the same runs from a process in which nothing is compiled."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _INTERPRETED],
        input=base64.b64encode(pickle.dumps((scenes, strategy, seed))).decode(),
        capture_output=True,
        text=True,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert done.returncode == 0, f"the interpreted runs failed:\n{done.stderr}"
    return done.stdout.split()


def _fingerprints(text: str) -> list[str]:
    scenes, strategy, seed = pickle.loads(base64.b64decode(text))
    return [fingerprint(run(from_dict(tables).but(gossip=strategy), seed)) for tables in scenes]


def _no_relay(w: Any, event: int, seat: int, peer: int, item: int) -> int:
    return 0
