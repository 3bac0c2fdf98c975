"""How a node that was away comes by what it has missed. No paper's part, and every implementation has it.

Where each slot's decision is a certificate (`Decisions`) a proposal two slots ahead tells a node that decisions have passed it by. It
asks whoever sent it, who answers with the certificates of many slots at a time and with what their blocks are called; the blocks are
asked for all together. A certificate proves itself, so it does not matter who sends it.

Where nothing tells a node so, it looks at itself: what has stood still for long may have lost something (`when_stalled`).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any

from sim.kernel.strand import Strand
from sim.node.fetching import ask_for_all
from sim.node.message import Certificate, Signed, message
from sim.node.node import Node

MOST_PROOFS = 128  # decisions that one answer proves


@message
class Missing:
    """I have no decision for `slot` and later ones: send me the proofs."""

    slot: int


@message
class Decided:
    """The blocks of `slot` and later ones, whose proofs come beside this, and which I have."""

    slot: int
    digests: tuple[str, ...]


class Decisions:
    """One node's decisions, slot after slot, with their proofs, which survive a crash; helps others and this node to catch up.

    A quorum of `ballot`, with the fields of `claim`, decides a slot; a `proposal` of a later one tells that this node is behind.
    """

    def __init__(
        self, node: Node, ballot: type[Any], proposal: type[Any], patience_ns: int, claim: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        self.node, self.ballot, self.proposal, self.patience_ns, self.claim = node, ballot, proposal, patience_ns, dict(claim)
        self.proofs: list[Certificate] = node.keep.setdefault("proofs", [])
        self._voting: Strand[None] | None = None
        node.spawn(self._keep_up())

    @property
    def slot(self) -> int:
        """The first slot that is not decided here."""
        return len(self.proofs)

    @property
    def last(self) -> Certificate | None:
        """The proof of the newest decision."""
        return self.proofs[-1] if self.proofs else None

    async def next(self, voting: Coroutine[Any, Any, None]) -> Certificate:
        """The proof of the next decision, once its block is here too; until then `voting` runs beside this, and no longer."""
        node = self.node
        if self._voting is not None and self._voting.free:
            self._voting.begin(voting)
        else:
            self._voting = node.spawn(voting)
        proof = await node.quorum(self.ballot, node.quorum_size, slot=len(self.proofs), **self.claim)
        await node.fetch(proof.message.digest, self.patience_ns // 8)
        self._voting.leave()
        return proof

    def add(self, proof: Certificate) -> None:
        """Decide the next slot."""
        slot = len(self.proofs)
        self.proofs.append(proof)
        self.node.decide(slot, proof.message.digest)
        self.node.inbox.forget(self.proposal, "slot", slot + 1)

    def passed_by(self) -> bool:
        """Whether a proposal that nobody has taken yet is for a later slot than the next: the others have decided without us."""
        return self.node.has_mail(self.proposal, slot=lambda other: other > self.slot)

    async def answer_late(self, complaint: type[Any]) -> None:
        """Whoever gives up a later view than the one in which its slot was decided gets the proof; looked for now and then."""
        node = self.node
        while True:
            await node.sleep(self.patience_ns // 4)
            for late in node.mail(complaint, slot=lambda slot: slot < self.slot):
                proof = self.proofs[late.message.slot]
                if late.message.view > proof.message.view:
                    node.send(late.sender, proof)
            node.forget(complaint, slot=self.slot)

    def _help(self, ask: Signed[Missing]) -> None:
        """Prove decisions to who has missed them, and tell what their blocks are."""
        known = self.proofs[ask.message.slot : ask.message.slot + MOST_PROOFS]
        if known:
            self.node.send(ask.sender, Decided(ask.message.slot, tuple(proof.message.digest for proof in known)))
        for proof in known:
            self.node.send(ask.sender, proof)

    async def _keep_up(self) -> None:
        """Help others who are behind; and at a proposal two slots ahead get proofs and blocks from whoever sent it."""
        node = self.node
        node.inbox.hear(Missing, self._help)
        while True:
            ahead = await node.collect(self.proposal, 1, slot=lambda slot: slot > self.slot + 1)
            node.send(ahead[-1].sender, Missing(self.slot))
            try:
                async with node.timeout(self.patience_ns // 4):
                    told = await node.receive(Decided, sender=ahead[-1].sender)
                    digests = told.message.digests[:MOST_PROOFS]
                    ask_for_all(node, told.sender, digests)
                    for digest in digests[-1:]:
                        await node.fetch(digest, self.patience_ns)
                    while self.slot < told.message.slot + len(digests):
                        await node.sleep(max(1, self.patience_ns // 1000))
            except TimeoutError:
                continue  # ask again, perhaps somebody else


async def when_stalled(node: Node, wait_ns: int, place: Callable[[], int], complain: Callable[[int], None]) -> None:
    """Call `complain(place)` whenever a node's place, such as its round or epoch, has stood still for so long."""
    while True:
        before = place()
        await node.sleep(wait_ns)
        if place() == before:
            complain(before)
