"""HoneyBadgerBFT: agreement without any clock, so that no delay, however chosen, stops it.

Miller, Xia, Croman, Shi, Song, "The honey badger of BFT protocols", CCS 2016, figures 1 (the protocol), 2 (reliable broadcast)
and 4 (common subset, after Ben-Or, Kelmer, Rabin 1994). In an epoch each node broadcasts an encrypted batch; a binary
agreement on each batch settles whether it is in; at least n - f are. Then f + 1 decryption shares open them, and the batches are decided
in the order of their proposers. Three delays for the broadcast, three a round of the slowest agreement, one to decrypt; about
3 n^2 votes for each batch and round.

The broadcast is Bracha's on the batch's digest: ECHO does not wait for the body, which comes inside the proposal (`bodies =
"attached"`) or by gossip, in the paper's way with `[gossip] kind = "avid"`. A batch counts as delivered when its body is here, so one that
is agreed on can be had from an honest node. Encryption is a rule: nobody looks into a batch before f + 1 shares are in.

The paper's links lose nothing. Here a node whose epoch does not move says so, and the others tell it again what they have
said, or how the epoch ended; f + 1 equal words are believed. `[[fault]]` partitions heal by that. Left out: epochs run one by one;
a transaction is proposed by chance `repeats` / n at each node instead of B / n out of the first B.
"""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import count
from typing import Any, ClassVar

from sim.consensus.binary_agreement import Agreement
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration
from sim.node.ballots import Ballots
from sim.node.either import either
from sim.node.message import message, vote
from sim.node.node import Node

KEPT = 16  # epochs in which a node still takes part for others, after it has gone on
MOST_RESULTS = 64  # epochs that one answer to a straggler tells


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


@vote
class Decrypt:
    """My share of the key to this batch."""

    instance: int
    digest: str


@message
class Stalled:
    """My epoch does not move."""

    epoch: int


@vote
class Result:
    """This epoch ended with these batches."""

    epoch: int
    digests: tuple[str, ...]


@part
class HoneyBadger:
    """HoneyBadgerBFT: n broadcasts and n agreements on a bit an epoch; no timeouts, and a batch stays closed until it is in."""

    repeats: Count = 3  # how many nodes propose a transaction, on average
    resend: Duration = 1_000_000_000  # how long an epoch may stand still before what was lost is asked for

    ballots: ClassVar[Ballots] = Ballots(Echo, ("instance",), Ready, rises=False, enough="2f+1")

    def check(self) -> None:
        """Something is proposed, and nobody asks all the time."""
        if not self.repeats:
            raise ScenarioError("nobody would propose anything; at least 1 is wanted", "repeats")
        if self.resend <= 0:
            raise ScenarioError("must be longer than nothing", "resend")

    async def run(self, node: Node) -> None:
        """Epoch after epoch; what was said in one is said again after a crash, and nothing else."""
        results: list[tuple[str, ...]] = node.keep.setdefault("results", [])
        epochs: dict[int, Epoch] = {}
        node.spawn(answer(node, results))
        node.spawn(complain(node, results, self.resend))
        for number in count(len(results)):
            epoch = epochs[number] = Epoch(self, node, number)
            _, digests = await either(node, epoch.play(), told(node, number))
            slot = sum(map(len, results))
            for digest in digests:
                await node.fetch(digest)
            results.append(digests)
            for place, digest in enumerate(digests):
                node.decide(slot + place, digest)
            node.forget(Propose, epoch=number + 1)
            if number - KEPT in epochs:
                epochs.pop(number - KEPT).close()


class Epoch:
    """One epoch at one node: the common subset of figure 4, and what this node has said in it."""

    def __init__(self, rules: HoneyBadger, node: Node, number: int) -> None:
        self.rules, self.node, self.number = rules, node, number
        self.said: dict[tuple[Any, ...], Any] = node.keep.setdefault("said", {}).setdefault(number, {})
        self.batches: dict[int, str] = {}
        self.bits: dict[int, int] = {}
        self.whole = asyncio.Event()
        self.agreements = [
            Agreement(node, self.say, number * node.n + proposer, partial(self.agreed, proposer)) for proposer in range(node.n)
        ]
        self.tasks = [node.spawn(self.propose()), *(node.spawn(self.broadcast(proposer)) for proposer in range(node.n))]

    def say(self, place: tuple[Any, ...], message: Any) -> None:
        """Broadcast what belongs in this place: the message, or what was said there before a crash."""
        self.node.broadcast(self.said.setdefault(place, message))

    async def play(self) -> tuple[str, ...]:
        """The epoch's batches in order, opened (figure 1)."""
        await self.whole.wait()
        node = self.node
        chosen = [proposer for proposer in range(node.n) if self.bits[proposer]]
        first = self.number * node.n
        for proposer in chosen:
            self.say(("decrypt", proposer), Decrypt(first + proposer, self.batches[proposer]))
        sound = []
        for proposer in chosen:
            digest = self.batches[proposer]
            await node.quorum(Decrypt, node.f + 1, instance=first + proposer, digest=digest)
            block = await node.fetch(digest)
            if node.accepts(block, "") and (block.height, block.proposer) == (self.number, proposer):
                sound.append(digest)
        return tuple(sound)

    async def propose(self) -> None:
        """A batch of transactions that chance gives to this node."""
        if ("propose",) in self.said:
            self.node.broadcast(self.said["propose",])
            return
        batch = await self.node.next_bundle(self.number, tuple, self.mine)
        self.node.publish(batch)
        self.say(("propose",), Propose(self.number, batch.digest))

    def mine(self, transaction: Any) -> bool:
        """Whether this node proposes a transaction in this epoch."""
        node = self.node
        return node.dice.below(node.n, "batch", transaction.id, node.id, self.number) < self.rules.repeats

    async def broadcast(self, proposer: int) -> None:
        """Reliable broadcast of one proposer's batch (Bracha 1987; figure 2 without the shares)."""
        node, instance = self.node, self.number * self.node.n + proposer
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

    def close(self) -> None:
        """Who is still in this epoch is told how it ended."""
        for agreement in self.agreements:
            agreement.stop()
        for task in self.tasks:
            task.cancel()
        self.node.keep["said"].pop(self.number, None)


async def told(node: Node, number: int) -> tuple[str, ...]:
    """What f + 1 say an epoch ended with: one of them is honest."""
    proof = await node.quorum(Result, node.f + 1, epoch=number)
    digests: tuple[str, ...] = proof.message.digests
    return digests


async def complain(node: Node, results: list[tuple[str, ...]], resend_ns: int) -> None:
    """Ask for what was lost whenever an epoch has stood still for a while."""
    while True:
        before = len(results)
        await node.sleep(resend_ns)
        if len(results) == before:
            node.broadcast(Stalled(before))


async def answer(node: Node, results: list[tuple[str, ...]]) -> None:
    """Tell a straggler what was said in its epoch, and how it and those after it ended."""
    while True:
        ask = await node.receive(Stalled)
        if ask.sender == node.id:
            continue
        for said in list(node.keep.get("said", {}).get(ask.message.epoch, {}).values()):
            node.send(ask.sender, said)
        for number in range(ask.message.epoch, min(len(results), ask.message.epoch + MOST_RESULTS)):
            node.send(ask.sender, Result(number, results[number]))
