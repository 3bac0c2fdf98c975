"""The contract of a gossip rule: control packets, ticks without an item, pieces of a whole, rules that stay Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sim
from sim.gossip import flood
from sim.gossip.flood import Flood
from sim.kernel.dice import Dice
from sim.kernel.jit import COMPILED
from sim.kernel.part import part
from sim.net.core import state as st
from sim.net.core.state import (
    ABOUT,
    BODY,
    CONTROL,
    DELAY_NS,
    GOT,
    HEARD,
    HEARD_WORD,
    NOW,
    PACKET,
    PUBLISHED,
    REPEATED,
    SIZE_BYTES,
    STARTED,
    TARGET,
    TICK,
    TICKED,
    WORD,
    World,
)
from sim.net.costs import Costs
from sim.net.network import Network
from sim.net.strategy import Strategy, chunks_of
from sim.net.topologies import Complete, Line
from sim.study.read import from_dict
from sim.study.witness import PLAIN_RULE
from sim.testing import fingerprint

MS = 1_000_000
BEATS, SUM, COPIES = range(3)


def beating_rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """Every 10 ms a control packet of 40 bytes to the next seat, with a growing word; counts what it hears."""
    if event == STARTED:
        w.actions[0, PACKET], w.actions[0, TARGET], w.actions[0, DELAY_NS] = TICK, 7, 10 * MS
        return 1
    if event == TICKED and peer == 7:
        w.memory[seat, BEATS] += 1
        w.actions[0, PACKET], w.actions[0, TARGET], w.actions[0, DELAY_NS] = TICK, 7, 10 * MS
        w.actions[1, PACKET], w.actions[1, TARGET], w.actions[1, DELAY_NS] = CONTROL, (seat + 1) % w.setup[st.SEATS], 0
        w.actions[1, SIZE_BYTES], w.actions[1, WORD] = 40, w.memory[seat, BEATS]
        return 2
    if event == HEARD:
        w.memory[seat, SUM] += w.clock[HEARD_WORD]
    if event == REPEATED:
        w.memory[seat, COPIES] += 1
    return 0


def network(rule: Any, n: int = 3, topology: Any = None, **wishes: Any) -> Network:
    """A network of a few seats, 1 ms apart."""
    strategy = Strategy(rule, memory_words=3, most_actions=8, **wishes)
    return Network(topology or Complete(seats=n).build(Dice(1)), Costs(constant_ns=MS), strategy, Dice(1))


def test_a_rule_beats_and_speaks_without_any_item() -> None:
    """Ten beats in 105 ms; the control packets of nine or ten of them have arrived, with word and size."""
    net = network(beating_rule, starts=True)
    net.advance(105 * MS)
    assert net.world.memory[:, BEATS].tolist() == [10, 10, 10]
    assert net.world.memory[:, SUM].tolist() == [55, 55, 55]
    assert net.world.by_packet[CONTROL].tolist() == [30, 1200]


def test_a_seat_that_is_down_keeps_its_beat_but_is_silent() -> None:
    """Ticks about no item run on while a seat is down; nothing leaves it or reaches it."""
    net = network(beating_rule, starts=True)
    net.set_flag(1, st.UP, False)
    net.advance(105 * MS)
    assert net.world.memory[:, BEATS].tolist() == [10, 10, 10]
    assert net.world.memory[:, SUM].tolist() == [55, 0, 0]


def test_nothing_starts_unless_the_strategy_says_so() -> None:
    """Without `starts` there is no beat."""
    net = network(beating_rule)
    net.advance(105 * MS)
    assert not net.world.memory.any()


def two_items(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """Publishing the second item sends both to seat 1: the first by name."""
    if event != PUBLISHED or item != 1:
        return 0
    w.actions[0, PACKET], w.actions[0, TARGET], w.actions[0, DELAY_NS], w.actions[0, ABOUT] = BODY, 1, 0, 0
    w.actions[1, PACKET], w.actions[1, TARGET], w.actions[1, DELAY_NS] = BODY, 1, 0
    return 2


def test_an_action_may_be_about_another_item() -> None:
    """The column is left as found: the second action is about the event's own item."""
    net = network(two_items)
    for name in ("first", "second"):
        net.publish(0, net.item(name, "block", 100))
    net.advance(10 * MS)
    assert net.world.arrival[:2, 1].tolist() == [MS, MS]
    assert (net.world.actions[:, ABOUT] == -1).all()


def doubling_rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """Bodies to seat 1, twice; it counts the repeated one."""
    if event == REPEATED:
        w.memory[seat, COPIES] += 1
    if event != PUBLISHED:
        return 0
    for place in range(2):
        w.actions[place, PACKET], w.actions[place, TARGET], w.actions[place, DELAY_NS] = BODY, 1, place * MS
    return 2


@pytest.mark.parametrize("tells", [False, True])
def test_repeated_bodies_are_told_on_request(tells: bool) -> None:
    """One of the two copies is a repetition."""
    net = network(doubling_rule, tells_copies=tells)
    net.publish(0, net.item("block", "block", 100))
    net.advance(10 * MS)
    assert net.world.memory[:, COPIES].tolist() == [0, int(tells), 0]


def test_a_body_in_pieces_is_held_when_enough_are_there() -> None:
    """Along a line of three: 10 pieces of which 4 are enough; the whole is there with the fourth piece, and votes travel whole."""
    net = network(flood.rule, topology=Line(seats=3).build(Dice(1)), cut=lambda size_bytes: (10, 4, size_bytes // 4))
    block, vote = net.item("block", "block", 4000), net.item("vote", "vote", 4000)
    net.publish(0, block)
    net.publish(0, vote)
    net.advance(10 * MS)
    assert net.families.count("piece") == 10
    assert net.world.arrival[block].tolist() == [0, MS, 2 * MS]
    assert net.world.notes[block, 1:].tolist() == [10, 10]
    assert net.world.items["reached"][: len(net.families)].tolist() == [3] * 12
    assert net.world.by_packet[BODY].tolist() == [22, 20_000 + 8_000]


def test_chunks_pipeline_over_slow_hops() -> None:
    """1 MB over four hops of 8 Mbit/s: whole it takes 4 s; in ten chunks 1 s for the first hop and 0.1 s for each further one."""
    tables = {
        "duration": "20 s",
        "topology": {"kind": "line", "seats": 5},
        "seat": {"up": "8 Mbit/s", "down": "1 Gbit/s"},
        "workload": [{"kind": "rumour", "size": "1 MB", "origin": "seat-0"}],
    }
    whole = sim.run(from_dict(tables), 1).to_dict()["gossip"]["coverage_s"]["p100"]
    pieces = sim.run(from_dict({**tables, "chunk": "100 kB"}), 1).to_dict()["gossip"]["coverage_s"]["p100"]
    assert whole == pytest.approx(4.0)
    proof = 100_128 / 100_000  # a Merkle path of four hashes goes with each piece
    assert pieces == pytest.approx(1.3 * proof)


def test_a_chunk_is_the_body_with_its_merkle_path() -> None:
    """Sizes add up: ten pieces of a tenth, with paths of four hashes; one piece needs none."""
    assert chunks_of(100_000)(1_000_000) == (10, 10, 100_128)
    assert chunks_of(100_000)(99_999) == (1, 1, 99_999)


@part
class Talkative:
    """Flood by a rule that no compiler takes: it keeps a Python dictionary."""

    def strategy(self, topology: Any, dice: Dice) -> Strategy:
        """A closure over a dictionary."""
        asked: dict[int, int] = {}

        def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
            asked[seat] = asked.get(seat, 0) + 1
            return flood.rule(w, event, seat, peer, item)

        return Strategy(rule, most_actions=topology.largest_degree)


@part
class Broken:
    """A rule with a mistake."""

    def strategy(self, topology: Any, dice: Dice) -> Strategy:
        """Fails at the first receipt."""

        def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
            if event == GOT:
                raise KeyError({"seat": seat}["item"])
            return flood.rule(w, event, seat, peer, item)

        return Strategy(rule, most_actions=topology.largest_degree)


RUMOUR = {
    "duration": "10 s",
    "topology": {"kind": "random-regular", "seats": 60, "degree": 4},
    "link": {"latency": {"kind": "exponential", "mean": "30 ms"}},
    "workload": [{"kind": "rumour", "size": "1 kB", "count": 3, "every": "100 ms"}],
}


def test_a_plain_python_rule_runs_and_the_report_says_so() -> None:
    """Same bits as the compiled one; slower, and the report's last lines say it."""
    plain, compiled = (sim.run(from_dict(RUMOUR).but(gossip=kind), 1) for kind in (Talkative(), Flood()))
    assert fingerprint(plain) == fingerprint(compiled)
    assert (PLAIN_RULE in plain.to_dict()["not_modelled"]) == COMPILED
    assert PLAIN_RULE not in compiled.to_dict()["not_modelled"]


def test_a_mistake_in_a_plain_rule_is_raised() -> None:
    """Not swallowed on its way through the compiled core."""
    with pytest.raises(KeyError, match="item"):
        sim.run(from_dict(RUMOUR).but(gossip=Broken()), 1)


@pytest.mark.parametrize(("lie", "reached"), [("drop", 1.0), ("silent", 0.0), ("withhold", 0.0)])
def test_a_dropper_spreads_what_is_its_own(lie: str, reached: float) -> None:
    """A seat that relays nothing still hands out its own body; a silent or a withholding one hands out nothing."""
    tables = {**RUMOUR, "adversary": [{"kind": lie, "seats": ["seat-00"]}]}
    tables["workload"] = [{"kind": "rumour", "size": "1 kB", "origin": "seat-00"}]
    assert sim.run(from_dict(tables), 1).to_dict()["gossip"]["reached_share"] == reached


def insisting_rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """The body to seat 1 again every millisecond."""
    if event != PUBLISHED and event != TICKED:
        return 0
    w.actions[0, PACKET], w.actions[0, TARGET], w.actions[0, DELAY_NS] = BODY, 1, 0
    w.actions[1, PACKET], w.actions[1, TARGET], w.actions[1, DELAY_NS] = TICK, 0, MS
    return 2


def test_retries_meet_other_weather() -> None:
    """With half of all copies lost, about half of 200 tries over one link get through, not all and not none."""
    net = Network(Complete(seats=2).build(Dice(1)), Costs(loss=0.5), Strategy(insisting_rule, most_actions=2), Dice(1))
    net.publish(0, net.item("block", "block", 100))
    net.advance(199 * MS)
    sent, lost = int(net.world.clock[st.SENT]), int(net.world.clock[st.LOST])
    assert sent == 200
    assert abs(lost - 100) < 4 * 50**0.5


def test_the_present_is_told() -> None:
    """Rules may read the clock; it is an integer of nanoseconds."""
    net = network(beating_rule, starts=True)
    net.advance(20 * MS)
    assert net.world.clock[NOW] == 20 * MS
    assert net.world.clock.dtype == np.int64
