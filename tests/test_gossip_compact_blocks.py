"""Compact blocks (BIP 152): latencies and bytes of a hop in each mode, missing transactions, who sends unasked, silent relays."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import sim
from sim.gossip.compact_blocks import CompactBlocks
from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.net.core import state as st
from sim.net.costs import Costs
from sim.net.network import Network
from sim.net.topologies import Complete, Line
from sim.study.read import from_dict
from sim.testing import check_gossip, fingerprint

MS = 1_000_000
BLOCK_BYTES = 1_000_000


def network(part: Any, topology: Any, **costs: Any) -> Network:
    """A few seats, 1 ms apart."""
    built, dice = topology.build(Dice(1)), Dice(1)
    return Network(built, Costs(constant_ns=MS, **costs), part.strategy(built, dice), dice)


def arrivals_ms(part: CompactBlocks, seats: int = 5, size_bytes: int = BLOCK_BYTES) -> list[float]:
    """When a block published at the first seat of a line reaches each; choices of high-bandwidth peers have been told before."""
    net = network(part, Line(seats=seats))
    net.advance(10 * MS)
    item = net.item("block", "block", size_bytes)
    net.publish(0, item)
    net.advance(1000 * MS)
    times: list[float] = ((net.world.arrival[item] - 10 * MS) / MS).tolist()
    return times


def test_it_stands_the_public_check() -> None:
    check_gossip(CompactBlocks())


@pytest.mark.parametrize(("high", "failure", "hop_ms"), [(3, 0.0, 1), (3, 1.0, 3), (0, 0.0, 3), (0, 1.0, 5)])
def test_latencies_of_a_hop(high: int, failure: float, hop_ms: int) -> None:
    """BIP 152: half a round trip, and another whole one where transactions are missing; asked for, one more in front."""
    assert arrivals_ms(CompactBlocks(high=high, failure=failure)) == [hop * hop_ms for hop in range(5)]


def test_small_items_are_announced_and_asked_for() -> None:
    """Three latencies a hop whatever the mode."""
    assert arrivals_ms(CompactBlocks(), size_bytes=500) == [0, 3, 6, 9, 12]


def test_a_compact_block_is_six_bytes_a_transaction() -> None:
    """1 MB of 400-byte transactions: 88 + 6 * 2499 + 400 bytes over one link, and nothing else but the choosing (33 each)."""
    net = network(CompactBlocks(failure=0.0), Line(seats=2))
    net.advance(10 * MS)
    net.publish(0, net.item("block", "block", BLOCK_BYTES))
    net.advance(100 * MS)
    assert net.world.by_packet[st.CONTROL].tolist() == [3, 2 * 33 + 88 + 6 * 2499 + 400]
    assert net.world.by_packet[st.BODY].tolist() == [0, 0]


def test_missing_transactions_cost_a_request_and_their_bytes() -> None:
    """A hundredth of 2,500 transactions: 25 indices of a byte, 10,000 bytes back; 33 bytes around each."""
    net = network(CompactBlocks(failure=1.0, missing=0.01), Line(seats=2))
    net.advance(10 * MS)
    net.publish(0, net.item("block", "block", BLOCK_BYTES))
    net.advance(100 * MS)
    expected = 2 * 33 + (88 + 6 * 2499 + 400) + (33 + 25) + (33 + 10_000)
    assert net.world.by_packet[st.CONTROL].tolist() == [5, expected]


def test_failures_come_as_often_as_said() -> None:
    """600 (seat, block) pairs at 30 %, within four standard errors; each costs one request more."""
    net = network(CompactBlocks(failure=0.3, high=3), Line(seats=2))
    net.advance(10 * MS)
    chosen = int(net.world.by_packet[st.CONTROL, 0])
    for name in range(600):
        net.publish(0, net.item(name, "block", 20_000))
    net.advance(10_000 * MS)
    requests = (int(net.world.by_packet[st.CONTROL, 0]) - chosen - 600) / 2
    assert abs(requests - 180) < 4 * np.sqrt(600 * 0.3 * 0.7)


def test_a_block_is_passed_on_before_it_is_checked() -> None:
    """A check takes 100 ms of CPU: unasked, hops overlap their checks; asked for, the next hop waits for each."""
    finished = []
    for high in (3, 0):
        net = network(CompactBlocks(failure=0.0, high=high), Line(seats=4), cores=1, hash_ps_per_byte=100_000)
        net.advance(10 * MS)
        item = net.item("block", "block", BLOCK_BYTES)
        net.publish(0, item)
        net.advance(5000 * MS)
        finished.append(np.diff(net.world.arrival[item][1:]) / MS)
    assert (finished[0] < 10).all()
    assert (finished[1] > 100).all()


def test_who_brings_new_blocks_is_chosen() -> None:
    """One choice among six: after a few blocks of seat 0 all others have chosen it, and each change was told to both."""
    net = network(CompactBlocks(high=1, failure=0.0), Complete(seats=7))
    net.advance(10 * MS)
    for turn in range(3):
        net.publish(0, net.item(turn, "block", 20_000))
        net.advance((turn + 2) * 100 * MS)
    assert net.world.memory[1:, 0].tolist() == [1] * 6
    assert int(net.world.memory[0, 1]) == 0b111111


@pytest.mark.parametrize(("failure", "high", "first_ms", "later_ms"), [(0.0, 0, 3, 303), (1.0, 0, 5, 305), (1.0, 3, 3, 305)])
def test_another_announcer_is_asked_where_nothing_comes(failure: float, high: int, first_ms: int, later_ms: int) -> None:
    """Of seats 0 and 1, which both tell seat 2, one serves nobody: if it is asked first, the other is after the patience."""
    found = []
    for liar in (0, 1):
        net = network(CompactBlocks(failure=failure, high=high, patience="300 ms"), Complete(seats=3))
        net.advance(10 * MS)
        item = net.item("block", "block", BLOCK_BYTES)
        net.set_flag(liar, st.SERVES, False)
        net.publish(0, item)
        net.publish(1, item)
        net.advance(2000 * MS)
        found.append(int(net.world.arrival[item, 2]) / MS - 10)
    assert sorted(found) == [first_ms, later_ms]


def test_a_silent_seat_passes_nothing_on() -> None:
    """The middle of a line that relays and serves nothing hides the block from the end, in both modes."""
    for high in (0, 3):
        net = network(CompactBlocks(high=high), Line(seats=3))
        net.advance(10 * MS)
        item = net.item("block", "block", BLOCK_BYTES)
        net.set_flag(1, st.RELAYS, False)
        net.set_flag(1, st.SERVES, False)
        net.publish(0, item)
        net.advance(20_000 * MS)
        assert [int(held) == st.HELD for held in net.world.held[item]] == [True, True, False]


CHANGES: dict[str, Any] = {
    "high": 1,
    "failure": "50 %",
    "missing": "20 %",
    "transaction": "1 kB",
    "smallest": "30 kB",
    "patience": "300 ms",
}


@cache
def lossy_print(part: CompactBlocks) -> str:
    """Fingerprint of ten blocks over slow links that lose a third of all copies."""
    tables = {
        "duration": "30 s",
        "topology": {"kind": "random-regular", "seats": 30, "degree": 6},
        "link": {"latency": {"kind": "exponential", "mean": "30 ms"}, "loss": "33 %"},
        "seat": {"up": "2 Mbit/s"},
        "workload": [{"kind": "rumour", "size": "20 kB", "count": 10, "every": "100 ms"}],
    }
    return fingerprint(sim.run(from_dict(tables).but(gossip=part), 1))


@pytest.mark.parametrize(("key", "value"), CHANGES.items())
def test_every_key_changes_something(key: str, value: Any) -> None:
    assert set(CHANGES) == set(CompactBlocks.__dataclass_fields__)
    assert lossy_print(CompactBlocks(**{key: value})) != lossy_print(CompactBlocks())


def test_a_transaction_has_a_size() -> None:
    with pytest.raises(ScenarioError, match="0 bytes"):
        CompactBlocks(transaction=0)
