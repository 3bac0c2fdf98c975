"""Ouroboros Praos: in every slot a private lottery by stake says who may make a block; the longest chain wins, nothing
deeper than `depth` is ever left.

David, Gazi, Kiayias, Russell, "Ouroboros Praos", EUROCRYPT 2018, sections 3 and 4 (figure 4: protocol; section 3.2: maxvalid).
A party with share s of the stake leads a slot with probability 1 - (1 - f)^s, so slots may have no leader or several. The
verifiable random function is a keyed draw that everybody can check once the block is there. Of chains equally long the one
whose newest block has the lower draw wins, as in the Cardano node. Key evolution and the epoch's fresh randomness are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from itertools import count
from typing import Any, ClassVar

from sim.consensus.forking.forest import NO_VOTES, Forest
from sim.consensus.forking.shares import share_of, shares_of
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Lasting, Share, show_duration
from sim.net.topology import Topology
from sim.node.node import Node
from sim.node.terms import Terms

SLOTS_AT_ONCE = 4096


@part
class Praos:
    """Proof of stake, longest chain: a lottery each slot, forks where two lead at once or blocks are slow."""

    finality: ClassVar[str] = "probable"
    no_lie: ClassVar[Mapping[str, str]] = NO_VOTES

    slot: Lasting = 1_000_000_000  # how long a slot lasts
    active: Share = 0.05  # f: share of the slots that would have a leader if one party had all the stake
    depth: Count = 2160  # k: blocks on a decided one; no chain that forks off deeper is ever followed
    stake: dict[str, float] = field(default_factory=dict)  # by name, role or region, as {hospital = 3, clinic = 1}; none: all alike

    def check(self) -> None:
        """Some slots are active."""
        if not 0 < self.active < 1:
            raise ScenarioError("must lie between 0 and 1, such as 0.05", path="active")

    def fits(self, terms: Terms) -> str:
        """The interval follows from the slots."""
        if terms.block_interval:
            return f"block_interval: has no effect, a block comes every {show_duration(round(self.slot / self.active))} on average"
        return ""

    def stakes(self, topology: Topology) -> list[float]:
        """The share of each seat."""
        return shares_of(self.stake, topology, "stake")

    async def run(self, node: Node) -> None:
        """Follow the longest chain; in each slot that this node leads, extend it."""
        lottery = Lottery(node, self)
        forest: Forest = node.keep.setdefault("forest", Forest(node, self.depth, valid=lottery.flaw, choose=lottery.max_valid))
        node.spawn(forest.follow())
        for slot in lottery.slots_of(node.id, -(-node.now // self.slot)):
            await node.sleep(slot * self.slot - node.now)
            newest = forest.block(forest.head)
            if newest is None or lottery.slot_of(newest) < slot:
                forest.publish(node.batch(forest.head))
        await node.forever()


class Lottery:
    """Who leads which slot, and which chain to follow: the same questions for the leader and for those who check."""

    def __init__(self, node: Node, praos: Praos) -> None:
        self.node, self.praos = node, praos

    def chance(self, identity: int) -> float:
        """Phi: the probability of leading a slot, independent of how the stake is split among accounts."""
        share_of(self.node, self.praos.stake, "stake")
        return float(1 - (1 - self.praos.active) ** self.node.society.nature["stake"][identity])

    def draws(self, identity: int, chunk: int) -> Any:
        """float64[SLOTS_AT_ONCE]: the party's draws for a stretch of slots."""
        known = self.node.society.nature.setdefault("praos draws", {})
        if (identity, chunk) not in known:
            known[identity, chunk] = self.node.dice.stream("praos", identity, chunk, count=SLOTS_AT_ONCE)
        return known[identity, chunk]

    def slots_of(self, identity: int, first: int) -> Iterator[int]:
        """The slots this party leads, from `first` on; none for a party without stake."""
        chance = self.chance(identity)
        if chance <= 0:
            return
        for chunk in count(first // SLOTS_AT_ONCE):
            for place in (self.draws(identity, chunk) < chance).nonzero()[0].tolist():
                slot = chunk * SLOTS_AT_ONCE + place
                if slot >= first:
                    yield slot

    def slot_of(self, block: Any) -> int:
        """The slot of a block."""
        return int(block.time_ns // self.praos.slot)

    def draw_of(self, block: Any) -> float:
        """What its maker drew for its slot."""
        chunk, place = divmod(self.slot_of(block), SLOTS_AT_ONCE)
        return float(self.draws(block.proposer, chunk)[place])

    def flaw(self, block: Any) -> str:
        """What is wrong with a block whose parent is known, or ''."""
        parent = self.node.society.blocks.get(block.parent)
        if self.draw_of(block) >= self.chance(block.proposer):
            return "its maker does not lead its slot"
        if parent is not None and self.slot_of(parent) >= self.slot_of(block):
            return "its slot is not after its parent's"
        return "" if block.time_ns <= self.node.now else "it comes from the future"

    def max_valid(self, forest: Forest, block: Any) -> str:
        """The longest chain, the lower draw among equals; but never one that forks off more than `depth` blocks back."""
        mine = forest.block(forest.head)
        rank, mine_rank = (block.height, -self.draw_of(block)), (mine.height, -self.draw_of(mine))
        if rank <= mine_rank:
            return forest.head
        fork = forest.block(forest.path(block.digest)[-1]).height - 1
        return str(block.digest) if forest.height - fork <= self.praos.depth else forest.head
