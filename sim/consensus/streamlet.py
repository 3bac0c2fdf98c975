"""Streamlet: propose, vote, and three blocks of consecutive epochs in a row make the middle one final.

Chan, Shi, "Streamlet: textbook streamlined blockchains", AFT 2020 (eprint 2020/088), section 3. Time is cut into epochs
of twice `delta`, each with one leader drawn by lot. The leader proposes on top of a longest notarised chain it knows; every
node votes for the first proposal of the epoch that extends a longest notarised chain it has seen; a quorum of votes
notarises a block. Safety rests on that one vote and on the comparison in `extends_a_longest` alone.

The paper has every node echo every message, which costs n^3 copies. Here a proposal carries the proof that its parent is
notarised instead, and whoever lacks the blocks below fetches them: (n - 1)(n + 1) messages a block. With `echo` every node
passes on every vote as well, so that what one has seen notarised all see: (n - 1)(n^2 + 1). A block's epoch is the one its
time lies in, so blocks must not be further apart than an epoch: a `block_interval` above 2 `delta` is refused, and one below
changes nothing, because an epoch has one block.
"""

from __future__ import annotations

from itertools import count
from typing import Any, ClassVar

from sim.consensus.ancestry import Ancestry
from sim.consensus.tree import Tree
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.strand import Strand
from sim.kernel.units import Lasting, show_duration
from sim.node.ballots import Ballots
from sim.node.message import Certificate, message, vote
from sim.node.node import Node
from sim.node.terms import Terms


@message
class Propose:
    """A block for this epoch, and the proof that its parent is notarised (None on top of the beginning)."""

    carries: ClassVar[str] = "digest"
    epoch: int
    digest: str
    proof: Certificate | None


@vote
class Vote:
    """The one vote of an epoch."""

    epoch: int
    digest: str


class Chains:
    """The notarised blocks one node knows, each with all that lie below it; survives a crash."""

    def __init__(self, epoch_ns: int) -> None:
        self.epoch_ns, self.tree = epoch_ns, Tree()
        self.proof: Certificate | None = None
        """Why the highest block is notarised; of equally high ones the first seen."""
        self.height = 0
        self.begun = self.final_epoch = -1
        """The newest epoch this node took part in, and the newest whose block is final."""

    def epoch_of(self, digest: str) -> int:
        """The epoch of a known block; the beginning lies just before epoch 0."""
        block = self.tree.blocks.get(digest)
        return -1 if block is None else int(block.time_ns // self.epoch_ns)

    def extends_a_longest(self, block: Any) -> bool:
        """Whether a block stands on a notarised chain that is as long as any seen here."""
        return (block.height == 1 or block.parent in self.tree.blocks) and bool(block.height > self.height)

    async def learn(self, ancestry: Ancestry, proof: Certificate) -> None:
        """Take a notarised block and all below it; those are notarised too, or no honest node had voted for it."""
        new = await self.tree.grow(ancestry, proof.message.digest, self.epoch_ns // 8)
        for block in new:
            self.finalise(ancestry.node, block)
        if new and new[-1].height > self.height:
            self.height, self.proof = new[-1].height, proof

    def finalise(self, node: Node, block: Any) -> None:
        """The rule: three in a row with consecutive epochs make all up to the middle one final."""
        middle, epoch = self.tree.blocks.get(block.parent), self.epoch_of(block.digest)
        if middle is None or (self.epoch_of(middle.digest), self.epoch_of(middle.parent)) != (epoch - 1, epoch - 2):
            return
        self.final_epoch = max(self.final_epoch, epoch - 1)
        self.tree.finalise(node, middle.digest)


@part
class Streamlet:
    """Streamlet: one vote an epoch, no view change; final 2 delta + 2 delays after the proposal at best."""

    delta: Lasting = 1_000_000_000  # what is assumed to be the longest delay; an epoch lasts twice as long
    echo: bool = False  # whether every node passes on every vote that it hears, looking ten times a delta

    ballots: ClassVar[Ballots] = Ballots(Vote, ("epoch",), proposal=Propose, row=3, final=1)

    def fits(self, terms: Terms) -> str:
        """Three blocks of consecutive epochs need a block in every epoch."""
        if terms.block_interval > 2 * self.delta:
            given, epoch = show_duration(terms.block_interval), show_duration(2 * self.delta)
            why = "no three blocks in a row would be of consecutive epochs, so nothing would ever be final"
            raise ScenarioError(f"{given} is longer than an epoch: {why}; write at most 2 delta, {epoch}", "block_interval")
        return ""

    def turn_at(self, node: Node, time_ns: int) -> tuple[int, int]:
        """Whose epoch it is, and when it ends."""
        epoch = time_ns // (2 * self.delta)
        return leader(node, epoch), (epoch + 1) * 2 * self.delta

    async def run(self, node: Node) -> None:
        """Epoch after epoch; after a crash never again one in which this node may have voted."""
        epoch_ns = 2 * self.delta
        chains: Chains = node.keep.setdefault("chains", Chains(epoch_ns))
        ancestry = Ancestry(node)
        watches: dict[int, Strand[None]] = {}
        voting: Strand[None] | None = None
        for epoch in count(max(-(-node.now // epoch_ns), chains.begun + 1)):
            await node.sleep(epoch * epoch_ns - node.now)
            chains.begun = epoch
            if voting is not None:
                voting.cancel()
            watches[epoch] = node.spawn(self.watch(node, chains, ancestry, epoch))
            if self.echo:
                node.spawn(self.pass_on(node, epoch))
            if leader(node, epoch) == node.id:
                node.spawn(self.propose(node, chains, epoch))
            voting = node.spawn(self.vote(node, chains, ancestry, epoch))
            node.forget(Propose, epoch=epoch)
            for old in [old for old in watches if old <= chains.final_epoch or watches[old].done()]:
                watches.pop(old).cancel()

    async def watch(self, node: Node, chains: Chains, ancestry: Ancestry, epoch: int) -> None:
        """Notarise the epoch's block, however late its votes come."""
        await chains.learn(ancestry, await node.quorum(Vote, node.quorum_size, epoch=epoch))

    async def pass_on(self, node: Node, epoch: int) -> None:
        """Every vote of the epoch once to everybody, if it comes before the next epoch is over: the paper's implicit echo."""
        passed: dict[Certificate, None] = {}
        for _ in range(40):
            await node.sleep(self.delta // 10)
            for signed in [one for proof in node.ballots(Vote, epoch=epoch) for one in proof.each()]:
                if signed not in passed and not signed.signed_by(node.id):
                    node.broadcast(signed)
                passed[signed] = None

    async def propose(self, node: Node, chains: Chains, epoch: int) -> None:
        """As leader: a block on a longest notarised chain, unless it is not due in this epoch."""
        await node.sleep(0)  # votes that arrive at this very instant count
        proof = chains.proof
        try:
            async with node.timeout((epoch + 1) * chains.epoch_ns - node.now):
                block = await node.next_batch(below(node, proof))
        except TimeoutError:
            node.note("empty-epoch", epoch=epoch)
        else:
            node.broadcast(Propose(epoch, node.publish(block), proof))

    async def vote(self, node: Node, chains: Chains, ancestry: Ancestry, epoch: int) -> None:
        """One vote, for the first proposal of the leader that keeps the rules."""
        while True:
            mail = await node.receive(Propose, sender=leader(node, epoch), epoch=epoch)
            proposal, proof = mail.message, mail.message.proof
            if proof is not None:
                if not proof.proves(Vote, node.quorum_size):
                    node.invalid(mail, "its parent is not notarised")
                    continue
                await chains.learn(ancestry, proof)
            block = await node.fetch(proposal.digest, self.delta // 4)
            if block.time_ns // chains.epoch_ns != epoch:
                node.invalid(mail, "its block is of another epoch")
            elif not chains.extends_a_longest(block):
                node.note("shorter", epoch=epoch, digest=proposal.digest)
            elif not node.accepts(block, below(node, proof)):
                node.invalid(mail, "its block is not valid here")
            else:
                node.broadcast(Vote(epoch, proposal.digest))
                return


def below(node: Node, proof: Certificate | None) -> str:
    """The digest of the block that is proved to be notarised; the genesis needs no proof."""
    return node.genesis if proof is None else str(proof.message.digest)


def leader(node: Node, epoch: int) -> int:
    """Drawn by lot, the same for everybody: the paper's hash of the epoch."""
    return node.dice.below(node.n, "streamlet-leader", epoch)
