"""Mysticeti-C: a graph of blocks that nobody certifies, in which later blocks are the votes.

Babel, Chursin, Danezis, Kichidis, Kokoris-Kogias, Koshy, Sonnino, Tian, "Mysticeti: reaching the latency limits with
uncertified DAGs", NDSS 2025 (arXiv 2310.14821), section 4 and algorithms 1 to 3. In each round every node sends one block, which points to
the blocks it knows of the round before. A leader's block of round r is voted for by the blocks of round r + 1 that point to it, and
certified by each block of round r + 2 that points to a quorum of votes. A quorum of certifying blocks commits it; a quorum of blocks
of round r + 1 that do not vote for it skips it. What this leaves open is settled by the next committed leader from round r + 3 on: commit
if a certifying block lies below that one, skip otherwise. Leaders go in order, each with all that lies below it: n - 1 messages a
block, one delay a round, three to the commit of a leader's block.

Safety rests on `Leaders.verdicts` and on an honest author's one block a round. A block names its author and carries his signature, so it
can be fetched from anybody. Late blocks are pointed to when they come, however old. Left out: several leaders a round (here one, in turn),
and the fast path for transactions that need no order (Mysticeti-FPC).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from sim.consensus.catching_up import when_stalled
from sim.consensus.dag.graph import Graph, sound, whole
from sim.consensus.dag.leaders import Leaders, leader
from sim.consensus.dag.rounds import Pen, Rounds
from sim.consensus.dag.straggler import STRETCH, Behind, Straggler
from sim.kernel.part import part
from sim.kernel.units import Duration, Lasting, Least
from sim.node.ballots import Blocks
from sim.node.fetching import ask_for_all
from sim.node.message import Signed, message
from sim.node.node import Node

MOST_ROUNDS = 64  # rounds of own blocks that one answer to a straggler tells
KeptRounds = Annotated[int, "count", Least(3, "a leader's block is settled by the third round; write 3 or more")]


@message
class Vertex:
    """My block of this round."""

    carries: ClassVar[str] = "digest"
    round: int
    digest: str


@message
class Stalled:
    """This is my round, and I cannot leave it: tell me of your blocks from there on."""

    round: int


@message
class Named:
    """These are blocks of those rounds, the lowest first, and I hold them."""

    digests: tuple[str, ...]


@part
class Mysticeti:
    """Mysticeti-C: uncertified blocks by everybody, votes are what they point to; n-1 messages a block, three delays at best."""

    patience: Lasting = 1_000_000_000  # how long a round waits for its leader's block
    resend: Lasting = 1_000_000_000  # how long a round may stand still before what was lost is asked for
    rescue: Duration = 5_000_000_000  # how long a transaction waits for its own seat before everybody proposes it
    kept_rounds: KeptRounds = 50  # blocks so much older than a leader's are not ordered any more

    ballots: ClassVar[Blocks] = Blocks(Vertex, ("round",))
    no_lie: ClassVar[Mapping[str, str]] = {"withhold-votes": "votes are what blocks point to and no messages; use kind silent"}

    async def run(self, node: Node) -> None:
        """Round after round; everything else answers mail."""
        author = Author(self, node)
        rounds, pen = author.rounds, author.pen
        for duty in (author.learn, author.help, author.straggler.keep_up, author.help_up, author.learn_of_others):
            node.spawn(duty())
        node.spawn(when_stalled(node, self.resend, lambda: rounds.now, lambda number: node.broadcast(Stalled(number))))
        rounds.now = max(pen.written, default=0)
        while True:
            digest = await pen.write(node, rounds.now, author.edges)
            node.broadcast(Vertex(rounds.now, digest))
            await rounds.end()
            node.forget(Vertex, round=rounds.now - self.kept_rounds)


class Author:
    """One node at work: the graph of blocks it has, and what follows from it."""

    def __init__(self, rules: Mysticeti, node: Node) -> None:
        self.rules, self.node = rules, node
        self.graph: Graph = node.keep.setdefault("graph", Graph())
        self.pen: Pen = node.keep.setdefault("pen", Pen(rules.rescue, rules.kept_rounds))
        self.leaders: Leaders = node.keep.setdefault("leaders", Leaders(self.graph, node.n, node.quorum_size))
        self.fresh: dict[str, int] = node.keep.setdefault("fresh", {})
        """Round by digest of the blocks here that no block of this node points to yet."""
        self.fetching: dict[str, None] = {}
        self.rounds = Rounds(node, self.graph, rules.patience, self.may_leave, lambda number: leader(number, node.n) == node.id)
        self.straggler = Straggler(node, self.graph, self.rounds, rules.patience)

    def edges(self) -> tuple[str, ...]:
        """What a block of this round points to: all of earlier rounds that this node's blocks have not pointed to."""
        chosen = tuple(digest for digest, number in self.fresh.items() if number < self.rounds.now)
        for digest in chosen:
            del self.fresh[digest]
        return chosen

    def may_leave(self, number: int) -> bool:
        """Whether the block of a round's leader is here."""
        return leader(number, self.node.n) in self.graph.authors[number]

    async def learn(self) -> None:
        """Take blocks into the graph as they come."""
        while True:
            mail = await self.node.receive(Vertex)
            self.straggler.hear(mail.message.round, mail.sender)
            if self.node.holds(mail.message.digest):
                self.take(mail, await self.node.fetch(mail.message.digest))
            else:
                self.node.spawn(self.fetch(mail.message.digest, mail, self.rules.patience // 8))

    async def learn_of_others(self) -> None:
        """Ask for all the blocks at once that a peer names to one who was far behind; a name can stand for one block alone."""
        while True:
            mail = await self.node.receive(Named)
            told = mail.message.digests[: STRETCH * self.node.n]
            digests = [digest for digest in told if digest not in self.graph.blocks and digest not in self.fetching]
            ask_for_all(self.node, mail.sender, digests)
            for digest in digests:
                self.node.spawn(self.fetch(digest, None, 8 * self.rules.patience))

    async def fetch(self, digest: str, mail: Signed[Vertex] | None, ask_after_ns: int) -> None:
        """A block whose body is not here yet; without `mail` one that others point to."""
        if digest not in self.fetching:
            self.fetching[digest] = None
            self.take(mail, await self.node.fetch(digest, ask_after_ns))
            del self.fetching[digest]

    def take(self, mail: Signed[Vertex] | None, block: Any) -> None:
        """A block is here: into the graph with it, and decide what that settles."""
        node = self.node
        number, author = (block.height, block.proposer) if mail is None else (mail.message.round, mail.sender)
        if not sound(node, block, number, author):
            if mail is not None:
                node.invalid(mail, "its block is not what its sender says")
            return
        for new in self.graph.add(block, lambda one: whole(self.graph, one, node.quorum_size)):
            self.fresh[new.digest] = new.height
            if self.graph.count(new.height) >= node.quorum_size:
                self.rounds.news.set()
            if self.leaders.learn(new):
                self.commit()
        if self.straggler.is_far(number):
            return
        for digest in self.graph.lacked_by(block.digest):
            node.spawn(self.fetch(digest, None, self.rules.patience // 8))

    def commit(self) -> None:
        """Decide each leader's block that is settled, in order, with what lies below it."""
        for chosen in self.leaders.settled():
            first = len(self.graph.ordered)
            for slot, block in enumerate(self.graph.order(chosen, chosen.height - self.rules.kept_rounds), first):
                self.node.decide(slot, block.digest)

    async def help_up(self) -> None:
        """Tell one who is far behind what everybody's blocks are called."""
        while True:
            ask = await self.node.receive(Behind)
            rounds = range(ask.message.round, ask.message.round + STRETCH)
            digests = tuple(digest for number in rounds for digest in self.graph.rounds.get(number, ()))
            self.node.send(ask.sender, Named(digests))

    async def help(self) -> None:
        """Tell a straggler of this node's blocks from its round on; what they point to it fetches by itself."""
        while True:
            ask = await self.node.receive(Stalled)
            for number in range(max(0, ask.message.round - 1), ask.message.round + MOST_ROUNDS):
                if number in self.pen.written and ask.sender != self.node.id:
                    self.node.send(ask.sender, Vertex(number, self.pen.written[number]))
