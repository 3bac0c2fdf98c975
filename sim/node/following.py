"""Chains that seats follow without being woken: the core moves their heads, the decisions that come of it are told many at once.

Nearly every block stands on the head of nearly everybody who hears of it. Then there is nothing to choose: the head moves up,
and one block more is deep enough to be decided. The core does the first (`sim.net.core.follow`), this does the second, in columns,
before anybody in Python can look. It needs that the block has been found good by somebody, that all come to the same verdict on
it, and that nobody wants to act at the very instant of a decision; otherwise the seat is woken, and nothing else changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.net import arena
from sim.net.core.state import AT_GENESIS, BLOCK, FIRST_BLOCK, FOLLOWS, NOWHERE
from sim.node.genesis import GENESIS

if TYPE_CHECKING:
    from sim.node.society import Society

Column = NDArray[np.int64]
MAIL_BLOCKS = 16  # mail of so many blocks to everybody fits before Python must look


class Following:
    """The heads of one run's seats, and what is decided of the chains below them."""

    def __init__(self, society: Society) -> None:
        self._society = society
        self.decided = np.zeros(society.n, np.int64)
        """Height up to which each seat's chain is decided."""
        self._upto = np.zeros(64, np.int64)
        self._top: list[str] = []
        self._vouched: dict[str, None] = {}
        society.network.on_moves = self._moved
        society.trace.on_hurry = self.hurry
        arena.enlarge(society.network.world, {"mail": MAIL_BLOCKS * society.n})

    # heads ----------------------------------------------------------------------------------------------------------

    def code(self, digest: str) -> int:
        """A block as the core's heads name it."""
        network = self._society.network
        return AT_GENESIS if digest == GENESIS else FIRST_BLOCK + network.item(digest, "block", 0)

    def digest(self, code: int) -> str:
        """The block that a head names."""
        return GENESIS if code == AT_GENESIS else str(self._society.network.item_names[code - FIRST_BLOCK])

    def head(self, seat: int) -> int:
        """Where the core has moved a seat; NOWHERE where it must not."""
        return int(self._society.network.world.heads[seat])

    def stand(self, seat: int, code: int, decided: int) -> None:
        """The seat stands there now; with NOWHERE it is woken by every block."""
        self._society.network.world.heads[seat] = code
        self.decided[seat] = decided

    def hurry(self) -> None:
        """Somebody must be told of each decision at its instant: from now on every block wakes whoever hears of it."""
        self._society.network.world.setup[FOLLOWS] = 0

    def is_vouched(self, block: Any) -> bool:
        """Whether somebody has found the block good."""
        return block.digest in self._vouched

    def vouch(self, block: Any, said: Any, decided: int, top: str) -> None:
        """A block is good: seats on its parent may go along, once they hold it and hear this from its maker.

        On the chain that ends in it all is decided up to the height `decided`, where `top` lies.
        """
        society = self._society
        message = society.number_of(said)
        if message is None:
            return
        self._vouched[block.digest] = None
        code, parent = self.code(block.digest), self.code(block.parent)
        if code >= len(self._upto):
            self._upto = np.concatenate([self._upto, np.zeros(code + 1, np.int64)])
        self._top.extend([""] * (code + 1 - len(self._top)))
        self._upto[code], self._top[code] = decided, top
        world = society.network.world
        if message >= len(world.successors):
            arena.enlarge(world, {"successors": 2 * message + 2})
        world.successors[message] = code, parent, block.proposer
        world.setup[FOLLOWS] = int(not society.is_hurried())

    # decisions ------------------------------------------------------------------------------------------------------

    def _moved(self, mail: Column) -> Column:
        """Settle what was decided where seats only went along; returns the rest of the mail."""
        moved = mail[:, 3] >= 0
        if moved.any():
            rows = mail[moved]
            codes = self._society.network.world.successors[rows[:, 2], BLOCK]
            self._settle(rows[:, 3], rows[:, 0], codes)
            mail = mail[~moved]
        return mail

    def _settle(self, times: Column, seats: Column, codes: NDArray[np.int32]) -> None:
        """Seats have come to stand on these blocks, in this order: decide what is deep enough now and was not before."""
        upto = self._upto[codes]
        before = self._before(seats, upto)
        many = upto - before
        np.maximum.at(self.decided, seats, upto)
        if many.max() <= 1:
            fresh = many == 1
            digests = [self._top[code] for code in codes[fresh].tolist()]
            times, seats, heights = times[fresh], seats[fresh], upto[fresh]
        else:
            many = np.maximum(many, 0)
            times, seats = np.repeat(times, many), np.repeat(seats, many)
            heights = np.concatenate([np.arange(low + 1, high + 1) for low, high in zip(before, upto, strict=True)])
            digests = [self._at(*place) for place in zip(np.repeat(codes, many).tolist(), heights.tolist(), strict=True)]
        if digests:
            self._society.decide_many(times, seats, heights - 1, digests)

    def _before(self, seats: Column, upto: Column) -> Column:
        """To which height each seat had decided before each of these moves, of which several may be of one seat."""
        before = self.decided[seats]
        if np.bincount(seats).max() > 1:
            order = np.argsort(seats, kind="stable")
            again = np.flatnonzero(seats[order][1:] == seats[order][:-1]) + 1
            before[order[again]] = np.maximum(before[order[again]], upto[order[again - 1]])
        return before

    def _at(self, code: int, height: int) -> str:
        """The block at a height on the chain that ends in one, not above what is decided there."""
        digest = self._top[code]
        for _ in range(int(self._upto[code]) - height):
            digest = self._society.blocks[digest].parent
        return digest


__all__ = ["NOWHERE", "Following"]
