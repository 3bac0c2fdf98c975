"""Bracha and AVID: exact counts and bytes, three delays, published mean times, totality, and the bound on traitors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sim
from sim.gossip.reliable import AVID, Bracha
from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.net.core import state as st
from sim.net.costs import Costs
from sim.net.latency import law_table
from sim.net.laws import Exponential
from sim.net.network import Network
from sim.net.topologies import Complete
from sim.study.read import from_dict
from sim.testing import check_gossip, fingerprint

MS = 1_000_000
KINDS = [Bracha, AVID]


def network(part: Any, n: int, seed: int = 1, costs: Costs | None = None) -> Network:
    """Seats 1 ms apart unless `costs` say otherwise."""
    dice = Dice(seed)
    topology = Complete(seats=n).build(dice)
    return Network(topology, costs or Costs(constant_ns=MS), part.strategy(topology, dice), dice)


def delivered(net: Network, body: int) -> list[bool]:
    """Which seats other than the publisher, seat 0, have delivered."""
    found: list[bool] = (net.world.held[body, 1:] == st.HELD).tolist()
    return found


@pytest.mark.parametrize("part", [Bracha(), AVID(), Bracha(faulty=1), AVID(faulty=0)])
def test_conformance(part: Any) -> None:
    """Compiled as interpreted, deterministic, everybody reached, every copy accounted for."""
    check_gossip(part, seeds=1)


@pytest.mark.parametrize("n", [2, 4, 7, 16, 31])
def test_messages_and_bytes(n: int) -> None:
    """(n - 1) SENDs, n (n - 1) ECHOs and as many READYs; whole bodies in one case, shares with a Merkle path and root in the other."""
    f = (n - 1) // 3
    share = -(-10_000 // (n - 2 * f)) + 32 * (1 + int(np.ceil(np.log2(n))))
    for part, size_bytes in ((Bracha(), 10_000), (AVID(), share)):
        net = network(part, n)
        body = net.item("body", "block", 10_000)
        net.publish(0, body)
        net.advance(100 * MS)
        assert net.world.by_packet[st.BODY].tolist() == [(n - 1) * (n + 1), (n - 1) * (n + 1) * size_bytes]
        assert net.world.by_packet[st.CONTROL].tolist() == [n * (n - 1), n * (n - 1) * 48]
        assert net.world.clock[st.SENT] == (n - 1) * (2 * n + 1)
        assert all(delivered(net, body))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [4, 5, 6, 7, 10, 31])
def test_three_delays(kind: Any, n: int) -> None:
    """V56, V42: with constant delays d everybody delivers at 3 d, the publisher included."""
    net = network(kind(), n)
    body = net.item("body", "block", 10_000)
    net.publish(0, body)
    net.advance(100 * MS)
    assert net.world.arrival[body].tolist() == [0] + [3 * MS] * (n - 1)
    assert net.world.notes[int(net.world.items[body]["first_piece"]) + 1].tolist() == [3 * MS] * n


def test_published_mean_times() -> None:
    """V56: exponential delays of mean 1, n = 4: mean delivery 2.476 +- .009, the last one 3.122; over 4000 bodies."""
    net = network(Bracha(), 4, costs=Costs(table=law_table(Exponential(mean=MS))))
    for turn in range(4000):
        net.publish(0, net.item(f"body-{turn}", "block", 1000))
        net.advance(turn * 100 * MS)
    net.advance(4001 * 100 * MS)
    bodies = [number for number, family in enumerate(net.families) if family == "block"]
    published = net.world.items["published_ns"][bodies]
    clocks = [int(net.world.items[body]["first_piece"]) + 1 for body in bodies]
    times = (net.world.notes[clocks] - published[:, None]) / MS
    assert times.shape == (4000, 4)
    mean = times.mean(axis=1)
    last = times.max(axis=1)
    assert abs(mean.mean() - 2.476) < 4 * (mean.var() / 4000 + 0.009**2) ** 0.5
    assert abs(last.mean() - 3.122) < 4 * (last.var() / 4000 + 0.009**2) ** 0.5


def told_only(net: Network, told: int, *, then_silent: bool) -> int:
    """Seat 0 publishes to seats 1 to `told` and to nobody else; returns the body."""
    body = net.item("body", "block", 10_000)
    net.set_apart("island", (np.arange(len(net.world.seats)) > told).astype(np.int64))
    net.publish(0, body)
    net.advance(0)
    net.set_apart("island", np.zeros(len(net.world.seats), np.int64))
    if then_silent:
        net.set_flag(0, st.UP, False)
    net.advance(1000 * MS)
    return body


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("delays", ["constant", "exponential"])
@pytest.mark.parametrize("told", range(7))
def test_totality(kind: Any, delays: str, told: int) -> None:
    """n = 7, f = 2, five echoes wanted: a publisher that tells four others makes everybody deliver, with fewer nobody does."""
    for seed in range(1 if delays == "constant" else 10):
        costs = Costs(table=law_table(Exponential(mean=MS))) if delays == "exponential" else None
        net = network(kind(), 7, seed, costs)
        assert delivered(net, told_only(net, told, then_silent=False)) == [told >= 4] * 6


@pytest.mark.parametrize("kind", KINDS)
def test_readiness_is_amplified(kind: Any) -> None:
    """The publisher dies after telling four: only those four have five echoes, and four readies are too few without the others'."""
    net = network(kind(), 7)
    assert delivered(net, told_only(net, 4, then_silent=True)) == [True] * 6
    assert net.world.by_packet[st.CONTROL, 0] == 6 * 6


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n", "silent", "works"), [(4, 1, True), (4, 2, False), (10, 3, True), (10, 4, False)])
def test_silent_seats(kind: Any, n: int, silent: int, works: bool) -> None:
    """f silent seats change nothing for the others, f + 1 stop everybody."""
    net = network(kind(), n)
    for seat in range(n - silent, n):
        net.set_flag(seat, st.RELAYS, False)
    body = net.item("body", "block", 10_000)
    net.publish(0, body)
    net.advance(100 * MS)
    assert delivered(net, body)[: n - 1 - silent] == [works] * (n - 1 - silent)


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_is_not_held_before_it_is_delivered(kind: Any) -> None:
    """All the bytes are there after two delays, but the readies are not."""
    net = network(kind(), 7)
    body = net.item("body", "block", 10_000)
    net.publish(0, body)
    net.advance(2 * MS)
    assert not any(delivered(net, body))
    pieces = net.world.held[int(net.world.items[body]["first_piece"]) :][: 2 if kind is Bracha else 7]
    assert (pieces == st.HELD).all()


@pytest.mark.parametrize("kind", KINDS)
def test_votes_are_sent_to_all_at_once(kind: Any) -> None:
    """n - 1 copies, one delay."""
    net = network(kind(), 9)
    net.publish(3, net.item("vote", "vote", 100))
    net.advance(100 * MS)
    assert net.world.by_packet[st.BODY].tolist() == [8, 800]
    assert net.world.arrival[0].max() == MS


SCENE = {
    "duration": "10 s",
    "topology": {"kind": "complete", "seats": 10},
    "link": {"latency": {"kind": "exponential", "mean": "30 ms"}},
    "workload": [{"kind": "rumour", "size": "20 kB", "count": 3}],
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_changes_something(kind: Any) -> None:
    """With fewer traitors to fear fewer readies are waited for."""
    plain, other = (sim.run(from_dict(SCENE).but(gossip=part), 1) for part in (kind(), kind(faulty=1)))
    assert fingerprint(plain) != fingerprint(other)
    assert fingerprint(plain) == fingerprint(sim.run(from_dict(SCENE).but(gossip=kind(faulty=3)), 1))


@pytest.mark.parametrize("kind", ["bracha", "avid"])
def test_too_many_traitors_are_refused(kind: str) -> None:
    """One sentence, with the key."""
    with pytest.raises(ScenarioError, match="10 seats tolerate at most 3 traitors, not 4"):
        sim.run(from_dict({**SCENE, "gossip": {"kind": kind, "faulty": 4}}), 1)
