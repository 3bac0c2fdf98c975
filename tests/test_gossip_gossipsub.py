"""GossipSub: its mesh, its gossip, its scores, one mechanism after the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import sim
from sim.gossip.gossipsub import GossipSub, GossipSubEthereum
from sim.gossip.gossipsub_rule import rule
from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.net import gossipsub_mesh as m
from sim.net.core import state as st
from sim.net.core.state import (
    BODY,
    CONTROL,
    DIALS,
    GOT,
    HEARD,
    HEARD_WORD,
    NOW,
    OFFERED,
    PACKET,
    REQUEST,
    REQUESTED,
    SPOILT,
    TARGET,
    TICKED,
    WORD,
)
from sim.net.costs import Costs
from sim.net.network import Network
from sim.net.topologies import Complete
from sim.study.read import from_dict
from sim.testing import check_gossip

MS, SECOND = 1_000_000, 1_000_000_000
LARGE = "1 GB"  # no body is so large: IDONTWANT off


def scenario(gossip: Any, **changes: Any) -> Any:
    """Ten rumours among 60 seats with 12 neighbours each, a tenth of all copies lost."""
    tables = {
        "duration": "20 s",
        "topology": {"kind": "random-regular", "seats": 60, "degree": 12},
        "link": {"latency": {"kind": "exponential", "mean": "30 ms"}, "loss": "10 %"},
        "workload": [{"kind": "rumour", "size": "2 kB", "count": 10, "every": "700 ms"}],
        **changes,
    }
    return from_dict(tables).but(gossip=gossip)


def copies(report: Any, packet: str) -> int:
    """How many packets of a kind were sent."""
    return int(report.evidence.by_packet.get(packet, (0, 0))[0])


@pytest.mark.parametrize("part", [GossipSub(), GossipSubEthereum()], ids=["go", "ethereum"])
def test_it_stands_what_every_strategy_must(part: Any) -> None:
    check_gossip(part, seeds=1)


def test_a_mesh_without_idontwant_carries_n_times_d_minus_1_plus_1_copies() -> None:
    """V21, V22: the mesh is all of a graph of degree 8; each seat gets D - 2 + 2/n copies too many, exactly."""
    part = GossipSub(d=8, d_low=8, d_high=8, d_lazy=0, gossip_factor=0.0, idontwant=LARGE)
    graph = {"kind": "random-regular", "seats": 100, "degree": 8}
    report = sim.run(scenario(part, topology=graph, link={"latency": {"kind": "exponential", "mean": "30 ms"}}), 1)
    assert copies(report, "body") == 10 * (100 * 7 + 1)
    assert report.to_dict()["gossip"]["reached_share"] == 1.0


def test_idontwant_saves_copies_and_never_below_perfect_suppression() -> None:
    """V22: between D/2 - 1 + 1/n and D - 2 + 2/n duplicates a seat; bodies below the threshold are not spoken of."""
    graph = {"kind": "random-regular", "seats": 100, "degree": 8}
    link = {"latency": {"kind": "constant", "value": "30 ms"}}
    jitter = {"latency": {"kind": "exponential", "mean": "30 ms"}}
    part = GossipSub(d=8, d_low=8, d_high=8, d_lazy=0, gossip_factor=0.0)
    loud, quiet = (sim.run(scenario(p, topology=graph, link=jitter), 1) for p in (replace(part, idontwant=2001), part))
    assert copies(loud, "body") == 7010
    assert 10 * 400 <= copies(quiet, "body") < 6500
    assert copies(sim.run(scenario(part, topology=graph, link=link), 1), "body") > 0


def mesh_sizes(part: Any, degree: int = 12, **changes: Any) -> Any:
    """Members of every seat's mesh after twenty seconds, and whether every membership is mutual."""
    topology = from_dict({"duration": "1 s", "topology": {"kind": "random-regular", "seats": 60, "degree": degree}}).topology.build(
        Dice(3)
    )
    net = Network(topology, Costs(constant_ns=10 * MS), part.strategy(topology, Dice(3)), Dice(3))
    net.advance(20 * SECOND)
    words = m.WINDOWS + 2 * part.history_gossip + part.slots
    links = net.world.memory[:, words : words + degree] > 0  # SINCE, the first word of each link
    pairs = {(seat, int(topology.neighbours_of(seat)[place])) for seat, place in np.argwhere(links).tolist()}
    assert np.array_equal(links.sum(1), net.world.memory[:, m.MEMBERS])
    return links.sum(1), pairs == {(there, here) for here, there in pairs}


def test_meshes_keep_within_their_bounds_and_are_mutual() -> None:
    sizes, mutual = mesh_sizes(GossipSub(), degree=20)
    assert mutual
    assert sizes.min() >= 5
    assert sizes.max() <= 12 + 2
    small, mutual = mesh_sizes(GossipSub(d=3, d_low=2, d_high=4, d_out=1, d_score=2), degree=20)
    assert mutual
    assert small.min() >= 1
    assert small.max() <= 5


def test_gossip_repairs_what_the_mesh_loses() -> None:
    """A mesh of one neighbour falls into pairs: IHAVE and IWANT do the rest, and without them the rest stays in the dark."""
    thin = GossipSub(d=1, d_low=1, d_high=1, d_out=0, d_score=1)
    told = sim.run(scenario(thin), 1)
    assert told.to_dict()["gossip"]["reached_share"] > 0.98
    assert copies(told, "request") > 100
    assert sim.run(scenario(replace(thin, d_lazy=0, gossip_factor=0.0)), 1).to_dict()["gossip"]["reached_share"] < 0.5


def test_ones_own_items_may_go_to_all_neighbours() -> None:
    """Nobody answers on a star's leaves: the hub with 20 neighbours sends 20 bodies or as many as its mesh holds."""
    for flood, low, high in ((True, 20, 20), (False, 5, 14)):
        part = GossipSub(flood_publish=flood, d_lazy=0, gossip_factor=0.0)
        world = scenario(
            part,
            topology={"kind": "star", "seats": 21},
            link={"latency": {"kind": "constant", "value": "10 ms"}},
            workload=[{"kind": "rumour", "size": "2 kB", "origin": "seat-00", "first": "5 s"}],
        )
        assert low <= copies(sim.run(world, 1), "body") <= high


class Scene:
    """One network of a few seats, in which events are told to seat 0 by hand."""

    def __init__(self, part: GossipSub, seats: int = 4) -> None:
        topology = Complete(seats=seats).build(Dice(1))
        self.part = part
        self.net = Network(topology, Costs(constant_ns=MS), part.strategy(topology, Dice(1)), Dice(1))
        self.net.item("block", "block", 5000)
        self.net.advance(5 * SECOND)
        self.world = self.net.world

    def tell(self, event: int, peer: int, item: int = -1, word: int = 0) -> list[list[int]]:
        """Packet, target and word of each action."""
        self.world.clock[HEARD_WORD] = word
        with np.errstate(over="ignore"):
            count = rule(self.world, event, 0, peer, item)
        rows = self.world.actions[:count][:, [PACKET, TARGET, WORD]].tolist()
        self.world.actions[:] = [0, 0, 0, -1, -1, 0]
        return rows

    def refused(self, peer: int) -> bool:
        """Whether a body from there would not be looked at."""
        return bool(rule(self.world, OFFERED, 0, peer, 0))

    def link(self, peer: int, word: int) -> int:
        """A word of seat 0's about a neighbour (seat 1 stands at place 0)."""
        start = m.WINDOWS + 2 * self.part.history_gossip + self.part.slots + (peer - 1)
        return int(self.world.memory[0, start + word * self.world.options[m.LINKS]])

    def later(self, time_ns: int) -> None:
        """Let time pass for seat 0 alone."""
        self.world.clock[NOW] += time_ns


def test_no_graft_is_taken_before_the_backoff_is_over_and_trying_costs() -> None:
    """PRUNE, GRAFT at once: refused, and doubly punished in the first ten seconds; after a minute it is taken."""
    scene = Scene(GossipSub(behaviour_weight=-1.0, behaviour_free=10))
    assert scene.link(1, m.SINCE) > 0
    assert scene.tell(HEARD, 1, word=m.PRUNE) == []
    assert scene.link(1, m.SINCE) == 0
    assert scene.tell(HEARD, 1, word=m.GRAFT) == [[CONTROL, 1, m.PRUNE]]
    assert scene.link(1, m.BAD) == 2 * m.ONE
    scene.later(30 * SECOND)
    assert scene.tell(HEARD, 1, word=m.GRAFT) == [[CONTROL, 1, m.PRUNE]]
    assert scene.link(1, m.BAD) == 3 * m.ONE
    scene.later(61 * SECOND)
    assert scene.tell(HEARD, 1, word=m.GRAFT) == []
    assert scene.link(1, m.SINCE) > 0


def test_a_full_mesh_takes_grafts_only_over_connections_that_the_seat_opened() -> None:
    """handleGraft of go-libp2p: at D_hi a newcomer that dialled is pruned, so that nobody can crowd into a mesh from outside."""
    scene = Scene(GossipSub(d=2, d_low=2, d_high=2, d_out=0, d_score=1), seats=12)
    scene.later(61 * SECOND)  # no back-off is left from how the mesh was made
    outside = [peer for peer in range(1, 12) if scene.link(peer, m.SINCE) == 0]
    opened = [peer for peer in outside if m.dialled(scene.world, 0, peer)]
    dialled_by_others = [peer for peer in outside if peer not in opened]
    while scene.world.memory[0, m.MEMBERS] < 2:
        assert scene.tell(HEARD, dialled_by_others.pop(), word=m.GRAFT) == [], "there is room yet"
    assert len(opened) > 3 and len(dialled_by_others) > 1
    for peer in [*dialled_by_others, *opened[:3]]:
        answer = scene.tell(HEARD, peer, word=m.GRAFT)
        assert answer == ([] if peer in opened else [[CONTROL, peer, m.PRUNE]])
        assert (scene.link(peer, m.SINCE) > 0) == (peer in opened)
    scene.world.seats[opened[3]]["flags"] |= DIALS
    assert not m.dialled(scene.world, 0, opened[3]), "a Sybil has opened all its connections itself"


def test_invalid_bodies_cost_the_ear() -> None:
    """P4: two bodies that failed their check are 40 points of -10; below -30 whatever comes from there is not looked at."""
    scene = Scene(GossipSub(invalid_weight=-10.0, invalid_decay=0.5, graylist_threshold=-30.0))
    assert scene.refused(1) is False
    scene.tell(SPOILT, 1, 0)
    assert m.score_of(scene.world, 0, 0) == -10 * m.ONE and scene.refused(1) is False
    scene.tell(SPOILT, 1, 0)
    assert m.score_of(scene.world, 0, 0) == -40 * m.ONE and scene.refused(1) is True
    assert scene.refused(2) is False
    scene.tell(TICKED, 0)
    assert m.score_of(scene.world, 0, 0) == -10 * m.ONE, "the counter decays, and the neighbour is heard again"
    assert scene.refused(1) is False


def test_a_body_is_sent_again_only_so_often_and_only_from_the_cache() -> None:
    scene = Scene(GossipSub(retransmissions=2, history_length=3))
    scene.net.publish(0, 0)
    scene.net.advance(5 * SECOND + MS)
    scene.world = scene.net.world
    assert [len(scene.tell(REQUESTED, 1, 0)) for _ in range(4)] == [1, 1, 0, 0]
    assert scene.tell(REQUESTED, 2, 0) == [[BODY, 2, 0]]
    scene.later(3 * SECOND)
    assert scene.tell(REQUESTED, 3, 0) == []


def test_a_broken_promise_is_counted() -> None:
    """IHAVE, IWANT, and nothing comes for three seconds."""
    scene = Scene(GossipSub(behaviour_weight=-1.0, behaviour_free=10, behaviour_decay=1.0))
    assert scene.tell(HEARD, 1, 0, word=1 << 3 | m.IHAVE) == [[REQUEST, 1, 0]]
    scene.later(2 * SECOND)
    scene.tell(TICKED, 0)
    assert scene.link(1, m.BAD) == 0
    scene.later(SECOND)
    scene.tell(TICKED, 0)
    assert scene.link(1, m.BAD) == m.ONE


def test_who_does_not_want_a_body_does_not_get_it_while_that_is_remembered() -> None:
    for beats, served in ((1, [1, 2]), (4, [1, 2, 3])):
        scene = Scene(GossipSub(idontwant=LARGE), seats=5)
        assert scene.tell(HEARD, 3, 0, word=m.IDONTWANT) == []
        for _ in range(beats):
            scene.tell(TICKED, 0)
        assert [row[TARGET] for row in scene.tell(GOT, 4, 0) if row[PACKET] == BODY] == served


def test_a_bad_name_costs_the_mesh_gossip_and_in_the_end_the_ear() -> None:
    """P7: four penalties beyond the free one are 9 points of -1: pruned; below -8 no gossip; below -20 nothing is read."""
    part = GossipSub(behaviour_weight=-1.0, behaviour_free=1, gossip_threshold=-8.0, graylist_threshold=-20.0, behaviour_decay=1.0)
    scene = Scene(part)
    scene.tell(HEARD, 1, word=m.PRUNE)
    scene.tell(HEARD, 1, word=m.GRAFT)
    scene.tell(HEARD, 1, word=m.GRAFT)
    assert m.score_of(scene.world, 0, 0) == -9 * m.ONE
    assert scene.tell(HEARD, 1, 0, word=1 << 3 | m.IHAVE) == []
    assert scene.tell(HEARD, 2, 0, word=1 << 3 | m.IHAVE) == [[REQUEST, 2, 0]]
    assert scene.tell(HEARD, 1, word=m.GRAFT) == [[CONTROL, 1, m.PRUNE]]
    assert m.score_of(scene.world, 0, 0) == -25 * m.ONE
    assert scene.tell(HEARD, 1, word=m.GRAFT) == []


def shares_of_droppers(part: GossipSub) -> float:
    """Silent relays (every fourth seat) among the members of honest meshes at the end."""
    topology = from_dict({"duration": "1 s", "topology": {"kind": "random-regular", "seats": 60, "degree": 16}}).topology.build(
        Dice(2)
    )
    net = Network(topology, Costs(constant_ns=10 * MS), part.strategy(topology, Dice(2)), Dice(2))
    for seat in range(0, 60, 4):
        net.set_flag(seat, st.RELAYS, False)
    for turn in range(100):
        net.publish(1 + 4 * (turn % 15), net.item(turn, "block", 500))
        net.advance((turn + 1) * 400 * MS)
    words = m.WINDOWS + 2 * part.history_gossip + part.slots
    links = net.world.memory[:, words : words + 16] > 0  # SINCE, the first word of each link
    members = [int(topology.neighbours_of(seat)[place]) for seat, place in np.argwhere(links).tolist() if seat % 4]
    return sum(member % 4 == 0 for member in members) / len(members)


def test_silent_relays_are_found_out_by_what_they_do_not_deliver() -> None:
    """P3: who has not delivered 4 items in ten seconds leaves the mesh; without the weight a fourth of it stays silent."""
    judged = {"deliveries_weight": -1.0, "deliveries_due": 4, "activation": 10 * SECOND, "deliveries_decay": 0.98}
    assert shares_of_droppers(GossipSub()) > 0.15
    assert shares_of_droppers(GossipSub(**judged)) < 0.03


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"d": 4}, "d_low <= d"),
        ({"d_high": 60}, "too large"),
        ({"heartbeat": 0}, "at least 1"),
        ({"behaviour_weight": 1.0}, "punishes"),
        ({"deliveries_cap": 5000}, "counted"),
        ({"first_weight": 2000.0}, "between"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ScenarioError, match=told):
        GossipSub(**wrong)
