"""Which branch of Gasper a node follows: LMD GHOST from the newest justified checkpoint that it knows of.

Buterin and others, "Combining GHOST and Casper", arXiv 2003.03052, section 4.6 (hybrid LMD GHOST); `on_block`, `on_tick` and `get_head` of
Ethereum's consensus specifications (phase 0, fork choice). What a block of an earlier epoch justifies counts at once, what one of this
epoch does from the next epoch on. Without further rules a block that was kept back can thus bring everybody to another branch in
the middle of an epoch, again and again (the bouncing attack). Until 2023 the specifications had everybody wait for the end of
the epoch then: Nakamura, "Prevention of bouncing attack on FFG", ethresear.ch 6114, 2019; dropped by consensus-specs 3290.
"""

from __future__ import annotations

from typing import Any

from sim.consensus.forking.forest import Forest
from sim.consensus.gasper_finality import BEGINNING, Branches, Checkpoint, later
from sim.consensus.gasper_votes import Votes


class Choice:
    """One node's choice; survives a crash. `safe_slots`: how long in an epoch it may turn to another branch's checkpoint; 0: always."""

    def __init__(self, votes: Votes, branches: Branches, safe_slots: int) -> None:
        self.votes, self.branches, self.safe_slots = votes, branches, safe_slots
        self.justified = self.final = BEGINNING
        self.foreseen: tuple[Checkpoint, Checkpoint] = BEGINNING, BEGINNING
        """Justified and final once the present epoch is over."""
        self.boosted, self.boost = "", 0
        """A block of the present slot that came in time, and how many votes that counts for."""

    # checkpoints ----------------------------------------------------------------------------------------------------

    def begin(self, slot: int) -> None:
        """A slot begins; since an epoch began, perhaps while this node was down, all counts that was known by then."""
        epoch_of = self.branches.rules.epoch_of
        if epoch_of(slot) > epoch_of(self.votes.now):
            self.turn_to(*self.foreseen, epoch_of(slot) * self.branches.rules.slots_per_epoch)
        self.votes.now, self.boosted = slot, ""

    def learn(self, block: Any, slot: int) -> None:
        """A block has come: hear its votes, and see what they and those below it justify."""
        self.votes.read(block)
        rules, soon = self.branches.rules, self.branches.weighed(block.digest)
        self.foreseen = later(self.foreseen[0], soon.justified), later(self.foreseen[1], soon.final)
        told = self.branches.at(block.digest, rules.epoch_of(slot) * rules.slots_per_epoch)
        self.turn_to(told.justified, told.final, slot)

    def turn_to(self, justified: Checkpoint, final: Checkpoint, slot: int) -> None:
        """Begin from a later justified checkpoint; in the middle of an epoch, where that is unsafe, from one on the same branch only."""
        known, self.final = self.final, later(self.final, final)
        if self.final != known or self._may_turn(justified, slot):
            self.justified = later(self.justified, justified)

    def _may_turn(self, justified: Checkpoint, slot: int) -> bool:
        """`should_update_justified_checkpoint`."""
        into = slot % self.branches.rules.slots_per_epoch
        in_time = not self.safe_slots or into < self.safe_slots
        return in_time or self.branches.stands_on(justified.digest, self.justified.digest)

    # branches -------------------------------------------------------------------------------------------------------

    def head(self, forest: Forest, slot: int) -> str:
        """From the justified checkpoint upwards, always the child with the most votes in its subtree."""
        support = self.votes.latest(slot)
        if self.boosted:
            support[self.boosted] = support.get(self.boosted, 0) + self.boost
        children = forest.children_above(forest.height_of(self.justified.digest))
        weight: dict[str, int] = {}
        open_to: dict[str, bool] = {}
        for parent in reversed(children):  # the highest first
            for child in children[parent]:
                above = children.get(child, ())
                weight[child] = support.get(child, 0) + sum(weight[one] for one in above)
                open_to[child] = any(open_to[one] for one in above) if above else self._agrees(child, slot)
        digest = self.justified.digest
        while choices := [child for child in children.get(digest, ()) if open_to[child]]:
            digest = max(choices, key=lambda child: weight[child])  # the branch followed wins ties
        return digest

    def _agrees(self, tip: str, slot: int) -> bool:
        """Whether who votes on this branch votes from the checkpoint that this node begins from, or from one at most two epochs old."""
        source = self.branches.at(tip, slot).justified
        return source.epoch == self.justified.epoch or source.epoch + 2 >= self.branches.rules.epoch_of(slot)
