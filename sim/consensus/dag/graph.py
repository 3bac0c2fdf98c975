"""The graph of blocks that one node knows, and the total order that a chosen block gives to all that lie below it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.node.node import Node


class Graph:
    """Blocks by digest; a block enters when all it points to has entered. Survives a crash."""

    def __init__(self) -> None:
        self.blocks: dict[str, Any] = {}
        self.rounds: dict[int, dict[str, Any]] = {}
        self.authors: dict[int, dict[int, str]] = {}
        """Per round the first block of each author that has entered."""
        self.ordered: dict[str, None] = {}
        self.refused: dict[str, None] = {}
        self.top = -1
        self._waiting: dict[str, tuple[Any, dict[str, None]]] = {}
        self._wanted_by: dict[str, list[str]] = {}

    def add(self, block: Any, fits: Callable[[Any], bool] = bool) -> list[Any]:
        """Take a block; returns what has entered by that, oldest first: nothing, the block, or also those that waited for it.

        Only what `fits` enters; it is asked once all that a block points to is here.
        """
        if block.digest in self.blocks or block.digest in self._waiting or block.digest in self.refused:
            return []
        if not frozenset(block.edges) <= self.blocks.keys():
            lacking = {edge: None for edge in block.edges if edge not in self.blocks}
            self._waiting[block.digest] = (block, lacking)
            for edge in lacking:
                self._wanted_by.setdefault(edge, []).append(block.digest)
            return []
        ripe, entered = [block], []
        for new in ripe:  # grows as blocks that waited become whole
            if not fits(new):
                self.refused[new.digest] = None
                continue
            self._enter(new)
            entered.append(new)
            for digest in self._wanted_by.pop(new.digest, ()):
                waiting, lacks = self._waiting[digest]
                del lacks[new.digest]
                if not lacks:
                    del self._waiting[digest]
                    ripe.append(waiting)
        return entered

    @property
    def known(self) -> int:
        """How many blocks are here, those included that wait for others."""
        return len(self.blocks) + len(self._waiting)

    def lacking(self) -> list[str]:
        """Digests that known blocks point to and that have not come."""
        return [digest for digest in self._wanted_by if digest not in self._waiting and digest not in self.refused]

    def lacked_by(self, digest: str) -> list[str]:
        """Digests that one waiting block points to and that have not come."""
        _, lacks = self._waiting.get(digest, (None, ()))
        return [edge for edge in lacks if edge not in self._waiting and edge not in self.refused]

    def count(self, number: int) -> int:
        """How many authors have a block in a round."""
        return len(self.authors.get(number, ()))

    def newest(self, quorum_size: int) -> int:
        """The highest round that has blocks of a quorum of authors; -1 where none has."""
        number = self.top
        while number >= 0 and self.count(number) < quorum_size:
            number -= 1
        return number

    def order(self, anchor: Any, lowest: int) -> list[Any]:
        """The anchor and all below it that is not ordered yet, from round `lowest` on: by round, author and digest."""
        found, stack = {anchor.digest: anchor}, [anchor]
        while stack:
            for edge in stack.pop().edges:
                if edge not in found and edge not in self.ordered:
                    block = self.blocks[edge]
                    if block.height >= lowest:
                        found[edge] = block
                        stack.append(block)
        new = sorted(found.values(), key=lambda block: (block.height, block.proposer, block.digest))
        self.ordered |= dict.fromkeys(block.digest for block in new)
        return new

    def reaches(self, origin: Any, goals: dict[str, Any], lowest: int) -> bool:
        """Whether any of `goals`, which lie in round `lowest`, is below `origin` (or is it)."""
        if origin.digest in goals:
            return True
        seen: dict[str, None] = {}
        stack = [origin]
        while stack:
            for edge in stack.pop().edges:
                if edge in goals:
                    return True
                if edge not in seen:
                    seen[edge] = None
                    block = self.blocks[edge]
                    if block.height > lowest:
                        stack.append(block)
        return False

    def _enter(self, block: Any) -> None:
        self.blocks[block.digest] = block
        self.rounds.setdefault(block.height, {})[block.digest] = block
        self.authors.setdefault(block.height, {}).setdefault(block.proposer, block.digest)
        self.top = max(self.top, block.height)


def sound(node: Node, block: Any, number: int, author: int) -> bool:
    """Whether a block is genuine, of that round and author, and points to a quorum of authors' blocks of the round before.

    Edges may name what is not here yet; `whole` judges them once it is.
    """
    return (block.height, block.proposer) == (number, author) and node.accepts(block, "") and bool(block.edges) == (number > 0)


def whole(graph: Graph, block: Any, quorum_size: int) -> bool:
    """Whether the blocks it points to, all of them here, are of a quorum of authors in the round before, and none is later."""
    if block.height == 0:
        return True
    below, edges = graph.rounds.get(block.height - 1, {}), frozenset(block.edges)
    authors = len(below.keys() & edges)
    if len(below) > graph.count(block.height - 1):  # somebody has made several
        authors = len({below[edge].proposer: None for edge in block.edges if edge in below})
    if authors < quorum_size:
        return False
    return edges <= below.keys() or all(graph.blocks[edge].height < block.height for edge in block.edges)
