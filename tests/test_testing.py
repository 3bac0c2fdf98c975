"""The public conformance checks, on every built-in; and each must refuse a part that is broken."""

from __future__ import annotations

from typing import Any

import pytest

from sim.consensus.pbft import PBFT, Prepare, Propose
from sim.consensus.qbft import QBFT
from sim.consensus.raft import Raft
from sim.consensus.streamlet import Streamlet
from sim.gossip.announce import Announce
from sim.gossip.flood import Flood
from sim.gossip.lazy_push import LazyPush
from sim.gossip.push import Push
from sim.kernel.dice import Dice
from sim.kernel.jit import COMPILED
from sim.kernel.part import part
from sim.ledger.block import GENESIS, Block
from sim.net.core.state import BODY, GOT, PUBLISHED
from sim.net.strategy import Strategy
from sim.net.topology import Topology
from sim.testing import Stage, check_consensus, check_gossip


@pytest.mark.parametrize(
    "protocol", [PBFT(patience="3 s"), QBFT(patience="3 s"), Raft(), Streamlet()], ids=lambda one: type(one).__name__
)
def test_protocols_stand_the_public_check(protocol: Any) -> None:
    check_consensus(protocol, seats=5 if isinstance(protocol, Raft) else 4)


@pytest.mark.parametrize("strategy", [Flood(), Announce(), LazyPush()], ids=lambda one: type(one).__name__)
def test_strategies_stand_the_public_check(strategy: Any) -> None:
    check_gossip(strategy)


def test_push_promises_less() -> None:
    check_gossip(Push(fanout=4), least_reached=0.8)


@part
class Impatient(PBFT):
    """Decides whatever is proposed, without asking anybody."""

    async def run(self, node: Any) -> None:
        """Propose and decide at once."""
        node.decide(0, node.publish(await node.next_batch()))


def test_a_broken_protocol_is_refused() -> None:
    with pytest.raises(AssertionError, match="agreement"):
        check_consensus(Impatient())


def test_a_failure_names_the_call_that_shows_it_again() -> None:
    with pytest.raises(AssertionError) as whole:
        check_consensus(Impatient())
    call = str(whole.value).partition("again: ")[2]
    with pytest.raises(AssertionError) as alone:
        eval(call)
    assert str(alone.value) == str(whole.value)


def test_a_strategy_that_keeps_silent_is_refused() -> None:
    with pytest.raises(AssertionError, match="reached"):
        check_gossip(Push(fanout=0), least_reached=0.9)


def two_faced_rule(w: Any, event: int, seat: int, peer: int, item: int) -> int:
    """Flood that hesitates only where it is compiled."""
    if event != PUBLISHED and event != GOT:
        return 0
    count = 0
    for place in range(w.offsets[seat], w.offsets[seat + 1]):
        w.actions[count, 0] = BODY
        w.actions[count, 1] = w.neighbours[place]
        w.actions[count, 2] = 1 if COMPILED else 0
        count += 1
    return count


@part
class TwoFaced:
    """A rule that does one thing compiled and another interpreted."""

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule."""
        return Strategy(two_faced_rule, most_actions=topology.largest_degree)


@pytest.mark.skipif(not COMPILED, reason="nothing to compare where nothing is compiled")
def test_a_rule_that_differs_when_compiled_is_refused() -> None:
    with pytest.raises(AssertionError, match="compiled and interpreted differ"):
        check_gossip(TwoFaced(), seeds=1)


def test_one_node_on_a_stage() -> None:
    """Slot 0 is led by node 0: node 1 answers its proposal with PREPARE to everybody, and only then."""
    stage = Stage(PBFT(patience="100 s"), seat=1)
    stage.society.accepts = lambda node, block, parent: block.well_formed()
    assert stage.sent == []
    block = Block.of(GENESIS, 1, 0, 0)
    digest = stage.publish(0, block)
    stage.deliver(0, Propose(0, 0, digest))
    assert [(to, type(said)) for to, said in stage.sent] == [(0, Prepare), (2, Prepare), (3, Prepare)]
    assert stage.decided == []
