"""Streamlet: its costs exactly, its rules one by one, and lazy push between its two limits."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from worlds import DELAY_NS, agreeing

import sim
from sim.consensus.streamlet import Propose, Streamlet, Vote, leader
from sim.gossip.announce import Announce
from sim.gossip.flood import Flood
from sim.gossip.lazy_push import LazyPush
from sim.ledger.block import GENESIS, Block
from sim.node.message import Certificate
from sim.study.read import from_dict
from sim.testing import Stage

EPOCH_NS = 2_000_000_000


@pytest.mark.parametrize(("n", "messages"), [(4, 15), (7, 48), (31, 960)])
def test_costs_of_a_block(n: int, messages: int) -> None:
    """With delta equal to the delay d: final 2 delta + 2 d after the proposal, everywhere at once, (n-1)(n+1) messages."""
    short, long = (sim.run(agreeing("streamlet", n, f"{seconds} s", consensus={"delta": "1 s"})) for seconds in (31, 51))
    count = [sum(copies for copies, _ in report.evidence.by_kind.values()) for report in (short, long)]
    assert count[1] - count[0] == 10 * messages
    published: dict[str, int] = {}
    decided: dict[str, list[int]] = {}
    for row in long.evidence.trace:
        if row[1] == "publish":
            published[row[3]] = row[0]
        elif row[1] == "decide":
            decided.setdefault(row[4], []).append(row[0])
    assert len(decided) == 24
    assert {time - published[digest] for digest, times in decided.items() for time in times} == {4 * DELAY_NS}
    starts = [published[digest] for digest in decided]
    assert {later - earlier for earlier, later in itertools.pairwise(starts)} == {2 * DELAY_NS}


@pytest.mark.parametrize(("n", "messages"), [(4, 51), (7, 300)])
def test_costs_of_a_block_with_echo(n: int, messages: int) -> None:
    """Every node passes on every vote, its own once: (n-1)(n^2+1) messages, and decisions no later."""
    tables = [agreeing("streamlet", n, f"{seconds} s", consensus={"delta": "1 s", "echo": True}) for seconds in (31, 51)]
    short, long = map(sim.run, tables)
    count = [sum(copies for copies, _ in report.evidence.by_kind.values()) for report in (short, long)]
    assert count[1] - count[0] == 10 * messages
    assert len({row[4] for row in long.evidence.trace if row[1] == "decide"}) == 24


@pytest.mark.parametrize("echo", [False, True])
def test_who_echoes_passes_on_each_vote_once_and_not_its_own(echo: bool) -> None:
    """A liar's vote that only one node is told; of one who votes twice both votes travel on."""
    stage = Stage(Streamlet(echo=echo), seat=0)
    stage.society.next_batch = lambda node, parent: node.forever()
    for voter, digest in ((2, "aa"), (2, "bb"), (3, "aa"), (0, "aa"), (2, "aa")):
        stage.deliver(voter, Vote(0, digest))
    stage.advance(2 * EPOCH_NS)
    passed = [(said.message.digest, said.signers) for to, said in stage.sent if isinstance(said, Certificate) and to == 1]
    assert passed == ([("aa", (2,)), ("aa", (3,)), ("bb", (2,))] if echo else [])


def on_stage() -> tuple[Stage, int]:
    """A node that leads neither of the first two epochs, and the leader of epoch 0."""
    first = Stage(Streamlet(), seat=0)
    chiefs = [leader(first.node, epoch) for epoch in range(2)]
    seat = next(seat for seat in range(4) if seat not in chiefs)
    stage = Stage(Streamlet(), seat=seat)
    stage.society.accepts = lambda node, block, parent: block.well_formed() and block.parent == (parent or GENESIS)
    stage.society.next_batch = lambda node, parent: node.forever()  # whatever it leads stays empty
    return stage, chiefs[0]


def propose(stage: Stage, sender: int, epoch: int, parent: Any = None, proof: Any = None, filler: int = 0) -> Block:
    place = (GENESIS, 1) if parent is None else (parent.digest, parent.height + 1)
    block = Block.of(*place, sender, epoch * EPOCH_NS, (), filler)
    stage.deliver(sender, Propose(epoch, stage.publish(sender, block), proof))
    return block


def votes(stage: Stage) -> list[str]:
    return [said.digest for to, said in stage.sent if isinstance(said, Vote) and to == (stage.node.seat + 1) % 4]


def test_one_vote_an_epoch_and_only_for_its_leader() -> None:
    stage, chief = on_stage()
    other = next(seat for seat in range(4) if seat not in (chief, stage.node.seat))
    propose(stage, other, 0, filler=7)
    assert votes(stage) == []
    block = propose(stage, chief, 0)
    propose(stage, chief, 0, filler=1)
    assert votes(stage) == [block.digest]


def test_no_vote_for_a_chain_shorter_than_one_seen_notarised() -> None:
    stage, chief = on_stage()
    block = propose(stage, chief, 0)
    for voter in range(3):
        stage.deliver(voter, Vote(0, block.digest))
    stage.advance(EPOCH_NS)
    propose(stage, leader(stage.node, 1), 1)
    assert votes(stage) == [block.digest]


def notarised(stage: Stage, epoch: int, parent: Block | None = None) -> Block:
    """A block of that epoch, once it has begun, that three identities have voted for."""
    stage.advance(max(0, epoch * EPOCH_NS - stage.loop.now_ns))
    place = (GENESIS, 1) if parent is None else (parent.digest, parent.height + 1)
    block = Block.of(*place, 0, epoch * EPOCH_NS)
    stage.publish(0, block)
    for voter in range(3):
        stage.deliver(voter, Vote(epoch, block.digest))
    return block


def test_final_only_below_three_consecutive_epochs() -> None:
    stage, _ = on_stage()
    first = notarised(stage, 0)
    second = notarised(stage, 2, first)
    third = notarised(stage, 3, second)
    assert stage.decided == []
    notarised(stage, 4, third)
    assert stage.decided == [(0, first.digest), (1, second.digest), (2, third.digest)]


def complaints(stage: Stage) -> list[str]:
    return [row[5] for row in stage.trace if row[1] == "invalid"]


def test_no_vote_on_a_parent_that_is_not_proved_notarised() -> None:
    stage, chief = on_stage()
    parent = Block.of(GENESIS, 1, 0, 0)
    stage.publish(0, parent)
    lonely = Certificate(Vote(0, parent.digest), 0, 0b11)
    propose(stage, chief, 0, parent, lonely)
    assert votes(stage) == []
    assert complaints(stage) == ["its parent is not notarised"]


def test_no_vote_for_a_block_of_another_epoch() -> None:
    """Its epoch is what its time says; a leader who could choose it would make any three blocks look consecutive."""
    stage, chief = on_stage()
    block = Block.of(GENESIS, 1, chief, 5 * EPOCH_NS)
    stage.deliver(chief, Propose(0, stage.publish(chief, block), None))
    assert votes(stage) == []
    assert complaints(stage) == ["its block is of another epoch"]


def arrivals(strategy: Any, seed: int) -> list[list[int]]:
    tables = {
        "duration": "20 s",
        "topology": {"kind": "random-regular", "seats": 30, "degree": 5},
        "link": {"latency": {"kind": "exponential", "mean": "30 ms"}},
        "workload": [{"kind": "rumour", "size": "20 kB", "count": 4, "every": "100 ms"}],
    }
    evidence = sim.run(from_dict(tables).but(gossip=strategy), seed).evidence
    return [[evidence.counters["sent"]], *(spread.arrival_ns.tolist() for spread in evidence.spreads)]


def test_lazy_push_lies_between_announce_and_flood() -> None:
    assert arrivals(LazyPush(fanout=0), 3) == arrivals(Announce(), 3)
    assert arrivals(LazyPush(fanout=5), 3) == arrivals(Flood(), 3)
    slow, middle, fast = (sum(map(sum, arrivals(LazyPush(fanout=k), 3)[1:])) for k in (0, 2, 5))
    assert fast < middle < slow
