"""What a validator of Gasper has to do: propose and attest when the lots say so, and check what others propose.

Buterin and others, "Combining GHOST and Casper", arXiv 2003.03052, sections 4.2 and 4.3; the proposer boost as in Ethereum's consensus
specifications (phase 0, fork choice).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sim.consensus.forking.forest import Forest
from sim.consensus.gasper_choice import Choice
from sim.consensus.gasper_votes import Attestation
from sim.node.node import Node


def proposer(node: Node, slot: int) -> int:
    """Who proposes, by lot; everybody knows beforehand."""
    return node.dice.below(node.n, "gasper-proposer", slot)


@dataclass
class Duty:
    """What one validator has to do and to check."""

    node: Node
    gasper: Any
    """The part with the keys of the scenario."""
    choice: Choice
    forest: Any = None

    def slot_of(self, block: Any) -> int:
        """The slot of a block."""
        return self.choice.branches.rules.slot_of(block)

    def proposer(self, slot: int) -> int:
        """Who proposes, by lot."""
        return proposer(self.node, slot)

    def committee(self, slot: int) -> list[int]:
        """Who attests in a slot: everybody is in one committee an epoch."""
        epoch, place = divmod(slot, self.gasper.slots_per_epoch)
        known = self.node.society.nature.setdefault("committees", {})
        if epoch not in known:
            known[epoch] = self.node.dice.shuffled(self.node.n, "gasper-committee", epoch)
        return list(known[epoch][place :: self.gasper.slots_per_epoch])

    def block(self, slot: int, parent: str) -> Any:
        """A block on another one, and in it the votes that have been heard and that its chain lacks, as aggregates."""
        choice, first = self.choice, max(0, slot - slot % self.gasper.slots_per_epoch - self.gasper.slots_per_epoch)
        heard = [ballot for earlier in range(slot - 1, first - 1, -1) for ballot in choice.votes.ballots(earlier)]
        return replace(self.node.batch(parent), seals=choice.branches.lacking(parent, slot, heard))

    def flaw(self, block: Any) -> str:
        """What is wrong with a block whose parent is known, or ''."""
        slot, parent = self.slot_of(block), self.forest.block(block.parent)
        if self.proposer(slot) != block.proposer:
            return "its slot is not its proposer's"
        if parent is not None and self.slot_of(parent) >= slot:
            return "its slot is not after its parent's"
        if block.time_ns > self.node.now:
            return "it comes from the future"
        return self.choice.branches.flaw(block)

    def choose(self, forest: Forest, block: Any) -> str:
        """A new block beside the branch followed: boosted if it is in time, then everything is weighed anew."""
        self.welcome(block)
        return self.choice.head(forest, self.node.now // self.gasper.slot)

    def welcome(self, block: Any) -> None:
        """Learn from a block; the first one of the present slot that comes before the committee votes counts for more."""
        if block is None:
            return
        slot, into_ns = divmod(self.node.now, self.gasper.slot)
        self.choice.learn(block, slot)
        self.forest.settle(self.decides(self.forest.head))
        if self.slot_of(block) == slot and into_ns < self.gasper.attest_at * self.gasper.slot and not self.choice.boosted:
            self.choice.boosted = block.digest
            self.choice.boost = int(self.gasper.boost * self.node.n / self.gasper.slots_per_epoch)

    def decides(self, head: str) -> int:
        """Up to which height the branch followed is final."""
        final = self.choice.final.digest
        height = int(self.forest.height_of(final))
        return height if self.forest.follows(final, height) else 0

    async def attest(self, slot: int) -> None:
        """Vote for the head a third into the slot."""
        await self.node.sleep(int(self.gasper.attest_at * self.gasper.slot))
        forest, choice = self.forest, self.choice
        forest.move(choice.head(forest, slot))
        state = choice.branches.at(forest.head, slot)
        self.node.broadcast(Attestation(slot, forest.head, *state.justified, state.border))
