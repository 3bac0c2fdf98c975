"""Snowman: ask a few peers at random again and again, and accept what enough of them prefer often enough in a row.

Team Rocket et al., "Scalable and probabilistic leaderless BFT consensus through metastability", arXiv 1906.08936, section 2
(figure 4: Snowball); a linear chain, parameters and concurrent polls as in AvalancheGo. A poll asks `sample` peers for the tip
they prefer. A tip votes for all blocks below it. A block with `alpha` votes gains preference over its rivals, one with
`alpha_confidence` gains confidence too, and a poll without loses it; `beta` such polls in a row accept the block.

Safety is a matter of probability, set by these four numbers. Blocks are proposed in turns drawn anew for each height; who is
not first waits `window` for each one before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import count
from typing import Any, ClassVar

from sim.consensus.forking.forest import NewBlock
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration
from sim.node.message import message
from sim.node.node import Node


@message
class Query:
    """Which tip do you prefer?"""

    poll: int


@message
class Chit:
    """This one, and all that lies below it."""

    poll: int
    digest: str


@part
class Snowman:
    """Snowball on a chain: 2 `sample` messages a poll, at least `beta` polls a block, no leader that could be missed."""

    routes: ClassVar[tuple[str, ...]] = ("direct",)

    sample: Count = 20  # k: peers asked in a poll (all others, where there are fewer)
    alpha: Count = 15  # votes that make a block preferred
    alpha_confidence: Count = 15  # votes that count towards its acceptance
    beta: Count = 20  # such polls in a row that accept it
    concurrent: Count = 4  # polls under way at once
    patience: Duration = 2_000_000_000  # how long a poll waits for answers
    window: Duration = 5_000_000_000  # how long the next proposer in turn waits for the one before

    def check(self) -> None:
        """A majority of the sample, or two blocks could be preferred at once."""
        if not self.sample < 2 * self.alpha <= 2 * self.alpha_confidence <= 2 * self.sample:
            raise ScenarioError("must lie between half of the sample and alpha_confidence, and that at most be the sample", "alpha")
        if not self.beta or not self.concurrent:
            raise ScenarioError("give at least 1", "beta" if not self.beta else "concurrent")

    async def run(self, node: Node) -> None:
        """Answer, hear of blocks, propose, and poll while anything is undecided."""
        if node.n <= self.sample:
            raise ScenarioError(f"{self.sample} of {node.n - 1} others cannot be asked; give a smaller sample", "consensus.sample")
        chain: Snowballs = node.keep.setdefault("snowballs", Snowballs(node, self))
        chain.polls.clear()
        node.spawn(self.answer(node, chain))
        node.spawn(self.count(node, chain))
        node.spawn(self.hear(node, chain))
        node.spawn(self.propose(node, chain))
        for lane in range(self.concurrent):
            node.spawn(self.poll(node, chain, lane))
        await node.forever()

    async def answer(self, node: Node, chain: Snowballs) -> None:
        """Tell whoever asks."""
        while True:
            mail = await node.receive(Query)
            node.send(mail.sender, Chit(mail.message.poll, chain.preferred()))

    async def hear(self, node: Node, chain: Snowballs) -> None:
        """Take blocks as they come."""
        while True:
            mail = await node.receive(NewBlock)
            node.spawn(chain.learn(mail.message.digest))

    async def propose(self, node: Node, chain: Snowballs) -> None:
        """In this node's turn, put a block on the tip it prefers, unless somebody else has."""
        while True:
            tip = chain.preferred()
            turn = node.dice.shuffled(node.n, "snowman-turn", chain.height(tip)).index(node.id)
            try:
                async with node.timeout(turn * self.window + 1):
                    while chain.preferred() == tip:
                        await chain.changed()
            except TimeoutError:
                block = await node.next_batch(tip)
                if chain.preferred() == tip:
                    node.publish(block, NewBlock(block.digest))
                    await chain.learn(block.digest)

    async def poll(self, node: Node, chain: Snowballs, lane: int) -> None:
        """One poll after another, while a block is processing."""
        for turn in count(lane, self.concurrent):
            while not chain.processing():
                await chain.changed()
            peers = node.dice.choice(self.sample, node.n - 1, "poll", node.id, turn)
            votes = chain.polls[turn] = []
            for peer in peers:
                node.send(peer + (peer >= node.id), Query(turn))
            try:
                async with node.timeout(self.patience):
                    while len(votes) < self.sample and not self.settled(votes):
                        await chain.answered(turn)
            except TimeoutError:
                pass
            del chain.polls[turn], chain.polling[turn]
            for digest in dict.fromkeys(votes):
                if digest not in chain.parent:
                    node.spawn(chain.learn(digest))
            chain.record(votes)

    async def count(self, node: Node, chain: Snowballs) -> None:
        """Put answers to their polls; what comes after a poll is over is not counted."""
        while True:
            mail = await node.receive(Chit)
            chain.vote(mail.message.poll, mail.message.digest)

    def settled(self, votes: list[str]) -> bool:
        """Whether the votes that are missing can change nothing: enough for one tip, or too few for any."""
        most = max([votes.count(digest) for digest in votes], default=0)
        return most >= self.alpha_confidence or (most + self.sample - len(votes) < self.alpha)


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

    def __init__(self, node: Node, snowman: Snowman) -> None:
        self.node, self.snowman = node, snowman
        self.accepted = node.genesis
        self.parent: dict[str, str] = {node.genesis: node.genesis}
        """Known blocks."""
        self.choices: dict[str, Snowball] = {node.genesis: Snowball()}
        self.waiters: list[asyncio.Future[None]] = []
        self.polls: dict[int, list[str]] = {}
        """Answers to the polls under way."""
        self.polling: dict[int, asyncio.Future[None]] = {}

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

    async def answered(self, poll: int) -> None:
        """Wait for the next answer that may settle a poll."""
        future = self.polling[poll] = self.node.society.loop.create_future()
        await future

    def vote(self, poll: int, digest: str) -> None:
        """An answer has come; wakes its poll from `alpha` answers on."""
        votes = self.polls.get(poll)
        if votes is not None:
            votes.append(digest)
            if len(votes) >= self.snowman.alpha and not self.polling[poll].done():
                self.polling[poll].set_result(None)

    def _tell(self) -> None:
        waiters, self.waiters = self.waiters, []
        for future in waiters:
            if not future.done():
                future.set_result(None)

    async def learn(self, digest: str) -> None:
        """Take a block and whatever is missing below it."""
        path: list[Any] = []
        while digest not in self.parent:
            path.append(await self.node.fetch(digest, self.snowman.patience))
            digest = path[-1].parent
        for block in reversed(path):
            if block.digest not in self.parent and self.node.accepts(block, block.parent):
                self.parent[block.digest] = block.parent
                self.choices[block.digest] = Snowball()
                self.choices[block.parent].strength.setdefault(block.digest, 0)
                self._tell()

    def record(self, votes: Iterable[str]) -> None:
        """Count a poll: from the last accepted block upwards, each choice among children is one Snowball."""
        support: dict[str, int] = {}
        for digest in votes:
            while digest in self.parent and digest != self.accepted and digest != self.node.genesis:
                support[digest] = support.get(digest, 0) + 1
                digest = self.parent[digest]
        digest = self.accepted
        while self.choices[digest].strength:
            ball = self.choices[digest]
            best = max(ball.strength, key=lambda child: support.get(child, 0))
            votes_for_it = support.get(best, 0)
            if votes_for_it >= self.snowman.alpha:
                ball.strength[best] += 1
            if votes_for_it >= self.snowman.alpha_confidence:
                ball.confidence = ball.confidence + 1 if best == ball.last else 1
                ball.last = best
            else:
                ball.confidence = 0
            digest = best if votes_for_it >= self.snowman.alpha else ball.preference()
        self._accept()

    def _accept(self) -> None:
        """Blocks in which confidence is complete are final, one after another."""
        while self.choices[self.accepted].confidence >= self.snowman.beta:
            self.accepted = self.choices[self.accepted].last
            self.node.decide(self.height(self.accepted) - 1, self.accepted)
            self._tell()
