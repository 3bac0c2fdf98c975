"""Which anchors a certified graph commits, and what they put in order: the decision rule of Bullshark (figures 2 and 3)."""

from __future__ import annotations

from typing import Any

from sim.consensus.dag.graph import Graph


class Anchors:
    """What a graph says about the anchors of its even rounds; survives a crash."""

    def __init__(self, graph: Graph, n: int, f: int, kept_rounds: int) -> None:
        self.graph, self.n, self.f, self.kept_rounds = graph, n, f, kept_rounds
        self.votes: dict[str, int] = {}
        """How many blocks of the next round point to each anchor."""
        self.newest = -2
        """The round of the newest anchor that is committed."""

    def learn(self, block: Any) -> list[Any]:
        """Count what a block that enters the graph says; returns the blocks that are decided by it, in order."""
        anchor = anchor_of(self.graph, block.height - 1, self.n) if block.height % 2 else None
        if anchor is None or anchor.digest not in block.edges:
            return []
        self.votes[anchor.digest] = self.votes.get(anchor.digest, 0) + 1
        if not committed(self.votes[anchor.digest], self.f) or anchor.height <= self.newest:
            return []
        path = path_of_anchors(self.graph, anchor, self.newest, self.n)
        self.newest = anchor.height
        return [one for each in path for one in self.graph.order(each, each.height - self.kept_rounds)]

    def may_leave(self, number: int, quorum_size: int) -> bool:
        """Whether staying in a round that has its quorum can help an anchor no more: it is here, has its votes, or cannot have them."""
        if number % 2 == 0:
            return anchor_of(self.graph, number, self.n) is not None
        anchor = anchor_of(self.graph, number - 1, self.n)
        votes = 0 if anchor is None else self.votes.get(anchor.digest, 0)
        return committed(votes, self.f) or self.graph.count(number) - votes >= quorum_size


def leader(number: int, n: int) -> int:
    """Whose block is the anchor of an even round: in turn."""
    return number // 2 % n


def anchor_of(graph: Graph, number: int, n: int) -> Any:
    """The anchor of a round as far as it is here; None where it is not."""
    digest = graph.authors.get(number, {}).get(leader(number, n))
    return None if digest is None else graph.blocks[digest]


def committed(votes: int, f: int) -> bool:
    """Whether an anchor that so many blocks of the next round point to is committed: every later anchor then reaches it."""
    return votes > f


def path_of_anchors(graph: Graph, anchor: Any, newest: int, n: int) -> list[Any]:
    """The anchors to order, oldest first: `anchor` and each earlier one, after round `newest`, that the next of them reaches."""
    path = [anchor]
    for number in range(anchor.height - 2, newest, -2):
        earlier = anchor_of(graph, number, n)
        if earlier is not None and graph.reaches(path[-1], {earlier.digest: earlier}, number):
            path.append(earlier)
    return path[::-1]
