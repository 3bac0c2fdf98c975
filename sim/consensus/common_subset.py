"""Which of everybody's batches are in: n reliable broadcasts, and an agreement on one bit for each.

Miller, Xia, Croman, Shi, Song, "The honey badger of BFT protocols", CCS 2016, figures 2 (reliable broadcast) and 4 (common subset,
after Ben-Or, Kelmer, Rabin 1994). A batch that has come is voted in; once n - f are in, the others are voted out where nothing
has come.

The broadcast is Bracha's (1987) on the batch's digest: ECHO does not wait for the body, which comes inside the proposal (`bodies =
"attached"`) or by gossip, in the paper's way with `[gossip] kind = "avid"`. A batch counts as delivered when its body is here, so one that
is agreed on can be had from an honest node.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import ClassVar

from sim.consensus.binary_agreement import Agreement, Say
from sim.kernel.strand import Strand
from sim.node.either import either
from sim.node.message import message, vote
from sim.node.node import Node


@message
class Propose:
    """My batch of this epoch."""

    carries: ClassVar[str] = "digest"
    epoch: int
    digest: str


@vote
class Echo:
    """I have heard this batch named by its proposer."""

    instance: int
    digest: str


@vote
class Ready:
    """Enough have heard of this batch."""

    instance: int
    digest: str


class CommonSubset:
    """One epoch's broadcasts and agreements at one node; instance `first` + i is about the batch of proposer i."""

    def __init__(self, node: Node, say: Say, number: int) -> None:
        self.node, self.say, self.number, self.first = node, say, number, number * node.n
        self.batches: dict[int, str] = {}
        """Digests by proposer of what has come whole."""
        self.bits: dict[int, int] = {}
        self.whole = asyncio.Event()
        self.agreements = [
            Agreement(node, say, self.first + proposer, partial(self.agreed, proposer)) for proposer in range(node.n)
        ]
        self.tasks: list[Strand[None]] = []

    def start(self) -> None:
        """Take part in everybody's broadcast."""
        self.tasks += [self.node.spawn(self.broadcast(proposer)) for proposer in range(self.node.n)]

    async def chosen(self) -> dict[int, str]:
        """The digests that are in, in the order of their proposers, once every agreement has ended and every such batch is here."""
        await self.whole.wait()
        return {proposer: self.batches[proposer] for proposer in range(self.node.n) if self.bits[proposer]}

    async def broadcast(self, proposer: int) -> None:
        """Reliable broadcast of one proposer's batch (figure 2 without the shares)."""
        node, instance = self.node, self.first + proposer
        self.tasks.append(node.spawn(self.echo(proposer, instance)))
        _, proof = await either(
            node,
            node.quorum(Echo, (node.n + node.f + 2) // 2, instance=instance),
            node.quorum(Ready, node.f + 1, instance=instance),
        )
        self.say(("ready", instance), Ready(instance, proof.message.digest))
        proof = await node.quorum(Ready, 2 * node.f + 1, instance=instance)
        node.note("broadcast", epoch=self.number, proposer=proposer)
        await node.fetch(proof.message.digest)
        self.batches[proposer] = proof.message.digest
        self.agreements[proposer].start(1)
        self.look()

    async def echo(self, proposer: int, instance: int) -> None:
        """ECHO the first batch that a proposer names."""
        mail = await self.node.receive(Propose, sender=proposer, epoch=self.number)
        self.say(("echo", instance), Echo(instance, mail.message.digest))

    def agreed(self, proposer: int, bit: int, rounds: int) -> None:
        """One batch is in or out; with n - f in, the others are voted out where nothing has come (figure 4)."""
        self.bits[proposer] = bit
        self.node.note("agreed", epoch=self.number, proposer=proposer, bit=bit, rounds=rounds)
        if sum(self.bits.values()) >= self.node.n - self.node.f:
            for agreement in self.agreements:
                agreement.start(0)
        self.look()

    def look(self) -> None:
        """Whether every agreement has ended and every batch that is in is here."""
        if len(self.bits) == self.node.n and all(proposer in self.batches for proposer, bit in self.bits.items() if bit):
            self.whole.set()

    def stop(self) -> None:
        """Take part no longer."""
        for agreement in self.agreements:
            agreement.stop()
        for task in self.tasks:
            task.cancel()
