"""Clique: authorised signers take turns; who is out of turn waits a little, and the chain with more blocks in turn weighs more.

Ethereum improvement proposal 225 (Szilagyi, 2017), sections "design constraints" and "authorization strategies"; waiting times
as in its implementation in go-ethereum: an out-of-turn signer waits a draw from (floor(n/2) + 1) * `wiggle`. A signer signs at
most one of floor(n/2) + 1 blocks in a row. The proposal knows no finality; a block is held for decided here once as many
blocks lie on it, which a majority of the signers has then built on. Voting signers in and out is left out.

Where the signers split into branches of equal weight on each of which all that follow it have signed too recently, everybody waits
for ever. That is the proposal's own weakness and not mended here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from sim.consensus.forking.comparing import compare
from sim.consensus.forking.forest import NO_VOTES, Forest
from sim.consensus.forking.signers import signers_of
from sim.kernel.part import part
from sim.kernel.strand import Strand
from sim.kernel.units import Count, Duration
from sim.node.node import Node
from sim.node.terms import Terms

IN_TURN, OUT_OF_TURN = 2, 1
USUAL_PERIOD_NS = 15_000_000_000
QUIET_PERIODS = 4  # a node whose chain stands still for so long compares heads with the others, as on a new connection


@part
class Clique:
    """Proof of authority with turns: no votes, forks where signers are away or slow, decisions only probably final."""

    finality: ClassVar[str] = "probable"
    no_lie: ClassVar[Mapping[str, str]] = NO_VOTES

    signers: tuple[str, ...] = ()  # who may seal, by name, role or region; none given: all
    depth: Count = 0  # blocks that must stand on a decided one; 0: as many as a majority of the signers
    wiggle: Duration = 500_000_000  # what a signer out of turn may wait, times floor(n/2) + 1

    def fits(self, terms: Terms) -> str:
        """The period is the scenario's block interval."""
        return "" if terms.block_interval else "block_interval: is not given, so there is a block every 15 s"

    async def run(self, node: Node) -> None:
        """Follow the heaviest chain; at every new head, try to seal the next block."""
        rules = Authority(node, self)
        forest = Forest(node, self.depth or rules.limit, weigh=rules.difficulty, valid=rules.flaw)
        forest = node.keep.setdefault("forest", forest)
        turn: list[Strand[None]] = []

        def try_anew() -> None:
            while turn:
                turn.pop().cancel()
            turn.append(node.spawn(self.seal(node, forest, rules)))

        if node.id in rules.signers:
            forest.on_head = try_anew
            try_anew()
        node.spawn(compare(forest, QUIET_PERIODS * rules.period_ns))
        await forest.follow()

    async def seal(self, node: Node, forest: Forest, rules: Authority) -> None:
        """Sign the block on this head when it is due, or a little later when it is not this node's turn."""
        parent = forest.block(forest.head)
        height = forest.height + 1
        if node.id not in rules.signers or node.id in rules.recent(parent):
            return
        due_ns = max(node.now, 0 if parent is None else parent.time_ns + rules.period_ns)
        wait_ns = due_ns - node.now
        if not rules.in_turn(node.id, height):
            wait_ns += node.dice.below(rules.limit * self.wiggle, "wiggle", node.id, forest.head) if self.wiggle else 0
        await node.sleep(wait_ns)
        forest.publish(replace(node.batch(forest.head), time_ns=due_ns))


class Authority:
    """The rules of EIP-225, as pure questions about blocks."""

    def __init__(self, node: Node, clique: Clique) -> None:
        self.node = node
        self.signers = signers_of(node, clique.signers)
        self.period_ns = node.society.block_interval_ns or USUAL_PERIOD_NS
        self.limit = len(self.signers) // 2 + 1
        """A signer signs at most one of so many blocks in a row."""

    def in_turn(self, signer: int, height: int) -> bool:
        """Whether it is this signer's turn."""
        return self.signers[height % len(self.signers)] == signer

    def difficulty(self, block: Any) -> int:
        """What a block weighs."""
        return IN_TURN if self.in_turn(block.proposer, block.height) else OUT_OF_TURN

    def recent(self, parent: Any) -> tuple[int, ...]:
        """Who has signed one of the last blocks and must wait."""
        found: list[int] = []
        while parent is not None and len(found) < self.limit - 1:
            found.append(parent.proposer)
            parent = self.node.society.blocks.get(parent.parent)
        return tuple(found)

    def flaw(self, block: Any) -> str:
        """What is wrong with a block whose parent is known, or ''."""
        parent = self.node.society.blocks.get(block.parent)
        if block.proposer not in self.signers:
            return "its signer is not authorised"
        if block.proposer in self.recent(parent):
            return "its signer has signed too recently"
        if parent is not None and block.time_ns < parent.time_ns + self.period_ns:
            return "it comes too soon after its parent"
        return "" if block.time_ns <= self.node.now else "it comes from the future"
