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

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from sim.consensus.catching_up import when_stalled
from sim.consensus.fabric.ordering import Ordering
from sim.consensus.fabric.peer import Peer
from sim.consensus.raft import Raft
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Lasting
from sim.node.node import Node
from sim.node.terms import Terms


@part
class Fabric:
    """Hyperledger Fabric: endorse, order by another protocol, validate read versions at every peer."""

    ordering: Any = field(default=Raft(), metadata={"group": "consensus"})  # how orderers agree, e.g. { kind = "smartbft" }
    orderers: Count | None = None  # how many seats order, the first ones; none: all
    organisations: Count = 3  # to which the seats belong, in turn
    endorsements: Count = 2  # organisations whose peers must have run a transaction
    keys: str = "key"  # the fact of a transaction that names what it reads and writes
    patience: Lasting = 2_000_000_000  # how long a client or peer waits before it asks again

    def check(self) -> None:
        """The policy can be met, and the ordering is none of this kind."""
        if not 1 <= self.endorsements <= self.organisations:
            raise ScenarioError(f"there are {self.organisations} organisations; write a number from 1 to that", "endorsements")
        if self.orderers == 0:
            raise ScenarioError("somebody must order; write at least 1", "orderers")
        if getattr(self.ordering, "finality", "certain") == "probable":
            raise ScenarioError("peers cannot take back what was ordered; name a protocol whose decisions are certain", "ordering")
        if isinstance(self.ordering, Fabric):
            raise ScenarioError("orderers cannot run the pipeline themselves; name a protocol such as raft or smartbft", "ordering")

    @property
    def crash_tolerant(self) -> bool:
        """As its ordering: peers and clients believe what the orderers say."""
        return bool(getattr(self.ordering, "crash_tolerant", False))

    @property
    def ballots(self) -> Any:
        """Its ordering's, where every seat orders: with fewer orderers than seats quorums are not of everybody."""
        return getattr(self.ordering, "ballots", None) if self.orderers is None else None

    @property
    def no_lie(self) -> Mapping[str, str]:
        """As its ordering; but endorsements can be withheld, whatever the ordering's votes are."""
        known: Mapping[str, str] = getattr(self.ordering, "no_lie", {})
        return {kind: why for kind, why in known.items() if kind != "withhold-votes"}

    @property
    def routes(self) -> tuple[str, ...]:
        """Orderers speak to orderers alone."""
        return ("direct",)

    def fits(self, terms: Terms) -> str:
        """Whether the ordering can work on these terms."""
        judge = getattr(self.ordering, "fits", None)
        return "" if judge is None else str(judge(terms))

    def key_of(self, transaction: Any) -> str:
        """What a transaction reads and writes."""
        found = transaction.fact(self.keys)
        return "" if found is None else str(found)

    async def run(self, node: Node) -> None:
        """Be a client and a peer, and an orderer where the seat is one."""
        orderers = node.n if self.orderers is None else self.orderers
        if orderers > node.n:
            raise ScenarioError(f"there are {node.n} seats; write at most that many", "consensus.orderers")
        if self.organisations > node.n:
            raise ScenarioError(f"there are {node.n} seats; write at most that many", "consensus.organisations")
        peer = Peer(self, node, orderers)
        for duty in (peer.client.request, peer.client.remind, peer.endorse):
            node.spawn(duty())
        if node.id >= orderers:
            node.spawn(when_stalled(node, self.patience, lambda: len(peer.chain), peer.pull))
            await peer.follow()
        for duty in (peer.take_envelopes, peer.deliver):
            node.spawn(duty())
        seen: Any = Ordering(node, self.ordering, orderers, peer.envelopes, peer.commit)
        await self.ordering.run(seen)
