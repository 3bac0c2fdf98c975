"""The ledger of a run: gives proposers their batches, judges proposals, and keeps every node's chain.

Consensus knows only digests; what a block holds and whether it fits is decided here, from what the node itself has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel.errors import ProtocolError
from sim.ledger.block import GENESIS, LOOSE, Block, Transaction
from sim.ledger.chain import Chains, grown
from sim.ledger.integrity import Tampered, Unlinked
from sim.ledger.mempool import Mempool, Wanted
from sim.ledger.tree import BlockTree
from sim.net.core.state import HELD
from sim.net.drawer import Drawer
from sim.node.node import Node
from sim.node.society import Society
from sim.study.pool import Pool

OnBlock = Callable[[int, Block, int], None]


class Bookkeeping:
    """Chains, pool and blocks of one run."""

    def __init__(
        self, society: Society, block_interval_ns: int, max_block_bytes: int, filler_bytes: int, pool: Pool | None = None
    ) -> None:
        self.society = society
        self.block_interval_ns, self.max_block_bytes, self.filler_bytes = block_interval_ns, max_block_bytes, filler_bytes
        self.tree = BlockTree()
        self.pool = Pool() if pool is None else pool
        by_class = self.pool.order == "class"
        self.mempool = Mempool(self.tree, self.pool.capacity, by_class=by_class, displaces=self.pool.displaces)
        self.chains = Chains(self.tree)
        self.drawer = Drawer(society.network)
        self._listeners: list[OnBlock] = []
        self.mourners: list[OnBlock] = []
        """Told of each block that a node takes back from its chain."""
        self.shared: dict[str, Any] = {}
        """What the workloads of the run keep together."""
        self._bundled_ns: dict[int, int] = {}
        self._accepted: dict[str, Block] = {}
        """Blocks that have been found good where they stand: what lies below a block never changes."""
        society.next_batch = self.next_batch
        society.next_bundle = self.next_bundle
        society.batch = self.batch
        society.accepts = self.accepts
        society.waiting = self.waiting
        society.hear_decisions(self.on_decide, self.on_decide_many)
        society.on_revoke.append(self.on_revoke)

    def listen(self, tell: OnBlock, late: bool = False) -> None:
        """Call `tell(seat, block, time_ns)` at every decision; with `late` it may be told after that instant, before others can look."""
        self._listeners.append(tell)
        if not late:
            self.society.hurry_decisions(self.on_decide)

    async def next_batch(self, node: Node, parent: str | None, wanted: Wanted | None = None) -> Block:
        """A block on `parent`, not before its time: the parent's own time and the block interval."""
        tip = self.chains[node.seat].tip if parent is None else parent
        before = self._block(tip)
        due_ns = 0 if before is None else before.time_ns + self.block_interval_ns
        if due_ns > node.now:
            await node.sleep(due_ns - node.now)
        return self.batch(node, tip, wanted)

    def batch(self, node: Node, parent: str | None, wanted: Wanted | None = None) -> Block:
        """A block on `parent` now: what waits, seen from there, and is held by the proposer."""
        tip = self.chains[node.seat].tip if parent is None else parent
        before = self._block(tip)
        transactions: tuple[Transaction, ...] = ()
        if self.mempool.submitted:
            self._admit(tip)
            transactions = self._take(node, tip, wanted)
        height = 1 if before is None else before.height + 1
        return Block.of(tip, height, node.id, node.now, transactions, self.filler_bytes)

    async def next_bundle(self, node: Node, height: int, edges: Callable[[], tuple[str, ...]], wanted: Wanted | None) -> Block:
        """A loose block, not before the block interval after this seat's last one; `edges` is asked when it is made."""
        last_ns = self._bundled_ns.get(node.seat)
        due_ns = 0 if last_ns is None else last_ns + self.block_interval_ns
        if due_ns > node.now:
            await node.sleep(due_ns - node.now)
        self._bundled_ns[node.seat] = node.now
        transactions = self._take(node, self.chains[node.seat].tip, wanted)
        return Block.of(LOOSE, height, node.id, node.now, transactions, self.filler_bytes, edges())

    def waiting(self, node: Node) -> Iterator[Transaction]:
        """What the node holds and has not seen decided, oldest first."""
        if not self.mempool.submitted:
            return iter(())
        return self.mempool.overlooked(partial(self._holds, node.seat), self.chains[node.seat].tip)

    def _take(self, node: Node, tip: str, wanted: Wanted | None) -> tuple[Transaction, ...]:
        return self.mempool.take(node.seat, partial(self._holds, node.seat), tip, self.max_block_bytes, 1_000_000, wanted)

    def _holds(self, seat: int, items: Sequence[int] | NDArray[np.int64]) -> NDArray[np.bool_]:
        """For each item, whether the seat has it."""
        world = self.society.network.world
        held: NDArray[np.bool_] = world.held[world.items["row"][np.asarray(items, np.int64)], seat] == HELD
        return held

    def accepts(self, node: Node, block: Block, parent: str | None) -> bool:
        """Whether a proposed block is genuine, stands on `parent` (by default the last decision), and repeats nothing of that chain.

        A liar may name any parent: one that nobody has published, or that is no block of a chain, bears nothing. Where a loose
        block is expected (`parent` is `LOOSE`) it must be one, and genuine.
        """
        if parent == LOOSE:
            return block.loose and self._genuine(node, block)
        tip = self.chains[node.seat].tip if parent is None else parent
        if self._accepted.get(block.digest) is block and block.parent == tip:
            return True
        try:
            self._admit(tip)
        except (KeyError, Tampered, Unlinked):
            return False
        before = self._block(tip)
        if block.parent != tip or block.height != (1 if before is None else before.height + 1):
            return False
        if not self._genuine(node, block):
            return False
        if any(self.tree.includes(tip, transaction.id) for transaction in block.transactions):
            return False
        self._accepted[block.digest] = block
        return True

    def _genuine(self, node: Node, block: Block) -> bool:
        flaw = self.tree.flaw(block)
        if flaw:
            self.society.trace.record("reject", node.seat, "block", block.digest, flaw)
        return not flaw

    def on_decide(self, seat: int, slot: int, digest: str) -> None:
        """Append a decision to the node's chain; one that does not fit is rejected and recorded, not hidden."""
        if self._appended(seat, digest) and self._listeners:
            self._tell(seat, digest, self.society.loop.now_ns)

    def on_decide_many(self, times: Any, seats: Any, slots: Any, digests: list[str]) -> None:
        """The same for decisions of several nodes that have come together."""
        where, begin = seats.tolist(), 0
        rejected: dict[int, None] = {}
        for digest, same in groupby(digests):
            end = begin + sum(1 for _ in same)
            for place in grown([self.chains[seat] for seat in where[begin:end]], self.society.blocks[digest]):
                if not self._appended(where[begin + place], digest):
                    rejected[begin + place] = None
            begin = end
        if self._listeners:
            for place, time_ns in enumerate(times.tolist()):
                if place not in rejected:
                    self._tell(where[place], digests[place], time_ns)

    def _appended(self, seat: int, digest: str) -> bool:
        block = self.society.blocks.get(digest)
        if block is None:
            raise ProtocolError(f"n{seat} decided {digest}, which nobody has published")
        try:
            self.chains[seat].append(block)
        except (Tampered, Unlinked) as error:
            self.society.trace.record("reject", seat, "block", digest, str(error))
            return False
        return True

    def _tell(self, seat: int, digest: str, time_ns: int) -> None:
        block: Block = self.society.blocks[digest]
        if block.loose and block.transactions:  # what an earlier block holds has been told with that one
            block = replace(block, transactions=self.tree.counted(self.chains[seat].tip))
        for tell in self._listeners:
            tell(seat, block, time_ns)

    def on_revoke(self, seat: int, slot: int, digest: str) -> None:
        """Take the newest block off the node's chain; its transactions wait again, seen from any chain that lacks them."""
        chain = self.chains[seat]
        if chain.tip != digest:
            self.society.trace.record("reject", seat, "block", digest, f"revoked, but the newest block is {chain.tip}")
            return
        block = chain.blocks[-1]
        chain.rewind(chain.height - 1)
        for tell in self.mourners:
            tell(seat, block, self.society.loop.now_ns)

    def _block(self, digest: str) -> Block | None:
        if digest == GENESIS:
            return None
        block: Block = self.society.blocks[digest]
        return block

    def _admit(self, tip: str) -> None:
        """Make the tree know a tip that has been proposed but not decided yet, and what lies under it."""
        missing = []
        while tip not in self.tree:
            block = self._block(tip)
            assert block is not None  # the tree knows the genesis
            missing.append(block)
            tip = block.parent
        for block in reversed(missing):
            self.tree.admit(block)
