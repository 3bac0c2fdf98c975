"""HotStuff, basic: PBFT's phases through a leader, so that a decision and a change of view both cost a linear number of messages.

Yin, Malkhi, Reiter, Gueta, Abraham, "HotStuff: BFT consensus with linearity and responsiveness", PODC 2019 (arXiv 1803.05069),
section 4 and algorithm 2. In each phase all send their vote to the leader, who sends back the certificate that a quorum of
them makes: PREPARE tells that no other block was, PRE-COMMIT locks the block, COMMIT decides it. The next leader goes on at
once when it sees the decision; where views failed it waits for a quorum's NEW-VIEW and proposes on the newest certificate.
Safety rests on the one vote a phase and on `safe_node`. Left out: threshold signatures, a certificate names its signers; views
change by the pacemaker of `pacemaker.py`.
"""

from __future__ import annotations

from typing import ClassVar

from sim.consensus.ancestry import Ancestry
from sim.consensus.hotstuff.chained import safe_node, view_of
from sim.consensus.hotstuff.pacemaker import Growth, NewView, Pace, Pacemaker, Wish, in_time
from sim.consensus.tree import Tree
from sim.kernel.part import part
from sim.kernel.strand import Strand
from sim.kernel.units import AtLeastOne, Count, Patience
from sim.node.ballots import Ballots
from sim.node.message import Certificate, Signed, message, vote
from sim.node.node import Node
from sim.node.terms import Terms

EVERY_CERTIFICATE = 1 << 62  # above all numbers of messages


@message
class Propose:
    """A block on the newest certified one; `entry` tells why the view began, if not by a decision."""

    carries: ClassVar[str] = "digest"
    view: int
    digest: str
    justify: Certificate | None
    entry: Certificate | None


@vote
class Vote:
    """A vote of one phase of a view: 0 PREPARE, then PRE-COMMIT and COMMIT."""

    view: int
    phase: int
    digest: str


class Promises:
    """What a node must not forget; survives a crash."""

    def __init__(self) -> None:
        self.voted = self.proposed = -1
        self.high: Certificate | None = None
        self.lock: Certificate | None = None


@part
class HotStuff:
    """Basic HotStuff: three phases through the leader; 7(n-1) messages, six delays to the leader's decision, seven to all."""

    patience: Patience = 2_000_000_000  # how long a view may take before its leader is given up
    growth: Growth = 2.0  # by what factor patience grows with each view given up in a row
    most_growths: Count = 6  # how often it grows at most
    turn: AtLeastOne = 1  # views in a row of one leader

    phases: ClassVar[int] = 3
    ballots: ClassVar[Ballots] = Ballots(Vote, ("view",), Vote, Propose, step="phase", steps=3)

    def fits(self, terms: Terms) -> str:
        """Whether a leader has time to propose before the others lose patience."""
        return in_time(self.patience, terms)

    async def run(self, node: Node) -> None:
        """Look at each proposal as it comes; the rest of a view is `talk`."""
        replica = Replica(self, node)
        replica.views.start()
        while True:
            node.spawn(replica.consider(await node.receive(Propose)))

    async def wait_for_reports(self, node: Node, view: int) -> tuple[Signed[NewView], ...]:
        """What a leader must know before it proposes after a failed view: the newest certificates of a quorum."""
        return await node.collect(NewView, node.quorum_size, view=view)

    def safe(self, justify: Certificate | None, lock: Certificate | None, extends_lock: bool) -> bool:
        """Whether the lock allows a vote."""
        return lock is None or safe_node(view_of(justify), extends_lock, view_of(lock))


class Replica:
    """One node's part in the protocol."""

    def __init__(self, rules: HotStuff, node: Node) -> None:
        self.rules, self.node = rules, node
        self.tree: Tree = node.keep.setdefault("tree", Tree())
        self.ancestry = Ancestry(node)
        self.promises: Promises = node.keep.setdefault("promises", Promises())
        pace = Pace(rules.patience, rules.growth, rules.most_growths, rules.turn)
        self.views = Pacemaker(node, pace, opened=self.opened, high=lambda view: self.promises.high, shown=self.shown)
        self.early: dict[int, Signed[Propose]] = {}
        """Proposals that came before what begins their view, for links differ."""
        self.leading: Strand[None] | None = None
        self.talking: Strand[None] | None = None

    def opened(self, view: int) -> None:
        """A view begins: the last one's talk is over."""
        for task in (self.leading, self.talking):
            if task is not None:
                task.cancel()
        self.leading = self.talking = None
        self.node.forget(Certificate, number=EVERY_CERTIFICATE)  # their votes are counted
        for earlier in [known for known in self.early if known < view]:
            del self.early[earlier]
        if view in self.early:
            self.node.spawn(self.consider(self.early.pop(view)))
        if self.views.is_mine(view):
            self.leading = self.node.spawn(self.lead(view))

    async def shown(self, proof: Certificate) -> None:
        """Somebody proves to be further on."""
        if type(proof.message) is Vote and proof.proves(Vote, self.node.quorum_size):
            await self.learn(proof)

    async def lead(self, view: int) -> None:
        """Propose on the newest certificate."""
        node, mine, entry = self.node, self.promises, self.views.by_wish
        if entry is not None and view_of(mine.high) < view - 1:
            for report in await self.rules.wait_for_reports(node, view):
                high = report.message.high
                if high is not None and high.proves(Vote, node.quorum_size) and view_of(high) > view_of(mine.high):
                    await self.tree.grow(self.ancestry, high.message.digest, self.rules.patience // 8)
                    mine.high = high
            node.forget(NewView, view=view)
        block = await node.next_batch(node.genesis if mine.high is None else mine.high.message.digest)
        if view > mine.proposed:
            mine.proposed = view
            node.broadcast(Propose(view, node.publish(block), mine.high, entry))

    async def consider(self, mail: Signed[Propose]) -> None:
        """Begin to talk about a proposal if it is the leader's, justified, valid and safe."""
        node, mine, proposal, views = self.node, self.promises, mail.message, self.views
        view, justify = proposal.view, proposal.justify
        if view < views.view or mail.sender != views.leader(view):
            return
        if justify is not None and not justify.proves(Vote, node.quorum_size):
            node.invalid(mail, "what it stands on is not certified")
            return
        if proposal.entry is not None and proposal.entry.proves(Wish, node.quorum_size, view=view):
            views.enter(view, proposal.entry)
        await self.tree.grow(self.ancestry, proposal.digest, self.rules.patience // 8)
        if views.view < view <= views.view + node.n:
            self.early[view] = mail
        if view != views.view or view <= mine.voted:
            return
        below = node.genesis if justify is None else justify.message.digest
        extends = mine.lock is None or self.tree.extends(below, mine.lock.message.digest)
        if not node.accepts(self.tree.blocks[proposal.digest], below):
            node.invalid(mail, "its block is not valid here")
        elif not self.rules.safe(justify, mine.lock, extends):
            node.note("unsafe", view=view, digest=proposal.digest)
        else:
            mine.voted = view
            self.talking = node.spawn(self.talk(view, proposal.digest))

    async def talk(self, view: int, digest: str) -> None:
        """Phase after phase: vote to the leader, certificate from the leader, until the block is decided."""
        node, chief = self.node, self.views.leader(view)
        for phase in range(self.rules.phases):
            node.send(chief, Vote(view, phase, digest))
            proof = await node.quorum(Vote, node.quorum_size, view=view, phase=phase)
            digest = proof.message.digest
            if node.id == chief:
                node.broadcast(proof)
            await self.learn(proof)

    async def learn(self, proof: Certificate) -> None:
        """A phase is complete: the first raises the newest certificate, the last but one locks, the last decides."""
        node, mine, said = self.node, self.promises, proof.message
        if view_of(proof) > view_of(mine.high):
            mine.high = proof
        if said.phase >= self.rules.phases - 2 and view_of(proof) > view_of(mine.lock):
            mine.lock = proof
        if said.phase == self.rules.phases - 1:
            await self.tree.grow(self.ancestry, said.digest, self.rules.patience // 8)
            self.tree.finalise(node, said.digest)
            self.views.enter(said.view + 1, proof)
