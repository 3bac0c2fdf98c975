"""How likely a pool that works in secret has a decision taken back: its branch against everybody else's, block by block.

Rosenfeld, "Analysis of hashrate-based double spending", 2014, sections 2 to 4: every next block is the pool's with probability q, its
share of the power, so what matters is who finds it and not when. His closed form lets one attempt go on for ever; a run ends, and holds
several attempts. So the same walk is followed here state by state: `thief`, `selfish` and `favour` say what becomes of a block found, as
the adversaries of these names have it, and a `Race` holds the chance of each state.

Blocks are taken to reach whoever they are for at once. What links take makes honest miners waste the share delay / interval of their
work, and an honest miner who hears the selfish pool's branch first shortens what it can undo: small where links are fast against blocks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

State = tuple[int, int]
"""(blocks by which the secret branch is ahead, blocks of the others since the two parted); the latter only as far as they matter."""
After = Callable[[State, int], State]
"""The state once a block is found: by the pool (0), by whom else it shows its blocks (where it does), or by the rest (the last number)."""
Chances = NDArray[np.float64]
"""float64[states]: how likely the race is in each state."""

IDLE: State = (0, -1)
TIE: State = (0, -2)
"""Two public branches of equal height, one of them the pool's."""
WON: State = (0, -3)
MOST_AHEAD = 64  # a branch further ahead than this may as well be so far ahead
MOST_FINDS = 100.0
NEGLIGIBLE = 1e-12


def thief(confirmations: int, give_up: int) -> After:
    """A pool that pays when it finds a block, and shows its branch once the goods are out and it is the longer one."""

    def after(state: State, finder: int) -> State:
        if state in (IDLE, WON):
            return (1, 0) if finder == 0 and state == IDLE else state
        ahead, others = _longer(state, finder == 0, confirmations)
        if others == confirmations and ahead > 0:
            return WON
        return IDLE if ahead <= -give_up else (ahead, others)

    return after


def selfish(depth: int) -> After:
    """Eyal and Sirer's pool, by whom a decision is undone when it shows its branch to win outright over more than `depth` blocks."""

    def after(state: State, finder: int) -> State:
        if state in (IDLE, TIE, WON):
            return (1, 0) if finder == 0 and state == IDLE else WON if state == WON else IDLE
        ahead, others = _longer(state, finder == 0, depth + 1)
        if finder == 0 or ahead > 1:
            return (ahead, others)
        return TIE if ahead == 0 else WON if others > depth else IDLE

    return after


def favour(depth: int) -> After:
    """A pool that shows its blocks to some: a block of theirs shows the branch to the rest, and who is on the shorter one leaves it."""

    def after(state: State, finder: int) -> State:
        if state in (IDLE, WON):
            return (1, 0) if finder == 0 and state == IDLE else state
        ahead, others = _longer(state, finder < 2, depth + 2)
        if finder == 0 or (finder == 2 and ahead >= 0):
            return (ahead, others)
        left = others + min(ahead, 0)  # blocks of the branch that is left: the shorter one
        return WON if left > depth else IDLE

    return after


def split(state: State, depth: int) -> bool:
    """Whether both branches are so long that either has decisions of its own: what `favour` may leave behind at the end."""
    ahead, others = state
    return others > depth and ahead >= 0


def _longer(state: State, secret: bool, cap: int) -> State:
    """One of the two branches is a block longer."""
    ahead, others = state
    return (min(ahead + 1, MOST_AHEAD), others) if secret else (ahead - 1, min(others + 1, cap))


class Race:
    """How likely the race is in each of its states; it begins with nobody ahead. `sides` is how many kinds of finders there are."""

    def __init__(self, after: After, sides: int = 2) -> None:
        states = {IDLE: 0, WON: 1}
        following: list[list[int]] = []
        for state in (waiting := [IDLE, WON]):
            following.append([])
            for finder in range(sides):
                next_one = after(state, finder)
                if next_one not in states:
                    states[next_one] = len(states)
                    waiting.append(next_one)
                following[-1].append(states[next_one])
        self._following = np.array(following).T
        self.states: tuple[State, ...] = tuple(states)
        self.chances: Chances = np.zeros(len(states))
        self.chances[states[IDLE]] = 1.0

    def chance(self, of: Callable[[State], bool] = lambda state: False) -> float:
        """How likely the pool has won at least once, or the race is in a state such as these."""
        return math.fsum(self.chances[[state == WON or of(state) for state in self.states]])

    def finds(self, many: float, shares: Sequence[float]) -> Race:
        """So many finds on average in a process without memory, each side's share of them given; returns itself."""
        while many > 0:
            mean = min(many, MOST_FINDS)
            weight, left = math.exp(-mean), 1.0
            at, told, number = self.chances, weight * self.chances, 0
            while left - weight > NEGLIGIBLE and number < 4 * MOST_FINDS:
                left, number = left - weight, number + 1
                at, weight = self._step(at, shares), weight * mean / number
                told = told + weight * at
            self.chances, many = told, many - mean
        return self

    def slots(self, many: int, leads: Sequence[float]) -> Race:
        """So many slots, in each of which each side finds a block with its chance, whatever the others do; returns itself."""
        for _ in range(many):
            for finder, chance in enumerate(leads):
                self.chances = self._step(self.chances, [chance * (side == finder) for side in range(len(leads))])
        return self

    def _step(self, at: Chances, finds: Sequence[float]) -> Chances:
        """After one step in which each side finds a block with its chance, and nobody with what is left to 1."""
        told = at * (1 - sum(finds))
        for follows, chance in zip(self._following, finds, strict=True):
            if chance:
                told += np.bincount(follows, chance * at, at.size)
        return told
