"""The pipeline of Hyperledger Fabric: peers run a transaction first, orderers put it in order, every peer judges it at the end.

Androulaki et al., "Hyperledger Fabric: a distributed operating system for permissioned blockchains", EuroSys 2018, sections 3.2
(execution and endorsement), 3.3 (ordering) and 3.4 (validation). A client asks a peer of each of `endorsements` organisations to run its
transaction; they sign the version of the key it read. With equal answers it hands the envelope to the orderers. These agree on blocks
by whichever protocol `ordering` names, looking into nothing. Each peer takes the blocks in order and judges each transaction: enough
endorsements, and its key still at the version it was run on (multi-version concurrency control); otherwise it stays in the chain and
changes nothing. So of the transactions that change one key in one block the first alone is valid.

The first `orderers` seats order; every seat is a peer, of an organisation in turn, and a client. A transaction's body spreads by the
scenario's gossip as under any protocol. Peers that do not order believe one orderer where ordering tolerates crashes only, and f + 1
where it tolerates lies; they ask again for what they miss. A transaction reads and writes the key that its fact `keys` names, none where it has
none. Left out: chaincode, private data, and clients who run a transaction anew that was in conflict.
"""

from __future__ import annotations

from dataclasses import field
from itertools import count
from typing import Any

from sim.consensus.fabric.ordering import Ordering
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
    organisation_of,
    validated,
)
from sim.consensus.raft import Raft
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration
from sim.node.node import Node
from sim.node.terms import Terms

MOST_DELIVERED = 128  # blocks that one answer to a straggler tells


@part
class Fabric:
    """Hyperledger Fabric: endorse, order by another protocol, validate read versions at every peer."""

    ordering: Any = field(default=Raft(), metadata={"group": "consensus"})  # how orderers agree, e.g. { kind = "smartbft" }
    orderers: Count | None = None  # how many seats order, the first ones; none: all
    organisations: Count = 3  # to which the seats belong, in turn
    endorsements: Count = 2  # organisations whose peers must have run a transaction
    keys: str = "key"  # the fact of a transaction that names what it reads and writes
    patience: Duration = 2_000_000_000  # how long a client or peer waits before it asks again

    def check(self) -> None:
        """The policy can be met, and the ordering is none of this kind."""
        if not 1 <= self.endorsements <= self.organisations:
            raise ScenarioError(f"there are {self.organisations} organisations; write a number from 1 to that", "endorsements")
        if self.orderers == 0:
            raise ScenarioError("somebody must order; write at least 1", "orderers")
        if self.patience <= 0:
            raise ScenarioError("must be longer than nothing", "patience")
        if getattr(self.ordering, "finality", "certain") == "probable":
            raise ScenarioError("peers cannot take back what was ordered; name a protocol whose decisions are certain", "ordering")
        if isinstance(self.ordering, Fabric):
            raise ScenarioError("orderers cannot run the pipeline themselves; name a protocol such as raft or smartbft", "ordering")

    @property
    def crash_tolerant(self) -> bool:
        """As its ordering: peers and clients believe what the orderers say."""
        return bool(getattr(self.ordering, "crash_tolerant", False))

    @property
    def routes(self) -> tuple[str, ...]:
        """Orderers speak to orderers alone."""
        return ("direct",)

    def fits(self, terms: Terms) -> str:
        """Whether the ordering can work on these terms."""
        judge = getattr(self.ordering, "fits", None)
        return "" if judge is None else str(judge(terms))

    async def run(self, node: Node) -> None:
        """Be a client and a peer, and an orderer where the seat is one."""
        orderers = node.n if self.orderers is None else self.orderers
        if orderers > node.n:
            raise ScenarioError(f"there are {node.n} seats; write at most that many", "consensus.orderers")
        if self.organisations > node.n:
            raise ScenarioError(f"there are {node.n} seats; write at most that many", "consensus.organisations")
        peer = Peer(self, node, orderers)
        for duty in (peer.request, peer.remind, peer.endorse):
            node.spawn(duty())
        if node.id >= orderers:
            node.spawn(peer.pull())
            await peer.follow()
        for duty in (peer.take_envelopes, peer.deliver):
            node.spawn(duty())
        seen: Any = Ordering(node, self.ordering, orderers, peer.envelopes, peer.commit)
        await self.ordering.run(seen)


class Peer:
    """One seat: its state, and what it does as client, endorser, orderer and committer."""

    def __init__(self, rules: Fabric, node: Node, orderers: int) -> None:
        self.rules, self.node, self.orderers = rules, node, orderers
        keep: dict[str, Any] = node.keep.setdefault("fabric", {"versions": {}, "chain": [], "open": {}, "envelopes": {}})
        self.versions: dict[str, int] = keep["versions"]
        self.chain: list[str] = keep["chain"]
        self.open: dict[str, Envelope] = keep["open"]
        """This client's endorsed transactions that are in no block yet."""
        self.envelopes: dict[str, Envelope] = keep["envelopes"]
        """What this orderer may order."""

    def key_of(self, transaction: Any) -> str:
        """What a transaction reads and writes."""
        found = transaction.fact(self.rules.keys)
        return "" if found is None else str(found)

    # execute ---------------------------------------------------------------------------------------------------------

    async def request(self) -> None:
        """Have each transaction submitted here endorsed."""
        while True:
            transaction = await self.node.next_request()
            self.node.spawn(self.have_endorsed(transaction))

    async def have_endorsed(self, transaction: Any) -> None:
        """Ask a peer of enough organisations until they give one answer, then submit (3.2)."""
        node, rules, key = self.node, self.rules, self.key_of(transaction)
        for attempt in count():
            for peer in self.endorsers(transaction.id, attempt):
                node.send(peer, Proposal(transaction.id, attempt, key))
            try:
                async with node.timeout(rules.patience):
                    proof = await node.quorum(Endorsed, rules.endorsements, transaction=transaction.id, attempt=attempt, key=key)
                    break
            except TimeoutError:
                node.note("not-endorsed", transaction=transaction.id, attempt=attempt)
        self.open[transaction.id] = Envelope(transaction.id, key, proof.message.version, proof)
        self.submit(self.open[transaction.id])

    def endorsers(self, transaction: str, attempt: int) -> list[int]:
        """One peer of each of enough organisations: this one first, the others by lot, other peers at each attempt."""
        node, many = self.node, self.rules.organisations
        mine = organisation_of(node.id, many)
        others = [one for one in node.dice.shuffled(many, "organisations", transaction, attempt) if one != mine]
        chosen = [node.id]
        for one in others[: self.rules.endorsements - 1]:
            members = range(one, node.n, many)
            chosen.append(members[node.dice.below(len(members), "endorser", transaction, attempt, one)])
        return chosen

    async def endorse(self) -> None:
        """Run what clients propose, on the state as it is here."""
        while True:
            mail = await self.node.receive(Proposal)
            said = mail.message
            version = self.versions.get(said.key, NEVER) if said.key else NEVER
            self.node.send(mail.sender, Endorsed(said.transaction, said.attempt, said.key, version))

    def submit(self, envelope: Envelope) -> None:
        """Hand an envelope to every orderer."""
        for orderer in range(self.orderers):
            self.node.send(orderer, Submit(envelope))

    async def remind(self) -> None:
        """Submit again what is in no block after a while."""
        while True:
            before = list(self.open)
            await self.node.sleep(self.rules.patience)
            for transaction in before:
                if transaction in self.open:
                    self.submit(self.open[transaction])

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

    async def pull(self) -> None:
        """Ask the orderers for what has not come for a while."""
        while True:
            before = len(self.chain)
            await self.node.sleep(self.rules.patience)
            if len(self.chain) == before:
                for orderer in range(self.orderers):
                    self.node.send(orderer, Pull(before))

    # validate --------------------------------------------------------------------------------------------------------

    def commit(self, slot: int, digest: str) -> None:
        """Take the next block: judge its transactions, and pass it on (3.4)."""
        node, rules, block = self.node, self.rules, self.node.block(digest)
        if slot != len(self.chain):
            return  # told again after a crash
        verdicts = validated(block, self.key_of, slot, self.versions, rules.organisations, rules.endorsements)
        self.chain.append(digest)
        for transaction in block.transactions:
            self.open.pop(transaction.id, None)
            self.envelopes.pop(transaction.id, None)
        if verdicts:
            node.note("validated", slot=slot, **{name: verdicts.count(name) for name in (VALID, CONFLICT, UNENDORSED)})
        node.decide(slot, digest)
        if node.id < self.orderers:
            for peer in range(self.orderers, node.n):
                node.send(peer, Delivered(slot, digest))
