"""Transactions and the blocks that put them in an order.

A name is a hash of the content: 128 bits, which is enough against accident and alteration (nobody in a simulation searches for
collisions; what a hash weighs on the wire is `HEADER_BYTES` and the transaction's stated size). A name is computed once and
kept, because a run makes many blocks; `recomputed_*` and `well_formed` start from the content again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import Any

from sim.ledger import merkle
from sim.node.genesis import GENESIS as GENESIS  # the parent of every first block, at height 0

HEADER_BYTES = 200
"""Parent, root, proposer, time, height and the proposer's signature."""
EDGE_BYTES = 32
"""A reference to another block."""
LOOSE = ""
"""The parent of a block whose place is not settled before it is decided, as in a DAG of blocks."""
CLASSES = ("C0", "C1", "C2", "C3", "C4")
"""Urgency, most urgent first: local, interactive, rights and safety, record, regulatory."""

Fact = tuple[str, int | str]


def place_after(tip: str, digest: str) -> str:
    """The name of a loose block's place in a chain: after which place it stands."""
    return _name(("place", tip, digest))


def _name(content: tuple[object, ...]) -> str:
    return blake2b(repr(content).encode(), digest_size=16).hexdigest()


@lru_cache(maxsize=256, typed=True)
def _name_of_words(*content: str | int) -> str:
    """The same of numbers and texts, which cannot change: each block is named by its proposer, by who accepts it and by who judges the run."""
    return _name(content)


@dataclass(frozen=True, slots=True)
class Transaction:
    """One entry of the ledger. Only metadata is visible; the content lies elsewhere, behind `anchor`."""

    family: str
    submitter: int
    size_bytes: int
    payload: tuple[Fact, ...] = ()
    """Visible metadata as (key, value) pairs."""
    anchor: str = ""
    """Hexadecimal hash of the ciphertext this entry vouches for, or ''."""
    submitted_ns: int = 0
    priority: str = "C3"
    """One of `CLASSES`."""
    id: str = ""
    """32 hexadecimal digits over all the rest; left empty, it is computed."""

    def __post_init__(self) -> None:
        if self.priority not in CLASSES:
            raise ValueError(f"priority {self.priority!r} is not one of {', '.join(CLASSES)}")
        if not self.id:
            object.__setattr__(self, "id", self.recomputed_id())

    def recomputed_id(self) -> str:
        """The name the content has, whatever `id` says."""
        facts = (self.submitter, self.size_bytes, self.payload, self.anchor, self.submitted_ns, self.priority)
        return _name((self.family, *facts))

    @property
    def genuine(self) -> bool:
        """Whether `id` names this content."""
        return self.id == self.recomputed_id()

    def fact(self, key: str) -> int | str | None:
        """The visible value under `key`; None where there is none."""
        for name, value in self.payload:
            if name == key:
                return value
        return None


@dataclass(frozen=True)
class Block:
    """Transactions in order, tied to all that came before by `parent`.

    A loose block (`parent` is `LOOSE`) has no place of its own: it points to others by `edges`, its protocol decides blocks in a
    total order, and each node's chain ties it to what that node decided before. What an earlier block holds counts there.
    """

    parent: str
    height: int
    """1 for the first block after genesis; of a loose block its round."""
    proposer: int
    time_ns: int
    root: str = merkle.EMPTY_ROOT
    """Merkle root over the ids of the transactions."""
    transactions: tuple[Transaction, ...] = ()
    filler_bytes: int = 0
    """Weight without content, for runs in which only the size of a block matters."""
    edges: tuple[str, ...] = ()
    """Digests of the blocks that a loose block points to."""
    seals: tuple[Any, ...] = ()
    """What the proposer attaches to the transactions, in their order, such as proofs of endorsement; each has `size_bytes`."""

    @classmethod
    def of(
        cls,
        parent: str,
        height: int,
        proposer: int,
        time_ns: int,
        transactions: tuple[Transaction, ...] = (),
        filler_bytes: int = 0,
        edges: tuple[str, ...] = (),
    ) -> Block:
        """A block with the root that its transactions have."""
        ids = [transaction.id for transaction in transactions]
        return cls(parent, height, proposer, time_ns, merkle.root(ids), transactions, filler_bytes, edges)

    @property
    def loose(self) -> bool:
        """Whether its place is settled only when it is decided."""
        return self.parent == LOOSE

    def twin(self) -> Block:
        """Another block in the same place with the same transactions: what an equivocating proposer shows to some."""
        return replace(self, filler_bytes=self.filler_bytes + 1)

    def recomputed_digest(self) -> str:
        """The name the header has, computed anew."""
        header = (self.parent, self.height, self.proposer, self.time_ns, self.root, self.filler_bytes)
        if self.edges or self.seals:
            return _name((*header, *[more for more in (self.edges, self.seals) if more]))
        return _name_of_words(*header)

    @cached_property
    def digest(self) -> str:
        """The name of this block: 32 hexadecimal digits over its header."""
        return self.recomputed_digest()

    @cached_property
    def size_bytes(self) -> int:
        """What the block weighs on the wire."""
        weight = sum([transaction.size_bytes for transaction in self.transactions])
        weight += sum([int(seal.size_bytes) for seal in self.seals])
        return HEADER_BYTES + EDGE_BYTES * len(self.edges) + self.filler_bytes + weight

    def flaw(self) -> str:
        """What is wrong with the block in itself, or '': every id and the root are recomputed."""
        for transaction in self.transactions:
            if not transaction.genuine:
                return f"transaction {transaction.id} is not what its name says"
        ids = [transaction.id for transaction in self.transactions] if self.transactions else ()
        if merkle.root(ids) != self.root:
            return "the root does not name the transactions"
        if self.digest != self.recomputed_digest():
            return "the header was altered after it was named"
        return ""

    def well_formed(self) -> bool:
        """Whether root, ids and header agree with the content."""
        return not self.flaw()
