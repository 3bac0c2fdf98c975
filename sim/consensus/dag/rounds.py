"""The rounds of a graph's authors: when one goes on to the next, and what it writes in each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sim.consensus.dag.graph import Graph
from sim.node.node import Node


class Rounds:
    """The round in which one node is. `may_leave(round)` says whether waiting can help no more once a quorum's blocks are here,
    `leads(round)` whether it is this node's block that the others wait for."""

    def __init__(
        self, node: Node, graph: Graph, patience_ns: int, may_leave: Callable[[int], bool], leads: Callable[[int], bool]
    ) -> None:
        self.node, self.graph, self.patience_ns, self.may_leave, self.leads = node, graph, patience_ns, may_leave, leads
        self.now = 0
        self.news = asyncio.Event()
        """Set by whoever adds to the graph what somebody may wait for."""

    async def end(self) -> None:
        """Blocks of a quorum of authors, and what else is wished for, unless patience ends; then the next round begins."""
        node, graph, number = self.node, self.graph, self.now
        while graph.newest(node.quorum_size) < number:
            await self.changed()
        try:
            async with node.timeout(self.patience_ns):
                while graph.newest(node.quorum_size) == number and not self.may_leave(number):
                    await self.changed()
        except TimeoutError:
            node.note("view-change", slot=number, view=1)
        await node.sleep(0)  # what arrives at this very instant counts
        newest = graph.newest(node.quorum_size)
        self.now = newest if newest > number and self.leads(newest) else newest + 1  # rounds that nobody waits in are left out

    async def changed(self) -> None:
        """The graph has grown."""
        self.news.clear()
        await self.news.wait()


class Pen:
    """Writes one node's blocks, one a round and never two. Survives a crash.

    A transaction is taken up by the seat it was submitted at; by everybody once it has waited for `rescue_ns`, for that seat may be
    down. What this node's own undecided blocks carry is not taken again before they are older than `kept_rounds`.
    """

    def __init__(self, rescue_ns: int, kept_rounds: int) -> None:
        self.rescue_ns, self.kept_rounds = rescue_ns, kept_rounds
        self.written: dict[int, str] = {}
        self._carried: dict[str, int] = {}

    async def write(self, node: Node, number: int, edges: Any) -> str:
        """The digest of this node's block in a round; `edges()` is asked when it is made."""
        if number not in self.written:

            def mine(transaction: Any) -> bool:
                old = node.now - transaction.submitted_ns > self.rescue_ns
                carried = self._carried.get(transaction.id, -self.kept_rounds) > number - self.kept_rounds
                return (transaction.submitter == node.id or old) and not carried

            block = await node.next_bundle(number, edges, mine)
            self.written[number] = node.publish(block)
            self._carried |= dict.fromkeys((transaction.id for transaction in block.transactions), number)
        return self.written[number]
