"""Publishers that keep back part of the data behind their blocks, or code it wrongly.

The menu of the field (das-research's failure models; Al-Bassam, Sonnino, Buterin 2018, section 5.3): a random share, the first
ones, the least that cannot be rebuilt from the rest, and one share less than that; a band along the diagonal that leaves every line
one share short; all but the least that can be rebuilt, and one share more than that. In one dimension of n shares, k of which are
enough, the least that breaks it is n - k + 1; in a square with half lines of k it is (k + 1) x (k + 1) cells on any k + 1 rows and
columns, and the least that can be rebuilt is k whole half lines of k cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Duration, Share
from sim.node.behind import Trick
from sim.node.surroundings import Surroundings

Pattern = Literal[
    "all", "random", "sequential", "minimal", "almost-minimal", "diagonal", "almost-diagonal", "maximal", "past-maximal"
]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Matrix:
    """The shares behind one block: any `enough` of a row, or `enough_down` of a column, give the line; one row: give all."""

    rows: int
    columns: int
    enough: int
    enough_down: int

    def drawn(self, dice: Dice, name: str, rows: int, columns: int) -> Mask:
        """So many rows crossed with so many columns, drawn for the block."""
        found = np.zeros((self.rows, self.columns), np.bool_)
        lost_rows = dice.shuffled(self.rows, "withheld rows", name)[:rows]
        lost_columns = dice.shuffled(self.columns, "withheld" if self.rows == 1 else "withheld columns", name)[:columns]
        found[np.ix_(lost_rows, lost_columns)] = True
        return found

    def minimal(self, dice: Dice, name: str) -> Mask:
        """The least that cannot be rebuilt from the rest."""
        if self.rows == 1:
            return self.drawn(dice, name, 1, self.columns - self.enough + 1)
        return self.drawn(dice, name, self.rows - self.enough_down + 1, self.columns - self.enough + 1)

    def diagonal(self) -> Mask:
        """A band that winds along the diagonal and leaves every line one share short; where the matrix is no square, some of them more."""
        if self.rows == 1:
            return np.arange(self.columns)[None, :] < self.columns - self.enough + 1
        down, along = np.arange(self.rows)[:, None], np.arange(self.columns)[None, :]
        width = max(self.rows * (self.columns - self.enough + 1), self.columns * (self.rows - self.enough_down + 1))
        band: Mask = (along * self.rows - down * self.columns) % (self.rows * self.columns) < width
        return band

    def maximal(self, dice: Dice, name: str) -> Mask:
        """All but the least that can be rebuilt: as many rows as a column wants, of each as many shares as a row wants."""
        return ~self.drawn(dice, name, 1 if self.rows == 1 else self.enough_down, self.enough)


def hidden_by(pattern: Pattern, share: float, matrix: Matrix, dice: Dice, name: str) -> Mask:
    """bool[rows, columns]: what a publisher keeps back."""
    count = matrix.rows * matrix.columns
    hidden = np.zeros(count, np.bool_)
    if pattern == "all":
        hidden[:] = True
    elif pattern == "sequential":
        hidden[: round(share * count)] = True
    elif pattern == "random":
        hidden[dice.shuffled(count, "withheld", name)[: round(share * count)]] = True
    elif pattern in ("diagonal", "almost-diagonal"):
        hidden = matrix.diagonal().ravel()
    elif pattern in ("maximal", "past-maximal"):
        hidden = matrix.maximal(dice, name).ravel()
    else:
        hidden = matrix.minimal(dice, name).ravel()
    if pattern in ("almost-minimal", "almost-diagonal", "past-maximal"):
        kept_back = pattern != "past-maximal"
        places = np.flatnonzero(hidden == kept_back)
        hidden[places[dice.below(len(places), "let out", name)]] = not kept_back
    return hidden.reshape(matrix.rows, matrix.columns)


def needs_shares(world: Surroundings, what: str) -> None:
    """Raises ScenarioError where no data lies behind blocks."""
    if world.society.behind is None:
        raise ScenarioError(f'{what} has no effect without data behind blocks; write [availability] kind = "custody"', "kind")


@part
class WithholdShares:
    """Publish blocks whose data is not all released."""

    pattern: Pattern = "minimal"
    """all: nothing is released; minimal: the least that cannot be rebuilt is kept back; almost-minimal: one share less than that, so that
    it can; diagonal: of every line one share too many; almost-diagonal: one share less, which is enough in a square; maximal: only the least that can be
    rebuilt is released; past-maximal: one share less than that, so that it cannot; random and sequential: a `share` of all is kept back."""
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

        def hidden(rows: int, columns: int, enough: int, enough_down: int, dice: Dice, name: str) -> Mask:
            return hidden_by(self.pattern, self.share, Matrix(rows, columns, enough, enough_down), dice, name)

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
