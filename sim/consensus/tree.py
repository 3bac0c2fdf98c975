"""The blocks one node follows, for protocols that agree on a block and thereby on all below it.

A decision names the slot by the block's height: slot 0 is the first block. Bodies that did not come by themselves are fetched
(`ancestry.py`), so whoever was away catches up by following the parents of the newest block.
"""

from __future__ import annotations

from typing import Any

from sim.consensus.ancestry import Ancestry
from sim.node.node import Node

KEPT_BELOW = 16  # final blocks that stay known, for locks and certificates that still name them


class Tree:
    """Blocks above the last final one, and that one; survives a crash."""

    def __init__(self) -> None:
        self.blocks: dict[str, Any] = {}
        self.final_height = 0
        self._final: list[str] = []

    async def grow(self, ancestry: Ancestry, digest: str, ask_after_ns: int) -> list[Any]:
        """Take a block and all below it that are not known yet; returns what is new, the lowest first."""
        path = await ancestry.fetch(digest, self.blocks, self.final_height, ask_after_ns)
        new = [block for block in reversed(path) if block.digest not in self.blocks]  # others may have come for them meanwhile
        self.blocks |= {block.digest: block for block in new}
        return new

    def extends(self, digest: str, lower: str) -> bool:
        """Whether a known block is `lower` or stands on it."""
        goal = self.blocks.get(lower)
        if goal is None:
            return True  # the genesis, or final and long forgotten
        block = self.blocks.get(digest)
        while block is not None and block.height > goal.height:
            block = self.blocks.get(block.parent)
        return block is goal

    def finalise(self, node: Node, digest: str) -> None:
        """Decide a known block and what lies below it, lowest first."""
        path: list[Any] = []
        block = self.blocks.get(digest)
        while block is not None and block.height > self.final_height:
            path.append(block)
            block = self.blocks.get(block.parent)
        for final in reversed(path):
            self.final_height = final.height
            self._final.append(final.digest)
            node.decide(final.height - 1, final.digest)
        while len(self._final) > KEPT_BELOW:
            self.blocks.pop(self._final.pop(0), None)
