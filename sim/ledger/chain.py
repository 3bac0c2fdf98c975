"""The chain one node keeps: it takes only what continues it, and can prove later that nothing in it was changed."""

from __future__ import annotations

from collections.abc import Sequence

from sim.ledger.block import GENESIS, Block, Transaction, place_after
from sim.ledger.integrity import Tampered, Unlinked
from sim.ledger.tree import BlockTree


class Chain:
    """Decided blocks of one node, oldest first. Chains of one run share a `BlockTree`, so each block is checked once."""

    __slots__ = ("__weakref__", "_digests", "blocks", "tip", "tree")

    def __init__(self, tree: BlockTree | None = None) -> None:
        self.tree = BlockTree() if tree is None else tree
        self.blocks: list[Block] = []
        """The store itself: whoever breaks into the node changes these."""
        self._digests: list[str] = [GENESIS]
        self.tip = GENESIS
        """The digest of the newest block (of a loose one, its place); genesis where there is none."""

    @property
    def height(self) -> int:
        """How many blocks there are after genesis."""
        return len(self.blocks)

    def append(self, block: Block) -> None:
        """Take the next block; raises Unlinked where it does not continue the chain, Tampered where it is not genuine."""
        place = block.digest
        if block.parent != self.tip:
            if not block.loose:
                raise Unlinked(f"block at height {block.height}: its parent is {block.parent}, the tip is {self.tip}")
            place = self.tree.admit_after(self.tip, block)
        elif block.height != len(self.blocks) + 1:
            raise Unlinked(f"block {block.digest}: height {block.height} offered to a chain of height {self.height}")
        elif self.tree.blocks.get(place) is not block:
            self.tree.admit(block)
        self.blocks.append(block)
        self._digests.append(place)
        self.tip = place

    def rewind(self, height: int) -> None:
        """Forget everything above `height`, for protocols whose newest blocks may be replaced."""
        if not 0 <= height <= self.height:
            raise ValueError(f"height {height} in a chain of height {self.height}")
        del self.blocks[height:]
        del self._digests[height + 1 :]
        self.tip = self._digests[-1]

    def has(self, digest: str) -> bool:
        """Whether the block is on this chain."""
        if digest not in self.tree:
            return any(block.digest == digest for block in self.blocks if block.loose)
        height = self.tree.height_of(digest)
        return height <= self.height and self._digests[height] == digest

    def find(self, transaction_id: str) -> tuple[int, Transaction] | None:
        """(height, transaction) as this node stores it; None where this chain does not hold it."""
        for digest, height, index in self.tree.places(transaction_id):
            if height <= self.height and self._digests[height] == digest:
                return height, self.blocks[height - 1].transactions[index]
        return None

    def verify(self) -> None:
        """Recompute everything from genesis on; raises Tampered naming the first block that is not what it was."""
        if len(self.blocks) + 1 != len(self._digests):
            raise Tampered(f"{len(self._digests) - 1} blocks were taken, {len(self.blocks)} are stored")
        parent = GENESIS
        for place, block in enumerate(self.blocks, start=1):
            where = f"block at height {place}"
            digest = block.recomputed_digest()
            if block.loose:
                digest = place_after(parent, digest)
            elif block.parent != parent or block.height != place:
                raise Tampered(f"{where}: it does not follow the one before")
            if digest != self._digests[place]:
                raise Tampered(f"{where}: its header is not the one that was taken")
            flaw = block.flaw()
            if flaw:
                raise Tampered(f"{where}: {flaw}")
            parent = digest


def grown(chains: Sequence[Chain], block: Block) -> list[int]:
    """`append` to many chains of one tree at once; returns the places of those whose next block it is not, left as they were."""
    if not chains or chains[0].tree.blocks.get(block.digest) is not block:  # must be checked by `append` first
        return list(range(len(chains)))
    others = []
    parent, digest = block.parent, block.digest
    for place, chain in enumerate(chains):
        if chain.tip == parent:
            chain._digests.append(digest)
            chain.tip = digest
            chain.blocks.append(block)
        else:
            others.append(place)
    return others


class Chains(dict[int, Chain]):
    """The chain of each seat, made when it is first asked for."""

    def __init__(self, tree: BlockTree) -> None:
        super().__init__()
        self._tree = tree

    def __missing__(self, seat: int) -> Chain:
        chain = self[seat] = Chain(self._tree)
        return chain
