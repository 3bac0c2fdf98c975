"""Fabric's deliver: one body per peer from the orderers, their uplinks as the bottleneck, failover by censorship timeout."""

from __future__ import annotations

from typing import Any

import pytest

import sim
from sim.gossip.fabric_deliver import FabricDeliver
from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.net.core import state as st
from sim.net.costs import Costs
from sim.net.network import Network
from sim.net.topologies import Complete
from sim.study.read import from_dict
from sim.testing import check_gossip, fingerprint

MS = 1_000_000
SECOND = 1000 * MS
NAMES = Complete(seats=40).build(Dice(1)).names


def network(n: int = 40, costs: Costs | None = None, **keys: Any) -> Network:
    """Seats 1 ms apart; the first four order, unless said otherwise. The streams are open."""
    dice = Dice(1)
    topology = Complete(seats=n).build(dice)
    part = FabricDeliver(**{"orderers": list(topology.names[:4]), **keys})
    net = Network(topology, costs or Costs(constant_ns=MS), part.strategy(topology, dice), dice)
    net.advance(10 * MS)
    return net


@pytest.mark.parametrize("part", [FabricDeliver(), FabricDeliver(orderers=1), FabricDeliver(orderers=3, watched=0)])
def test_conformance(part: Any) -> None:
    """Compiled as interpreted, deterministic, everybody reached, every copy accounted for."""
    check_gossip(part, seeds=1)


@pytest.mark.parametrize("watched", [0, 1, 3])
def test_one_body_and_so_many_headers_a_peer(watched: int) -> None:
    """3 copies among the orderers, 36 to the peers after two delays; a wish per stream; a header per peer and watched orderer."""
    net = network(watched=watched)
    assert net.world.by_packet[st.CONTROL].tolist() == [36 * (1 + watched), 36 * (1 + watched) * 48]
    body = net.item("body", "block", 10_000)
    net.publish(1, body)
    net.advance(100 * MS)
    assert net.world.by_packet[st.BODY].tolist() == [39, 390_000]
    assert net.world.by_packet[st.ANNOUNCE, 0] == 36 * watched
    assert net.world.arrival[body, [0, 2, 3]].tolist() == [11 * MS] * 3
    assert sorted(set((net.world.arrival[body, 4:] // MS).tolist())) == [11, 12]
    assert net.world.clock[st.BODY_COPIES] == net.world.clock[st.FIRST_COPIES]


def test_a_peer_s_body_goes_through_the_ordering_service() -> None:
    """Peer to orderer, to orderers, to peers: three delays, n - 1 bodies, and none comes back."""
    net = network()
    body = net.item("body", "block", 10_000)
    net.publish(20, body)
    net.advance(100 * MS)
    assert net.world.by_packet[st.BODY, 0] == 39
    assert net.world.arrival[body].max() == 13 * MS


def test_the_orderers_uplink_is_the_bottleneck() -> None:
    """One orderer at 8 Mbit/s feeds 39 peers with 100 kB each: the last one has it after 39 times 0.1 s."""
    net = network(costs=Costs(constant_ns=MS, up_bit_s=8_000_000, down_bit_s=10**9), orderers=[NAMES[0]])
    body = net.item("body", "block", 100_000)
    net.publish(0, body)
    net.advance(60 * SECOND)
    assert net.world.arrival[body].max() == 11 * MS + 39 * 100 * MS


def test_what_was_there_before_the_stream_opened_is_delivered_too() -> None:
    """A body published at the first instant: the wish says from which block on."""
    dice = Dice(1)
    topology = Complete(seats=9).build(dice)
    part = FabricDeliver(orderers=[topology.names[0]])
    net = Network(topology, Costs(constant_ns=MS), part.strategy(topology, dice), dice)
    body = net.item("body", "block", 1000)
    net.publish(0, body)
    net.advance(100 * MS)
    assert net.world.arrival[body].tolist() == [0] + [2 * MS] * 8
    assert net.world.by_packet[st.BODY, 0] == 8


@pytest.mark.parametrize("watched", [0, 3])
def test_a_withholding_orderer_is_left_after_the_censorship_timeout(watched: int) -> None:
    """Its peers have headers but no block: after 30 s they stream from the next one. Without headers they never know."""
    net = network(watched=watched)
    mine = net.world.memory[4:, 0] == 2
    assert 0 < mine.sum() < 36
    net.set_flag(2, st.RELAYS, False)
    first = net.item("first", "block", 1000)
    net.publish(0, first)
    net.advance(60 * SECOND)
    times = net.world.arrival[first, 4:]
    assert (times[~mine] <= 12 * MS).all()
    if not watched:
        assert (times[mine] == -1).all()
        return
    assert set(times[mine].tolist()) <= {30 * SECOND + 13 * MS, 30 * SECOND + 14 * MS}
    assert set(net.world.memory[4:, 0][mine].tolist()) == {3}
    second = net.item("second", "block", 1000)
    net.publish(0, second)
    net.advance(61 * SECOND)
    assert net.world.arrival[second].max() - net.world.items[second]["published_ns"] <= 2 * MS, "the new stream stays"


def test_it_goes_on_from_orderer_to_orderer() -> None:
    """Three of four orderers withhold: the last peers are served after three timeouts."""
    net = network(censorship="1 s")
    for seat in (1, 2, 3):
        net.set_flag(seat, st.RELAYS, False)
    body = net.item("body", "block", 1000)
    net.publish(0, body)
    net.advance(10 * SECOND)
    waited = sorted(set((net.world.arrival[body, 4:] // SECOND).tolist()))
    assert waited == [0, 1, 2, 3]


SCENE = {
    "duration": "100 s",
    "topology": {"kind": "complete", "seats": 20},
    "link": {"latency": {"kind": "exponential", "mean": "30 ms"}},
    "workload": [{"kind": "rumour", "size": "20 kB", "count": 3}],
    "adversary": [{"kind": "withhold", "seats": ["seat-00", "seat-01"]}],
}


@pytest.mark.parametrize(("key", "value"), [("orderers", 4), ("watched", 2), ("censorship", "5 s")])
def test_every_key_changes_something(key: str, value: Any) -> None:
    """Two runs that differ in one key differ."""
    keys = {"orderers": ["seat-00", "seat-01", "seat-02", "seat-03", "seat-04"]}
    plain, other = (sim.run(from_dict(SCENE).but(gossip=FabricDeliver(**{**keys, **more})), 1) for more in ({}, {key: value}))
    assert fingerprint(plain) != fingerprint(other)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"orderers": 0}, "orderers"),
        ({"orderers": 21}, "orderers"),
        ({"orderers": "nobody"}, "orderers"),
        ({"orderers": 3, "watched": 3}, "watched"),
    ],
)
def test_what_cannot_be_is_refused(keys: dict[str, Any], words: str) -> None:
    """One sentence, with the key."""
    with pytest.raises(ScenarioError, match=words):
        sim.run(from_dict({**SCENE, "gossip": {"kind": "fabric-deliver", **keys}}), 1)
