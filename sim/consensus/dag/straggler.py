"""How an author that was away comes by the rounds it has missed: many at a time, from whoever is ahead. No paper's part.

Both implementations in use have one: Narwhal's certificate fetcher and Mysticeti's commit syncer (MystenLabs/sui,
`narwhal/primary/src/certificate_fetcher.rs` and `consensus/core/src/commit_syncer.rs`).
"""

from __future__ import annotations

import asyncio

from sim.consensus.dag.graph import Graph
from sim.consensus.dag.rounds import Rounds
from sim.node.message import message
from sim.node.node import Node

NEAR = 8  # rounds by which others may be ahead without anything being lost: their blocks are on their way
STRETCH = 64  # rounds that one answer tells of


@message
class Behind:
    """My graph ends in this round: tell me of all blocks of yours from there on."""

    round: int


class Straggler:
    """Notices that others are far ahead, and asks them. Lost in a crash."""

    def __init__(self, node: Node, graph: Graph, rounds: Rounds, patience_ns: int) -> None:
        self.node, self.graph, self.rounds, self.patience_ns = node, graph, rounds, patience_ns
        self.ahead = (-1, node.id)
        """The newest round that somebody is known to be in, and who told so."""
        self.news = asyncio.Event()

    @property
    def place(self) -> int:
        """The newest round that is whole here."""
        return self.graph.newest(self.node.quorum_size)

    def hear(self, number: int, sender: int) -> None:
        """There is a block of that round."""
        if number > self.ahead[0] and self.is_far(number):
            self.ahead = number, sender
            self.news.set()

    def is_far(self, number: int) -> bool:
        """Whether a round is too far above this graph for what lies between to be on its way."""
        return number > self.graph.top + NEAR

    def is_past(self, number: int) -> bool:
        """Whether blocks of a round come no more by themselves: whoever tells of one is to be asked for it."""
        return number < self.ahead[0] - NEAR

    async def keep_up(self) -> None:
        """One stretch after another, until the rest is on its way by itself."""
        while True:
            self.news.clear()
            await self.news.wait()
            while self.is_far(self.ahead[0]):
                number, peer = self.ahead
                start = max(0, self.place)
                self.node.send(peer, Behind(start))
                try:
                    await self.reach(min(number - NEAR, start + STRETCH - 1))
                except TimeoutError:
                    self.ahead = -1, peer  # whoever is heard of next is asked

    async def reach(self, goal: int) -> None:
        """Wait until this round is whole here; raises TimeoutError where nothing comes for a while."""
        while self.place < goal:
            known = self.graph.known
            try:
                async with self.node.timeout(self.patience_ns):
                    while self.place < goal:
                        await self.rounds.changed()
            except TimeoutError:
                if known == self.graph.known:
                    raise
