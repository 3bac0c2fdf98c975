"""What a reader without a copy of the ledger keeps: headers that follow each other, and how an entry is proven by them.

Simplified payment verification (Nakamoto, "Bitcoin", 2008, section 8): a header names its parent and the Merkle root of its entries,
so who has the right headers needs only a path of hashes to know that an entry stands in a block.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sim.ledger import merkle
from sim.ledger.block import GENESIS, HEADER_BYTES, Block, Transaction
from sim.ledger.integrity import Tampered, Unlinked

HASH_BYTES, INDEX_BYTES = 32, 8


def header_of(block: Block) -> Block:
    """The block without its entries; it has the same name."""
    return replace(block, transactions=())


@dataclass(frozen=True)
class Shown:
    """An entry as a full node hands it out: at which height it stands, and the way from it to that header's root."""

    transaction: Transaction
    height: int
    proof: merkle.Proof

    @property
    def size_bytes(self) -> int:
        """What the answer weighs: the entry, its place, the hashes."""
        return self.transaction.size_bytes + INDEX_BYTES + HASH_BYTES * len(self.proof.path)


def show(block: Block, index: int) -> Shown:
    """The entry at `index` of a block with its proof."""
    return Shown(block.transactions[index], block.height, merkle.prove([one.id for one in block.transactions], index))


class Headers:
    """A chain of headers from genesis on."""

    def __init__(self) -> None:
        self.taken: list[Block] = []
        self.size_bytes = 0
        """Of all headers that were ever taken."""

    @property
    def height(self) -> int:
        """How many there are."""
        return len(self.taken)

    @property
    def tip(self) -> str:
        """The name of the newest; genesis where there is none."""
        return self.taken[-1].digest if self.taken else GENESIS

    def take(self, header: Block) -> None:
        """Take the next one; Tampered where its name is not its content's, Unlinked where it does not follow."""
        if header.digest != header.recomputed_digest():
            raise Tampered(f"header at height {header.height}: it was altered after it was named")
        if header.parent != self.tip or header.height != self.height + 1:
            raise Unlinked(f"header at height {header.height}: it does not follow the one before")
        self.taken.append(header)
        self.size_bytes += HEADER_BYTES

    def rewind(self, height: int) -> None:
        """Forget everything above `height`."""
        del self.taken[height:]

    def proves(self, shown: Shown, height: int, index: int) -> bool:
        """Whether the answer is what stands at that place: unaltered, and under the root of that height's header."""
        if not shown.transaction.genuine or shown.height != height or shown.proof.index != index or not 1 <= height <= self.height:
            return False
        return merkle.verify(shown.transaction.id, shown.proof, self.taken[height - 1].root)
