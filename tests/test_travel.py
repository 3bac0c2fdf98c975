"""What the core writes down of each item's travel: who sent the first copy, copies, packets, and time in uplink queues."""

from __future__ import annotations

import numpy as np

from sim.gossip import flood
from sim.kernel.dice import Dice
from sim.net.core import state as st
from sim.net.costs import Costs
from sim.net.network import Network
from sim.net.strategy import Strategy
from sim.net.topologies import Complete, Line

MS = 1_000_000


def flooding(topology: object, most: int, **costs: object) -> Network:
    """A flood over some topology, 1 ms a hop, uplinks of one byte a microsecond unless told otherwise."""
    up_bit_s = np.full(topology.n, 8_000_000, np.int64)  # type: ignore[attr-defined]
    wishes = {"constant_ns": MS, "up_bit_s": up_bit_s, **costs}
    return Network(topology, Costs(**wishes), Strategy(flood.rule, most_actions=most), Dice(1))  # type: ignore[arg-type]


def test_first_copies_come_from_the_neighbour_before() -> None:
    """Along a line from its middle: each seat had it from the one nearer to the publisher, who had it from nobody."""
    net = flooding(Line(seats=5).build(Dice(1)), 2)
    net.publish(2, net.item("block", "block", 100))
    net.advance(100 * MS)
    assert net.world.came_from[0].tolist() == [1, 2, -1, 2, 3]


def test_waiting_in_the_uplink_is_summed() -> None:
    """Three copies of 1 ms each leave one after the other: they wait 0, 1 and 2 ms; the other seats do likewise, to two each."""
    net = flooding(Complete(seats=4).build(Dice(1)), 3)
    item = net.item("block", "block", 1000)
    net.publish(0, item)
    net.advance(100 * MS)
    assert net.world.waits[st.WAITS_OF_SEAT :].tolist() == [3 * MS, MS, MS, MS]
    assert net.world.waits[st.BODY] == net.world.waits[: st.WAITS_OF_KIND].sum() == 6 * MS
    assert net.world.item_books[item].tolist() == [9, 9000, 6 * MS, 9]


def test_messages_wait_by_their_kind() -> None:
    """A vote to all three others waits 0, 1 and 2 ms; the other kind, sent once from another seat, does not wait."""
    net = flooding(Complete(seats=4).build(Dice(1)), 3)
    first, second = net.kind("first", "First"), net.kind("second", "Second")
    net.broadcast(0, 0, net.message("a", first, (), 1000))
    net.send(1, 2, 1, net.message("b", second, (), 1000))
    net.advance(100 * MS)
    assert net.world.waits[st.WAITS_OF_KIND : st.WAITS_OF_SEAT].tolist()[:2] == [3 * MS, 0]
    assert net.world.waits[st.MESSAGE] == 3 * MS
    assert not net.world.item_books.any()


def test_nobody_waits_where_bandwidth_is_off() -> None:
    """Copies leave at once."""
    net = flooding(Complete(seats=4).build(Dice(1)), 3, up_bit_s=0)
    net.publish(0, net.item("block", "block", 1000))
    net.advance(100 * MS)
    assert not net.world.waits.any()
    assert net.world.item_books[0, st.BOOK_COPIES] == 9


def test_a_whole_remembers_the_piece_that_completed_it() -> None:
    """Ten pieces over a line: the last one to come completes it, and the pieces know their senders."""
    topology = Line(seats=3).build(Dice(1))
    net = Network(
        topology, Costs(constant_ns=MS), Strategy(flood.rule, most_actions=2, cut=lambda size: (10, 4, size // 4)), Dice(1)
    )
    block = net.item("block", "block", 4000)
    net.publish(0, block)
    net.advance(100 * MS)
    completing = -2 - net.world.came_from[block, 1:]
    assert ((completing >= 1) & (completing <= 10)).all()
    assert net.world.came_from[1:11].tolist() == [[-1, 0, 1]] * 10
