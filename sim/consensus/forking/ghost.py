"""The greedy heaviest observed subtree (Sompolinsky, Zohar, FC 2015, algorithm 1), from where a new block's branch parts."""

from __future__ import annotations

from typing import Any

from sim.consensus.forking.forest import Forest


def ghost(forest: Forest, block: Any) -> str:
    """The head to follow: at each fork the child with the heaviest subtree; the branch followed wins ties, then the first seen.

    Only the fork at which the new block's branch leaves the one followed can turn out differently now.
    """
    fork = int(forest.block(forest.path(block.digest)[-1]).height) - 1
    weight, children = _subtrees(forest, fork)
    digest: str = forest.chain[fork]
    while children.get(digest):
        digest = max(children[digest], key=lambda child: weight[child])  # max keeps the first of equals
    return digest


def _subtrees(forest: Forest, fork: int) -> tuple[dict[str, int], dict[str, list[str]]]:
    """(weight of the subtree, children) of all known blocks above a height; the branch followed comes first among children."""
    weight: dict[str, int] = {}
    children: dict[str, list[str]] = {}
    top = max(forest.height, max(forest.beside, default=0))
    for height in range(fork + 1, top + 1):
        here = [forest.chain[height]] if height <= forest.height else []
        for digest in (*here, *forest.beside.get(height, ())):
            weight[digest] = forest.weigh(forest.block(digest))
            children.setdefault(forest.block(digest).parent, []).append(digest)
    for digest in reversed(weight):
        parent = forest.block(digest).parent
        if parent in weight:
            weight[parent] += weight[digest]
    return weight, children
