"""Gasper: a block a slot, votes of a committee a slot, and finality from two epochs in which two thirds have voted.

Buterin and others, "Combining GHOST and Casper", arXiv 2003.03052, section 4 (the protocol) and 6 (finality); times, committees
and the proposer boost as in Ethereum's consensus specifications (phase 0, fork choice). Each validator attests once an epoch, a
third into its slot: LMD GHOST then follows the branch with the most latest votes, and Casper FFG justifies the border of an
epoch. With everybody there a block at the border is final two epochs later.

A proposer sends the votes it has seen since the parent along with its block, as aggregates, and a node reads all votes that have
reached it: in the specifications they lie inside the block and count on its branch only. Left out: aggregation in subnets, the
inactivity leak, slashing, and reorganising late blocks on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar

from sim.consensus.forking.forest import Forest
from sim.consensus.gasper_votes import Attestation, View, checkpoint_of
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import AtLeastOne, Lasting, Share, show_duration
from sim.node.ballots import Checkpoints
from sim.node.node import Node
from sim.node.terms import Terms


@part
class Gasper:
    """Ethereum's proof of stake: LMD GHOST for the head, Casper FFG for finality; every node is one validator."""

    follows: ClassVar[str] = "latest votes"

    slot: Lasting = 12_000_000_000  # how long a slot lasts
    slots_per_epoch: AtLeastOne = 32  # slots in which everybody attests once
    attest_at: Share = 0.3333  # how far into the slot its committee votes, whether or not a block has come
    boost: Share = 0.4  # what a block that comes before that counts for, as a share of a committee; 0: no proposer boost
    discount: bool = True  # whether who votes twice in a slot is not heard; if not, the vote that came first counts, as before 2022

    @property
    def ballots(self) -> Checkpoints:
        """Links of checkpoints; heads bind nobody."""
        return Checkpoints(Attestation, self.slots_per_epoch)

    def check(self) -> None:
        """Attesting is done within the slot."""
        if not 0 < self.attest_at < 1:
            raise ScenarioError("must lie within the slot, between 0 and 100 %", path="attest_at")

    def fits(self, terms: Terms) -> str:
        """There is a block a slot."""
        if terms.block_interval and terms.block_interval != self.slot:
            return f"block_interval: has no effect, there is a block every slot of {show_duration(self.slot)}"
        return ""

    async def run(self, node: Node) -> None:
        """Slot after slot: at the border of epochs see what is final, propose, and attest."""
        if node.n < self.slots_per_epoch:
            why = f"{node.n} validators cannot fill {self.slots_per_epoch} committees; give at most {node.n}"
            raise ScenarioError(why, "consensus.slots_per_epoch")
        duty: Duty = node.keep.setdefault("duty", Duty(node, self, View(node, self.slots_per_epoch, self.discount)))
        forest = duty.forest = node.keep.setdefault("forest", Forest(node, 0, valid=duty.flaw, choose=duty.choose))
        forest.decides = lambda head: forest.height_of(duty.view.final.digest)
        forest.on_head = lambda: duty.welcome(forest.block(forest.head))
        node.spawn(forest.follow())
        for slot in count(-(-node.now // self.slot)):
            await node.sleep(slot * self.slot - node.now)
            duty.view.now, duty.view.boosted = slot, ""
            epoch, first = divmod(slot, self.slots_per_epoch)
            if not first:
                for past in range(max(0, epoch - 2), epoch):
                    duty.view.process(past, forest.knows)
            await node.sleep(0)  # votes that arrive at this very instant count
            forest.move(duty.view.head(forest, slot))
            if duty.proposer(slot) == node.id:
                duty.propose(slot)
            if node.id in duty.committee(slot):
                node.spawn(duty.attest(slot))


@dataclass
class Duty:
    """What one validator has to do and to check."""

    node: Node
    gasper: Gasper
    view: View
    forest: Any = None

    def slot_of(self, block: Any) -> int:
        """The slot of a block."""
        return int(block.time_ns // self.gasper.slot)

    def proposer(self, slot: int) -> int:
        """Who proposes, by lot."""
        return self.node.dice.below(self.node.n, "gasper-proposer", slot)

    def committee(self, slot: int) -> list[int]:
        """Who attests in a slot: everybody is in one committee an epoch."""
        epoch, place = divmod(slot, self.gasper.slots_per_epoch)
        known = self.node.society.nature.setdefault("committees", {})
        if epoch not in known:
            known[epoch] = self.node.dice.shuffled(self.node.n, "gasper-committee", epoch)
        return list(known[epoch][place :: self.gasper.slots_per_epoch])

    def propose(self, slot: int) -> None:
        """A block on the head, and beside it the votes that have come since its parent's slot, as aggregates."""
        parent = self.forest.block(self.forest.head)
        since = slot - 1 if parent is None else self.slot_of(parent)
        self.forest.publish(self.node.batch(self.forest.head))
        for earlier in range(max(0, since, slot - self.gasper.slots_per_epoch), slot):
            for ballot in self.view.ballots(earlier):
                self.node.society.broadcast(self.node.seat, self.node.id, ballot)

    def flaw(self, block: Any) -> str:
        """What is wrong with a block whose parent is known, or ''."""
        slot, parent = self.slot_of(block), self.forest.block(block.parent)
        if self.proposer(slot) != block.proposer:
            return "its slot is not its proposer's"
        if parent is not None and self.slot_of(parent) >= slot:
            return "its slot is not after its parent's"
        return "" if block.time_ns <= self.node.now else "it comes from the future"

    def choose(self, forest: Forest, block: Any) -> str:
        """A new block beside the branch followed: boosted if it is in time, then everything is weighed anew."""
        self.welcome(block)
        return self.view.head(forest, self.node.now // self.gasper.slot)

    def welcome(self, block: Any) -> None:
        """The first block of the present slot that comes before the committee votes counts for more."""
        if block is None:
            return
        slot, into_ns = divmod(self.node.now, self.gasper.slot)
        if self.slot_of(block) == slot and into_ns < self.gasper.attest_at * self.gasper.slot and not self.view.boosted:
            self.view.boosted = block.digest
            self.view.boost = int(self.gasper.boost * self.node.n / self.gasper.slots_per_epoch)

    async def attest(self, slot: int) -> None:
        """Vote for the head a third into the slot."""
        await self.node.sleep(int(self.gasper.attest_at * self.gasper.slot))
        forest, view = self.forest, self.view
        forest.move(view.head(forest, slot))
        epoch = slot // self.gasper.slots_per_epoch
        target = checkpoint_of(forest, epoch, self.gasper.slots_per_epoch, self.gasper.slot)
        self.node.broadcast(Attestation(slot, forest.head, view.justified.epoch, view.justified.digest, target))
