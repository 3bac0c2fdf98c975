"""SmartBFT, the Byzantine ordering service of Hyperledger Fabric 3: PBFT with a leader who stays until a quorum complains.

Barger, Manevich, Meir, Tock, "A Byzantine fault-tolerant consensus library for Hyperledger Fabric", ICBC 2021
(arXiv 2107.06922), sections III and IV; times from the library's defaults. A view lasts over many slots. A node forwards what
is not ordered to the leader, and complains when it is still not ordered after that: a quorum of VIEW-CHANGE begins the next
view, VIEW-DATA tells its leader where everybody is, and the leader's first proposal shows a quorum of these (NEW-VIEW). Any
later proposal cites the decision before it. Safety rests on PBFT's `locked` and on `justified`, and on never going back to an older view.

In a simulation a block is always due, so an idle leader's heartbeats and the timeout for them are left out; so is leader
rotation, which Fabric forbids. What waits in a node's pool is looked at when a slot begins: a request that its leader leaves out is
complained about as silence is.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import ClassVar

from sim.consensus.catching_up import Decisions
from sim.consensus.pbft import Commit, Prepare, commit
from sim.consensus.pbft_view_change import Locks, locked
from sim.consensus.smartbft_views import Place, ViewData, Views
from sim.kernel.part import part
from sim.kernel.presets import Preset
from sim.kernel.units import Duration, Patience
from sim.node.ballots import Ballots
from sim.node.message import Certificate, Signed, message
from sim.node.node import Node
from sim.node.requests import pass_on
from sim.node.terms import ROUTES, Terms, too_hasty


@message
class Propose:
    """PRE-PREPARE; the first of a view carries a quorum's VIEW-DATA, later ones the decision before them."""

    carries: ClassVar[str] = "digest"
    slot: int
    view: int
    digest: str
    before: Certificate | None
    reports: tuple[Signed[ViewData], ...] = ()


@part
class SmartBFT:
    """SmartBFT: a leader who stays; (n-1)(2n+1) messages, three delays; a silent leader is replaced after forward + complain."""

    forward: Patience = 2_000_000_000  # after this long what is not ordered is forwarded to the leader
    complain: Duration = 20_000_000_000  # and after this long from then on the leader is complained about
    resend: Patience = 5_000_000_000  # how often a complaint is repeated
    view_change: Patience = 20_000_000_000  # how long a new leader may take
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

    def fits(self, terms: Terms) -> str:
        """Whether a leader has time to propose before the others complain."""
        why = "leaders are complained about while they wait for the next block to be due"
        return too_hasty(min(self.forward + self.complain, self.view_change), terms, "complain: with forward", why)

    async def run(self, node: Node) -> None:
        """Decide slot after slot."""
        node.quorum_size = -(-(node.n + node.f + 1) // 2)
        replica = Replica(self, node)
        await replica.run()


class Replica:
    """One node's part in the protocol."""

    def __init__(self, rules: SmartBFT, node: Node) -> None:
        self.rules, self.node = rules, node
        self.place: Place = node.keep.setdefault("place", Place())
        self.place.since_ns = node.now
        self.decisions = Decisions(node, Commit, Propose, rules.resend)
        self.views = Views(node, self.place, self.decisions, rules.resend)

    async def run(self) -> None:
        """A quorum of COMMIT decides a slot, in whichever view."""
        node, place, decisions = self.node, self.place, self.decisions
        node.spawn(self.forward_requests())
        for slot in count(decisions.slot):
            proof = await decisions.next(self.talk(slot))
            view = proof.message.view
            place.settled = max(place.settled, view)
            commit(node, proof.message, view % node.n)  # whoever decides without having prepared still counts for the others
            if view > place.view:
                place.since_ns = node.now
            if view >= place.view:
                place.view, place.reports = view, ()
            place.lock = None
            decisions.add(proof)

    async def talk(self, slot: int) -> None:
        """One slot, in one view after another until `run` has decided."""
        patience_ns = self.left_ns()
        while True:
            try:
                async with self.node.timeout(patience_ns):
                    self.place.lock = lock = await self.agree(slot)
                    said = lock.message
                    commit(self.node, Commit(slot, said.view, said.digest), said.view % self.node.n)
                    await self.node.forever()
            except TimeoutError:
                await self.views.change()
                patience_ns = self.rules.view_change

    def left_ns(self) -> int:
        """How long until there is reason to complain: no decision here, or a request that waits for too long under this leader."""
        node, oldest = self.node, next(self.node.waiting(), None)
        waited_ns = 0 if oldest is None else node.now - max(oldest.submitted_ns, self.place.since_ns)
        return max(0, self.rules.forward + self.rules.complain - waited_ns)

    async def agree(self, slot: int) -> Certificate:
        """The present view's proposal up to its PREPARE certificate."""
        node, place = self.node, self.place
        if place.view % node.n == node.id:
            await self.lead(slot, place.view)
        if (slot, place.view) > place.voted:
            place.prepare = await self.sound_proposal(slot)
        said = place.prepare  # perhaps said before a crash: the same is said again
        assert said is not None
        node.broadcast(said, centre=said.view % node.n)
        return await node.quorum(Prepare, node.quorum_size, slot=slot, view=said.view)

    async def sound_proposal(self, slot: int) -> Prepare:
        """What there is to say to the first proposal of this view, or of a later one, that this node may vote for."""
        node, place = self.node, self.place
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
        return Prepare(slot, said.view, said.digest)

    async def lead(self, slot: int, view: int) -> None:
        """Propose; in a new view what a quorum's reports say is locked, and after bringing everybody to the newest slot."""
        node, place, before = self.node, self.place, self.decisions.last
        if place.proposal is not None and (place.proposal.slot, place.proposal.view) == (slot, view):
            node.broadcast(place.proposal)
            return
        cited = before is not None and before.message.view == view
        if view > 0 and not cited and not place.reports:
            place.reports = await self.views.hear(slot, view)
        reports = () if cited else place.reports
        digest = locked(reports, slot, prepared(node.quorum_size)) or node.publish(await node.next_batch())
        place.proposal = Propose(slot, view, digest, before if cited else None, reports)
        node.broadcast(place.proposal)

    async def forward_requests(self) -> None:
        """Send the leader what is not ordered for too long, once; it may not have heard of it."""
        node, place, forward_ns = self.node, self.place, self.rules.forward
        told: dict[str, int] = {}
        while True:
            await node.sleep(forward_ns)
            late = [one for one in node.waiting() if node.now - max(one.submitted_ns, place.since_ns) >= forward_ns]
            leader, told = place.view % node.n, {one.id: told.get(one.id, -1) for one in late}
            for one in late:
                if told[one.id] < place.view and leader != node.id:
                    pass_on(node, leader, one)
                told[one.id] = place.view


def prepared(quorum_size: int) -> Locks:
    """Whether a quorum has signed PREPAREs: here everybody's count, the leader's too."""
    return lambda proof: proof.proves(Prepare, quorum_size)


def justified(said: Propose, quorum_size: int) -> bool:
    """Whether nothing else can have been decided here: view 0, a decision of this view before it, or a quorum's reports."""
    if said.view == 0 or (said.before is not None and said.before.proves(Commit, quorum_size, slot=said.slot - 1, view=said.view)):
        return True
    sound = [one for one in said.reports if one.message.view == said.view and one.message.slot <= said.slot]
    enough = len({one.sender for one in sound}) >= quorum_size
    return enough and locked(sound, said.slot, prepared(quorum_size)) in (None, said.digest)
