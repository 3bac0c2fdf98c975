"""HoneyBadgerBFT: agreement without any clock, so that no delay, however chosen, stops it.

Miller, Xia, Croman, Shi, Song, "The honey badger of BFT protocols", CCS 2016, figure 1. In an epoch each node broadcasts an encrypted
batch, and a binary agreement on each batch settles whether it is in; at least n - f are (`common_subset.py`). Then f + 1 decryption
shares open them, and the batches are decided in the order of their proposers. Three delays for the broadcast, three a round of
the slowest agreement, one to decrypt; about 3 n^2 votes for each batch and round. Encryption is a rule: nobody looks into a batch before
f + 1 shares are in.

The paper's links lose nothing. Here a node whose epoch does not move says so, and the others tell it again what they have
said, or how the epoch ended; f + 1 equal words are believed. `[[fault]]` partitions heal by that. Left out: epochs run one by one;
a transaction is proposed by chance `repeats` / n at each node instead of B / n out of the first B.
"""

from __future__ import annotations

from itertools import count
from typing import Any, ClassVar

from sim.consensus.catching_up import when_stalled
from sim.consensus.common_subset import CommonSubset, Echo, Propose, Ready
from sim.kernel.part import part
from sim.kernel.units import AtLeastOne, Lasting
from sim.node.ballots import Ballots, Blocks
from sim.node.either import either
from sim.node.fetching import ask_for_all
from sim.node.message import Certificate, message, vote
from sim.node.node import Node

KEPT = 16  # epochs in which a node still takes part for others, after it has gone on
MOST_RESULTS = 256  # epochs that one answer to a straggler tells


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

    repeats: AtLeastOne = 3  # how many nodes propose a transaction, on average
    resend: Lasting = 1_000_000_000  # how long an epoch may stand still before what was lost is asked for

    ballots: ClassVar[Ballots] = Ballots(Echo, ("instance",), Ready, rises=False, enough="2f+1", blocks=Blocks(Propose, ("epoch",)))

    async def run(self, node: Node) -> None:
        """Epoch after epoch; what was said in one is said again after a crash, and nothing else."""
        results: list[tuple[str, ...]] = node.keep.setdefault("results", [])
        epochs: dict[int, Epoch] = {}
        asked = 0
        node.spawn(answer(node, results))
        node.spawn(when_stalled(node, self.resend, lambda: len(results), lambda epoch: node.broadcast(Stalled(epoch))))
        node.spawn(self.keep_up(node, results))
        for number in count(len(results)):
            asked = max(asked, number)
            while proof := ended(node, asked):
                ask_for_all(node, proof.signers[asked % proof.count], proof.message.digests)
                asked += 1
            digests = await self.result(node, number, epochs)
            slot = sum(map(len, results))
            for digest in digests:
                await node.fetch(digest)
            results.append(digests)
            for place, digest in enumerate(digests):
                node.decide(slot + place, digest)
            node.forget(Propose, epoch=number + 1)
            if number - KEPT in epochs:
                epochs.pop(number - KEPT).close()

    async def keep_up(self, node: Node, results: list[tuple[str, ...]]) -> None:
        """A batch for an epoch after the next: the others have gone on, and what they have said may be lost."""
        while True:
            await node.collect(Propose, 1, epoch=lambda epoch: epoch > len(results) + 1)
            if ended(node, len(results)) is None:
                node.broadcast(Stalled(len(results)))
            await node.sleep(max(1, self.resend // 4))

    async def result(self, node: Node, number: int, epochs: dict[int, Epoch]) -> tuple[str, ...]:
        """The batches with which an epoch ends: by taking part in it, or by what those say who have gone on."""
        proof = ended(node, number)
        if proof is None:
            epoch = epochs[number] = Epoch(self, node, number)
            place, found = await either(node, epoch.play(), node.quorum(Result, node.f + 1, epoch=number))
            if place == 0:
                batches: tuple[str, ...] = found
                return batches
            proof = found
        digests: tuple[str, ...] = proof.message.digests
        return digests


class Epoch:
    """One epoch at one node, and what this node has said in it."""

    def __init__(self, rules: HoneyBadger, node: Node, number: int) -> None:
        self.rules, self.node, self.number = rules, node, number
        self.said: dict[tuple[Any, ...], Any] = node.keep.setdefault("said", {}).setdefault(number, {})
        self.subset = CommonSubset(node, self.say, number)
        self.proposing = node.spawn(self.propose())
        self.subset.start()

    def say(self, place: tuple[Any, ...], message: Any) -> None:
        """Broadcast what belongs in this place: the message, or what was said there before a crash."""
        self.node.broadcast(self.said.setdefault(place, message))

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

    async def play(self) -> tuple[str, ...]:
        """The epoch's batches in order, opened."""
        node, chosen = self.node, await self.subset.chosen()
        for proposer, digest in chosen.items():
            self.say(("decrypt", proposer), Decrypt(self.subset.first + proposer, digest))
        sound = []
        for proposer, digest in chosen.items():
            await node.quorum(Decrypt, node.f + 1, instance=self.subset.first + proposer, digest=digest)
            block = await node.fetch(digest)
            if node.accepts(block, "") and (block.height, block.proposer) == (self.number, proposer):
                sound.append(digest)
        return tuple(sound)

    def close(self) -> None:
        """Who is still in this epoch is told how it ended."""
        self.subset.stop()
        self.proposing.cancel()
        self.node.keep["said"].pop(self.number, None)


def ended(node: Node, number: int) -> Certificate | None:
    """What f + 1 say an epoch ended with, if they have: one of them is honest."""
    return next((ballot for ballot in node.ballots(Result, epoch=number) if ballot.count > node.f), None)


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
