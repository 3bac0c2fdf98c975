"""All blocks of a run and where they hang: executed once per distinct block, shared by every node's chain.

Replicas that decide the same block reach the same state, so the world keeps one: where each transaction was included.
Whether a block lies on the chain that ends in another is answered in O(log height) with one jump pointer per block, which
are spaced like a skew-binary number (Myers, "An applicative random-access stack", IPL 1983). A loose block is known by its
place, one for each tip it was decided after; its transactions that the chain below holds already count there alone.
"""

from __future__ import annotations

from sim.ledger.block import GENESIS, Block, Transaction, place_after
from sim.ledger.integrity import Tampered, Unlinked


class BlockTree:
    """Known blocks by digest. `admit` checks a block once; the same object offered again costs a look-up."""

    def __init__(self) -> None:
        self.blocks: dict[str, Block] = {}
        self._height = {GENESIS: 0}
        self._parent = {GENESIS: GENESIS}
        self._jump = {GENESIS: GENESIS}
        self._places: dict[str, list[tuple[str, int, int]]] = {}
        self._sound: dict[str, Block] = {}

    def __contains__(self, digest: str) -> bool:
        return digest in self._height

    def flaw(self, block: Block) -> str:
        """What is wrong with a block in itself, or ''; blocks are frozen, so one that was found sound is looked into once a run."""
        if self._sound.get(block.digest) is block:
            return ""
        flaw = block.flaw()
        if not flaw:
            self._sound[block.digest] = block
        return flaw

    def admit(self, block: Block) -> None:
        """Take a well-formed block whose parent is known; raises Tampered or Unlinked with the reason."""
        digest = block.digest
        known = self.blocks.get(digest)
        if known is block:
            return
        flaw = self.flaw(block)
        if flaw:
            raise Tampered(f"block {digest} at height {block.height}: {flaw}")
        if known is not None:
            return
        height = self._height.get(block.parent)
        if height is None:
            raise Unlinked(f"block {digest}: its parent {block.parent} is not known")
        if block.height != height + 1:
            raise Unlinked(f"block {digest}: height {block.height} after a parent at height {height}")
        self._keep(block, digest, block.parent)

    def admit_after(self, tip: str, block: Block) -> str:
        """Take a well-formed loose block at the place after `tip`; returns that place. Raises Tampered or Unlinked."""
        place = place_after(tip, block.digest)
        if place in self.blocks:
            return place
        flaw = self.flaw(block)
        if flaw:
            raise Tampered(f"block {block.digest} of round {block.height}: {flaw}")
        if tip not in self._height:
            raise Unlinked(f"block {block.digest}: the place {tip} it is to follow is not known")
        self._keep(block, place, tip)
        return place

    def counted(self, digest: str) -> tuple[Transaction, ...]:
        """The transactions of a known block that no block below it holds: all, unless it is loose."""
        block = self.blocks[digest]
        if not block.loose:
            return block.transactions
        height = self._height[digest]
        return tuple(
            transaction
            for index, transaction in enumerate(block.transactions)
            if (digest, height, index) in self._places[transaction.id]
        )

    def _keep(self, block: Block, digest: str, parent: str) -> None:
        height = self._height[parent] + 1
        jump = self._jump[parent]
        even = self._height[parent] - self._height[jump] == self._height[jump] - self._height[self._jump[jump]]
        self.blocks[digest] = block
        self._height[digest] = height
        self._parent[digest] = parent
        self._jump[digest] = self._jump[jump] if even else parent
        for index, transaction in enumerate(block.transactions):
            places = self._places.setdefault(transaction.id, [])
            if not block.loose or not self.includes(parent, transaction.id):
                places.append((digest, height, index))

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
