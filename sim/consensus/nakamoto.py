"""Nakamoto: whoever finds a block puts it on the heaviest chain; a block with `depth` others on it is held for decided.

Nakamoto, "Bitcoin: a peer-to-peer electronic cash system", 2008, sections 4, 5 and 11. The search for a proof of work is a
lottery without memory, so each miner's finds are a Poisson process of rate share / interval (section 11): the wait for the
next one is a keyed exponential draw. Difficulty stays as it is. Decisions are only probably final: one that a heavier branch
displaces is revoked and counted.

GHOST (Sompolinsky, Zohar, "Secure high-rate transaction processing in Bitcoin", FC 2015, section 3) differs in one function:
from where two branches part, follow the one with more blocks in its whole subtree, so that stale blocks strengthen what they
stand on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import field
from itertools import count
from typing import Any, ClassVar

from sim.consensus.forking.forest import NO_VOTES, Forest, heaviest
from sim.consensus.forking.ghost import ghost
from sim.consensus.forking.shares import share_of, shares_of
from sim.kernel.part import part
from sim.kernel.units import Count
from sim.net.topology import Topology
from sim.node.node import Node
from sim.node.terms import Terms

USUAL_INTERVAL_NS = 600_000_000_000
ONE_BLOCK = "work makes one block, and no key makes a second one for it; use kind selfish or double-spend"


@part
class Nakamoto:
    """Proof of work, longest chain: no votes, any number of nodes, decisions that are only probably final."""

    finality: ClassVar[str] = "probable"
    no_lie: ClassVar[Mapping[str, str]] = {**NO_VOTES, **dict.fromkeys(("equivocate", "doctor", "clone", "twins"), ONE_BLOCK)}
    depth: Count = 6  # blocks that must stand on a block before it is held for decided
    power: dict[str, float] = field(
        default_factory=dict
    )  # hash power by name, role or region, as {pool = 0.3, others = 0.7}; none: all alike

    def fits(self, terms: Terms) -> str:
        """Blocks come by lot: the interval is a mean."""
        if not terms.block_interval:
            return "block_interval: is not given, so blocks are found every 10 min on average"
        return ""

    def stakes(self, topology: Topology) -> list[float]:
        """The share of each seat in all work."""
        return shares_of(self.power, topology, "power")

    def choose(self, forest: Forest, block: Any) -> str:
        """The heaviest chain, first seen."""
        return heaviest(forest, block)

    async def run(self, node: Node) -> None:
        """Follow the chain, and search for blocks on its head."""
        forest: Forest = node.keep.setdefault("forest", Forest(node, self.depth, valid=Work(node).flaw, choose=self.choose))
        node.spawn(forest.follow())
        share = share_of(node, self.power, "power")
        if not share:
            await node.forever()
        interval_ns = node.society.block_interval_ns or USUAL_INTERVAL_NS
        for turn in count(node.keep.setdefault("turn", 0)):
            node.keep["turn"] = turn + 1
            await node.sleep(exponential_ns(node.dice.uniform("find", node.id, turn), interval_ns / share))
            block = node.batch(forest.head)
            Work(node).done[block.digest] = None
            forest.publish(block)


@part
class GHOST(Nakamoto):
    """Proof of work, greedy heaviest observed subtree: stale blocks count for what they stand on."""

    def choose(self, forest: Forest, block: Any) -> str:
        """The heaviest subtree at every fork."""
        return ghost(forest, block)


class Work:
    """Which blocks have a proof of work: each find makes one, whatever a liar says."""

    def __init__(self, node: Node) -> None:
        self.done: dict[str, None] = node.society.nature.setdefault("work", {})

    def flaw(self, block: Any) -> str:
        """What is wrong with a block, or ''."""
        return "" if block.digest in self.done else "no work was done for it"


def exponential_ns(uniform: float, mean_ns: float) -> int:
    """The wait for the next event of a process without memory, from a number in [0, 1)."""
    return max(1, round(-mean_ns * math.log1p(-uniform)))
