"""Publishers that keep back part of the data behind their blocks, or code it wrongly.

The menu of the field (das-research's failure models; Al-Bassam, Sonnino, Buterin 2018, section 5.3): a random share, the first
ones, the least that cannot be rebuilt from the rest, and one share less than that. In one dimension of n shares, k of which are
enough, the least is n - k + 1; in a square with half lines of k it is (k + 1) x (k + 1) cells on any k + 1 rows and columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Duration, Share
from sim.node.behind import Trick
from sim.node.surroundings import Surroundings

Pattern = Literal["all", "random", "sequential", "minimal", "almost-minimal"]
Mask = NDArray[np.bool_]


def minimal(rows: int, columns: int, enough: int, dice: Dice, name: str) -> Mask:
    """The least that cannot be rebuilt from the rest, at places drawn for the block."""
    hidden = np.zeros((rows, columns), np.bool_)
    if rows == 1:
        hidden[0, dice.shuffled(columns, "withheld", name)[: columns - enough + 1]] = True
        return hidden
    lost_rows = dice.shuffled(rows, "withheld rows", name)[: rows - enough + 1]
    lost_columns = dice.shuffled(columns, "withheld columns", name)[: columns - enough + 1]
    hidden[np.ix_(lost_rows, lost_columns)] = True
    return hidden


def hidden_by(pattern: Pattern, share: float, rows: int, columns: int, enough: int, dice: Dice, name: str) -> Mask:
    """bool[rows, columns]: what a publisher keeps back."""
    count = rows * columns
    hidden = np.zeros(count, np.bool_)
    if pattern == "all":
        hidden[:] = True
    elif pattern == "sequential":
        hidden[: round(share * count)] = True
    elif pattern == "random":
        hidden[dice.shuffled(count, "withheld", name)[: round(share * count)]] = True
    else:
        hidden = minimal(rows, columns, enough, dice, name).ravel()
        if pattern == "almost-minimal":
            places = np.flatnonzero(hidden)
            hidden[places[dice.below(len(places), "let out", name)]] = False
    return hidden.reshape(rows, columns)


def needs_shares(world: Surroundings, what: str) -> None:
    """Raises ScenarioError where no data lies behind blocks."""
    if world.society.behind is None:
        raise ScenarioError(f'{what} has no effect without data behind blocks; write [availability] kind = "custody"', "kind")


@part
class WithholdShares:
    """Publish blocks whose data is not all released."""

    pattern: Pattern = "minimal"
    """all: nothing; minimal: the least that cannot be rebuilt is kept back; almost-minimal: one share less than that, so that it can;
    random and sequential: a `share` of all."""
    share: Share = 0.4
    """How much is kept back by `random` and `sequential`."""
    release: Duration = 0
    """What was kept back is handed out so long after the block: too late to be voted for, or so the publisher hopes; 0: never."""
    victims: Any = 0
    """Who gets what it looks for all the same, and is fooled: a count, a share, names, a role or a region."""

    def fits(self, world: Surroundings) -> None:
        """There is data to keep back, and somebody to fool."""
        needs_shares(world, "withholding shares")
        try:
            world.choose(self.victims, "victims")
        except ScenarioError as error:
            raise ScenarioError(error.sentence, "victims") from None

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Publish in this way from now on."""

        def hidden(rows: int, columns: int, enough: int, dice: Dice, name: str) -> Mask:
            return hidden_by(self.pattern, self.share, rows, columns, enough, dice, name)

        return play(Trick(hidden, self.release, world.choose(self.victims, "victims")), seats, world)


@part
class Miscode:
    """Publish blocks whose shares are not the code of anything: whoever rebuilds finds other shares than those that were sent."""

    def fits(self, world: Surroundings) -> None:
        """There is data to code."""
        needs_shares(world, "wrong coding")

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Publish in this way from now on."""
        return play(Trick(miscoded=True), seats, world)


def play(trick: Trick, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
    """Let seats play a trick with their data; returns how to stop."""
    for seat in seats:
        world.tricks[seat] = trick

    def release() -> None:
        for seat in seats:
            world.tricks.pop(seat, None)

    return release
