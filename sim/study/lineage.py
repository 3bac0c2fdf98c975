"""Which published blocks stand on which."""

from __future__ import annotations

from sim.study.evidence import Evidence


def compatible(evidence: Evidence, digest: str, other: str) -> bool:
    """Whether of two blocks one is the other or stands on it; loose blocks stand beside each other."""
    if digest == other:
        return True
    low, high = sorted((digest, other), key=lambda one: height(evidence, one))
    if height(evidence, low) < 0:
        return True  # nobody has published it, so there is nothing to be compared
    goal = height(evidence, low)
    while height(evidence, high) > goal:
        high = evidence.blocks[high].parent
    return high == low


def height(evidence: Evidence, digest: str) -> int:
    """Of a block, as it says; -1 of one that nobody has published, and of the genesis."""
    block = evidence.blocks.get(digest)
    return -1 if block is None else int(block.height)
