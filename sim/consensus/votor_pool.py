"""What one node knows of Alpenglow's slots, and the rules by which it may still help: the white paper's pool (section 2.5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from sim.node.message import union, vote
from sim.node.node import Node


@vote
class Notar:
    """I have the block of this slot and its parent is ready."""

    slot: int
    digest: str


@vote
class NotarFallback:
    """I have voted otherwise, but this block cannot be left out safely; there may be several such blocks."""

    may_differ: ClassVar[bool] = True
    slot: int
    digest: str


@vote
class Skip:
    """I have not seen a block of this slot in time."""

    slot: int


@vote
class SkipFallback:
    """I have voted for a block of this slot, but nothing can be finalised fast there."""

    slot: int


@vote
class Final:
    """I have voted for the block that is notarised in this slot, and for nothing else there."""

    slot: int


@dataclass(slots=True)
class Slot:
    """What a node has said about a slot and what it has seen certified there; survives a crash."""

    voted: str | None = None
    """The digest it voted to notarise, or 'skip'."""
    notar: str | None = None
    notarised: str | None = None
    """The digest that NOTAR votes of 60 % name."""
    certified: dict[str, None] = field(default_factory=dict)
    """Digests that are notarised or, with fallback votes, as good as that."""
    skipped: bool = False
    bad: bool = False
    over: bool = False
    proposed: bool = False
    fallen: dict[str, None] = field(default_factory=dict)
    """Digests it has helped by a fallback vote."""
    skip_fallen: bool = False

    def may_finalise(self) -> bool:
        """TRYFINAL: what I voted for is notarised, and I have said nothing else in this slot."""
        return self.notar is not None and self.notar == self.notarised and not self.bad and not self.over

    def said(self, slot: int) -> list[Any]:
        """This node's own votes in the slot: what it must be able to say again."""
        votes: list[Any] = [] if self.notar is None else [Notar(slot, self.notar)]
        votes += [Skip(slot)] * (self.voted == "skip") + [SkipFallback(slot)] * self.skip_fallen + [Final(slot)] * self.over
        return votes + [NotarFallback(slot, digest) for digest in self.fallen]


@dataclass(frozen=True)
class Told:
    """How many identities have said what in a slot, of `n`."""

    n: int
    notar: dict[str, int]
    """Identities that voted to notarise each block."""
    skip_or: dict[str, int]
    """Identities that voted to notarise the block, or to skip."""
    others: int
    """Identities that voted for anything but the block with the most votes."""
    certified: tuple[str, ...]
    skipped: bool


class Pool:
    """One node's slots; survives a crash."""

    def __init__(self, n: int, window: int) -> None:
        self.n, self.window = n, window
        self.final_slot = -1
        self.decided: dict[str, None] = {}
        self.slots: dict[int, Slot] = {}
        self.pending: dict[int, Any] = {}
        """The first block seen of each slot that has no vote yet."""

    def slot(self, number: int) -> Slot:
        """What is known of a slot."""
        return self.slots.setdefault(number, Slot())

    def first_of(self, slot: int) -> int:
        """The first slot of its window."""
        return slot - slot % self.window

    def parents(self, first: int) -> list[str]:
        """Blocks that a window may build on, the nearest first: certified, and every slot since then skipped (definition 15)."""
        found: list[str] = []
        for slot in range(first - 1, -1, -1):
            known = self.slots.get(slot)
            if known is not None:
                found += known.certified
            if known is None or not known.skipped:
                return found
        return [*found, Node.genesis]

    def parent_ready(self, slot: int, parent: str) -> bool:
        """Whether a block of this slot may stand on `parent`: TRYNOTAR's condition."""
        if slot == self.first_of(slot):
            return parent in self.parents(slot)
        return self.slot(slot - 1).notar == parent

    def ready_windows(self) -> list[int]:
        """The first slots of the windows not over yet that have something to build on."""
        top = max((slot for slot, known in self.slots.items() if known.certified), default=-1)
        first = self.first_of(self.final_slot + self.window)  # 0 at the beginning: nothing is final at slot -1
        ready: list[int] = []
        while True:
            if self.parents(first):
                ready.append(first)
            elif first > top:
                return ready
            first += self.window

    def forget(self) -> None:
        """What lies below the newest final slot is settled."""
        for slot in [slot for slot in self.slots if slot < self.final_slot]:
            del self.slots[slot]
        for slot in [slot for slot in self.pending if slot <= self.final_slot]:
            del self.pending[slot]

    def count(self, node: Node, slot: int) -> Told:
        """Count a slot's votes; an identity counts once wherever kinds of vote are added."""
        notar = {known.message.digest: known.bits for known in node.ballots(Notar, slot=slot)}
        fallback = {known.message.digest: known.bits for known in node.ballots(NotarFallback, slot=slot)}
        skip = union(known.bits for known in node.ballots(Skip, slot=slot))
        fallen = union(known.bits for known in node.ballots(SkipFallback, slot=slot))
        most = max(notar, key=lambda digest: notar[digest].bit_count(), default="")
        helped = {digest: notar.get(digest, 0) | fallback.get(digest, 0) for digest in (*notar, *fallback)}
        return Told(
            self.n,
            {digest: bits.bit_count() for digest, bits in notar.items()},
            {digest: (bits | skip).bit_count() for digest, bits in notar.items()},
            union([skip, *(bits for digest, bits in notar.items() if digest != most)]).bit_count(),
            tuple(digest for digest, bits in helped.items() if bits.bit_count() >= share(self.n, 60)),
            (skip | fallen).bit_count() >= share(self.n, 60),
        )


def heard(node: Node, slot: int) -> int:
    """How many votes have come that `Pool.count` looks at: while there are no more, it need not look again."""
    return sum(node.heard(kind, slot=slot) for kind in (Notar, NotarFallback, Skip, SkipFallback))


def safe_to_notarise(told: Told, mine: Slot) -> list[str]:
    """Blocks I did not vote for, though I voted, that may be finalised elsewhere or must not be lost (definition 16)."""
    if mine.voted is None:
        return []
    few, some, many = share(told.n, 20), share(told.n, 40), share(told.n, 60)
    return [
        digest
        for digest, votes in told.notar.items()
        if digest != mine.voted and (votes >= some or (votes >= few and told.skip_or[digest] >= many))
    ]


def safe_to_skip(told: Told, mine: Slot) -> bool:
    """I voted for a block, and too many voted for anything but the favourite to let it be finalised fast (definition 16)."""
    return mine.voted not in (None, "skip") and told.others >= share(told.n, 40)


def share(n: int, percent: int) -> int:
    """The least number of identities that make up so much of `n`."""
    return -(-n * percent // 100)
