"""SmartBFT, the Byzantine ordering service of Hyperledger Fabric 3: PBFT with a leader who stays until a quorum complains.

Barger, Manevich, Meir, Tock, "A Byzantine fault-tolerant consensus library for Hyperledger Fabric", ICBC 2021
(arXiv 2107.06922), sections III and IV; times from the library's defaults. A view lasts over many slots. A node forwards what
is not ordered to the leader, and complains when it is still not ordered after that: a quorum of VIEW-CHANGE begins the next
view, VIEW-DATA tells its leader where everybody is, and the leader's first proposal shows a quorum of these (NEW-VIEW). Any
later proposal cites the decision before it. Safety rests on `bound` and `justified`, and on never going back to an older view.

In a simulation a block is always due, so an idle leader's heartbeats and the timeout for them are left out; so are leader
rotation, which Fabric forbids, and the pool of requests: what is forwarded is known to the leader anyway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import ClassVar

from sim.consensus.pbft import help_stragglers, keep_up
from sim.kernel.part import part
from sim.kernel.presets import Preset
from sim.kernel.units import Duration, show_duration
from sim.node.message import Certificate, Signed, message, vote
from sim.node.node import Node
from sim.node.terms import ROUTES, Terms


@message
class Propose:
    """PRE-PREPARE; the first of a view carries a quorum's VIEW-DATA, later ones the decision before them."""

    carries: ClassVar[str] = "digest"
    slot: int
    view: int
    digest: str
    before: Certificate | None
    reports: tuple[Signed[ViewData], ...] = ()


@vote
class Prepare:
    """I have seen this proposal and no other at this place."""

    slot: int
    view: int
    digest: str


@vote
class Commit:
    """I have seen a quorum of PREPARE and am locked on it."""

    slot: int
    view: int
    digest: str


@vote
class ViewChange:
    """I complain about the leader before this view."""

    view: int


@message
class ViewData:
    """To a new leader: the first slot I have no decision for, the decision before it, and my newest lock there."""

    slot: int
    view: int
    last: Certificate | None
    lock: Certificate | None


class Place:
    """Where a node is and what it has promised; survives a crash."""

    def __init__(self) -> None:
        self.view = 0
        self.voted = (-1, -1)
        """The newest (slot, view) this node may have voted in."""
        self.lock: Certificate | None = None
        self.reports: tuple[Signed[ViewData], ...] = ()
        """What a quorum reported to this node as leader of the present view, until it has decided something."""


@part
class SmartBFT:
    """SmartBFT: a leader who stays; (n-1)(2n+1) messages, three delays; a silent leader is replaced after forward + complain."""

    forward: Duration = 2_000_000_000  # after this long what is not ordered is forwarded to the leader
    complain: Duration = 20_000_000_000  # and after this long from then on the leader is complained about
    resend: Duration = 5_000_000_000  # how often a complaint is repeated
    view_change: Duration = 20_000_000_000  # how long a new leader may take
    preset: str = ""  # figures somebody runs; they fill what is not given

    presets: ClassVar[Mapping[str, Preset]] = {
        "fabric-smartbft": Preset(
            "the library's defaults, which Fabric 3 keeps",
            {"forward": "2 s", "complain": "20 s", "resend": "5 s", "view_change": "20 s"},
            "50 ms",
        ),
    }
    routes: ClassVar[tuple[str, ...]] = ROUTES

    def fits(self, terms: Terms) -> str:
        """Whether a leader has time to propose before the others complain."""
        if min(self.forward + self.complain, self.view_change) > terms.block_interval:
            return ""
        why = "leaders are complained about while they wait for the next block to be due"
        return f"complain: no later than block_interval, {show_duration(terms.block_interval)}: {why}"

    async def run(self, node: Node) -> None:
        """Decide slot after slot."""
        node.quorum_size = -(-(node.n + node.f + 1) // 2)
        proofs: list[Certificate] = node.keep.setdefault("proofs", [])
        place: Place = node.keep.setdefault("place", Place())
        node.spawn(help_stragglers(node, proofs))
        node.spawn(keep_up(node, proofs, self.resend, Propose))
        for slot in count(len(proofs)):
            talking = node.spawn(self.talk(node, place, slot, proofs))
            proof = await node.quorum(Commit, node.quorum_size, slot=slot)
            await node.fetch(proof.message.digest, self.resend // 8)
            talking.cancel()
            proofs.append(proof)
            if proof.message.view >= place.view:
                place.view, place.reports = proof.message.view, ()
            place.lock = None
            node.decide(slot, proof.message.digest)
            node.forget(Propose, slot=slot + 1)

    async def talk(self, node: Node, place: Place, slot: int, proofs: list[Certificate]) -> None:
        """One slot, in one view after another until `run` has decided."""
        patience_ns = self.forward + self.complain
        while True:
            try:
                async with node.timeout(patience_ns):
                    lock = await self.agree(node, place, slot, proofs[-1] if proofs else None)
                    place.lock = lock
                    said = lock.message
                    node.broadcast(Commit(slot, said.view, said.digest), centre=said.view % node.n)
                    await node.forever()
            except TimeoutError:
                await self.change(node, place, slot, proofs[-1] if proofs else None)
                patience_ns = self.view_change

    async def agree(self, node: Node, place: Place, slot: int, before: Certificate | None) -> Certificate:
        """The present view's proposal up to its PREPARE certificate."""
        view = place.view
        if view % node.n == node.id and (slot, view) > place.voted:
            await self.lead(node, place, slot, before)
        while True:
            mail = await node.receive(Propose, slot=slot, view=lambda view: view >= place.view)
            said = mail.message
            if mail.sender != said.view % node.n or (slot, said.view) <= place.voted:
                continue
            if not justified(said, node.quorum_size):
                node.invalid(mail, "neither the decision before it nor a quorum's reports justify it")
            elif not node.accepts(await node.fetch(said.digest)):
                node.invalid(mail, "its block is not valid here")
            else:
                break
        place.view = max(place.view, said.view)
        place.voted = (slot, said.view)
        node.broadcast(Prepare(slot, said.view, said.digest), centre=mail.sender)
        return await node.quorum(Prepare, node.quorum_size, slot=slot, view=said.view)

    async def lead(self, node: Node, place: Place, slot: int, before: Certificate | None) -> None:
        """Propose; in a new view what a quorum's reports say is locked, and after bringing everybody to the newest slot."""
        view = place.view
        cited = before is not None and before.message.view == view
        if view > 0 and not cited and not place.reports:
            place.reports = await self.hear(node, slot, view)
        reports = () if cited else place.reports
        digest = bound(reports, slot, node.quorum_size) or node.publish(await node.next_batch())
        node.broadcast(Propose(slot, view, digest, before if cited else None, reports))

    async def hear(self, node: Node, slot: int, view: int) -> tuple[Signed[ViewData], ...]:
        """As the new leader: where a quorum is. Of a node that is further on the decision is passed on to all, and ends this slot."""
        heard: dict[int, Signed[ViewData]] = {}
        while len(heard) < node.quorum_size:
            report = await node.receive(ViewData, view=view)
            if report.message.slot <= slot:
                heard[report.sender] = report
            elif report.message.last is not None and known(report, node.quorum_size):
                node.broadcast(report.message.last)
        node.forget(ViewData, view=view)
        return tuple(heard.values())

    async def change(self, node: Node, place: Place, slot: int, last: Certificate | None) -> None:
        """Complain until a quorum does, and tell the next leader where this node is."""
        wanted = place.view + 1
        node.note("view-change", slot=slot, view=wanted)
        while True:
            node.broadcast(ViewChange(wanted))
            try:
                async with node.timeout(self.resend):
                    await node.quorum(ViewChange, node.quorum_size, view=wanted)
                    break
            except TimeoutError:
                continue
        place.view, place.reports = wanted, ()
        node.send(wanted % node.n, ViewData(slot, wanted, last, place.lock))


def known(report: Signed[ViewData], quorum_size: int) -> bool:
    """Whether a report proves that the slot before the one it names is decided."""
    last = report.message.last
    return last is not None and last.proves(Commit, quorum_size, slot=report.message.slot - 1)


def bound(reports: Sequence[Signed[ViewData]], slot: int, quorum_size: int) -> str | None:
    """The digest locked for a slot in the highest view that the reports prove; None leaves the leader free."""
    locks = [report.message.lock for report in reports if report.message.lock is not None]
    votes = [lock.message for lock in locks if lock.proves(Prepare, quorum_size, slot=slot)]
    return max(votes, key=lambda said: int(said.view)).digest if votes else None


def justified(said: Propose, quorum_size: int) -> bool:
    """Whether nothing else can have been decided here: view 0, a decision of this view before it, or a quorum's reports."""
    if said.view == 0 or (said.before is not None and said.before.proves(Commit, quorum_size, slot=said.slot - 1, view=said.view)):
        return True
    sound = [one for one in said.reports if one.message.view == said.view and one.message.slot <= said.slot]
    enough = len({one.sender for one in sound}) >= quorum_size
    return enough and bound(sound, said.slot, quorum_size) in (None, said.digest)
