"""Snowball: how one node prefers one of several rivals, grows confident of it by polls in a row, and accepts it.

Team Rocket et al., "Scalable and probabilistic leaderless BFT consensus through metastability", arXiv 1906.08936, section 2,
figure 4; on a tree of blocks as in AvalancheGo, where the children of each block are rivals. A block with `alpha` votes of a poll gains
preference over its rivals, one with `alpha_confidence` gains confidence too, and a poll without loses it; `beta` such polls in a
row accept the block.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from sim.consensus.ancestry import Ancestry
from sim.node.node import Node


class Snowball:
    """The choice among the children of one block."""

    def __init__(self) -> None:
        self.strength: dict[str, int] = {}
        """Polls in which each child was preferred; the first child comes first."""
        self.last, self.confidence = "", 0

    def preference(self) -> str:
        """The child preferred most often, the first of equals."""
        return max(self.strength, key=lambda child: self.strength[child])


class Snowballs:
    """One node's undecided blocks as a tree of choices; survives a crash."""

    def __init__(self, node: Node, alpha: int, alpha_confidence: int, beta: int, ask_after_ns: int) -> None:
        self.node, self.alpha, self.alpha_confidence, self.beta = node, alpha, alpha_confidence, beta
        self.ask_after_ns = ask_after_ns
        """How long a block may be on its way by itself."""
        self.accepted = node.genesis
        self.parent: dict[str, str] = {node.genesis: node.genesis}
        """Known blocks."""
        self.choices: dict[str, Snowball] = {node.genesis: Snowball()}
        self.waiters: list[asyncio.Future[None]] = []

    def height(self, digest: str) -> int:
        """The height of a known block."""
        return 0 if digest == self.node.genesis else int(self.node.society.blocks[digest].height)

    def preferred(self) -> str:
        """The tip that is reached by always taking the preferred child."""
        digest = self.accepted
        while self.choices[digest].strength:
            digest = self.choices[digest].preference()
        return digest

    def processing(self) -> bool:
        """Whether anything is undecided."""
        return bool(self.choices[self.accepted].strength)

    async def changed(self) -> None:
        """Wait for a new block, or for one to be accepted."""
        future = self.node.society.loop.create_future()
        self.waiters.append(future)
        await future

    async def learn(self, ancestry: Ancestry, digest: str) -> None:
        """Take a block and whatever is missing below it."""
        for block in reversed(await ancestry.fetch(digest, self.parent, 0, self.ask_after_ns)):
            if block.digest not in self.parent and self.node.accepts(block, block.parent):
                self.parent[block.digest] = block.parent
                self.choices[block.digest] = Snowball()
                self.choices[block.parent].strength.setdefault(block.digest, 0)
                self._tell()

    def record(self, votes: Iterable[str]) -> None:
        """Count a poll: from the last accepted block upwards, each choice among children is one Snowball."""
        support = self._support(votes)
        digest = self.accepted
        while self.choices[digest].strength:
            ball = self.choices[digest]
            best = max(ball.strength, key=lambda child: support.get(child, 0))
            votes_for_it = support.get(best, 0)
            if votes_for_it >= self.alpha:
                ball.strength[best] += 1
            if votes_for_it >= self.alpha_confidence:
                ball.confidence = ball.confidence + 1 if best == ball.last else 1
                ball.last = best
            else:
                ball.confidence = 0
            digest = best if votes_for_it >= self.alpha else ball.preference()
        self._accept()

    def _support(self, votes: Iterable[str]) -> dict[str, int]:
        """Votes for each undecided block; one for a tip counts for all below it."""
        support: dict[str, int] = {}
        for digest in votes:
            while digest in self.parent and digest != self.accepted and digest != self.node.genesis:
                support[digest] = support.get(digest, 0) + 1
                digest = self.parent[digest]
        return support

    def _accept(self) -> None:
        """Blocks in which confidence is complete are final, one after another."""
        while self.choices[self.accepted].confidence >= self.beta:
            self.accepted = self.choices[self.accepted].last
            self.node.decide(self.height(self.accepted) - 1, self.accepted)
            self._tell()

    def _tell(self) -> None:
        waiters, self.waiters = self.waiters, []
        for future in waiters:
            if not future.done():
                future.set_result(None)
