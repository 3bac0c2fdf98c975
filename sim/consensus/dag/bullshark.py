"""Narwhal and Bullshark: blocks that a quorum has certified make a graph, and whoever has it can read the order off it.

Danezis, Kokoris-Kogias, Sonnino, Spiegelman, "Narwhal and Tusk", EuroSys 2022, section 3.1 (round, header, certificate);
Spiegelman, Giridharan, Sonnino, Kokoris-Kogias, "Bullshark: the partially synchronous version", arXiv 2209.05633, 2022, figures
1 to 3. In each round every node proposes a block that points to certified blocks of a quorum of authors in the round before; each of
the others signs the first such block of an author; a quorum of signatures certifies it. Every second round has an anchor: the block of
one leader. It is committed when f + 1 certified blocks of the next round point to it, and with it, in order, every earlier anchor
below it and all that lies below those. 3 (n - 1) messages a block, three delays a round, six to the commit of an anchor.

Safety rests on one signature an author and round, and on `committed` and `path_of_anchors` (anchors.py). Batches travel inside the header, as the
scenario says, not by workers of their own. Links are repaired: who stands still asks for what it lacks.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from sim.consensus.dag.anchors import Anchors
from sim.consensus.dag.graph import Graph, Pen, sound, whole
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration
from sim.node.ballots import Ballots
from sim.node.message import Certificate, Signed, message, vote
from sim.node.node import Node

MOST_ROUNDS = 16  # rounds of own blocks that one answer to a straggler tells


@message
class Header:
    """My block of this round."""

    carries: ClassVar[str] = "digest"
    round: int
    digest: str


@vote
class Ack:
    """I hold this block and what it points to, and have signed no other of this author and round."""

    round: int
    author: int
    digest: str


@message
class Certified:
    """A quorum has signed this block."""

    round: int
    author: int
    digest: str
    proof: Certificate


@message
class Stalled:
    """This is my round, and I cannot leave it: tell me of your blocks from there on, and of these that I lack."""

    round: int
    lacking: tuple[str, ...]


@part
class Bullshark:
    """Narwhal and Bullshark: certified blocks by everybody, an anchor every second round; 3(n-1) messages a block."""

    patience: Duration = 1_000_000_000  # how long a round waits for its anchor, or for votes for the last one
    resend: Duration = 1_000_000_000  # how long a round may stand still before what was lost is asked for
    rescue: Duration = 5_000_000_000  # how long a transaction waits for its own seat before everybody proposes it
    kept_rounds: Count = 50  # blocks so much older than an anchor are not ordered any more

    ballots: ClassVar[Ballots] = Ballots(Ack, ("round", "author"), Ack, rises=False)

    def check(self) -> None:
        """Rounds last, and old blocks are still known when an anchor comes."""
        for name in ("patience", "resend"):
            if getattr(self, name) <= 0:
                raise ScenarioError("must be longer than nothing", name)
        if self.kept_rounds < 2:
            raise ScenarioError("an anchor orders at least the round before it; write 2 or more", "kept_rounds")

    async def run(self, node: Node) -> None:
        """Round after round; everything else answers mail."""
        author = Author(self, node)
        for duty in (author.sign, author.learn, author.help, author.complain):
            node.spawn(duty())
        author.round = max(author.pen.written, default=0)
        while True:
            digest = await author.pen.write(node, author.round, author.edges)
            node.broadcast(Header(author.round, digest))
            node.spawn(author.certify(author.round, digest))
            await author.end_of_round()
            author.round = author.graph.newest(node.quorum_size) + 1
            node.forget(Header, round=author.round - self.kept_rounds)


class Author:
    """One node at work: its graph of certified blocks, and what it has signed."""

    def __init__(self, rules: Bullshark, node: Node) -> None:
        self.rules, self.node = rules, node
        self.graph: Graph = node.keep.setdefault("graph", Graph())
        made = Anchors(self.graph, node.n, node.f, rules.kept_rounds)
        self.anchors: Anchors = node.keep.setdefault("anchors", made)
        self.pen: Pen = node.keep.setdefault("pen", Pen(rules.rescue, rules.kept_rounds))
        self.signed: dict[tuple[int, int], str] = node.keep.setdefault("signed", {})
        self.proofs: dict[str, Certified] = node.keep.setdefault("proofs", {})
        self.round = 0
        self.eager: dict[str, Any] = {}
        """Blocks of headers that wait for what they point to."""
        self.news = asyncio.Event()

    def edges(self) -> tuple[str, ...]:
        """What a block of this round points to: every certified block known of the round before."""
        return tuple(self.graph.rounds.get(self.round - 1, ()))

    async def end_of_round(self) -> None:
        """A quorum of certified blocks; and the anchor, or votes for it, unless patience ends (figure 2)."""
        node, graph, number = self.node, self.graph, self.round
        while graph.newest(node.quorum_size) < number:
            await self.changed()
        try:
            async with node.timeout(self.rules.patience):
                while graph.newest(node.quorum_size) == number and not self.anchors.may_leave(number, node.quorum_size):
                    await self.changed()
        except TimeoutError:
            node.note("view-change", slot=number, view=1)
        await node.sleep(0)  # certificates that arrive at this very instant count

    async def changed(self) -> None:
        """The graph has grown."""
        self.news.clear()
        await self.news.wait()

    async def certify(self, number: int, digest: str) -> None:
        """Gather signatures for my block and show them."""
        node = self.node
        proof = await node.quorum(Ack, node.quorum_size, round=number, author=node.id, digest=digest)
        node.broadcast(Certified(number, node.id, digest, proof))

    async def sign(self) -> None:
        """Sign the first sound block of each author and round, once all it points to is certified here."""
        while True:
            mail = await self.node.receive(Header)
            if self.node.holds(mail.message.digest):
                block = await self.node.fetch(mail.message.digest)
                if all(edge in self.graph.blocks for edge in block.edges):
                    self.judge(mail, block)
                    continue
            self.node.spawn(self.wait_and_judge(mail))

    async def wait_and_judge(self, mail: Signed[Header]) -> None:
        """The block, or something it points to, is still on its way."""
        block = await self.node.fetch(mail.message.digest)
        self.eager[block.digest] = block
        while not all(edge in self.graph.blocks for edge in block.edges):
            await self.changed()
        self.eager.pop(block.digest, None)
        self.judge(mail, block)

    def judge(self, mail: Signed[Header], block: Any) -> None:
        """Sign it, if it is as it must be and the first."""
        node, said = self.node, mail.message
        if self.signed.get((said.round, mail.sender), said.digest) != said.digest:
            node.invalid(mail, "another of its author's blocks of this round has been signed")
        elif not sound(node, block, said.round, mail.sender) or not whole(self.graph, block, node.quorum_size):
            node.invalid(mail, "its block does not follow from a quorum of the round before")
        else:
            self.signed[said.round, mail.sender] = said.digest
            node.send(mail.sender, Ack(said.round, mail.sender, said.digest))

    async def learn(self) -> None:
        """Take certified blocks into the graph, and commit what that allows."""
        node = self.node
        while True:
            mail = await node.receive(Certified)
            said = mail.message
            if said.digest in self.proofs:
                continue
            if not said.proof.proves(Ack, node.quorum_size, round=said.round, author=said.author, digest=said.digest):
                node.invalid(mail, "its signatures do not certify it")
            elif node.holds(said.digest):
                await self.take(said)
            else:
                node.spawn(self.take(said))

    async def take(self, said: Certified) -> None:
        """A certified block has come, or its body is to be waited for."""
        block = await self.node.fetch(said.digest)
        self.proofs[said.digest] = said
        for new in self.graph.add(block):
            if self.eager or self.graph.count(new.height) >= self.node.quorum_size:
                self.news.set()
            first = len(self.graph.ordered)
            for slot, each in enumerate(self.anchors.learn(new), first):
                self.node.decide(slot, each.digest)

    async def complain(self) -> None:
        """Ask again whenever a round has stood still for a while."""
        while True:
            before = self.round
            await self.node.sleep(self.rules.resend)
            if self.round == before:
                edges = [edge for block in self.eager.values() for edge in block.edges if edge not in self.graph.blocks]
                lacking = dict.fromkeys((*self.graph.lacking(), *edges))
                self.node.broadcast(Stalled(before, tuple(lacking)))

    async def help(self) -> None:
        """Tell a straggler of this node's blocks from its round on, and of the certificates it lacks."""
        while True:
            ask = await self.node.receive(Stalled)
            start = ask.message.round
            if ask.sender == self.node.id:
                continue
            for number in range(max(0, start - 1), start + MOST_ROUNDS):
                digest = self.pen.written.get(number)
                if digest in self.proofs:
                    self.node.send(ask.sender, self.proofs[digest])
                elif digest is not None:
                    self.node.send(ask.sender, Header(number, digest))
            for digest in ask.message.lacking:
                if digest in self.proofs:
                    self.node.send(ask.sender, self.proofs[digest])
