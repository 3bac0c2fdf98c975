"""Plumtree and HyParView: the tree's exact cost, its repair, and views that survive the loss of a third of all seats."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sim
from sim.gossip.plumtree import BODY_WANTED, GRAFT, IHAVE, MISSING, PRUNE, Plumtree, rule
from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.net import hyparview as v
from sim.net.core import state as st
from sim.net.core.state import BODY, CONTROL, GOT, HEARD, HEARD_WORD, PACKET, REPEATED, TARGET, TICK, TICKED, WORD
from sim.net.costs import Costs
from sim.net.network import Network
from sim.net.topologies import Complete
from sim.net.topology import walk
from sim.study.read import from_dict
from sim.testing import check_gossip

MS, SECOND = 1_000_000, 1_000_000_000


def scenario(gossip: Any, **changes: Any) -> Any:
    """Rumours from one seat among 100 with 8 links each, after everybody has joined."""
    tables = {
        "duration": "40 s",
        "topology": {"kind": "random-regular", "seats": 100, "degree": 8},
        "link": {"latency": {"kind": "exponential", "mean": "30 ms"}},
        "workload": [{"kind": "rumour", "size": "2 kB", "count": 10, "every": "1 s", "first": "5 s", "origin": "seat-00"}],
        **changes,
    }
    return from_dict(tables).but(gossip=gossip)


def test_it_stands_what_every_strategy_must_over_given_links() -> None:
    check_gossip(Plumtree(membership="links"), seeds=1)


def test_it_stands_what_every_strategy_must_over_its_own_views() -> None:
    """Seats join while the first rumours are already under way; those of ten that come before a seat do not reach it."""
    check_gossip(Plumtree(join_every=0), least_reached=0.8, seeds=1)


def test_a_stable_tree_costs_what_v31_says() -> None:
    """n = 1000, degree 8: the first item floods, n(r - 1) + 1 copies; then 999 bodies and 6002 announcements each, exactly."""
    counts = []
    for items in (1, 4, 6):
        world = scenario(
            Plumtree(membership="links"),
            topology={"kind": "random-regular", "seats": 1000, "degree": 8},
            link={"latency": {"kind": "constant", "value": "30 ms"}},
            workload=[{"kind": "rumour", "size": "2 kB", "count": items, "every": "1 s", "origin": "seat-000"}],
        )
        packets = sim.run(world, 1).evidence.by_packet
        counts.append((packets["body"][0], packets["control"][0]))
    assert counts[0] == (7001, 6002)  # a PRUNE for every second copy
    assert counts[1][0] - counts[0][0] == 3 * 999
    assert (counts[2][0] - counts[1][0], counts[2][1] - counts[1][1]) == (2 * 999, 2 * 6002)


def test_a_silent_member_of_the_tree_costs_its_subtree_the_patience_for_a_graft() -> None:
    """A ring of eight: when its neighbour falls silent, a seat hears from the other side, dispatch and patience later."""
    part = Plumtree(membership="links")
    topology = from_dict({"duration": "1 s", "topology": {"kind": "ring", "seats": 8}}).topology.build(Dice(1))
    net = Network(topology, Costs(constant_ns=10 * MS), part.strategy(topology, Dice(1)), Dice(1))

    def spread(item: int, at_ns: int) -> list[int]:
        net.advance(at_ns)
        net.publish(0, net.item(item, "block", 500))
        net.advance(at_ns + SECOND)
        return [(int(time_ns) - at_ns) // MS for time_ns in net.world.arrival[item]]

    around = [0, 10, 20, 30, 40, 30, 20, 10]
    assert spread(0, SECOND) == around
    assert spread(1, 3 * SECOND) == around
    net.set_flag(2, st.RELAYS, False)
    # seat 4 hears of it at 30 + 5 + 10, waits 80, and has it 20 later; seat 3 from seat 4
    assert spread(2, 5 * SECOND) == [0, 10, 20, 155, 145, 30, 20, 10]
    assert spread(3, 7 * SECOND) == [0, 10, 20, 50, 40, 30, 20, 10]  # the tree is repaired


class Scene:
    """One network of a few seats, in which events are told to seat 0 by hand."""

    def __init__(self, seats: int = 5, **keys: Any) -> None:
        part = Plumtree(membership="links", **keys)
        topology = Complete(seats=seats).build(Dice(1))
        self.net = Network(topology, Costs(constant_ns=MS), part.strategy(topology, Dice(1)), Dice(1))
        self.net.item("block", "block", 5000)
        self.net.advance(SECOND)
        self.world = self.net.world

    def tell(self, event: int, peer: int, item: int = -1, word: int = 0) -> list[list[int]]:
        """Packet, target and word of each action."""
        self.world.clock[HEARD_WORD] = word
        with np.errstate(over="ignore"):
            count = rule(self.world, event, 0, peer, item)
        rows = self.world.actions[:count][:, [PACKET, TARGET, WORD]].tolist()
        self.world.actions[:] = [0, 0, 0, -1, -1, 0]
        return rows

    def lazy(self) -> list[int]:
        """Neighbours over lazy links."""
        slots = self.world.memory[0, v.SLOTS :].reshape(-1, v.SLOT_WORDS)
        return sorted(int(row[v.PEER]) - 1 for row in slots if row[v.LAZY])


def said(kind: int, number: int = 0) -> int:
    """The word of a control packet that names nobody."""
    return kind | number << 4


def test_a_repeated_body_prunes_and_a_graft_undoes_it() -> None:
    scene = Scene()
    assert scene.tell(GOT, 1, 0) == [[BODY, peer, 0] for peer in (2, 3, 4)]
    assert scene.tell(REPEATED, 3, 0) == [[CONTROL, 3, said(PRUNE)]]
    assert scene.tell(HEARD, 4, 0, said(PRUNE)) == []
    assert scene.lazy() == [3, 4]
    scene.net.publish(0, 0)
    scene.net.advance(SECOND)
    assert scene.tell(GOT, 1, 0) == [[BODY, 2, 0], [CONTROL, 3, said(IHAVE, 1)], [CONTROL, 4, said(IHAVE, 1)]]
    assert scene.tell(HEARD, 3, 0, said(GRAFT, BODY_WANTED)) == [[BODY, 3, 0]]
    assert scene.tell(HEARD, 4, 0, said(GRAFT)) == []
    assert scene.lazy() == []


def test_a_body_that_does_not_come_is_asked_of_one_announcer_after_the_other() -> None:
    scene = Scene()
    for peer in (2, 3):
        scene.tell(HEARD, peer, 0, said(PRUNE))
    assert scene.tell(HEARD, 2, 0, said(IHAVE)) == [[TICK, MISSING, 0]]
    assert scene.tell(HEARD, 3, 0, said(IHAVE)) == []
    assert scene.tell(TICKED, MISSING, 0) == [[CONTROL, 2, said(GRAFT, BODY_WANTED)], [TICK, MISSING, 0]]
    assert scene.lazy() == [3]
    assert scene.tell(TICKED, MISSING, 0) == [[CONTROL, 3, said(GRAFT, BODY_WANTED)], [TICK, MISSING, 0]]
    assert scene.tell(TICKED, MISSING, 0) == []
    assert scene.tell(HEARD, 4, 0, said(IHAVE)) == [[TICK, MISSING, 0]]


def test_a_branch_that_is_much_shorter_takes_the_place_of_the_parent() -> None:
    """The body came over ten hops; an announcement at two hops grafts the lazy link and prunes the parent."""
    scene = Scene(optimisation=7)
    scene.world.notes[0, 1] = 9
    scene.tell(HEARD, 2, 0, said(PRUNE))
    scene.tell(GOT, 1, 0)
    scene.world.held[0, 0] = st.HELD
    assert scene.tell(HEARD, 2, 0, said(IHAVE, 4)) == []
    assert scene.tell(HEARD, 2, 0, said(IHAVE, 3)) == [[CONTROL, 2, said(GRAFT)], [CONTROL, 1, said(PRUNE)]]
    assert scene.lazy() == [1]


def views(net: Network, part: Plumtree) -> list[list[int]]:
    """Every seat's active view."""
    slots = net.world.memory[:, v.SLOTS : v.SLOTS + part.active_view * v.SLOT_WORDS].reshape(net.topology.n, -1, v.SLOT_WORDS)
    return [sorted(int(peer) - 1 for peer in row[:, v.PEER] if peer) for row in slots]


def reached(active: list[list[int]], start: int) -> Any:
    """Steps from a seat to every seat along active views, -1 where there is no way."""
    offsets = np.concatenate(([0], np.cumsum([len(row) for row in active]))).astype(np.int32)
    return walk(offsets, np.array([peer for row in active for peer in row], np.int32), start)


def test_views_are_small_mutual_and_hold_together() -> None:
    """HyParView, section 4: active views of at most five, symmetric, connected; passive views fill."""
    part = Plumtree()
    topology = from_dict({"duration": "1 s", "topology": {"kind": "ring", "seats": 300}}).topology.build(Dice(1))
    net = Network(topology, Costs(constant_ns=10 * MS), part.strategy(topology, Dice(1)), Dice(1))
    net.advance(70 * SECOND)
    active = views(net, part)
    assert max(map(len, active)) <= 5
    assert np.mean([len(row) for row in active]) > 4
    assert all(seat in active[peer] for seat, row in enumerate(active) for peer in row)
    assert (reached(active, 0) >= 0).all()
    passive = net.world.memory[:, v.SLOTS + 5 * v.SLOT_WORDS :] > 0
    assert passive.sum(1).mean() > 5


def test_a_third_of_all_seats_may_fall_silent_at_once() -> None:
    """Broken connections are replaced from the passive view; the living hold together and know no dead."""
    part = Plumtree()
    topology = from_dict({"duration": "1 s", "topology": {"kind": "ring", "seats": 300}}).topology.build(Dice(1))
    net = Network(topology, Costs(constant_ns=10 * MS), part.strategy(topology, Dice(1)), Dice(1))
    net.advance(70 * SECOND)
    dead = range(0, 300, 3)
    for seat in dead:
        net.set_flag(seat, st.UP, False)
    net.advance(100 * SECOND)
    active = views(net, part)
    alive = [seat for seat in range(300) if seat % 3]
    assert not any(peer % 3 == 0 for seat in alive for peer in active[seat])
    steps = reached([row if seat % 3 else [] for seat, row in enumerate(active)], 1)
    assert (steps[alive] >= 0).all()
    for seat in dead:
        net.set_flag(seat, st.UP, True)
    net.advance(140 * SECOND)
    assert (reached(views(net, part), 1) >= 0).all(), np.flatnonzero(reached(views(net, part), 1) < 0)


@pytest.mark.parametrize("wrong", [{"active_view": 0}, {"keepalive": 0}, {"passive_walk": 9}, {"shuffle_walk": 300}])
def test_what_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ScenarioError):
        Plumtree(**wrong)
