"""A peer of Fabric's pipeline: it runs what clients propose, orders where its seat is an orderer, and judges every block at the end.

Androulaki et al., "Hyperledger Fabric: a distributed operating system for permissioned blockchains", EuroSys 2018, sections 3.2
(execution), 3.3 (ordering) and 3.4 (validation).
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from sim.consensus.fabric.client import Client
from sim.consensus.fabric.rules import (
    CONFLICT,
    NEVER,
    UNENDORSED,
    VALID,
    Delivered,
    Endorsed,
    Envelope,
    Proposal,
    Pull,
    Submit,
    validated,
)
from sim.node.node import Node

if TYPE_CHECKING:
    from sim.consensus.fabric.pipeline import Fabric

MOST_DELIVERED = 128  # blocks that one answer to a straggler tells


class Peer:
    """One seat: its state, and what it does as client, endorser, orderer and committer."""

    def __init__(self, rules: Fabric, node: Node, orderers: int) -> None:
        self.rules, self.node, self.orderers = rules, node, orderers
        self.client = Client(rules, node, orderers)
        keep = node.keep.setdefault("fabric", {})
        self.versions: dict[str, int] = keep.setdefault("versions", {})
        self.chain: list[str] = keep.setdefault("chain", [])
        self.envelopes: dict[str, Envelope] = keep.setdefault("envelopes", {})
        """What this orderer may order."""

    # execute ---------------------------------------------------------------------------------------------------------

    async def endorse(self) -> None:
        """Run what clients propose, on the state as it is here."""
        while True:
            mail = await self.node.receive(Proposal)
            said = mail.message
            version = self.versions.get(said.key, NEVER) if said.key else NEVER
            self.node.send(mail.sender, Endorsed(said.transaction, said.attempt, said.key, version))

    # order -----------------------------------------------------------------------------------------------------------

    async def take_envelopes(self) -> None:
        """As an orderer: keep what clients submit, the first envelope of each transaction."""
        while True:
            envelope = (await self.node.receive(Submit)).message.envelope
            self.envelopes.setdefault(envelope.transaction, envelope)

    async def deliver(self) -> None:
        """As an orderer: tell peers of the blocks they ask for."""
        while True:
            ask = await self.node.receive(Pull)
            for slot, digest in enumerate(self.chain[ask.message.slot : ask.message.slot + MOST_DELIVERED], ask.message.slot):
                self.node.send(ask.sender, Delivered(slot, digest))

    async def follow(self) -> None:
        """As a peer that does not order: take blocks as the orderers say."""
        node = self.node
        faulty = 0 if self.rules.crash_tolerant else (self.orderers - 1) // 3
        for slot in count(len(self.chain)):
            proof = await node.quorum(Delivered, faulty + 1, slot=slot)
            await node.fetch(proof.message.digest)
            self.commit(slot, proof.message.digest)

    def pull(self, slot: int) -> None:
        """Nothing has come for a while: ask the orderers for it."""
        for orderer in range(self.orderers):
            self.node.send(orderer, Pull(slot))

    # validate --------------------------------------------------------------------------------------------------------

    def commit(self, slot: int, digest: str) -> None:
        """Take the next block: judge its transactions, and pass it on (3.4)."""
        node, rules, block = self.node, self.rules, self.node.block(digest)
        if slot != len(self.chain):
            return  # told again after a crash
        verdicts = validated(block, rules.key_of, slot, self.versions, rules.organisations, rules.endorsements)
        self.chain.append(digest)
        for transaction in block.transactions:
            self.client.open.pop(transaction.id, None)
            self.envelopes.pop(transaction.id, None)
        if verdicts:
            node.note("validated", slot=slot, **{name: verdicts.count(name) for name in (VALID, CONFLICT, UNENDORSED)})
        node.decide(slot, digest)
        if node.id < self.orderers:
            for peer in range(self.orderers, node.n):
                node.send(peer, Delivered(slot, digest))
