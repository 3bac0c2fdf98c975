"""Chained HotStuff: one kind of vote, one block a view, and each block's votes are the next phase of the blocks below it.

Yin, Malkhi, Reiter, Gueta, Abraham, "HotStuff: BFT consensus with linearity and responsiveness", PODC 2019 (arXiv 1803.05069),
section 5 and algorithm 3. The leader of a view turns the votes of the view before into a certificate and proposes on top of
it; votes go to the next leader alone. A block is final when it and the two above it were certified in consecutive views.
Safety rests on the one vote a view, on `safe_node` and on `three_in_a_row`.

A vote names the view of the block below, as in Diem's VoteData, so that a certificate alone tells what it locks. A leader
that was wished for waits for a quorum's newest certificates (NEW-VIEW). The pacemaker is in `pacemaker.py`. Left out: the empty
blocks by which the paper fills views without a block, and threshold signatures: a certificate names its signers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from sim.consensus.ancestry import Ancestry
from sim.consensus.hotstuff.pacemaker import Growth, NewView, Pace, Pacemaker, Wish, in_time
from sim.consensus.tree import Tree
from sim.kernel.part import part
from sim.kernel.presets import Preset
from sim.kernel.strand import Strand
from sim.kernel.units import AtLeastOne, Count, Patience
from sim.node.ballots import Ballots
from sim.node.message import Certificate, Signed, message, vote
from sim.node.node import Node
from sim.node.terms import Terms


@message
class Propose:
    """A block on the one that `justify` certifies; `entry` and `reports` tell why the view began, if not by `justify`."""

    carries: ClassVar[str] = "digest"
    view: int
    digest: str
    justify: Certificate | None
    entry: Certificate | None
    reports: tuple[Signed[NewView], ...] = ()


@vote
class Vote:
    """The one vote of a view, for a block that stands on one certified in the view `below`."""

    view: int
    digest: str
    below: int


class Promises:
    """What a node must not forget, or it would vote twice or against its lock; survives a crash."""

    def __init__(self) -> None:
        self.voted = self.proposed = -1
        self.high: Certificate | None = None
        self.lock: tuple[int, str] = (-1, "")
        """View and digest of the newest block known to have a certified child."""
        self.certified: dict[int, Vote] = {}
        """What was certified, by view; old ones are dropped."""


@part
class ChainedHotStuff:
    """Chained HotStuff: a block every two delays, final after three certificates in a row; 2(n-1) messages a block."""

    patience: Patience = 2_000_000_000  # how long a view may take before its leader is given up
    growth: Growth = 2.0  # by what factor patience grows with each view given up in a row
    most_growths: Count = 6  # how often it grows at most
    turn: AtLeastOne = 4  # views in a row of one leader; below 4, one dead seat of four keeps everything from being final
    preset: str = ""  # figures somebody runs; they fill what is not given

    presets: ClassVar[Mapping[str, Preset]] = {
        "relab": Preset("the relab framework", {"patience": "500 ms", "growth": 1.2, "turn": 1}),
    }
    ballots: ClassVar[Ballots] = Ballots(Vote, ("view",), proposal=Propose, row=3)
    reports_bind: ClassVar[bool] = False  # whether who reports for a view must vote in none before it any more
    lacking: ClassVar[str] = "its view began with neither votes nor wishes of a quorum"

    def fits(self, terms: Terms) -> str:
        """Whether a leader has time to propose before the others lose patience."""
        return in_time(self.patience, terms)

    async def run(self, node: Node) -> None:
        """Look at each proposal as it comes; everything else follows from votes and views."""
        replica = Replica(self, node)
        replica.views.start()
        while True:
            node.spawn(replica.consider(await node.receive(Propose)))

    def justified(self, proposal: Propose, quorum_size: int) -> bool:
        """Whether a proposal's certificates are what they should be, and show that its view has begun."""
        justify, entry = proposal.justify, proposal.entry
        if justify is not None and not justify.proves(Vote, quorum_size):
            return False
        by_votes = view_of(justify) == proposal.view - 1
        return by_votes or (entry is not None and entry.proves(Wish, quorum_size, view=proposal.view))

    def safe(self, proposal: Propose, promises: Promises, tree: Tree) -> bool:
        """Whether the promises made allow a vote."""
        lock_view, lock = promises.lock
        return safe_node(view_of(proposal.justify), tree.extends(proposal.digest, lock), lock_view)

    def final(self, newest: Vote, promises: Promises) -> str:
        """The block whose parent a new certificate makes final, or ''."""
        middle = promises.certified.get(newest.below)
        return middle.digest if middle is not None and three_in_a_row(newest, middle) else ""

    def excuse(self, reports: tuple[Signed[NewView], ...]) -> tuple[Signed[NewView], ...]:
        """What a leader that was wished for shows of the reports: HotStuff's lock makes them needless."""
        return ()


def safe_node(justify_view: int, extends_lock: bool, lock_view: int) -> bool:
    """The paper's safeNode: extend the lock, or be justified by a newer certificate than it (algorithm 1)."""
    return extends_lock or justify_view > lock_view


def three_in_a_row(newest: Vote, middle: Vote) -> bool:
    """Whether the block below `middle`, `middle` and `newest` were certified in consecutive views."""
    return newest.view == middle.view + 1 == middle.below + 2 and newest.below == middle.view


def view_of(certificate: Certificate | None) -> int:
    """The view a certificate was made in; the beginning lies just before view 0."""
    return -1 if certificate is None else int(certificate.message.view)


class Replica:
    """One node's part in the protocol."""

    def __init__(self, rules: ChainedHotStuff, node: Node) -> None:
        self.rules, self.node = rules, node
        self.tree: Tree = node.keep.setdefault("tree", Tree())
        self.ancestry = Ancestry(node)
        self.promises: Promises = node.keep.setdefault("promises", Promises())
        pace = Pace(rules.patience, rules.growth, rules.most_growths, rules.turn)
        self.views = Pacemaker(node, pace, opened=self.opened, high=self.high, shown=self.learn)
        self.gathering: Strand[None] | None = None

    def high(self, view: int) -> Certificate | None:
        """The newest certificate, for the leader of a view that is wished for."""
        if self.rules.reports_bind:
            self.promises.voted = max(self.promises.voted, view - 1)
        return self.promises.high

    def opened(self, view: int) -> None:
        """A view begins: lead it, or gather its votes as leader of the next."""
        if self.views.is_mine(view):
            self.node.spawn(self.lead(view))
        if self.views.is_mine(view + 1):
            if self.gathering is not None:
                self.gathering.cancel()
            self.gathering = self.node.spawn(self.gather(view))

    async def gather(self, view: int) -> None:
        """As leader of the next view: a quorum of votes is a certificate."""
        await self.learn(await self.node.quorum(Vote, self.node.quorum_size, view=view))

    async def lead(self, view: int) -> None:
        """Propose on top of the newest certificate; after a view that failed, of those that a quorum knows."""
        node, mine = self.node, self.promises
        reports: tuple[Signed[NewView], ...] = ()
        if view > 0 and view_of(mine.high) < view - 1:
            reports = await node.collect(NewView, node.quorum_size, view=view)
            for report in reports:
                if report.message.high is not None:
                    await self.learn(report.message.high)
        node.forget(NewView, view=view)
        justify = mine.high
        block = await node.next_batch(node.genesis if justify is None else justify.message.digest)
        if self.views.view == view > mine.proposed:
            mine.proposed = view
            node.broadcast(
                Propose(view, node.publish(block), justify, self.views.by_wish if reports else None, self.rules.excuse(reports))
            )

    async def learn(self, proof: Certificate) -> None:
        """A block was certified: remember it, lock the block below, decide what is final, begin the next view."""
        node, mine, newest = self.node, self.promises, proof.message
        if not proof.proves(Vote, node.quorum_size) or newest.view in mine.certified:
            return
        await self.tree.grow(self.ancestry, newest.digest, self.rules.patience // 8)
        mine.certified[newest.view] = newest
        for old in [view for view in mine.certified if view < newest.view - 8]:
            del mine.certified[old]
        if newest.view > view_of(mine.high):
            mine.high = proof
        if newest.below > mine.lock[0]:
            mine.lock = (newest.below, self.tree.blocks[newest.digest].parent)
        upper = self.tree.blocks.get(self.rules.final(newest, mine))
        if upper is not None:
            self.tree.finalise(node, upper.parent)
        self.views.enter(newest.view + 1, proof)

    async def consider(self, mail: Signed[Propose]) -> None:
        """Vote for a proposal if it is the leader's, justified, valid and safe."""
        node, mine, proposal, views = self.node, self.promises, mail.message, self.views
        view, justify = proposal.view, proposal.justify
        if view < views.view or mail.sender != views.leader(view):
            return
        if not self.rules.justified(proposal, node.quorum_size):
            node.invalid(mail, self.rules.lacking)
            return
        views.enter(view, proposal.entry)
        if justify is not None:
            await self.learn(justify)
        await self.tree.grow(self.ancestry, proposal.digest, self.rules.patience // 8)
        if view != views.view or view <= mine.voted:
            return
        below = node.genesis if justify is None else justify.message.digest
        if not node.accepts(await node.fetch(proposal.digest), below):
            node.invalid(mail, "its block is not valid here")
        elif not self.rules.safe(proposal, mine, self.tree):
            node.note("unsafe", view=view, digest=proposal.digest)
        else:
            mine.voted = view
            node.send(views.leader(view + 1), Vote(view, proposal.digest, view_of(justify)))
