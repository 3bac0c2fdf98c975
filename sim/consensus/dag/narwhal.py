"""Narwhal: in each round everybody proposes a block, and what a quorum has signed enters the graph.

Danezis, Kokoris-Kogias, Sonnino, Spiegelman, "Narwhal and Tusk", EuroSys 2022, section 3.1 (round, header, certificate). A block points to
certified blocks of a quorum of authors in the round before; each of the others signs the first such block of an author; a quorum
of signatures certifies it. Batches travel inside the header, as the scenario says, not by workers of their own. Links are repaired:
who stands still asks for what it lacks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from sim.consensus.dag.graph import Graph, sound, whole
from sim.consensus.dag.rounds import Pen, Rounds
from sim.consensus.dag.straggler import STRETCH, Behind, Straggler
from sim.node.fetching import AGAIN_NS, ask_for_all
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


class Narwhal:
    """One node at work: its graph of certified blocks, and what it has signed. `entered(block)` hears of each that enters."""

    def __init__(self, node: Node, graph: Graph, pen: Pen, rounds: Rounds, entered: Callable[[Any], None]) -> None:
        self.node, self.graph, self.pen, self.rounds, self.entered = node, graph, pen, rounds, entered
        self.signed: dict[tuple[int, int], str] = node.keep.setdefault("signed", {})
        self.proofs: dict[str, Certified] = node.keep.setdefault("proofs", {})
        self.eager: dict[str, Any] = {}
        """Blocks of headers that wait for what they point to."""
        self.coming: dict[str, None] = {}
        """Certified blocks of past rounds that a peer has been asked for."""
        self.straggler = Straggler(node, graph, rounds, rounds.patience_ns)

    async def propose(self) -> None:
        """My block of this round, which points to every certified block known of the round before."""
        node, number = self.node, self.rounds.now
        digest = await self.pen.write(node, number, lambda: tuple(self.graph.rounds.get(number - 1, ())))
        node.broadcast(Header(number, digest))
        node.spawn(self.certify(number, digest))

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
            await self.rounds.changed()
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
                continue
            self.straggler.hear(said.round, mail.sender)
            if self.straggler.is_past(said.round) and said.digest not in self.coming:
                self.coming[said.digest] = None
                ask_for_all(node, mail.sender, (said.digest,))
            if node.holds(said.digest):
                await self.take(said)
            else:
                node.spawn(self.take(said))

    async def take(self, said: Certified) -> None:
        """A certified block has come, or its body is to be waited for."""
        patience_ns = 8 * self.rounds.patience_ns if said.digest in self.coming else AGAIN_NS
        block = await self.node.fetch(said.digest, patience_ns)
        self.proofs[said.digest] = said
        self.coming.pop(said.digest, None)
        for new in self.graph.add(block):
            if self.eager or self.graph.count(new.height) >= self.node.quorum_size:
                self.rounds.news.set()
            self.entered(new)

    async def help_up(self) -> None:
        """Tell one who is far behind of everybody's certified blocks."""
        while True:
            ask = await self.node.receive(Behind)
            for number in range(ask.message.round, ask.message.round + STRETCH):
                for digest in self.graph.rounds.get(number, ()):
                    self.node.send(ask.sender, self.proofs[digest])

    def complain(self, number: int) -> None:
        """A round has stood still for a while: ask for what may have been lost."""
        edges = [edge for block in self.eager.values() for edge in block.edges if edge not in self.graph.blocks]
        self.node.broadcast(Stalled(number, tuple(dict.fromkeys((*self.graph.lacking(), *edges)))))

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
