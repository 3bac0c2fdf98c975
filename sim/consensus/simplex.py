"""Simplex: a view ends when its block is notarised or the view itself is nullified, and nothing is ever left half done.

Chan, Pass, "Simplex consensus: a simple and fast consensus protocol", TCC 2023 (eprint 2023/463), section 2, in the words of
commonware's implementation. The leader's block stands on a notarised one, and every view between the two is nullified. All
notarise the first valid block of a view; who waits in vain nullifies the view. A notarisation begins the next view, and who
has not nullified this one finalises it. A quorum of FINALIZE makes the block and all below it final. Safety rests on one
NOTARIZE a view, on never both FINALIZE and NULLIFY, and on `connected`.

Timers do not grow: they are multiples of `delta`. The proposal carries the certificates that it rests on, so that whoever was
away needs nothing else; who is stuck repeats its NULLIFY together with the certificate that began its view. Left out: commonware's early
skip of leaders who have been silent for long.
"""

from __future__ import annotations

from collections.abc import Container
from typing import ClassVar, Literal

from sim.consensus.ancestry import Ancestry
from sim.consensus.tree import Tree
from sim.kernel.part import part
from sim.kernel.strand import Strand
from sim.kernel.units import Lasting
from sim.node.ballots import Ballots
from sim.node.message import Certificate, Signed, message, vote
from sim.node.node import Node
from sim.node.terms import ROUTES, Terms, too_hasty

REMEMBERED = 64  # views below the present one whose certificates stay known at least
EVERY_CERTIFICATE = 1 << 62  # above all numbers of messages


@message
class Propose:
    """A block on a notarised one, and the nullifications of every view between."""

    carries: ClassVar[str] = "digest"
    view: int
    digest: str
    parent: Certificate | None
    skipped: tuple[Certificate, ...]


@vote
class Notarize:
    """The first valid block of this view that I have seen."""

    view: int
    digest: str


@vote
class Nullify:
    """I have waited for this view in vain, and will not finalise it."""

    view: int


@vote
class Finalize:
    """I have seen this view notarised, and will not nullify it."""

    view: int
    digest: str


@message
class Entered:
    """Why I am in my view, for those who are further behind."""

    proof: Certificate


class Known:
    """What a node has promised and what was proved to it; survives a crash."""

    def __init__(self) -> None:
        self.view = 0
        self.proof: Certificate | None = None
        self.voted = self.proposed = self.nullified = -1
        """The newest view with a NOTARIZE, a proposal, a NULLIFY of this node's own."""
        self.notarised: dict[int, Certificate] = {}
        self.nulls: dict[int, Certificate] = {}

    def parent(self) -> tuple[Certificate | None, tuple[Certificate, ...]]:
        """The newest notarisation below the present view that it is connected to, and the nullifications between."""
        below = self.view - 1
        while below in self.nulls and below not in self.notarised:
            below -= 1
        return self.notarised.get(below), tuple(self.nulls[view] for view in range(below + 1, self.view))


@part
class Simplex:
    """Simplex: (n-1)(2n+1) messages, a block every two delays, final after three; timers that never grow."""

    delta: Lasting = 1_000_000_000  # what is assumed to be the longest delay: 2 delta for a proposal, 3 delta for a view
    leaders: Literal["in-turn", "by-lot"] = "in-turn"  # whether leaders take turns or are drawn for each view
    rebroadcast: bool = True  # send each notarisation to everybody: n(n-1) messages more, and nobody is left behind

    routes: ClassVar[tuple[str, ...]] = ROUTES
    ballots: ClassVar[Ballots] = Ballots(Notarize, ("view",), Finalize, Propose, excludes=((Finalize, Nullify),))

    def fits(self, terms: Terms) -> str:
        """Whether a leader has time to propose before the others nullify its view."""
        why = "views are nullified while their leader waits for the next block to be due"
        return too_hasty(2 * self.delta, terms, "delta: twice delta is", why)

    async def run(self, node: Node) -> None:
        """Look at each proposal as it comes; the rest follows from certificates and time."""
        replica = Replica(self, node)
        node.spawn(replica.keep_time())
        node.spawn(replica.listen())
        replica.begin()
        while True:
            node.spawn(replica.consider(await node.receive(Propose)))


def connected(parent_view: int, view: int, nulls: Container[int]) -> bool:
    """Whether every view between a block and its parent was nullified."""
    return parent_view < view and all(between in nulls for between in range(parent_view + 1, view))


class Replica:
    """One node's part in the protocol."""

    def __init__(self, rules: Simplex, node: Node) -> None:
        self.rules, self.node = rules, node
        self.tree: Tree = node.keep.setdefault("tree", Tree())
        self.ancestry = Ancestry(node)
        self.known: Known = node.keep.setdefault("known", Known())
        self.began_ns = node.now
        self.watching: list[Strand[None]] = []
        self.finalising: dict[int, Strand[None]] = {}

    def leader(self, view: int) -> int:
        """Who leads a view."""
        node = self.node
        return view % node.n if self.rules.leaders == "in-turn" else node.dice.below(node.n, "simplex-leader", view)

    def begin(self) -> None:
        """The present view begins: watch for what ends it, and lead it."""
        node, known = self.node, self.known
        for task in self.watching:
            task.cancel()
        self.began_ns = node.now
        node.forget(Certificate, number=EVERY_CERTIFICATE)  # their votes are counted
        self.watching = [node.spawn(self.watch_notarised(known.view)), node.spawn(self.watch_nullified(known.view))]
        self.finalising[known.view] = node.spawn(self.watch_final(known.view))
        if self.leader(known.view) == node.id:
            self.watching.append(node.spawn(self.lead(known.view)))

    def learn(self, proof: Certificate) -> None:
        """A view was notarised or nullified; if it is the present one or a later one, the next begins."""
        node, known, said = self.node, self.known, proof.message
        notarised = type(said) is Notarize
        (known.notarised if notarised else known.nulls).setdefault(said.view, proof)
        if said.view < known.view:
            return
        if notarised and known.nullified < said.view:
            node.broadcast(Finalize(said.view, said.digest), centre=self.leader(said.view + 1))
        known.view, known.proof = said.view + 1, proof
        for old in [view for view in known.nulls if view < known.view - REMEMBERED and view < self.newest()]:
            del known.nulls[old]
        for old in [view for view in known.notarised if view < known.view - REMEMBERED and view < self.newest()]:
            del known.notarised[old]
        self.begin()

    def newest(self) -> int:
        """The newest view known to be notarised."""
        return max(self.known.notarised, default=-1)

    async def watch_notarised(self, view: int) -> None:
        """A quorum of NOTARIZE ends the view."""
        proof = await self.node.quorum(Notarize, self.node.quorum_size, view=view)
        if self.rules.rebroadcast:
            self.node.broadcast(proof)
        self.learn(proof)

    async def watch_nullified(self, view: int) -> None:
        """A quorum of NULLIFY ends the view."""
        proof = await self.node.quorum(Nullify, self.node.quorum_size, view=view)
        if self.rules.rebroadcast:
            self.node.broadcast(proof)
        self.learn(proof)

    async def watch_final(self, view: int) -> None:
        """A quorum of FINALIZE, however late, makes a block and all below it final."""
        digest = (await self.node.quorum(Finalize, self.node.quorum_size, view=view)).message.digest
        await self.tree.grow(self.ancestry, digest, self.rules.delta // 4)
        self.tree.finalise(self.node, digest)
        for old in [earlier for earlier in self.finalising if earlier <= view]:
            task = self.finalising.pop(old)
            if old < view:
                task.cancel()

    async def lead(self, view: int) -> None:
        """Propose on the newest notarised block."""
        node, known = self.node, self.known
        parent, skipped = known.parent()
        if parent is not None:
            await self.tree.grow(self.ancestry, parent.message.digest, self.rules.delta // 4)
        block = await node.next_batch(node.genesis if parent is None else parent.message.digest)
        whole = connected(-1 if parent is None else parent.message.view, view, known.nulls)
        if whole and view > max(known.proposed, known.nullified):
            known.proposed = view
            node.broadcast(Propose(view, node.publish(block), parent, skipped))

    async def consider(self, mail: Signed[Propose]) -> None:
        """Notarise a proposal if it is the leader's, connected and valid."""
        node, known, said = self.node, self.known, mail.message
        view, parent = said.view, said.parent
        if view < known.view or mail.sender != self.leader(view):
            return
        nulls = {proof.message.view for proof in said.skipped if proof.proves(Nullify, node.quorum_size)}
        parent_view = -1 if parent is None else int(parent.message.view)
        genuine = parent is None or parent.proves(Notarize, node.quorum_size)
        if not genuine or not connected(parent_view, view, nulls):
            node.invalid(mail, "it does not stand on a notarised block with every view between nullified")
            return
        for proof in (*((parent,) if parent is not None else ()), *said.skipped):
            self.learn(proof)
        await self.tree.grow(self.ancestry, said.digest, self.rules.delta // 4)
        if view != known.view or view <= max(known.voted, known.nullified):
            return
        if not node.accepts(self.tree.blocks[said.digest], node.genesis if parent is None else parent.message.digest):
            node.invalid(mail, "its block is not valid here")
            return
        known.voted = view
        node.broadcast(Notarize(view, said.digest), centre=self.leader(view + 1))

    async def keep_time(self) -> None:
        """No proposal within 2 delta, no notarisation within 3: nullify; and say so again while nothing comes of it."""
        node, known, delta = self.node, self.known, self.rules.delta
        view, patience = known.view, 2 * delta
        while True:
            left_ns = self.began_ns + patience - node.now
            await node.sleep(min(left_ns, delta))  # a later view's time cannot be over within a delta
            if known.view != view:
                view, patience = known.view, 2 * delta
            elif left_ns <= delta:
                if patience > 2 * delta or known.voted < view:
                    self.nullify(view, again=known.nullified == view)
                patience += delta if patience < 3 * delta else 3 * delta

    def nullify(self, view: int, again: bool) -> None:
        """Give the view up."""
        node, known = self.node, self.known
        if not again:
            node.note("view-change", slot=0, view=view + 1)
            known.nullified = view
        elif known.proof is not None:
            node.broadcast(Entered(known.proof))
        node.broadcast(Nullify(view))

    async def listen(self) -> None:
        """Somebody proves to be further on."""
        while True:
            proof = (await self.node.receive(Entered)).message.proof
            if proof.proves(Notarize, self.node.quorum_size) or proof.proves(Nullify, self.node.quorum_size):
                self.learn(proof)
