"""Snowman: ask a few peers at random again and again, and accept what enough of them prefer often enough in a row.

Team Rocket et al., "Scalable and probabilistic leaderless BFT consensus through metastability", arXiv 1906.08936, section 2; a
linear chain, parameters and concurrent polls as in AvalancheGo. A poll asks `sample` peers for the tip they prefer. A tip votes for
all blocks below it; what a poll changes is Snowball's matter (`snowball.py`).

Safety is a matter of probability, set by four numbers. Blocks are proposed in turns drawn anew for each height; who is not first
waits `window` for each one before it. Left out: stakes (every peer is as likely to be asked), and blocks sent along with a question.
"""

from __future__ import annotations

import asyncio
from itertools import count
from typing import ClassVar

from sim.consensus.ancestry import Ancestry
from sim.consensus.forking.forest import NewBlock
from sim.consensus.snowball import Snowballs
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import AtLeastOne, Count, Duration
from sim.node.message import message
from sim.node.node import Node


@message
class Query:
    """Which tip do you prefer?"""

    poll: int


@message
class Chit:
    """This one, and all that lies below it."""

    tallied: ClassVar[bool] = True
    poll: int
    digest: str


class Poll:
    """The answers to one poll under way; lost in a crash."""

    def __init__(self) -> None:
        self.votes: list[str] = []
        self.news: asyncio.Future[None] | None = None


@part
class Snowman:
    """Snowball on a chain: 2 `sample` messages a poll, at least `beta` polls a block, no leader that could be missed."""

    routes: ClassVar[tuple[str, ...]] = ("direct",)

    sample: Count = 20  # k: peers asked in a poll (all others, where there are fewer)
    alpha: Count = 15  # votes that make a block preferred
    alpha_confidence: Count = 15  # votes that count towards its acceptance
    beta: AtLeastOne = 20  # such polls in a row that accept it
    concurrent: AtLeastOne = 4  # polls under way at once
    patience: Duration = 2_000_000_000  # how long a poll waits for answers
    window: Duration = 5_000_000_000  # how long the next proposer in turn waits for the one before

    def check(self) -> None:
        """A majority of the sample, or two blocks could be preferred at once."""
        if not self.sample < 2 * self.alpha <= 2 * self.alpha_confidence <= 2 * self.sample:
            raise ScenarioError("must lie between half of the sample and alpha_confidence, and that at most be the sample", "alpha")

    async def run(self, node: Node) -> None:
        """Answer, hear of blocks, propose, and poll while anything is undecided."""
        if node.n <= self.sample:
            raise ScenarioError(f"{self.sample} of {node.n - 1} others cannot be asked; give a smaller sample", "consensus.sample")
        made = Snowballs(node, self.alpha, self.alpha_confidence, self.beta, self.patience)
        chain: Snowballs = node.keep.setdefault("snowballs", made)
        ancestry, polls = Ancestry(node), dict[int, Poll]()
        node.spawn(self.answer(node, chain))
        node.spawn(self.count(node, polls))
        node.spawn(self.hear(node, chain, ancestry))
        node.spawn(self.propose(node, chain, ancestry))
        for lane in range(self.concurrent):
            node.spawn(self.poll(node, chain, ancestry, polls, lane))
        await node.forever()

    async def answer(self, node: Node, chain: Snowballs) -> None:
        """Tell whoever asks."""
        while True:
            mail = await node.receive(Query)
            node.send(mail.sender, Chit(mail.message.poll, chain.preferred()))

    async def hear(self, node: Node, chain: Snowballs, ancestry: Ancestry) -> None:
        """Take blocks as they come."""
        while True:
            mail = await node.receive(NewBlock)
            node.spawn(chain.learn(ancestry, mail.message.digest))

    async def propose(self, node: Node, chain: Snowballs, ancestry: Ancestry) -> None:
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
                    await chain.learn(ancestry, block.digest)

    async def poll(self, node: Node, chain: Snowballs, ancestry: Ancestry, polls: dict[int, Poll], lane: int) -> None:
        """One poll after another, while a block is processing."""
        for turn in count(lane, self.concurrent):
            while not chain.processing():
                await chain.changed()
            poll = polls[turn] = Poll()
            for peer in node.dice.choice(self.sample, node.n - 1, "poll", node.id, turn):
                node.send(peer + (peer >= node.id), Query(turn))
            try:
                async with node.timeout(self.patience):
                    while len(poll.votes) < self.sample and not self.settled(poll.votes):
                        poll.news = node.society.loop.create_future()
                        await poll.news
            except TimeoutError:
                pass
            del polls[turn]
            for digest in dict.fromkeys(poll.votes):
                if digest not in chain.parent:
                    node.spawn(chain.learn(ancestry, digest))
            chain.record(poll.votes)

    async def count(self, node: Node, polls: dict[int, Poll]) -> None:
        """Put answers to their polls, and look at a poll from `alpha` answers on; what comes after it is over is not counted."""
        while True:
            mail = await node.receive(Chit)
            poll = polls.get(mail.message.poll)
            if poll is not None:
                poll.votes.append(mail.message.digest)
                if len(poll.votes) >= self.alpha and poll.news is not None and not poll.news.done():
                    poll.news.set_result(None)

    def settled(self, votes: list[str]) -> bool:
        """Whether the votes that are missing can change nothing: enough for one tip, or too few for any."""
        most = max([votes.count(digest) for digest in votes], default=0)
        return most >= self.alpha_confidence or (most + self.sample - len(votes) < self.alpha)
