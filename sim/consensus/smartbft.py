"""SmartBFT, the Byzantine ordering service of Hyperledger Fabric 3: PBFT with a leader who stays until a quorum complains.

Barger, Manevich, Meir, Tock, "A Byzantine fault-tolerant consensus library for Hyperledger Fabric", ICBC 2021
(arXiv 2107.06922), sections III and IV; times from the library's defaults. A view lasts over many slots. A node forwards what
is not ordered to the leader, and complains when it is still not ordered after that: a quorum of VIEW-CHANGE begins the next
view, VIEW-DATA tells its leader where everybody is, and the leader's first proposal shows a quorum of these (NEW-VIEW). Any
later proposal cites the decision before it. Safety rests on `bound` and `justified`, and on never going back to an older view.

In a simulation a block is always due, so an idle leader's heartbeats and the timeout for them are left out; so is leader
rotation, which Fabric forbids. What waits in a node's pool is looked at when a slot begins: a request that its leader leaves out is
complained about as silence is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import ClassVar

from sim.consensus.pbft import help_stragglers, keep_up
from sim.kernel.part import part
from sim.kernel.presets import Preset
from sim.kernel.units import Duration, show_duration
from sim.node.ballots import Ballots
from sim.node.message import Certificate, Signed, message, vote
from sim.node.node import Node
from sim.node.requests import pass_on
from sim.node.terms import ROUTES, Terms, must_last


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
        self.view = self.since_ns = 0
        """The view, and when it began here."""
        self.settled = 0
        """The newest view in which something was decided."""
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
    ballots: ClassVar[Ballots] = Ballots(Prepare, ("slot", "view"), Commit, Propose)

    def check(self) -> None:
        """Timers run."""
        must_last(self.forward, "forward")
        must_last(self.resend, "resend")
        must_last(self.view_change, "view_change")

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
        place.since_ns = node.now
        node.spawn(help_stragglers(node, proofs))
        node.spawn(keep_up(node, proofs, self.resend, Propose))
        node.spawn(self.forward_requests(node, place))
        for slot in count(len(proofs)):
            talking = node.spawn(self.talk(node, place, slot, proofs))
            proof = await node.quorum(Commit, node.quorum_size, slot=slot)
            await node.fetch(proof.message.digest, self.resend // 8)
            talking.cancel()
            proofs.append(proof)
            place.settled = max(place.settled, proof.message.view)
            commit(node, proof.message)  # whoever decides without having prepared still counts for the others
            if proof.message.view > place.view:
                place.since_ns = node.now
            if proof.message.view >= place.view:
                place.view, place.reports = proof.message.view, ()
            place.lock = None
            node.decide(slot, proof.message.digest)
            node.forget(Propose, slot=slot + 1)

    async def talk(self, node: Node, place: Place, slot: int, proofs: list[Certificate]) -> None:
        """One slot, in one view after another until `run` has decided."""
        patience_ns = self.left_ns(node, place)
        while True:
            try:
                async with node.timeout(patience_ns):
                    lock = await self.agree(node, place, slot, proofs)
                    place.lock = lock
                    commit(node, Commit(slot, lock.message.view, lock.message.digest))
                    await node.forever()
            except TimeoutError:
                await self.change(node, place, slot, proofs[-1] if proofs else None)
                patience_ns = self.view_change

    def left_ns(self, node: Node, place: Place) -> int:
        """How long until there is reason to complain: no decision here, or a request that waits for too long under this leader."""
        oldest = next(node.waiting(), None)
        waited_ns = 0 if oldest is None else node.now - max(oldest.submitted_ns, place.since_ns)
        return max(0, self.forward + self.complain - waited_ns)

    async def agree(self, node: Node, place: Place, slot: int, proofs: list[Certificate]) -> Certificate:
        """The present view's proposal up to its PREPARE certificate."""
        view = place.view
        if view % node.n == node.id and (slot, view) > place.voted:
            await self.lead(node, place, slot, proofs)
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
        if said.view > place.view:
            place.view, place.since_ns = said.view, node.now
        place.voted = (slot, said.view)
        node.broadcast(Prepare(slot, said.view, said.digest), centre=mail.sender)
        return await node.quorum(Prepare, node.quorum_size, slot=slot, view=said.view)

    async def lead(self, node: Node, place: Place, slot: int, proofs: list[Certificate]) -> None:
        """Propose; in a new view what a quorum's reports say is locked, and after bringing everybody to the newest slot."""
        view, before = place.view, proofs[-1] if proofs else None
        cited = before is not None and before.message.view == view
        if view > 0 and not cited and not place.reports:
            place.reports = await self.hear(node, slot, view, proofs)
        reports = () if cited else place.reports
        digest = bound(reports, slot, node.quorum_size) or node.publish(await node.next_batch())
        node.broadcast(Propose(slot, view, digest, before if cited else None, reports))

    async def hear(self, node: Node, slot: int, view: int, proofs: list[Certificate]) -> tuple[Signed[ViewData], ...]:
        """As the new leader: where a quorum is. Who is behind is sent what it lacks; the decision of who is further on ends this slot."""
        heard: dict[int, Signed[ViewData]] = {}
        while len(heard) < node.quorum_size:
            report = await node.receive(ViewData, view=view)
            if report.message.slot <= slot:
                heard[report.sender] = report
                bring_up(node, report, proofs)
            elif report.message.last is not None and known(report, node.quorum_size):
                node.broadcast(report.message.last)
        node.spawn(help_late(node, view, proofs))
        return tuple(heard.values())

    async def change(self, node: Node, place: Place, slot: int, last: Certificate | None) -> None:
        """Complain until a quorum does, and tell the next leader where this node is."""
        wanted = place.view + 1
        node.note("view-change", slot=slot, view=wanted)
        while True:
            node.broadcast(ViewChange(wanted))
            try:
                async with node.timeout(self.resend):
                    entered = await node.quorum(ViewChange, node.quorum_size, view=wanted)
                    break
            except TimeoutError:
                continue
        place.view, place.since_ns, place.reports = wanted, node.now, ()
        node.spawn(self.remind(node, place, entered))
        node.send(wanted % node.n, ViewData(slot, wanted, last, place.lock))

    async def forward_requests(self, node: Node, place: Place) -> None:
        """Send the leader what is not ordered for too long, once; it may not have heard of it."""
        told: dict[str, int] = {}
        while True:
            await node.sleep(self.forward)
            late = [one for one in node.waiting() if node.now - max(one.submitted_ns, place.since_ns) >= self.forward]
            leader, told = place.view % node.n, {one.id: told.get(one.id, -1) for one in late}
            for one in late:
                if told[one.id] < place.view and leader != node.id:
                    pass_on(node, leader, one)
                told[one.id] = place.view

    async def remind(self, node: Node, place: Place, entered: Certificate) -> None:
        """Until something is decided in a new view, show again and again why it began: some complaints may have been lost."""
        while True:
            await node.sleep(self.resend)
            if place.view != entered.message.view or place.settled == place.view:
                return
            node.broadcast(entered)


def commit(node: Node, said: Commit) -> None:
    """Send a COMMIT, unless this very one has been sent."""
    if node.keep.get("commit") != said:
        node.keep["commit"] = said
        node.broadcast(said, centre=said.view % node.n)


def bring_up(node: Node, report: Signed[ViewData], proofs: list[Certificate]) -> None:
    """Send a node that reports the decisions that it lacks."""
    for proof in proofs[report.message.slot :]:
        node.send(report.sender, proof)


async def help_late(node: Node, view: int, proofs: list[Certificate]) -> None:
    """As a leader who has heard a quorum: those who report after it may be behind as well."""
    node.forget(ViewData, view=view)
    while True:
        bring_up(node, await node.receive(ViewData, view=view), proofs)


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
