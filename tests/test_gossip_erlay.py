"""Erlay (BIP 330): capacities and bytes of sketches, extension and fall-back, one initiator a link, announcements against degree."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import sim
from sim.gossip.erlay import Erlay
from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.net.core import state as st
from sim.net.costs import Costs
from sim.net.network import Network
from sim.net.topologies import Complete, Line
from sim.study.read import from_dict
from sim.study.report import Report
from sim.testing import check_gossip, fingerprint

MS, SECOND = 1_000_000, 1_000_000_000
HEADER, ANNOUNCEMENT = 24, 48
SLOW = Erlay(fanout=0, inbound=0.0, interval="1 s")  # nothing but reconciliation


def network(part: Any, topology: Any) -> Network:
    """A few seats, 1 ms apart."""
    built, dice = topology.build(Dice(1)), Dice(1)
    return Network(built, Costs(constant_ns=MS), part.strategy(built, dice), dice)


def one_reconciliation(part: Erlay, asker: int, answerer: int, both: int = 0) -> tuple[list[int], list[int], bool]:
    """Two seats, so many items that only the one or the other has, and the first reconciliation: counts and bytes, all there.

    Which of two seats asks is drawn; `asker` items are given to that one. Items that `both` have were published at both.
    """
    empty = network(part, Complete(seats=2))
    empty.advance(1 * SECOND)
    opener = int(empty.world.memory[0, 1] > 0)  # seat 0 has taken a sketch, so it was asked
    net = network(part, Complete(seats=2))
    shares = {opener: range(asker), 1 - opener: range(asker, asker + answerer)}
    items = [net.item(name, "tx", 300) for name in range(asker + answerer + both)]
    for seat, numbers in shares.items():
        for number in (*numbers, *range(asker + answerer, len(items))):
            net.publish(seat, items[number])
    net.advance(1 * SECOND + 50 * MS)
    complete = bool((net.world.held[: len(items)] == st.HELD).all())
    return net.world.by_packet[:, 0].tolist(), net.world.by_packet[:, 1].tolist(), complete


@pytest.mark.parametrize("part", [Erlay(), Erlay(interval="2 s", flooded="1 MB"), Erlay(interval="2 s", flooded="1 MB", fanout=0)])
def test_it_stands_the_public_check(part: Erlay) -> None:
    check_gossip(part)


@pytest.mark.parametrize(("asker", "answerer", "both"), [(5, 0, 0), (0, 4, 0), (7, 2, 30), (3, 3, 20)])
def test_capacity_is_the_papers_formula(asker: int, answerer: int, both: int) -> None:
    """|a - b| + q min(a, b) + 1 elements of 4 bytes; enough here, so the difference is asked for and announced at once."""
    copies, sizes, complete = one_reconciliation(SLOW, asker, answerer, both)
    a, b = asker + both, answerer + both
    capacity = abs(a - b) + int(0.25 * min(a, b)) + 1
    assert asker + answerer <= capacity
    assert copies[st.CONTROL] == 3
    assert sizes[st.CONTROL] == 3 * HEADER + 4 + 4 * capacity + 2 + 4 * answerer
    assert copies[st.ANNOUNCE] == copies[st.REQUEST] == copies[st.BODY] == asker + answerer
    assert complete


def test_a_sketch_that_is_too_small_is_extended() -> None:
    """q = 0 and sets of equal size: capacity 1 for two differences; the extension is as large again, and enough."""
    copies, sizes, complete = one_reconciliation(Erlay(fanout=0, inbound=0.0, interval="1 s", q=0.0), 1, 1)
    assert copies[st.CONTROL] == 5
    assert sizes[st.CONTROL] == 5 * HEADER + 4 + 4 + 0 + 4 + 2 + 4
    assert copies[st.ANNOUNCE] == copies[st.BODY] == 2
    assert complete


def test_where_the_extension_fails_too_both_announce_their_sets() -> None:
    """Two against two, nothing in common, and ten that both have: 4 differences, capacity 1 and 2; 24 announcements for 4 bodies."""
    copies, sizes, complete = one_reconciliation(Erlay(fanout=0, inbound=0.0, interval="1 s", q=0.0), 2, 2, 10)
    assert copies[st.CONTROL] == 5
    assert sizes[st.CONTROL] == 5 * HEADER + 4 + 4 + 0 + 4 + 1
    assert copies[st.ANNOUNCE] == 24
    assert copies[st.BODY] == 4
    assert complete


def test_a_sketch_tells_the_set_as_it_was() -> None:
    """What seat 0 makes while its sketch is under way is not in it: found in the next reconciliation."""
    found = []
    for late_ns in (0, MS // 2):  # before the sketch is taken, and after
        empty = network(SLOW, Complete(seats=2))
        empty.advance(1 * SECOND)
        answerer = int(empty.world.memory[1, 1] > 0)
        taken_ns = int(empty.world.memory[answerer, 1])
        net = network(SLOW, Complete(seats=2))
        net.advance(taken_ns - MS // 4 + late_ns)
        item = net.item("tx", "tx", 300)
        net.publish(answerer, item)
        net.advance(taken_ns + 10 * MS)
        found.append((int(net.world.by_packet[st.CONTROL, 1]), int(net.world.held[item, 1 - answerer]) == st.HELD))
    nothing = 3 * HEADER + 4 + 4 + 2
    assert found == [(nothing + 4 + 4, True), (nothing, False)]  # one element more, one id asked for


def test_reconciling_again_finds_nothing() -> None:
    """Once both know, a round is three packets: a request, one empty element, and the answer; nothing is announced again."""
    net = network(SLOW, Complete(seats=2))
    for name in range(20):
        net.publish(name % 2, net.item(name, "tx", 300))
    net.advance(3 * SECOND)
    before = net.world.by_packet.copy()
    net.advance(13 * SECOND)
    after = net.world.by_packet - before
    assert after[st.CONTROL].tolist() == [30, 10 * (3 * HEADER + 4 + 4 + 2)]
    assert after[[st.ANNOUNCE, st.REQUEST, st.BODY], 0].tolist() == [0, 0, 0]


def test_every_link_is_reconciled_once_an_interval() -> None:
    """Every link has one initiator, and its turn comes once in 8 s: 66 links, 10 intervals, three packets each."""
    net = network(Erlay(), Complete(seats=12))
    net.advance(8 * SECOND)
    start = int(net.world.by_packet[st.CONTROL, 0])
    net.advance(88 * SECOND)
    rounds = (int(net.world.by_packet[st.CONTROL, 0]) - start) / 3
    assert abs(rounds - 660) <= 12  # gaps are rounded down and begin anywhere


def test_by_reconciliation_alone_a_hop_takes_at_most_an_interval() -> None:
    """And a request, a sketch, an answer, an announcement, another request and the body: six latencies at most."""
    net = network(SLOW, Line(seats=6))
    net.advance(5 * SECOND)
    item = net.item("tx", "tx", 300)
    net.publish(0, item)
    net.advance(20 * SECOND)
    hops = np.diff(net.world.arrival[item])
    assert (hops > 0).all()
    assert (hops <= SECOND + 6 * MS).all()


def test_who_lists_and_does_not_serve_is_not_asked_for_ever() -> None:
    """Two announce, one of them serves nobody: the other is asked after the patience."""
    found = []
    for liar in (0, 1):
        net = network(Erlay(patience="300 ms"), Complete(seats=3))
        net.set_flag(liar, st.SERVES, False)
        item = net.item("block", "block", 20_000)  # announced to all
        net.publish(0, item)
        net.publish(1, item)
        net.advance(2 * SECOND)
        found.append(int(net.world.arrival[item, 2]) // MS)
    assert sorted(found) == [3, 303]


def transactions(gossip: dict[str, Any], degree: int) -> Report:
    """Two hundred transactions of 300 bytes over 20 s among 100 seats."""
    tables = {
        "duration": "60 s",
        "topology": {"kind": "random-regular", "seats": 100, "degree": degree},
        "link": {"latency": {"kind": "constant", "value": "50 ms"}},
        "gossip": gossip,
        "workload": [{"kind": "rumour", "size": "300 B", "count": 200, "every": "100 ms"}],
    }
    return sim.run(from_dict(tables), 3)


def test_announcements_hardly_grow_with_the_degree() -> None:
    """Bytes that are not bodies, 8 and 16 links a seat: announcing to all nearly doubles, Erlay grows by far less and costs less."""
    spent: dict[tuple[str, int], int] = {}
    for kind in ("announce", "erlay"):
        for degree in (8, 16):
            report = transactions({"kind": kind}, degree)
            section = report.to_dict()["gossip"]
            assert section["reached_share"] == 1.0
            assert section["redundancy"] == 1.0
            spent[kind, degree] = section["bytes"] - 300 * report.evidence.counters["body_copies"]
    assert spent["announce", 16] > 1.7 * spent["announce", 8]
    assert spent["erlay", 16] < 1.5 * spent["erlay", 8]
    assert spent["erlay", 16] < 0.5 * spent["announce", 16]


def test_it_is_slower_than_announcing_to_all() -> None:
    """The price: the last seats wait for a reconciliation, seconds instead of a few latencies."""
    last = [transactions({"kind": kind}, 8).to_dict()["gossip"]["coverage_s"]["p99"] for kind in ("announce", "erlay")]
    assert last[0] < 1 < last[1] < 8


CHANGES: dict[str, Any] = {"fanout": 2, "inbound": "50 %", "interval": "3 s", "q": "0 %", "flooded": "1 kB", "patience": "300 ms"}


@cache
def lossy_print(part: Erlay) -> str:
    """Fingerprint of sixty rumours over slow links that lose a third of all copies."""
    tables = {
        "duration": "30 s",
        "topology": {"kind": "random-regular", "seats": 30, "degree": 6},
        "link": {"latency": {"kind": "exponential", "mean": "30 ms"}, "loss": "33 %"},
        "seat": {"up": "2 Mbit/s"},
        "workload": [{"kind": "rumour", "size": "2 kB", "count": 60, "every": "100 ms"}],
    }
    return fingerprint(sim.run(from_dict(tables).but(gossip=part), 1))


@pytest.mark.parametrize(("key", "value"), CHANGES.items())
def test_every_key_changes_something(key: str, value: Any) -> None:
    assert set(CHANGES) == set(Erlay.__dataclass_fields__)
    assert lossy_print(Erlay(**{key: value})) != lossy_print(Erlay())


def test_too_many_links_are_refused() -> None:
    with pytest.raises(ScenarioError, match=r"at most 40 links.*49"):
        Erlay().strategy(Complete(seats=50).build(Dice(1)), Dice(1))


def test_an_interval_takes_time() -> None:
    with pytest.raises(ScenarioError, match="a round takes time"):
        Erlay(interval="0 s")
