"""Alpenglow's Votor: two ways to finality at once, one round of votes from 80 % or two rounds from 60 %.

Kniep, Sliwinski, Wattenhofer, "Solana Alpenglow consensus", white paper v1.1, 2025: sections 2.4 (votes and certificates),
2.5 (pool), 2.6 (algorithms 1 and 2) and 2.7 (block creation); Solana's SIMD-0326. Time is cut into windows of slots with
one leader each. A slot's block gathers NOTAR votes; who sees too little of it in time votes SKIP for the rest of the window.
NOTAR from 80 % finalises at once; from 60 % it notarises, and FINAL from 60 % then finalises. Fallback votes let those who
voted otherwise help a block or a skip over its threshold where that cannot contradict a fast finalisation.

Everything is counted in identities of equal stake; n > 5 f liars are tolerated, and as many crashed besides. Safety rests on
`safe_to_notarise`, `safe_to_skip` and on FINAL being said by nobody who said anything else in its slot (`Slot.may_finalise`).

A slot that has gone wrong is mended by fallback votes (`votor_mend.py`). Left out: optimistic hand-over between windows, stakes, and
certificates sent to everybody in the good case, for votes go to all anyway. A block's slot is what its leader says; its parent is the
ledger's.
"""

from __future__ import annotations

from typing import ClassVar

from sim.consensus.ancestry import Ancestry
from sim.consensus.votor_mend import Mending
from sim.consensus.votor_pool import Final, Notar, NotarFallback, Pool, Skip, SkipFallback, share
from sim.kernel.part import part
from sim.kernel.strand import Strand
from sim.kernel.units import AtLeastOne, Duration, Lasting, show_duration
from sim.node.ballots import Ballots
from sim.node.message import message
from sim.node.node import Node
from sim.node.terms import Terms


@message
class Propose:
    """The block of a slot; its body travels as the scenario says, by Rotor in the paper."""

    carries: ClassVar[str] = "digest"
    slot: int
    digest: str


@part
class Votor:
    """Alpenglow's Votor: final one delay after 80 % hold the block, or two after 60 %; 2n(n-1) votes."""

    delta: Lasting = 250_000_000  # what is assumed to be the longest delay
    window: AtLeastOne = 4  # slots in a row that one leader has
    block_time: Duration = 400_000_000  # from a leader's block to its next one
    patience: Lasting = 750_000_000  # how long after a window may begin its first block may take, beside a block_time

    faulty_one_in: ClassVar[int] = 5
    ballots: ClassVar[Ballots] = Ballots(
        Notar,
        ("slot",),
        Final,
        Propose,
        in_order=False,
        fast=80,
        excludes=((Notar, Skip), (Final, Skip), (Final, SkipFallback), (Final, NotarFallback), (Skip, SkipFallback)),
    )

    def fits(self, terms: Terms) -> str:
        """Blocks further apart than slots are skipped."""
        if terms.block_interval > self.block_time:
            ours, theirs = show_duration(self.block_time), show_duration(terms.block_interval)
            return f"block_time: {ours} is shorter than block_interval, {theirs}, so most of a window's slots are skipped"
        return ""

    async def run(self, node: Node) -> None:
        """The event loop of algorithm 1: each event is a wait of its own."""
        pool: Pool = node.keep.setdefault("pool", Pool(node.n, self.window))
        duty = Duty(self, node, pool)
        node.spawn(duty.mending.answer())
        duty.open(pool.first_of(max(0, pool.final_slot)))  # after a crash perhaps in the middle of a window
        duty.moved()
        while True:
            mail = await node.receive(Propose, slot=lambda slot: slot > pool.final_slot)
            if mail.sender != leader(node, mail.message.slot, self.window):
                node.invalid(mail, "its sender does not lead this slot")
                continue
            duty.watch(mail.message.slot)
            node.spawn(duty.consider(mail.message))
            node.forget(Propose, slot=pool.final_slot)


class Duty:
    """What one node has running at a time: the rules of algorithms 1 to 3 over its pool. Lost in a crash."""

    def __init__(self, rules: Votor, node: Node, pool: Pool) -> None:
        self.rules, self.node, self.pool = rules, node, pool
        self.ancestry = Ancestry(node)
        self.mending = Mending(self)
        self.watches: dict[int, list[Strand[None]]] = {}
        self.opened: dict[int, None] = {}
        """Windows, by their first slot, whose clock runs here."""
        self.led: dict[int, None] = {}

    def watch(self, slot: int) -> None:
        """Wait for a slot's certificates."""
        if slot not in self.watches and slot > self.pool.final_slot:
            self.watches[slot] = [self.node.spawn(self.slow(slot)), self.node.spawn(self.fast(slot))]

    async def slow(self, slot: int) -> None:
        """NOTAR from 60 % notarises; FINAL from 60 % then finalises (definition 14)."""
        proof = await self.node.quorum(Notar, share(self.pool.n, 60), slot=slot)
        self.pool.slot(slot).notarised = proof.message.digest
        self.try_final(slot)
        self.certified(slot, proof.message.digest)
        await self.node.quorum(Final, share(self.pool.n, 60), slot=slot)
        self.node.spawn(self.finalise(slot, proof.message.digest))

    async def fast(self, slot: int) -> None:
        """NOTAR from 80 % finalises (definition 14)."""
        proof = await self.node.quorum(Notar, share(self.pool.n, 80), slot=slot)
        self.node.note("fast", slot=slot)
        self.node.spawn(self.finalise(slot, proof.message.digest))

    async def consider(self, proposal: Propose) -> None:
        """A block has come: vote for it as soon as its parent is ready (TRYNOTAR)."""
        slot = proposal.slot
        block = await self.node.fetch(proposal.digest, self.rules.delta // 4)
        if slot > self.pool.final_slot and slot not in self.pool.pending and not self.pool.slot(slot).voted:
            self.pool.pending[slot] = block
            self.try_pending(slot)

    def try_pending(self, slot: int) -> None:
        """TRYNOTAR for the block that waits in a slot, then for the next slot of the window (CHECKPENDINGBLOCKS)."""
        node, pool = self.node, self.pool
        while (block := pool.pending.get(slot)) is not None and pool.parent_ready(slot, block.parent):
            del pool.pending[slot]
            if not node.accepts(block, block.parent):
                node.note("refused", slot=slot, digest=block.digest)
                return
            pool.slot(slot).voted = pool.slot(slot).notar = block.digest
            node.broadcast(Notar(slot, block.digest))
            self.try_final(slot)
            slot += 1

    def try_final(self, slot: int) -> None:
        """TRYFINAL."""
        mine = self.pool.slot(slot)
        if mine.may_finalise():
            mine.over = True
            self.node.broadcast(Final(slot))

    def skip_window(self, slot: int) -> None:
        """TRYSKIPWINDOW: skip whatever is not voted on in this slot's window; below the newest final slot nothing is open."""
        first = self.pool.first_of(slot)
        for each in range(max(first, self.pool.final_slot + 1), first + self.pool.window):
            mine = self.pool.slot(each)
            if not mine.voted:
                mine.voted, mine.bad = "skip", True
                self.pool.pending.pop(each, None)
                self.node.note("view-change", slot=each, view=1)
                self.node.broadcast(Skip(each))

    def certified(self, slot: int, digest: str) -> None:
        """A block is notarised (perhaps by fallback votes): whoever builds on it may begin."""
        if digest not in self.pool.slot(slot).certified:
            self.pool.slot(slot).certified[digest] = None
            self.moved()

    def moved(self) -> None:
        """A certificate is new: open the windows whose first slot now has a parent that is ready (PARENTREADY)."""
        for first in self.pool.ready_windows():
            self.try_pending(first)
            self.open(first)
            if first not in self.led and leader(self.node, first, self.rules.window) == self.node.id:
                self.led[first] = None
                self.node.spawn(self.lead(first))

    def open(self, first: int) -> None:
        """Let a window's clock run, if it does not yet."""
        if first not in self.opened:
            self.opened[first] = None
            self.node.spawn(self.time_out(first))

    async def lead(self, first: int) -> None:
        """A block for every slot of my window, each on the one before (algorithm 3)."""
        node, rules, parent = self.node, self.rules, self.pool.parents(first)[0]
        begun_ns = node.now
        for place in range(rules.window):
            await node.sleep(max(0, begun_ns + place * rules.block_time - node.now))
            slot = first + place
            if slot <= self.pool.final_slot or self.pool.slot(slot).voted or self.pool.slot(slot).proposed:
                return  # too late, or after a crash
            block = await node.next_batch(parent)
            self.pool.slot(slot).proposed = True
            parent = node.publish(block)
            node.broadcast(Propose(slot, parent))

    async def time_out(self, first: int) -> None:
        """SETTIMEOUTS (definition 17): slot after slot, skip what has not been voted on, and help where no certificate is."""
        begun_ns, rules = self.node.now, self.rules
        for place in range(rules.window):
            slot = first + place
            self.watch(slot)
            await self.node.sleep(begun_ns + rules.patience + (place + 1) * rules.block_time - self.node.now)
            if slot <= self.pool.final_slot:
                continue
            if not self.pool.slot(slot).voted:
                self.skip_window(slot)
            self.watches[slot].append(self.node.spawn(self.mending.mend(slot)))

    async def finalise(self, slot: int, digest: str) -> None:
        """A block is final, and so are all below it (definition 14); what was still to be settled down there is settled."""
        node, pool = self.node, self.pool
        for block in reversed(await self.ancestry.fetch(digest, pool.decided, 0, self.rules.delta // 4)):
            if block.digest not in pool.decided:  # it may have been decided while we fetched
                pool.decided[block.digest] = None
                node.decide(block.height - 1, block.digest)
        if slot > pool.final_slot:
            pool.final_slot = slot
            self.open(pool.first_of(slot))
            self.certified(slot, digest)
            for old in [old for old in self.watches if old <= slot]:
                for task in self.watches.pop(old):
                    task.cancel()
            pool.forget()


def leader(node: Node, slot: int, window: int) -> int:
    """Windows go round; the paper draws leaders by stake beforehand."""
    return slot // window % node.n
