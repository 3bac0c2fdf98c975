"""Practical Byzantine fault tolerance.

Castro, Liskov, "Practical Byzantine fault tolerance", OSDI 1999, sections 4.2 (normal case) and 4.4 (view change).

One slot is agreed at a time. In a view, the leader proposes; a quorum of PREPARE locks the proposal; a quorum of COMMIT
decides it. Who waits too long asks for the next view and shows the newest lock it knows; the next leader must propose what
a quorum's reports say is locked (`pbft_view_change.py`). Safety rests on `locks`, `locked` and `justified` alone.

Left out: pipelining, watermarks, checkpoints and client replies. The leader rotates with slot and view.
"""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import ClassVar

from sim.consensus.catching_up import Decisions
from sim.consensus.pbft_view_change import ViewChange, justified, locked, resume
from sim.kernel.part import part
from sim.kernel.units import Patience
from sim.node.ballots import Ballots
from sim.node.message import Certificate, Signed, message, vote
from sim.node.node import Node
from sim.node.terms import ROUTES, Terms, too_hasty


@message
class Propose:
    """PRE-PREPARE; after view 0 it is NEW-VIEW and carries a quorum's reports."""

    carries: ClassVar[str] = "digest"
    slot: int
    view: int
    digest: str
    reports: tuple[Signed[ViewChange], ...] = ()


@vote
class Prepare:
    """I have seen this proposal and no other in this view."""

    slot: int
    view: int
    digest: str


@vote
class Commit:
    """I have seen a quorum of PREPARE and am locked on it."""

    slot: int
    view: int
    digest: str


@part
class PBFT:
    """PBFT: three phases, the leader's proposal counts as its PREPARE; 2n(n-1) messages, three delays."""

    patience: Patience = 2_000_000_000  # how long a view may take before it is given up; doubles with each view

    leader_prepares: ClassVar[bool] = False
    least_seats: ClassVar[int] = 2  # a leader alone would wait for PREPAREs of others
    routes: ClassVar[tuple[str, ...]] = ROUTES
    ballots: ClassVar[Ballots] = Ballots(Prepare, ("slot", "view"), Commit, Propose, leader_counts=True)

    def fits(self, terms: Terms) -> str:
        """Whether a leader has time to propose before the others lose patience."""
        why = "every slot begins with a view change, for a view's time runs while its leader waits for the next block to be due"
        return too_hasty(self.patience, terms, "patience: is", why)

    async def run(self, node: Node) -> None:
        """Decide slot after slot: the commit rule (4.2, last paragraph)."""
        decisions = Decisions(node, Commit, Propose, self.patience)
        node.spawn(decisions.answer_late(ViewChange))
        for slot in count(decisions.slot):
            proof = await decisions.next(self.vote(node, slot))
            said = proof.message
            commit(node, said, leader(node, slot, said.view))  # whoever decides without having prepared still counts for others
            decisions.add(proof)

    async def vote(self, node: Node, slot: int) -> None:
        """Vote in one view after another until `run` has decided."""
        first, lock = resume(node, slot)
        for view in count(first):
            node.keep["place"] = (slot, view, lock)
            try:
                async with node.timeout(self.patience << view):
                    lock = await self.talk(node, slot, view, lock)
                    node.keep["place"] = (slot, view, lock)
                    commit(node, Commit(slot, view, lock.message.digest), leader(node, slot, view))
                    await node.forever()
            except TimeoutError:
                node.note("view-change", slot=slot, view=view + 1)

    async def talk(self, node: Node, slot: int, view: int, lock: Certificate | None) -> Certificate:
        """One view up to its PREPARE certificate."""
        chief, need = leader(node, slot, view), self.prepares(node)
        if view > 0:
            node.broadcast(ViewChange(slot, view, lock))
        if node.id == chief:
            await self.lead(node, slot, view)
        digest = await self.safe_proposal(node, slot, view, chief)
        if self.leader_prepares or node.id != chief:
            node.broadcast(Prepare(slot, view, digest), centre=chief, need=need)
        elif node.society.route == "star":
            node.spawn(node.gather(Prepare(slot, view, digest), need))
        while not self.locks(node, proof := await node.quorum(Prepare, need, slot=slot, view=view, digest=digest)):
            need = proof.count + 1
        return proof

    async def lead(self, node: Node, slot: int, view: int) -> None:
        """Propose; after view 0 what a quorum reports to be locked (4.4)."""
        reports = await node.collect(ViewChange, node.quorum_size, slot=slot, view=view) if view > 0 else ()
        if node.has_mail(Propose, slot=lambda other: other > slot):
            await node.forever()  # the others have decided this slot without us; its proof is on the way
        digest = locked(reports, slot, partial(self.locks, node)) or node.publish(await node.next_batch())
        node.broadcast(Propose(slot, view, digest, reports))

    async def safe_proposal(self, node: Node, slot: int, view: int, chief: int) -> str:
        """The digest of the first proposal in this view that we may vote for."""
        while True:
            mail = await node.receive(Propose, sender=chief, slot=slot, view=view)
            proposal = mail.message
            if view > 0 and not justified(proposal, node.quorum_size, partial(self.locks, node)):
                node.invalid(mail, "its reports do not justify it")
            elif not node.accepts(await node.fetch(proposal.digest)):
                node.invalid(mail, "its block is not valid here")
            else:
                return proposal.digest

    def prepares(self, node: Node) -> int:
        """How many PREPAREs lock a proposal; the leader's proposal may stand for its own."""
        return node.quorum_size if self.leader_prepares else node.quorum_size - 1

    def locks(self, node: Node, proof: Certificate) -> bool:
        """Whether these are PREPAREs, and enough; where the proposal stands for its leader's, one that the leader sends besides is nobody's."""
        if not proof.proves(Prepare, 1):
            return False
        twice = not self.leader_prepares and proof.signed_by(leader(node, proof.message.slot, proof.message.view))
        return proof.count - twice >= self.prepares(node)


def leader(node: Node, slot: int, view: int) -> int:
    """Round robin over slots and views."""
    return (slot + view) % node.n


def commit(node: Node, said: Commit, chief: int) -> None:
    """Send a COMMIT, unless this very one has been sent."""
    this = (said.slot, said.view, said.digest)
    if node.keep.get("commit") != this:
        node.keep["commit"] = this
        node.broadcast(said, centre=chief)
