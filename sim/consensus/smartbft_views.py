"""SmartBFT's change of view: complaints of a quorum begin it, and the new leader hears where a quorum stands before it proposes.

Barger, Manevich, Meir, Tock, "A Byzantine fault-tolerant consensus library for Hyperledger Fabric", ICBC 2021 (arXiv 2107.06922),
section IV. A complaint is repeated until a quorum complains; what the quorum said is shown again until the new view has decided
something, for some complaints may have been lost.
"""

from __future__ import annotations

from typing import Any

from sim.consensus.catching_up import Decisions
from sim.consensus.pbft import Commit, Prepare
from sim.node.message import Certificate, Signed, message, vote
from sim.node.node import Node


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
        self.proposal: Any = None
        self.prepare: Prepare | None = None
        """The newest proposal and PREPARE of this node: after a crash they are said again."""
        self.lock: Certificate | None = None
        self.reports: tuple[Signed[ViewData], ...] = ()
        """What a quorum reported to this node as leader of the present view, until it has decided something."""

    @property
    def voted(self) -> tuple[int, int]:
        """The newest (slot, view) this node may have voted in."""
        return (-1, -1) if self.prepare is None else (self.prepare.slot, self.prepare.view)

    def enter(self, view: int, now_ns: int) -> None:
        """Go to a view in which nothing is reported to this node yet."""
        self.view, self.since_ns, self.reports = view, now_ns, ()


class Views:
    """How one node leaves a view and, as the new leader, begins one."""

    def __init__(self, node: Node, place: Place, decisions: Decisions, resend_ns: int) -> None:
        self.node, self.place, self.decisions, self.resend_ns = node, place, decisions, resend_ns

    async def change(self) -> None:
        """Complain until a quorum does, and tell the next leader where this node is."""
        node, place, slot = self.node, self.place, self.decisions.slot
        wanted = place.view + 1
        node.note("view-change", slot=slot, view=wanted)
        while True:
            node.broadcast(ViewChange(wanted))
            try:
                async with node.timeout(self.resend_ns):
                    entered = await node.quorum(ViewChange, node.quorum_size, view=wanted)
                    break
            except TimeoutError:
                continue
        place.enter(wanted, node.now)
        node.spawn(self._remind(entered))
        node.send(wanted % node.n, ViewData(slot, wanted, self.decisions.last, place.lock))

    async def hear(self, slot: int, view: int) -> tuple[Signed[ViewData], ...]:
        """As the new leader: where a quorum is. Who is behind is sent what it lacks; the decision of who is further on ends this slot."""
        node = self.node
        heard: dict[int, Signed[ViewData]] = {}
        while len(heard) < node.quorum_size:
            report = await node.receive(ViewData, view=view)
            if report.message.slot <= slot:
                heard[report.sender] = report
                self._bring_up(report)
            elif report.message.last is not None and known(report, node.quorum_size):
                node.broadcast(report.message.last)
        node.spawn(self._help_late(view))
        return tuple(heard.values())

    async def _remind(self, entered: Certificate) -> None:
        """Until something is decided in a new view, show again and again why it began."""
        while True:
            await self.node.sleep(self.resend_ns)
            if self.place.view != entered.message.view or self.place.settled == self.place.view:
                return
            self.node.broadcast(entered)

    async def _help_late(self, view: int) -> None:
        """As a leader who has heard a quorum: those who report after it may be behind as well."""
        self.node.forget(ViewData, view=view)
        while True:
            self._bring_up(await self.node.receive(ViewData, view=view))

    def _bring_up(self, report: Signed[ViewData]) -> None:
        """Send a node that reports the decisions that it lacks."""
        for proof in self.decisions.proofs[report.message.slot :]:
            self.node.send(report.sender, proof)


def known(report: Signed[ViewData], quorum_size: int) -> bool:
    """Whether a report proves that the slot before the one it names is decided."""
    last = report.message.last
    return last is not None and last.proves(Commit, quorum_size, slot=report.message.slot - 1)
