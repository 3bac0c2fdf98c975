"""A small world for the healthcare workloads: a block a second on each island that may make one, decided there after a lag.

`certain` is a ledger of quorums: only the island with more than two thirds of the seats makes blocks. Otherwise every island grows
a chain of its own, and when the cut heals, the seats of the shorter one take their blocks back and adopt the longer.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

import numpy as np

from sim.kernel.dice import Dice
from sim.ledger.block import Block, Transaction
from sim.ledger.chain import Chain
from sim.ledger.tree import BlockTree

S = 1_000_000_000
R48 = {
    "hospital": 12, "clinic": 12, "lab": 4, "payer": 4, "pharmacy": 6, "manufacturer": 3, "wholesaler": 2, "regulator": 2,
    "sponsor": 2, "hie": 1,
}  # fmt: skip


HALF = {
    "hospital": 6, "clinic": 6, "lab": 2, "payer": 4, "pharmacy": 3, "manufacturer": 2, "wholesaler": 2, "regulator": 1,
    "sponsor": 1, "hie": 1,
}  # fmt: skip
"""A smaller network, for scenes that need few of everybody."""


class IslandWorld:
    """The run as a workload sees it, without a network."""

    def __init__(self, duration_s: float, roles: dict[str, int] | None = None, seed: int = 1, certain: bool = True) -> None:
        plan = R48 if roles is None else roles
        self.roles = tuple(role for role, count in plan.items() for _ in range(count))
        self.names = tuple(f"{role}-{place}" for role, count in plan.items() for place in range(count))
        self.regions = tuple("west" if place % 2 else "east" for place in range(len(self.roles)))
        self.dice, self.duration_ns, self.now_ns, self.certain = Dice(seed), round(duration_s * S), 0, certain
        self.memory: dict[str, Any] = {}
        self.shared: dict[str, Any] = {}
        self.retry_ns = 0
        self.storage = None
        self.rows: list[tuple[Any, ...]] = []
        self.honest = np.ones(len(self.roles), np.bool_)
        self.lag_ns = [50_000_000] * len(self.roles)
        self.island = [0] * len(self.roles)
        self.down: set[int] = set()
        self.silent: set[int] = set()
        self.altering: set[int] = set()
        self.deeds: dict[int, tuple[str, ...]] = {}
        self.skew_ns: dict[int, int] = {}
        self.submitted: list[Transaction] = []
        self.sizes: dict[str, int] = {}
        self._holds: dict[tuple[int, str], int] = {}
        self._pending: dict[int, list[Transaction]] = {0: []}
        self._makers: dict[int, Chain] = {}
        self._tree, self._serial, self._cut_at = BlockTree(), 0, 0
        self._chains = [Chain(self._tree) for _ in self.roles]
        self._makers[0] = Chain(self._tree)
        self._events: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._decided: list[Callable[[int, Block, int], None]] = []
        self._revoked: list[Callable[[int, Block, int], None]] = []

    @property
    def trace(self) -> IslandWorld:
        return self

    def record(self, kind: str, seat: int, *fields: Any) -> None:
        self.rows.append((self.now_ns, kind, seat, *fields))

    def at(self, time_ns: int, function: Callable[..., None], *args: Any) -> None:
        self._serial += 1
        heappush(self._events, (time_ns, self._serial, function, args))

    def submit(self, transaction: Transaction) -> int:
        self.submitted.append(transaction)
        self._pending[self.island[transaction.submitter]].append(transaction)
        return len(self.submitted) - 1

    def _reachable(self, one: int, other: int) -> bool:
        return self.island[one] == self.island[other] and other not in self.down and other not in self.silent

    def publish_record(self, seat: int, digest: str, size_bytes: int, placement: tuple[int, ...], *, stored: bool = False) -> None:
        self.sizes[digest] = size_bytes
        self._holds[seat, digest] = self.now_ns
        self.send_record(seat, digest, placement)

    def place_record(self, seats: tuple[int, ...], digest: str, size_bytes: int) -> None:
        self.sizes[digest] = size_bytes
        for seat in seats:
            self._holds[seat, digest] = self.now_ns

    def send_record(self, seat: int, digest: str, targets: tuple[int, ...]) -> None:
        for target in targets:
            if self.island[seat] == self.island[target] and target not in self.down:
                self._holds.setdefault((target, digest), self.now_ns + 20_000_000)

    def arrived_ns(self, seat: int, digest: str) -> int:
        when_ns = self._holds.get((seat, digest), -1)
        return when_ns if when_ns <= self.now_ns else -1

    def fetch_record(
        self, reader: int, digest: str, holders: tuple[int, ...], deadline_ns: int, on_done: Callable[[str, int], None]
    ) -> None:
        good = any(self._reachable(reader, holder) and self.arrived_ns(holder, digest) >= 0 for holder in holders)
        when_ns = self.now_ns + 50_000_000 if good else deadline_ns
        self.at(when_ns, on_done, "served" if good else "unavailable", when_ns - self.now_ns)

    def clock_ns(self, seat: int) -> int:
        return self.now_ns + self.skew_ns.get(seat, 0)

    def is_up(self, seat: int) -> bool:
        return seat not in self.down

    def chain_of(self, seat: int) -> Chain:
        return self._chains[seat]

    def on_displace(self, callback: Callable[[Transaction], None]) -> None:
        """There is always room."""

    def on_decide(self, callback: Callable[[int, Block, int], None]) -> None:
        self._decided.append(callback)

    def on_revoke(self, callback: Callable[[int, Block, int], None]) -> None:
        self._revoked.append(callback)

    def serve_alters(self, holder: int, digest: str = "") -> bool:
        return holder in self.altering

    def commits(self, seat: int, deed: str) -> bool:
        return deed in self.deeds.get(seat, ())

    # how time passes ------------------------------------------------------------------------------------------------

    def run(self, *parts: Any) -> list[dict[str, Any]]:
        memories: list[dict[str, Any]] = []
        for part in parts:
            self.memory = {}
            memories.append(self.memory)
            part.setup(self)
            part.start(self)
        self.at(S, self._make)
        while self._events and self._events[0][0] <= self.duration_ns:
            self.now_ns, _, function, args = heappop(self._events)
            function(*args)
        self.now_ns = self.duration_ns
        outcomes = []
        for part, memory in zip(parts, memories, strict=True):
            self.memory = memory
            outcomes.append(part.outcome(self))
        return outcomes

    def cut(self, apart: Callable[[int], bool]) -> None:
        """Seats for which it is true go to an island of their own, with everything that waited."""
        self.island = [int(apart(seat)) for seat in range(len(self.roles))]
        self._cut_at = self._makers[0].height
        self._pending[1] = list(self._pending[0])
        self._makers[1] = Chain(self._tree)
        for block in self._makers[0].blocks:
            self._makers[1].append(block)

    def heal(self) -> None:
        """One chain again: the longer, island 0 among equals."""
        winner = 1 if self._makers[1].height > self._makers[0].height else 0
        loser = 1 - winner
        lost = [one for block in self._makers[loser].blocks[self._cut_at :] for one in block.transactions]
        for seat, island in enumerate(self.island):
            if island == loser:
                chain = self._chains[seat]
                while chain.height > self._cut_at:
                    block = chain.blocks[-1]
                    chain.rewind(chain.height - 1)
                    for tell in self._revoked:
                        tell(seat, block, self.now_ns)
                for block in self._makers[winner].blocks[chain.height :]:
                    self._decide(seat, block)
        self._pending = {0: list(dict.fromkeys((*self._pending[winner], *self._pending[loser], *lost)))}
        self._makers = {0: self._makers[winner]}
        self.island = [0] * len(self.roles)

    def _make(self) -> None:
        for island, maker in self._makers.items():
            mine = [seat for seat, where in enumerate(self.island) if where == island and seat not in self.down]
            if not self.certain or 3 * len(mine) > 2 * len(self.roles):
                waiting = [one for one in self._pending[island] if not self._tree.includes(maker.tip, one.id)]
                block = Block.of(maker.tip, maker.height + 1, island, self.now_ns, tuple(waiting))
                self._pending[island] = []
                maker.append(block)
                for seat in mine:
                    self.at(self.now_ns + self.lag_ns[seat], self._decide, seat, block)
        self.at(self.now_ns + S, self._make)

    def _decide(self, seat: int, block: Block) -> None:
        chain = self._chains[seat]
        if block.height <= chain.height or seat in self.down:
            return
        for missing in self._missing(chain, block):
            chain.append(missing)
            for tell in self._decided:
                tell(seat, missing, self.now_ns)

    def _missing(self, chain: Chain, block: Block) -> list[Block]:
        found = [block]
        while found[-1].parent != chain.tip:
            found.append(self._tree.blocks[found[-1].parent])
        return found[::-1]
