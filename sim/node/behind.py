"""What lies behind a block: the data that its header commits to, and the seam for schemes that keep it in shares.

A part of group `availability` may have `keeper(topology, dice) -> Keeper`, the rule that moves shares, and
`behind(world) -> Behind`, which gives every published block its data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.kernel.dice import Dice

if TYPE_CHECKING:
    from sim.node.node import Node

Hidden = Callable[[int, int, int, int, Dice, str], NDArray[np.bool_]]
"""(rows, columns, shares of a row and of a column that are enough, dice, name of the block) to bool[rows, columns]: what is kept back.

With one row the shares are columns of one dimension, any `enough` of which are the whole.
"""


@dataclass(frozen=True)
class Trick:
    """What a dishonest publisher does with the data of its blocks."""

    hidden: Hidden | None = None
    release_ns: int = 0
    """After how long it is handed out all the same; 0: never."""
    victims: tuple[int, ...] = ()
    """Seats that get, all the same, just what they look for."""
    miscoded: bool = False
    """The shares are no code words: rebuilding gives something else."""


@dataclass(frozen=True, eq=False)
class Shared:
    """The truth about the data behind one block at the end of a run. Times in ns of virtual time, -1 for never."""

    digest: str
    publisher: int
    published_ns: int
    size_bytes: int
    held_bytes: int
    """Of all shares at all seats."""
    sound: bool
    """False where the publisher coded it wrongly."""
    rebuildable_ns: int
    """When honest seats other than the publisher together held enough; never, where the code is wrong."""
    heard_ns: NDArray[np.int64]
    """int64[seats]: when each seat came to hold the block, and so to look for its data."""
    accepted_ns: NDArray[np.int64]
    """int64[seats]: when each seat was satisfied."""
    refuted_ns: NDArray[np.int64]
    """int64[seats]: when each seat had a proof that the code is wrong."""
    first_ns: NDArray[np.int64]
    """int64[rows, columns]: when the first honest seat other than the publisher held each share."""
    judged: NDArray[np.bool_]
    """bool[seats]: honest seats whose rule this is, the publisher left out."""
    weight: NDArray[np.int64]
    """int64[seats]: validators of each seat, 1 where the scheme knows none."""


@dataclass(frozen=True)
class Rebuilt:
    """What seats did in one run to make good what had not come."""

    lines: int
    """Lines, in one dimension whole blocks, that a seat decoded; each seat counts by itself."""
    shares: int
    """Shares that came of it."""
    copies: int
    """Copies of these that were sent on."""
    sent_bytes: int
    cpu_ns: int
    """CPU time of decoding, as modelled."""


class Behind(Protocol):
    """One run's data behind blocks."""

    demands: bool
    """Whether a block is used only once it is confirmed."""

    def accompany(self, seat: int, digest: str, item: int) -> None:
        """`seat` publishes a block, the network's `item`: spread its data. The same block a second time does nothing."""

    def confirmed(self, node: Node, digest: str) -> bool:
        """Whether the node may use a block it holds: vote for it, build on it, count it in its choice between branches."""

    async def confirm(self, node: Node, digest: str) -> None:
        """Wait until the node may use a block it holds."""

    def shared(self) -> tuple[Shared, ...]:
        """The truth about the data of each block, in the order of publication."""

    def custodians(self, line: int) -> tuple[int, ...]:
        """The seats that keep a line, ascending: a column in one dimension, in two the rows come first; nobody beyond the last."""

    def rebuilt(self) -> Rebuilt | None:
        """What seats rebuilt in the whole run; None where the scheme has nobody rebuild."""
