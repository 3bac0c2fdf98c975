"""What Gasper's attestations say and which of everybody's is the latest, as far as one node has heard.

Buterin and others, "Combining GHOST and Casper", arXiv 2003.03052, definition 4.1: LMD GHOST weighs a branch by the latest vote of each
validator, whether it came by gossip or inside a block. What comes by gossip is counted in the core, so nobody is woken by votes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sim.node.message import Certificate, size_of, union, vote
from sim.node.node import Node

Bits = int
IN_DOUBT = 8  # slots within which a second vote in one whose committee has voted is noticed


@vote
class Attestation:
    """Once an epoch from every validator: the head it sees in its slot, and a link from a justified checkpoint to a new one."""

    slot: int
    head: str
    source_epoch: int
    source: str
    target: str


@dataclass(frozen=True, repr=False)
class Aggregate:
    """Equal attestations as a block holds them, under one signature."""

    votes: Certificate

    @property
    def size_bytes(self) -> int:
        """What it weighs: signature, message, and a bit for each validator up to the last that signed."""
        return size_of(self.votes, self.votes.bits.bit_length())

    def __repr__(self) -> str:
        return f"Aggregate({self.votes.message!r}, {self.votes.bits:#x})"  # what a block is named after


class Votes:
    """One node's votes; survive a crash as far as they lay in blocks. `discount`: who votes twice in a slot is not heard, else heard first."""

    def __init__(self, node: Node, slots_per_epoch: int, discount: bool = True) -> None:
        self.node, self.per_epoch, self.discount = node, slots_per_epoch, discount
        self.now = 0
        """The present slot."""
        self._whole: dict[int, tuple[Certificate, ...]] = {}
        self._first: dict[int, dict[str, Bits]] = {}
        """By slot, who was heard first with a vote for each head; kept only where that is what counts."""
        self._held: dict[int, dict[Attestation, Certificate]] = {}
        """By slot, the votes that lay in blocks."""

    def read(self, block: Any) -> None:
        """Hear the votes in a block."""
        for votes in (held.votes for held in block.seals):
            slot, said = votes.message.slot, votes.message
            known = self._held.setdefault(slot, {})
            self._held.pop(slot - 4 * self.per_epoch, None)
            known[said] = votes.joined(known[said]) if said in known else votes
            if not any(kept.message == said and not votes.bits & ~kept.bits for kept in self._whole.get(slot, ())):
                self._whole.pop(slot, None)

    def ballots(self, slot: int) -> tuple[Certificate, ...]:
        """The votes of a slot; once each of its committee has voted once they are kept.

        For some slots more it is seen whether somebody votes twice: blocks tell everybody of all votes that their proposers know.
        """
        kept, everybody = self._whole.get(slot), len(range(slot % self.per_epoch, self.node.n, self.per_epoch))
        in_doubt = slot > self.now - IN_DOUBT
        if kept is None or (in_doubt and self.node.heard(Attestation, slot=slot) > everybody):
            kept = self._all(slot)
            if len({one for ballot in kept for one in ballot.signers}) == sum(ballot.count for ballot in kept) == everybody:
                self._whole[slot] = kept
                self._whole.pop(slot - 4 * self.per_epoch, None)
        return kept

    def _all(self, slot: int) -> tuple[Certificate, ...]:
        """What has come by gossip, joined with what lay in blocks."""
        held = dict(self._held.get(slot, {}))
        heard = [(votes, held.pop(votes.message, votes)) for votes in self.node.ballots(Attestation, slot=slot)]
        return (*(votes.joined(more) for votes, more in heard), *held.values())

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
