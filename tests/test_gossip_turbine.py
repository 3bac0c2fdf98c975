"""Turbine and Rotor: exact counts, depth, trees that visit each seat once, draws by stake, loss against the binomial tail."""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
import pytest

import sim
from sim.gossip.rotor import Rotor
from sim.gossip.stakes import coded
from sim.gossip.turbine import Turbine
from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.net.core import state as st
from sim.net.costs import Costs
from sim.net.network import Network
from sim.net.topologies import Complete
from sim.study.read import from_dict
from sim.testing import check_gossip, fingerprint

MS = 1_000_000


def network(part: Any, n: int, seed: int = 1) -> Network:
    """Seats 1 ms apart, with nothing else in the way."""
    dice = Dice(seed)
    topology = Complete(seats=n).build(dice)
    return Network(topology, Costs(constant_ns=MS), part.strategy(topology, dice), dice)


def spread(part: Any, n: int, bodies: int = 1, size_bytes: int = 32_000, silent: int = 0) -> tuple[Network, list[int]]:
    """Seat 0 publishes; seats 1 to `silent` relay nothing."""
    net = network(part, n)
    for seat in range(1, silent + 1):
        net.set_flag(seat, st.RELAYS, False)
    items = [net.item(f"body-{turn}", "block", size_bytes) for turn in range(bodies)]
    for item in items:
        net.publish(0, item)
    net.advance(100 * MS)
    return net, items


@pytest.mark.parametrize(
    "part", [Turbine(), Turbine(fanout=3, originals=4, repairs=2), Rotor(), Rotor(sampling="iid", originals=5)]
)
def test_conformance(part: Any) -> None:
    """Compiled as interpreted, deterministic, everybody reached, every copy accounted for."""
    check_gossip(part, seeds=1)


@pytest.mark.parametrize("part", [Rotor(), Rotor(sampling="iid"), *(Turbine(fanout=fanout) for fanout in (1, 2, 3, 7, 200))])
@pytest.mark.parametrize("n", [2, 3, 30])
def test_each_shred_reaches_each_seat_once(part: Any, n: int) -> None:
    """64 (n - 1) bodies of 1000 + 192 + 64 bytes, none of them twice: what spreads a shred is a tree."""
    net, items = spread(part, n)
    assert net.world.by_packet[st.BODY].tolist() == [64 * (n - 1), 64 * (n - 1) * 1256]
    assert net.world.clock[st.BODY_COPIES] == net.world.clock[st.FIRST_COPIES] == 64 * (n - 1)
    assert (net.world.held[items[0]] == st.HELD).all()
    assert net.world.notes[items[0], 1:].tolist() == [64] * (n - 1)


def test_a_lone_seat_sends_nothing() -> None:
    """Nobody is there to be told."""
    for part in (Turbine(), Rotor()):
        assert spread(part, 1)[0].world.clock[st.SENT] == 0


@pytest.mark.parametrize(
    ("n", "fanout", "hops"), [(5, 3, 2), (14, 3, 3), (15, 3, 4), (41, 3, 4), (42, 3, 5), (202, 200, 2), (203, 200, 3)]
)
def test_depth_of_the_tree(n: int, fanout: int, hops: int) -> None:
    """Publisher, root, `fanout`, `fanout` ** 2, ...: the last shred of somebody comes from the lowest layer."""
    net, items = spread(Turbine(fanout=fanout), n)
    pieces = [number for number in range(len(net.families)) if net.families[number] == "piece"]
    assert net.world.arrival[pieces].max() == hops * MS
    assert net.world.arrival[pieces].min() == 0
    assert net.world.arrival[items[0]].max() <= hops * MS


def test_rotor_takes_two_hops() -> None:
    """Everybody has every shred after two delays, its relay after one."""
    net, _ = spread(Rotor(), 50)
    times = net.world.arrival[1:65]
    assert [int((times == hop * MS).sum()) for hop in (0, 1, 2)] == [64, 64, 64 * 48]


def test_any_half_of_the_shreds_is_the_body() -> None:
    """With 32 + 32 the body is there with the 32nd shred; with 64 + 0 only with the last."""
    halves, whole = spread(Turbine(fanout=2), 40), spread(Turbine(fanout=2, originals=64, repairs=0), 40)
    for (net, items), enough in ((halves, 32), (whole, 64)):
        times = np.sort(net.world.arrival[1:65], axis=0)
        assert np.array_equal(net.world.arrival[items[0], 1:], times[enough - 1, 1:])
    assert coded(32, 32)(1_000_000) == (64, 32, 31_250 + 192 + 64)
    assert coded(1, 0)(1000) == (1, 1, 1064)


def binomial_tail(shreds: int, enough: int, honest: float) -> float:
    """Probability that fewer than `enough` of `shreds` relays are honest."""
    return sum(comb(shreds, k) * honest**k * (1 - honest) ** (shreds - k) for k in range(enough))


@pytest.mark.parametrize("part", [Turbine(), Rotor(sampling="iid")])
def test_loss_follows_the_binomial_tail(part: Any) -> None:
    """V77: with 8 of 20 relays silent a body is lost with probability 4.02 %; within four standard errors over 1500 bodies."""
    assert binomial_tail(64, 32, 0.6) == pytest.approx(4.024e-2, rel=1e-3)
    net, items = spread(part, 21, bodies=1500, silent=8)
    honest = net.world.held[items][:, 9:] == st.HELD
    assert (honest.all(axis=1) == honest.any(axis=1)).all(), "honest seats get the same shreds, so all of them or none"
    lost = 1 - honest[:, 0].mean()
    expected = binomial_tail(64, 32, 0.6)
    assert abs(lost - expected) < 4 * (expected * (1 - expected) / 1500) ** 0.5


def test_partition_sampling_loses_less() -> None:
    """One relay from each equal part of the stake: the number of silent relays scatters less than binomially."""
    silent = {}
    for sampling in ("iid", "partition"):
        net, items = spread(Rotor(sampling=sampling), 21, bodies=400, silent=8)
        silent[sampling] = 64 - net.world.notes[items, 20]
    for counts in silent.values():
        assert abs(counts.mean() - 64 * 0.4) < 4 * (64 * 0.24 / 400) ** 0.5
    assert silent["iid"].var() == pytest.approx(64 * 0.24, rel=4 * (2 / 399) ** 0.5)
    assert silent["partition"].var() < silent["iid"].var() / 4


@pytest.mark.parametrize("part", [Turbine, Rotor])
def test_relays_are_drawn_by_stake(part: Any) -> None:
    """Four seats with stakes 1, 1, 2 and 5, the first of which publishes: first receivers in proportion 1 : 2 : 5."""
    names = Complete(seats=4).build(Dice(1)).names
    net, _ = spread(part(stake={names[2]: 2, names[3]: 5}), 4, bodies=40)
    pieces = [number for number in range(len(net.families)) if net.families[number] == "piece"]
    first = (net.world.arrival[pieces] == MS).sum(axis=0)
    assert first[0] == 0
    for seat, share in ((1, 1 / 8), (2, 2 / 8), (3, 5 / 8)):
        assert abs(first[seat] / 2560 - share) < 4 * (share * (1 - share) / 2560) ** 0.5


def test_the_order_below_the_root_is_by_stake_too() -> None:
    """Without replacement: after a root of stake 1 or 2 the seat of stake 5 comes next with probability 5/7 or 5/6."""
    names = Complete(seats=4).build(Dice(1)).names
    net, _ = spread(Turbine(fanout=1, stake={names[2]: 2, names[3]: 5}), 4, bodies=60)
    pieces = [number for number in range(len(net.families)) if net.families[number] == "piece"]
    order = (net.world.notes[pieces] >> 32) - 1
    assert (np.sort(order, axis=1) == np.arange(4)).all()
    assert (order[:, 3] == 0).all()
    for root, share in ((1, 5 / 7), (2, 5 / 6)):
        following = order[order[:, 0] == root][:, 1]
        assert abs((following == 3).mean() - share) < 4 * (share * (1 - share) / len(following)) ** 0.5


def test_votes_go_whole_down_one_tree() -> None:
    """What is no body is not cut."""
    for part in (Turbine(fanout=2), Rotor()):
        net = network(part, 9)
        net.publish(3, net.item("vote", "vote", 100))
        net.advance(100 * MS)
        assert net.world.by_packet[st.BODY].tolist() == [8, 800]
        assert (net.world.held[0] == st.HELD).all()


SCENE = {
    "duration": "10 s",
    "topology": {"kind": "complete", "seats": 20},
    "link": {"latency": {"kind": "exponential", "mean": "30 ms"}},
    "workload": [{"kind": "rumour", "size": "20 kB", "count": 3}],
}


@pytest.mark.parametrize("part", [Turbine, Rotor])
@pytest.mark.parametrize("key", ["fanout", "originals", "repairs", "sampling", "stake"])
def test_every_key_changes_something(part: Any, key: str) -> None:
    """Two runs that differ in one key differ."""
    changed = {"fanout": 2, "originals": 20, "repairs": 16, "sampling": "iid", "stake": {"seat-03": 9}}
    if key not in part.__dataclass_fields__:
        return
    plain, other = (sim.run(from_dict(SCENE).but(gossip=kind), 1) for kind in (part(), part(**{key: changed[key]})))
    assert fingerprint(plain) != fingerprint(other)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"kind": "turbine", "fanout": 0}, "fanout"),
        ({"kind": "turbine", "originals": 0}, "originals"),
        ({"kind": "rotor", "originals": 0}, "originals"),
        ({"kind": "rotor", "sampling": "fair"}, "sampling"),
        ({"kind": "rotor", "stake": {"nobody": 3}}, "stake.nobody"),
        ({"kind": "turbine", "stake": {"seat-03": 0}}, "stake.seat-03"),
        ({"kind": "turbine", "stake": {"seat-03": 3_000_000_000}}, "stake"),
    ],
)
def test_what_cannot_be_is_refused(table: dict[str, Any], words: str) -> None:
    """One sentence, with the key."""
    with pytest.raises(ScenarioError) as found:
        sim.run(from_dict({**SCENE, "gossip": table}), 1)
    assert words in str(found.value)
