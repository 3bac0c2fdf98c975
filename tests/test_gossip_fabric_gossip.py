"""Fabric's block gossip: push leaves a tail, pull and state transfer fetch it, organisations elect new leaders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sim
from sim.gossip import fabric_rule as fabric
from sim.gossip.fabric_gossip import FabricGossip
from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.net.core import state as st
from sim.net.costs import Costs
from sim.net.network import Network
from sim.net.places import Regions
from sim.net.topologies import Complete
from sim.net.topology import Topology
from sim.study.read import from_dict
from sim.testing import check_gossip, fingerprint

MS = 1_000_000
SECOND = 1000 * MS
OFF = {"pull_every": "1 h", "state_every": "1 h", "check_every": "1 h"}


def network(topology: Topology | None = None, n: int = 40, seed: int = 1, **keys: Any) -> Network:
    """Seats 1 ms apart, the first one orders; its streams are open. One organisation unless a topology has more."""
    dice = Dice(seed)
    topology = topology or Complete(seats=n).build(dice)
    part = FabricGossip(**{"orderers": [topology.names[0]], **keys})
    net = Network(topology, Costs(constant_ns=MS), part.strategy(topology, dice), dice)
    net.advance(10 * MS)
    return net


def publish(net: Network, name: str = "block", seconds: float = 1.0) -> int:
    """The orderer makes a block, and time passes."""
    item = net.item(name, "block", 1000)
    net.publish(0, item)
    net.advance(int(net.world.clock[st.NOW]) + round(seconds * SECOND))
    return item


def two_organisations() -> Topology:
    """One orderer and two organisations of ten."""
    return Regions(seats={"a": 1, "north": 10, "south": 10}, degree=20).build(Dice(1))


@pytest.mark.parametrize("part", [FabricGossip(), FabricGossip(orderers=1, push=1)])
def test_conformance(part: Any) -> None:
    """Compiled as interpreted, deterministic, everybody reached, every copy accounted for."""
    check_gossip(part, seeds=1)


def test_push_alone_reaches_the_published_share() -> None:
    """V23: infect and die with fanout 3 reaches 94.0 % of a large organisation, the leader among them."""
    shares = []
    net = network(n=1001, **OFF)
    for turn in range(20):
        item = publish(net, f"block-{turn}")
        shares.append((net.world.held[item, 1:] == st.HELD).mean())
    error = np.std(shares, ddof=1) / len(shares) ** 0.5
    assert abs(np.mean(shares) - 0.940480) < 4 * error + 1 / 1000
    assert error < 0.003


def test_push_costs_its_fanout() -> None:
    """One body into the stream; then every seat that is reached sends three, after the burst of 10 ms."""
    net = network(**OFF)
    item = publish(net)
    reached = int((net.world.held[item] == st.HELD).sum())
    assert net.world.by_packet[st.BODY, 0] == 1 + 3 * (reached - 1)
    assert set(((net.world.arrival[item, 1:] - 10 * MS) % (11 * MS))[net.world.arrival[item, 1:] >= 0].tolist()) == {MS}


def test_pull_fetches_the_tail() -> None:
    """No push: the leader's block reaches the others by digests, within some pulls of 4 s and 1 s of waiting each."""
    net = network(push=0, state_every="1 h", check_every="1 h")
    item = publish(net, seconds=0.5)
    assert (net.world.held[item] == st.HELD).sum() == 2
    net.advance(120 * SECOND)
    assert (net.world.held[item] == st.HELD).all()
    waited = net.world.arrival[item, 2:] - 11 * MS
    assert waited.min() >= SECOND
    assert waited.max() < 40 * SECOND
    assert net.world.by_packet[st.REQUEST, 0] == 38, "each peer asked once"


def test_digests_tell_of_the_newest_blocks_only() -> None:
    """Fifteen blocks while pull is the only way: the five oldest never leave the leader."""
    net = network(push=0, pull_every="50 s", state_every="1 h", check_every="1 h")
    items = [publish(net, f"block-{turn}", 0.001) for turn in range(15)]
    net.advance(1000 * SECOND)
    held = (net.world.held[items] == st.HELD).sum(axis=1)
    assert (held[5:] == 40).all()
    assert (held[:5] < 40).all()


def test_state_transfer_fills_what_pull_has_forgotten() -> None:
    """The same, with heights told and compared: everybody catches up, by batches."""
    net = network(push=0, pull_every="1 h")
    items = [publish(net, f"block-{turn}", 0.001) for turn in range(15)]
    net.advance(300 * SECOND)
    assert (net.world.held[items] == st.HELD).all()
    first = net.world.arrival[items[0], 2:]
    assert (first > 4 * MS).all()


@pytest.mark.parametrize("batch", [1, 5])
def test_a_state_transfer_is_a_batch(batch: int) -> None:
    """Two peers: the second one catches up with 15 blocks by so many each 10 s."""
    net = network(n=3, push=0, pull_every="1 h", batch=batch)
    items = [publish(net, f"block-{turn}", 0.001) for turn in range(15)]
    net.advance(300 * SECOND)
    times = np.unique(net.world.arrival[items, 2])
    assert len(times) == 15 // batch
    assert (np.diff(times) == 10 * SECOND).all()


def test_organisations_do_not_push_to_each_other() -> None:
    """One body each into two streams; a body from north never comes to a seat of south."""
    topology = two_organisations()
    net = network(topology, push=20, **OFF)
    item = publish(net)
    assert (net.world.held[item] == st.HELD).all()
    assert net.world.by_packet[st.BODY, 0] == 2 + 2 * 10 * 9
    assert net.world.memory[:, fabric.LEADING].tolist() == [0, *([1] + [0] * 9) * 2]


def test_a_crashed_leader_is_replaced() -> None:
    """After 10 s of silence, noticed at a beat of 5 s, and 5 s of election the next seat leads; the old one steps back or down."""
    net = network(two_organisations(), push=20, **OFF)
    net.set_flag(1, st.UP, False)
    net.advance(14 * SECOND)
    assert net.world.memory[1:11, fabric.LEADING].tolist() == [1] + [0] * 9
    net.advance(25 * SECOND)
    assert net.world.memory[2:11, fabric.LEADING].tolist() == [1] + [0] * 8
    item = publish(net)
    assert (net.world.held[item, 2:] == st.HELD).all()
    net.set_flag(1, st.UP, True)
    net.advance(60 * SECOND)
    assert net.world.memory[1:11, fabric.LEADING].tolist() == [1] + [0] * 9
    later = publish(net, "later")
    assert (net.world.held[later] == st.HELD).all()
    assert net.world.memory[11:, fabric.LEADING].tolist() == [1] + [0] * 9


def test_a_new_leader_asks_for_what_was_missed() -> None:
    """Blocks made while nobody led arrive with the new leader's stream."""
    net = network(two_organisations(), push=20, **OFF)
    net.set_flag(1, st.UP, False)
    item = publish(net)
    assert (net.world.held[item, 2:11] == st.ABSENT).all()
    net.advance(30 * SECOND)
    assert (net.world.held[item, 2:] == st.HELD).all()


def test_a_withholding_leader_is_passed_by_state_transfer() -> None:
    """It says that it lives, so nobody replaces it; heights of the other organisation give it away."""
    for heights, wanted in (({"pull_every": "1 h"}, True), (OFF, False)):
        net = network(two_organisations(), **heights)
        net.set_flag(1, st.RELAYS, False)
        net.set_flag(1, st.SERVES, False)
        item = publish(net)
        net.advance(200 * SECOND)
        assert (net.world.held[item, 1:11] == st.HELD).all() == wanted
        assert net.world.memory[1, fabric.LEADING] == 1


SCENE = {
    "duration": "60 s",
    "topology": {"kind": "regions", "seats": {"o": 5, "north": 15, "south": 15}},
    "link": {"latency": {"kind": "exponential", "mean": "30 ms"}},
    "workload": [{"kind": "rumour", "size": "20 kB", "count": 40, "every": "500 ms"}],
    "fault": [{"kind": "crash", "seats": ["north-00"], "at": "5 s", "lasts": "30 s"}],
}
OTHER = {
    "orderers": 3,
    "push": 2,
    "burst": "20 ms",
    "pull": 2,
    "pull_every": "3 s",
    "digest_wait": "500 ms",
    "stored": 3,
    "state_every": "3 s",
    "check_every": "7 s",
    "batch": 1,
    "leader_alive": "6 s",
    "election": "1 s",
}


@pytest.mark.parametrize("key", OTHER)
def test_every_key_changes_something(key: str) -> None:
    """Two runs that differ in one key differ."""
    keys = {"orderers": "o"}
    runs = [sim.run(from_dict(SCENE).but(gossip=FabricGossip(**{**keys, **more})), 1) for more in ({}, {key: OTHER[key]})]
    assert fingerprint(runs[0]) != fingerprint(runs[1])
    assert set(OTHER) == set(FabricGossip.__dataclass_fields__)


@pytest.mark.parametrize(
    ("keys", "words"), [({"orderers": 0}, "orderers"), ({"pull": 17}, "pull"), ({"check_every": "0 s"}, "check_every")]
)
def test_what_cannot_be_is_refused(keys: dict[str, Any], words: str) -> None:
    """One sentence, with the key."""
    with pytest.raises(ScenarioError, match=words):
        sim.run(from_dict({**SCENE, "gossip": {"kind": "fabric-gossip", **keys}}), 1)


def test_a_seat_without_consensus_comes_back_from_a_crash() -> None:
    """No program is started again, but its links are: it has the blocks made after its return, and by state transfer the others."""
    report = sim.run(from_dict(SCENE).but(gossip=FabricGossip(orderers="o"), duration=90 * SECOND), 1)
    assert report.to_dict()["gossip"]["reached_share"] == 1.0
    assert [row[1] for row in report.evidence.trace if row[1] in ("crash", "restart")] == ["crash", "restart"]
