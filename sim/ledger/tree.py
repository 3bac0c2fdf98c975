"""All blocks of a run and where they hang: executed once per distinct block, shared by every node's chain.

Replicas that decide the same block reach the same state, so the world keeps one: where each transaction was included.
Whether a block lies on the chain that ends in another is answered in O(log height) with one jump pointer per block, which
are spaced like a skew-binary number (Myers, "An applicative random-access stack", IPL 1983).
"""

from __future__ import annotations

from sim.ledger.block import GENESIS, Block
from sim.ledger.integrity import Tampered, Unlinked


class BlockTree:
    """Known blocks by digest. `admit` checks a block once; the same object offered again costs a look-up."""

    def __init__(self) -> None:
        self.blocks: dict[str, Block] = {}
        self._height = {GENESIS: 0}
        self._parent = {GENESIS: GENESIS}
        self._jump = {GENESIS: GENESIS}
        self._places: dict[str, list[tuple[str, int, int]]] = {}

    def __contains__(self, digest: str) -> bool:
        return digest in self._height

    def admit(self, block: Block) -> None:
        """Take a well-formed block whose parent is known; raises Tampered or Unlinked with the reason."""
        digest = block.digest
        known = self.blocks.get(digest)
        if known is block:
            return
        flaw = block.flaw()
        if flaw:
            raise Tampered(f"block {digest} at height {block.height}: {flaw}")
        if known is not None:
            return
        height = self._height.get(block.parent)
        if height is None:
            raise Unlinked(f"block {digest}: its parent {block.parent} is not known")
        if block.height != height + 1:
            raise Unlinked(f"block {digest}: height {block.height} after a parent at height {height}")
        self._keep(block, digest)

    def _keep(self, block: Block, digest: str) -> None:
        parent = block.parent
        jump = self._jump[parent]
        even = self._height[parent] - self._height[jump] == self._height[jump] - self._height[self._jump[jump]]
        self.blocks[digest] = block
        self._height[digest] = block.height
        self._parent[digest] = parent
        self._jump[digest] = self._jump[jump] if even else parent
        for index, transaction in enumerate(block.transactions):
            self._places.setdefault(transaction.id, []).append((digest, block.height, index))

    def height_of(self, digest: str) -> int:
        """The height of a known block; KeyError where it is not known."""
        return self._height[digest]

    def parent_of(self, digest: str) -> str:
        """The parent of a known block; genesis is its own."""
        return self._parent[digest]

    def ancestor(self, digest: str, height: int) -> str:
        """The block at `height` on the chain that ends in `digest` (itself, where it stands no higher)."""
        heights, jumps, parents = self._height, self._jump, self._parent
        while heights[digest] > height:
            jump = jumps[digest]
            digest = jump if heights[jump] >= height else parents[digest]
        return digest

    def places(self, transaction_id: str) -> tuple[tuple[str, int, int], ...]:
        """Every (block digest, height, index) that holds the transaction, on whatever fork."""
        return tuple(self._places.get(transaction_id, ()))

    def includes(self, tip: str, transaction_id: str) -> bool:
        """Whether the chain that ends in `tip` holds the transaction."""
        tip_height = self._height[tip]
        for digest, height, _ in self._places.get(transaction_id, ()):
            if height <= tip_height and self.ancestor(tip, height) == digest:
                return True
        return False

    def way(self, origin: str, goal: str) -> tuple[list[str], list[str]]:
        """How to get from one tip to another: blocks to undo (newest first) and blocks to do (oldest first)."""
        undo: list[str] = []
        do: list[str] = []
        while origin != goal:
            if self._height[origin] >= self._height[goal]:
                undo.append(origin)
                origin = self._parent[origin]
            else:
                do.append(goal)
                goal = self._parent[goal]
        do.reverse()
        return undo, do
