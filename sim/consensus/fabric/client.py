"""A client of Fabric's pipeline: have a transaction run by peers of enough organisations, and hand what they sign to the orderers.

Androulaki et al., "Hyperledger Fabric: a distributed operating system for permissioned blockchains", EuroSys 2018, section 3.2. Added: whoever
gets no equal answers asks other peers, and what is in no block after a while is submitted again.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from sim.consensus.fabric.rules import Endorsed, Envelope, Proposal, Submit, organisation_of
from sim.node.node import Node

if TYPE_CHECKING:
    from sim.consensus.fabric.pipeline import Fabric


class Client:
    """What one seat does for those who submit transactions at it."""

    def __init__(self, rules: Fabric, node: Node, orderers: int) -> None:
        self.rules, self.node, self.orderers = rules, node, orderers
        self.open: dict[str, Envelope] = node.keep.setdefault("fabric", {}).setdefault("open", {})
        """Endorsed transactions that are in no block yet; survives a crash."""

    async def request(self) -> None:
        """Have each transaction submitted here endorsed."""
        while True:
            transaction = await self.node.next_request()
            self.node.spawn(self.have_endorsed(transaction))

    async def have_endorsed(self, transaction: Any) -> None:
        """Ask a peer of enough organisations until they give one answer, then submit (3.2)."""
        node, rules, key = self.node, self.rules, self.rules.key_of(transaction)
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
