"""Aura: time is cut into steps, each step belongs to one authority, and a majority of signers on top makes a block final.

OpenEthereum's Authority Round (wiki "Aura", and its engine's rolling finality). The primary of step s is authority s mod n. The
chain with the most blocks is followed; of equally long ones that whose last block has the earliest step, since a chain's score
falls by each step that was skipped. A block is final when more than half of the authorities (or two thirds, which was added
because of the cloning attack) have signed it or a block on it. Empty-step messages and changes of the authorities are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any, ClassVar, Literal

from sim.consensus.forking.forest import NO_VOTES, Forest
from sim.consensus.forking.signers import signers_of
from sim.kernel.part import part
from sim.kernel.units import Lasting, show_duration
from sim.node.node import Node
from sim.node.terms import Terms

A_BLOCK = 1 << 62
"""What a block adds to its chain's score; each step since its parent takes one off."""


@part
class Aura:
    """Proof of authority by the clock: one authority a step, final under a majority of signers, which a cloned key can be."""

    finality: ClassVar[str] = "probable"
    no_lie: ClassVar[Mapping[str, str]] = NO_VOTES

    signers: tuple[str, ...] = ()  # the authorities, by name, role or region; none given: all
    step: Lasting = 5_000_000_000  # how long each authority's turn lasts
    quorum: Literal["majority", "two-thirds"] = "majority"  # signers on a block that make it final: more than this

    def fits(self, terms: Terms) -> str:
        """There is a block every step."""
        if terms.block_interval and terms.block_interval != self.step:
            return f"block_interval: has no effect, there is a block every step of {show_duration(self.step)}"
        return ""

    def turn_at(self, node: Node, time_ns: int) -> tuple[int, int]:
        """Whose step it is, and when it ends."""
        step = time_ns // self.step
        return Steps(node, self).primary(step), (step + 1) * self.step

    async def run(self, node: Node) -> None:
        """Follow the chain of the best score; at each step of its own, seal a block on it."""
        rules = Steps(node, self)
        forest = Forest(node, 0, weigh=rules.score, valid=rules.flaw)
        forest.decides = rules.final_height
        forest = node.keep.setdefault("forest", forest)
        node.spawn(forest.follow())
        if node.id not in rules.signers:
            await node.forever()
        for step in count(-(-node.now // self.step)):
            if rules.primary(step) == node.id:
                await node.sleep(step * self.step - node.now)
                if rules.step_of(forest.block(forest.head)) < step:
                    forest.publish(node.batch(forest.head))


class Steps:
    """Aura's rules, as pure questions about steps and blocks."""

    def __init__(self, node: Node, aura: Aura) -> None:
        self.node, self.step_ns = node, aura.step
        self.signers = signers_of(node, aura.signers)
        n = len(self.signers)
        self.enough = n // 2 + 1 if aura.quorum == "majority" else 2 * n // 3 + 1

    def primary(self, step: int) -> int:
        """Whose step it is."""
        return self.signers[step % len(self.signers)]

    def step_of(self, block: Any) -> int:
        """The step in which a block was made; -1 for the genesis."""
        return -1 if block is None else int(block.time_ns // self.step_ns)

    def score(self, block: Any) -> int:
        """What a block adds to the score of its chain."""
        return A_BLOCK - (self.step_of(block) - self.step_of(self.node.society.blocks.get(block.parent)))

    def flaw(self, block: Any) -> str:
        """What is wrong with a block whose parent is known, or ''."""
        step = self.step_of(block)
        if self.primary(step) != block.proposer:
            return "its step is not its signer's"
        if step <= self.step_of(self.node.society.blocks.get(block.parent)):
            return "its step is not after its parent's"
        return "" if block.time_ns <= self.node.now else "it comes from the future"

    def final_height(self, digest: str) -> int:
        """The highest block that enough authorities have signed or built on, of the chain that ends in one: what is final
        below its parent stays so."""
        blocks, known = self.node.society.blocks, self.node.society.nature.setdefault("final heights", {})
        if digest not in known:
            head = block = blocks.get(digest)
            seen: dict[int, None] = {}
            final = 0 if head is None else known.get(head.parent, 0)
            while block is not None and block.height > final:
                seen[block.proposer] = None
                if len(seen) >= self.enough:
                    final = block.height
                block = blocks.get(block.parent)
            known[digest] = final
        return int(known[digest])
