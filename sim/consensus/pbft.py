"""Practical Byzantine fault tolerance, and QBFT, its descendant in consortium ledgers.

Castro, Liskov, "Practical Byzantine fault tolerance", OSDI 1999, sections 4.2 (normal case) and 4.4 (view change);
Moniz, "The Istanbul BFT consensus algorithm", 2020 (arXiv 2002.03613) and Saltini's QBFT for the flavour `qbft`.

One slot is agreed at a time. In a view, the leader proposes; a quorum of PREPARE locks the proposal; a quorum of COMMIT
decides it. Who waits too long asks for the next view and shows the newest lock it knows; the next leader must propose what
a quorum's reports say is locked. Safety rests on `locked` and `justified` alone.

Left out: pipelining, watermarks, checkpoints and client replies. The leader rotates with slot and view in both flavours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, ClassVar

from sim.kernel.part import part
from sim.kernel.presets import Preset
from sim.kernel.units import Duration, show_duration
from sim.node.ballots import Ballots
from sim.node.fetching import ask_for_all
from sim.node.message import Certificate, Signed, message, vote
from sim.node.node import Node
from sim.node.terms import ROUTES, Terms, must_last

MOST_PROOFS = 128  # decisions that one answer to a straggler proves


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


@message
class ViewChange:
    """I have given up the view before this one; `lock` is my newest PREPARE certificate (ROUND-CHANGE in QBFT)."""

    slot: int
    view: int
    lock: Certificate | None


Backed = Callable[[Certificate], bool]
"""Whether a certificate of PREPAREs has enough of them."""


@message
class Missing:
    """I have no decision for `slot` and later ones: send me the proofs."""

    slot: int


@message
class Decided:
    """The blocks of `slot` and later ones, whose proofs come beside this, and which I have."""

    slot: int
    digests: tuple[str, ...]


@part
class PBFT:
    """PBFT: three phases, the leader's proposal counts as its PREPARE; 2n(n-1) messages, three delays."""

    patience: Duration = 2_000_000_000  # how long a view may take before it is given up; doubles with each view

    leader_prepares: ClassVar[bool] = False
    routes: ClassVar[tuple[str, ...]] = ROUTES
    ballots: ClassVar[Ballots] = Ballots(Prepare, ("slot", "view"), Commit, Propose, leader_counts=True)

    def check(self) -> None:
        """A view lasts."""
        must_last(self.patience, "patience")

    def fits(self, terms: Terms) -> str:
        """Whether a leader has time to propose before the others lose patience."""
        if self.patience > terms.block_interval:
            return ""
        why = "every slot begins with a view change, for a view's time runs while its leader waits for the next block to be due"
        return f"patience: is no longer than block_interval, {show_duration(terms.block_interval)}: {why}"

    async def run(self, node: Node) -> None:
        """Decide slot after slot: the commit rule (4.2, last paragraph)."""
        proofs: list[Certificate] = node.keep.setdefault("proofs", [])
        node.spawn(help_stragglers(node, proofs))
        node.spawn(answer_late_reports(node, proofs, self.patience))
        node.spawn(keep_up(node, proofs, self.patience))
        for slot in count(len(proofs)):
            voting = node.spawn(self.vote(node, slot))
            proof = await node.quorum(Commit, node.quorum_size, slot=slot)
            await node.fetch(proof.message.digest, self.patience // 8)
            voting.cancel()
            proofs.append(proof)
            commit(node, proof.message)  # whoever decides without having prepared still counts for the others
            node.decide(slot, proof.message.digest)
            node.forget(Propose, slot=slot + 1)

    async def vote(self, node: Node, slot: int) -> None:
        """Vote in one view after another until `run` has decided and cancels us."""
        first, lock = resume(node, slot)
        for view in count(first):
            node.keep["place"] = (slot, view, lock)
            try:
                async with node.timeout(self.patience << view):
                    lock = await self.talk(node, slot, view, lock)
                    node.keep["place"] = (slot, view, lock)
                    commit(node, Commit(slot, view, lock.message.digest))
                    await node.forever()
            except TimeoutError:
                node.note("view-change", slot=slot, view=view + 1)

    async def talk(self, node: Node, slot: int, view: int, lock: Certificate | None) -> Certificate:
        """One view up to its PREPARE certificate."""
        chief = leader(node, slot, view)
        reports: tuple[Signed[ViewChange], ...] = ()
        if view > 0:
            node.broadcast(ViewChange(slot, view, lock))
        if node.id == chief:
            if view > 0:
                reports = await node.collect(ViewChange, node.quorum_size, slot=slot, view=view)
            if node.has_mail(Propose, slot=lambda other: other > slot):
                await node.forever()  # the others have decided this slot without us; its proof is on the way
            digest = locked(reports, slot, self.backers(node)) or node.publish(await node.next_batch())
            node.broadcast(Propose(slot, view, digest, reports))
        digest = await self.safe_proposal(node, slot, view)
        if self.leader_prepares or node.id != chief:
            node.broadcast(Prepare(slot, view, digest), centre=chief, need=self.prepares(node))
        elif node.society.route == "star":
            node.spawn(node.gather(Prepare(slot, view, digest), self.prepares(node)))
        need, backed = self.prepares(node), self.backers(node)
        while not backed(proof := await node.quorum(Prepare, need, slot=slot, view=view, digest=digest)):
            need = proof.count + 1
        return proof

    async def safe_proposal(self, node: Node, slot: int, view: int) -> str:
        """The digest of the first proposal in this view that we may vote for."""
        while True:
            mail = await node.receive(Propose, sender=leader(node, slot, view), slot=slot, view=view)
            proposal = mail.message
            if view > 0 and not justified(proposal, node.quorum_size, self.backers(node)):
                node.invalid(mail, "its reports do not justify it")
            elif not node.accepts(await node.fetch(proposal.digest)):
                node.invalid(mail, "its block is not valid here")
            else:
                return proposal.digest

    def prepares(self, node: Node) -> int:
        """How many PREPAREs lock a proposal; the leader's proposal may stand for its own."""
        return node.quorum_size if self.leader_prepares else node.quorum_size - 1

    def backers(self, node: Node) -> Backed:
        """Whether PREPAREs lock a proposal: where it stands for its leader's own, one that the leader sends besides is nobody's."""

        def backed(proof: Certificate) -> bool:
            chief = leader(node, proof.message.slot, proof.message.view)
            twice = not self.leader_prepares and int(proof.bits[chief // 64]) >> chief % 64 & 1
            return proof.count - twice >= self.prepares(node)

        return backed


@part
class QBFT(PBFT):
    """QBFT (and IBFT's successor): every validator sends PREPARE; (n-1)(2n+1) messages, timers T*2^round, quorum ceil(2n/3)."""

    patience: Duration = 10_000_000_000  # round timeout T; Besu's documentation proposes 10 s
    preset: str = ""  # figures somebody runs; they fill what is not given

    presets: ClassVar[Mapping[str, Preset]] = {
        "besu-docs": Preset("the example of Besu's documentation", {"patience": "10 s"}, "5 s"),
        "besu-code": Preset("what Besu falls back on, save its period of 1 s, which leaves no time here", {"patience": "1 s"}),
        "goquorum": Preset("GoQuorum's defaults", {"patience": "10 s"}, "5 s"),
    }
    leader_prepares: ClassVar[bool] = True

    async def run(self, node: Node) -> None:
        """PBFT's conversation with Istanbul's quorum."""
        node.quorum_size = two_thirds(node.n)
        await PBFT.run(self, node)


def two_thirds(n: int) -> int:
    """ceil(2n/3), the quorum of the Istanbul family: n - f, or one less where n is a multiple of 3."""
    return -(-2 * n // 3)


def leader(node: Node, slot: int, view: int) -> int:
    """Round robin over slots and views."""
    return (slot + view) % node.n


def commit(node: Node, said: Commit) -> None:
    """Send a COMMIT, unless this very one has been sent."""
    if node.keep.get("commit") != said:
        node.keep["commit"] = said
        node.broadcast(said, centre=leader(node, said.slot, said.view))


def locked(reports: tuple[Signed[ViewChange], ...], slot: int, backed: Backed) -> str | None:
    """The digest locked in the highest view that the reports prove; None leaves the leader free."""
    locks = [report.message.lock for report in reports if report.message.lock is not None]
    votes = [lock.message for lock in locks if lock.proves(Prepare, 1, slot=slot) and backed(lock)]
    return max(votes, key=lambda said: said.view).digest if votes else None


def justified(proposal: Any, quorum_size: int, backed: Backed) -> bool:
    """Whether a proposal carries a quorum's reports on its view, and obeys them."""
    place = (proposal.slot, proposal.view)
    reporters = {report.sender for report in proposal.reports if (report.message.slot, report.message.view) == place}
    return len(reporters) >= quorum_size and locked(proposal.reports, proposal.slot, backed) in (None, proposal.digest)


def resume(node: Node, slot: int) -> tuple[int, Certificate | None]:
    """View and lock to start a slot with; after a crash never again a view in which this node may have voted."""
    place = node.keep.get("place")
    if place is None or place[0] != slot:
        return 0, None
    return place[1] + 1, place[2]


async def help_stragglers(node: Node, proofs: list[Certificate]) -> None:
    """Prove decisions to those who have missed them, and tell what their blocks are."""
    while True:
        ask = await node.receive(Missing)
        known = proofs[ask.message.slot : ask.message.slot + MOST_PROOFS]
        if known:
            node.send(ask.sender, Decided(ask.message.slot, tuple(proof.message.digest for proof in known)))
        for proof in known:
            node.send(ask.sender, proof)


async def answer_late_reports(node: Node, proofs: list[Certificate], patience_ns: int) -> None:
    """Whoever gives up a view later than the one in which its slot was decided gets the proof; looked for now and then."""
    while True:
        await node.sleep(patience_ns // 4)
        for late in node.mail(ViewChange, slot=lambda slot: slot < len(proofs)):
            proof = proofs[late.message.slot]
            if late.message.view > proof.message.view:
                node.send(late.sender, proof)
        node.forget(ViewChange, slot=len(proofs))


async def keep_up(node: Node, proofs: list[Certificate], patience_ns: int, proposal: type[Any] = Propose) -> None:
    """A proposal two slots ahead means that decisions have passed us by: get proofs and blocks from whoever sent it, many at a time."""
    while True:
        ahead = await node.collect(proposal, 1, slot=lambda slot: slot > len(proofs) + 1)
        node.send(ahead[-1].sender, Missing(len(proofs)))
        try:
            async with node.timeout(patience_ns // 4):
                told = await node.receive(Decided, sender=ahead[-1].sender)
                digests = told.message.digests[:MOST_PROOFS]
                ask_for_all(node, told.sender, digests)
                for digest in digests[-1:]:
                    await node.fetch(digest, patience_ns)
                while len(proofs) < told.message.slot + len(digests):
                    await node.sleep(max(1, patience_ns // 1000))
        except TimeoutError:
            continue  # ask again, perhaps somebody else
