"""What waits to be included, in order of urgency and of submission.

One pool serves a whole run: which seat already holds a transaction is a question to the network, not to a copy of the pool.
What is excluded depends on the chain a proposer builds on. The pool keeps the answer for one tip and moves it block by
block to the next one asked for, forwards or back across a fork, so a proposal costs what changed since the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from sim.ledger.block import CLASSES, GENESIS, Transaction
from sim.ledger.tree import BlockTree

Held = Callable[[NDArray[np.int64]], NDArray[np.bool_]]
"""Asked with item indices: which of them does the proposing seat hold?"""
Wanted = Callable[[Transaction], bool]
"""Asked with a transaction: is it the proposer's to include?"""


class Mempool:
    """Transactions of one run that wait. `capacity` bounds how many may wait at once.

    What finds no room is refused; or, in a pool that `displaces`, the youngest of the least urgent makes room for it if it is more
    urgent. `by_class` puts the most urgent first into a block, otherwise the oldest goes first.
    """

    def __init__(self, tree: BlockTree, capacity: int = 1_000_000, *, by_class: bool = True, displaces: bool = False) -> None:
        self.tree = tree
        self.capacity, self.by_class, self.displaces = capacity, by_class, displaces
        self.refused = dict.fromkeys(CLASSES, 0)
        """How often one of a class found no room; the same one may try again."""
        self.displaced = dict.fromkeys(CLASSES, 0)
        """Transactions that had to make room, by class."""
        self.most_waiting = 0
        self.on_displace: list[Callable[[Transaction], None]] = []
        """Told of each one that has had to make room."""
        self.waiting = 0
        """How many wait, seen from the tip last asked for."""
        self._all: list[Transaction] = []
        self._serials: dict[str, int] = {}
        self._tip = GENESIS
        self._first = 0
        self._waits = np.zeros(1024, np.bool_)
        self._class = np.zeros(1024, np.int8)
        self._item = np.zeros(1024, np.int64)

    def __len__(self) -> int:
        return self.waiting

    @property
    def submitted(self) -> int:
        """How many were ever taken, whether they wait or not."""
        return len(self._all)

    def __contains__(self, transaction_id: str) -> bool:
        return transaction_id in self._serials

    def add(self, transaction: Transaction, item: int) -> bool:
        """Take a transaction that the network knows as `item`; False where it is full (counted) or knows it already."""
        if transaction.id in self._serials:
            return False
        if self.waiting >= self.capacity and not (self.displaces and self._make_room(CLASSES.index(transaction.priority))):
            self.refused[transaction.priority] += 1
            return False
        serial = len(self._all)
        if serial == len(self._waits):
            self._waits = np.concatenate([self._waits, np.zeros_like(self._waits)])
            self._class = np.concatenate([self._class, np.zeros_like(self._class)])
            self._item = np.concatenate([self._item, np.zeros_like(self._item)])
        self._all.append(transaction)
        self._serials[transaction.id] = serial
        self._class[serial] = CLASSES.index(transaction.priority)
        self._item[serial] = item
        waits = not self.tree.includes(self._tip, transaction.id)
        self._waits[serial] = waits
        self.waiting += waits
        self.most_waiting = max(self.most_waiting, self.waiting)
        return True

    def _make_room(self, urgency: int) -> bool:
        """Drop the youngest of the least urgent that wait, if it is less urgent; whether there was one."""
        waiting = self._first + np.flatnonzero(self._waits[self._first : len(self._all)])
        classes = self._class[waiting]
        if not len(waiting) or int(classes.max()) <= urgency:
            return False
        serial = int(waiting[np.flatnonzero(classes == classes.max())[-1]])
        gone = self._all[serial]
        del self._serials[gone.id]
        self._waits[serial] = False
        self.waiting -= 1
        self.displaced[gone.priority] += 1
        for tell in self.on_displace:
            tell(gone)
        return True

    def take(
        self, seat: int, held: Held, parent: str, max_bytes: int, max_count: int, wanted: Wanted | None = None
    ) -> tuple[Transaction, ...]:
        """What `seat` puts into a block after `parent`, most urgent first, oldest first within a class.

        Only what the seat holds, the chain ending in `parent` lacks and `wanted` (by default everything) lets pass. One that no
        longer fits is passed over, so that it does not hold up smaller ones. Raises KeyError for an unknown parent, ValueError where `held` answers for other items.
        """
        self.look_from(parent)
        serials = self._first + np.flatnonzero(self._waits[self._first : len(self._all)])
        if not len(serials) or max_count < 1:
            return ()
        self._first = int(serials[0])
        if self.by_class:
            serials = serials[np.argsort(self._class[serials], kind="stable")]
        holds = held(self._item[serials])
        if holds.dtype != np.bool_ or holds.shape != serials.shape:
            raise ValueError(f"seat {seat}: held() gave {holds.shape} {holds.dtype} for {len(serials)} items, not one bool each")
        mine = serials[holds]
        picked: list[Transaction] = []
        left_bytes = max_bytes
        for serial in mine.tolist():
            transaction = self._all[serial]
            if transaction.size_bytes <= left_bytes and (wanted is None or wanted(transaction)):
                picked.append(transaction)
                left_bytes -= transaction.size_bytes
                if len(picked) == max_count:
                    break
        return tuple(picked)

    def overlooked(self, held: Held, parent: str) -> Iterator[Transaction]:
        """What a seat holds and the chain ending in `parent` lacks, as it was submitted, oldest first."""
        self.look_from(parent)
        serials = self._first + np.flatnonzero(self._waits[self._first : len(self._all)])
        if len(serials):
            yield from (self._all[serial] for serial in serials[held(self._item[serials])].tolist())

    def look_from(self, tip: str) -> None:
        """See the pool as the chain ending in `tip` leaves it; KeyError where the tree does not know the tip."""
        if tip == self._tip:
            return
        undo, do = self.tree.way(self._tip, tip)
        for digest in undo:
            for serial in self._known(digest):
                self.waiting += not self._waits[serial]
                self._waits[serial] = True
                self._first = min(self._first, serial)
        for digest in do:
            for serial in self._known(digest):
                self.waiting -= bool(self._waits[serial])
                self._waits[serial] = False
        self._tip = tip

    def _known(self, digest: str) -> Iterable[int]:
        serials = (self._serials.get(transaction.id) for transaction in self.tree.counted(digest))
        return [serial for serial in serials if serial is not None]
