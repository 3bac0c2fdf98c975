"""What Gasper's attestations say: which branch weighs most, and which checkpoints are justified and final.

Buterin and others, "Combining GHOST and Casper", arXiv 2003.03052, section 4: LMD GHOST (definition 4.1) over everybody's latest
vote, Casper FFG over pairs of checkpoints. Both are read from the votes that have reached a node; the votes themselves are
counted in the core, so nobody is woken by them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sim.consensus.forking.forest import Forest
from sim.node.message import Certificate, union, vote
from sim.node.node import Node


@vote
class Attestation:
    """Once an epoch from every validator: the head it sees in its slot, and a link from a justified checkpoint to a new one."""

    slot: int
    head: str
    source_epoch: int
    source: str
    target: str


class Checkpoint(NamedTuple):
    """A block at the border of an epoch."""

    epoch: int
    digest: str


Bits = int
IN_DOUBT = 8  # slots within which a second vote in one whose committee has voted is noticed


class View:
    """One node's reading of all attestations; survives a crash. `discount`: who votes twice in a slot is not heard, else heard first."""

    def __init__(self, node: Node, slots_per_epoch: int, discount: bool = True) -> None:
        self.node, self.per_epoch, self.discount = node, slots_per_epoch, discount
        self.justified = Checkpoint(0, node.genesis)
        self.final = Checkpoint(0, node.genesis)
        self.known_justified: dict[Checkpoint, None] = {self.justified: None}
        self.now = 0
        """The present slot."""
        self._whole: dict[int, tuple[Certificate, ...]] = {}
        self._first: dict[int, dict[str, Bits]] = {}
        """By slot, who was heard first with a vote for each head; kept only where that is what counts."""
        self.boosted, self.boost = "", 0
        """A block of the present slot that came in time, and how many votes that counts for."""

    def ballots(self, slot: int) -> tuple[Certificate, ...]:
        """The votes of a slot; once each of its committee has voted once they are kept.

        For some slots more it is seen whether somebody votes twice: the next proposers tell everybody of all votes that they know.
        """
        kept, everybody = self._whole.get(slot), len(range(slot % self.per_epoch, self.node.n, self.per_epoch))
        in_doubt = slot > self.now - IN_DOUBT
        if kept is None or (in_doubt and self.node.heard(Attestation, slot=slot) > everybody):
            kept = self.node.ballots(Attestation, slot=slot)
            if len({one for ballot in kept for one in ballot.signers}) == sum(ballot.count for ballot in kept) == everybody:
                self._whole[slot] = kept
                self._whole.pop(slot - 4 * self.per_epoch, None)
        return kept

    # LMD GHOST ------------------------------------------------------------------------------------------------------

    def latest(self, slot: int) -> dict[str, int]:
        """Votes for each head from slots before this one, of each validator only the newest.

        Everybody votes once an epoch, so two epochs back are enough; who has been silent for longer counts no more.
        """
        votes: dict[str, int] = {}
        seen = 0
        for earlier in range(slot - 1, max(-1, slot - 1 - 2 * self.per_epoch), -1):
            heads, doubted = (self.undoubted if self.discount else self.first)(earlier)
            for head, bits in heads.items():
                votes[head] = votes.get(head, 0) + (bits & ~seen).bit_count()
            for bits in (*heads.values(), doubted):
                seen |= bits
            if seen.bit_count() == self.node.n:
                break
        return votes

    def undoubted(self, slot: int) -> tuple[dict[str, Bits], Bits]:
        """Who voted for each head in a slot and for no other; and who voted twice, whose older votes do not count either."""
        once = twice = 0
        heads: dict[str, Bits] = {}
        for ballot in self.ballots(slot):
            twice |= once & ballot.bits
            once |= ballot.bits
            head = ballot.message.head
            heads[head] = heads.get(head, 0) | ballot.bits
        return ({head: bits & ~twice for head, bits in heads.items()} if twice else heads), twice

    def first(self, slot: int) -> tuple[dict[str, Bits], Bits]:
        """Who was heard first with a vote for each head of a slot; two that came between two looks count as they came to be known."""
        heads = self._first.setdefault(slot, {})
        self._first.pop(slot - 4 * self.per_epoch, None)
        seen = union(heads.values())
        for ballot in self.ballots(slot):
            head, fresh = ballot.message.head, ballot.bits & ~seen
            heads[head] = heads.get(head, 0) | fresh
            seen |= ballot.bits
        return heads, seen

    def head(self, forest: Forest, slot: int) -> str:
        """From the justified checkpoint upwards, always the child with the most votes in its subtree."""
        support = self.latest(slot)
        if self.boosted:
            support[self.boosted] = support.get(self.boosted, 0) + self.boost
        children = forest.children_above(self.height(forest, self.justified.digest))
        weight: dict[str, int] = {}
        for parent in reversed(children):  # the highest first
            for child in children[parent]:
                weight[child] = support.get(child, 0) + sum(weight[above] for above in children.get(child, ()))
        digest = self.justified.digest
        while children.get(digest):
            digest = max(children[digest], key=lambda child: weight[child])  # the branch followed wins ties
        return digest

    def height(self, forest: Forest, digest: str) -> int:
        """The height of a known block."""
        return 0 if digest == self.node.genesis else int(forest.block(digest).height)

    # Casper FFG -----------------------------------------------------------------------------------------------------

    def links(self, epoch: int) -> dict[tuple[Checkpoint, Checkpoint], Bits]:
        """Who voted for each link to a checkpoint of this epoch."""
        found: dict[tuple[Checkpoint, Checkpoint], Bits] = {}
        for slot in range(epoch * self.per_epoch, (epoch + 1) * self.per_epoch):
            for ballot in self.node.ballots(Attestation, slot=slot):
                said = ballot.message
                link = Checkpoint(said.source_epoch, said.source), Checkpoint(epoch, said.target)
                found[link] = found.get(link, 0) | ballot.bits
        return found

    def process(self, epoch: int, known: Callable[[str], bool]) -> None:
        """Votes of two thirds justify the target of a link; a justified link between neighbours makes its source final.

        Honest validators vote from justified sources only, so a source that more than f of them name is justified: a node that
        was away, or that liars have told less, takes it from them.
        """
        vouched: dict[Checkpoint, Bits] = {}
        for (source, target), bits in self.links(epoch).items():
            vouched[source] = vouched.get(source, bits) | bits
            if 3 * bits.bit_count() < 2 * self.node.n or not (known(source.digest) and known(target.digest)):
                continue
            self.known_justified[source] = self.known_justified[target] = None
            self.justified = max(self.justified, target)
            between = all(any(one.epoch == middle for one in self.known_justified) for middle in range(source.epoch + 1, epoch))
            if epoch - source.epoch <= 2 and between:
                self.final = max(self.final, source)
        for source, bits in vouched.items():
            if bits.bit_count() > self.node.f and known(source.digest):
                self.known_justified[source] = None
                self.justified = max(self.justified, source)


def checkpoint_of(forest: Forest, epoch: int, slots_per_epoch: int, slot_ns: int) -> str:
    """On the branch followed, the newest block that is not later than the first slot of the epoch."""
    start_ns = (epoch * slots_per_epoch + 1) * slot_ns
    height = forest.height
    while height > 0 and _time_of(forest, height) >= start_ns:
        height -= 1
    return forest.chain[height]


def _time_of(forest: Forest, height: int) -> int:
    block: Any = forest.block(forest.chain[height])
    return int(block.time_ns)
