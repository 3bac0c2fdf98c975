"""The greedy heaviest observed subtree (Sompolinsky, Zohar, FC 2015, algorithm 1), from where a new block's branch parts."""

from __future__ import annotations

from typing import Any

from sim.consensus.forking.forest import Forest


def ghost(forest: Forest, block: Any) -> str:
    """The head to follow: at each fork the child with the heaviest subtree; the branch followed wins ties, then the first seen.

    Only the fork at which the new block's branch leaves the one followed can turn out differently now.
    """
    fork = int(forest.block(forest.path(block.digest)[-1]).height) - 1
    children = forest.children_above(fork)
    weight: dict[str, int] = {}
    for parent in reversed(children):
        for child in children[parent]:
            weight[child] = forest.weigh(forest.block(child)) + sum(weight[below] for below in children.get(child, ()))
    digest: str = forest.chain[fork]
    while children.get(digest):
        digest = max(children[digest], key=lambda child: weight[child])  # max keeps the first of equals
    return digest
