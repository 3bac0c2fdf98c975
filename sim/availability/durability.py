"""How long objects in fragments last, reckoned: the closed forms beside which a run's own figures stand.

Lives: fragments fail, each after an exponential life, and each missing one is repaired after an exponential time; the number left is
a birth-death chain that ends below `enough` (Trivedi, "Probability and statistics with reliability, queuing, and computer science
applications", section 8.4; validation V84). Absences: holders come and go by themselves, and an object cannot be read while fewer
than `enough` of them are there, the tail of a binomial (Weatherspoon, Kubiatowicz, IPTPS 2002; validation V77).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, comb, exp

import numpy as np
from numpy.typing import NDArray

_LEAST_TERM = 1e-18
_AGES = 33
"""At so many ages the chance of being lost is reckoned; between them it is read off a straight line."""


def binomial_below(trials: int, chance: float, least: int) -> float:
    """P(Bin(trials, chance) < least)."""
    return sum(comb(trials, hits) * chance**hits * (1 - chance) ** (trials - hits) for hits in range(least))


@dataclass(frozen=True)
class Lives:
    """The chain of one object: all of `pieces` fragments are there at first. Rates a second, of one fragment."""

    pieces: int
    enough: int
    failure: float
    repair: float

    def mean_s(self) -> float:
        """Mean time until fewer than `enough` are left: the sum of the mean times to get from each number to the next lower one."""
        waited = total = 0.0
        for left in range(self.pieces, self.enough - 1, -1):
            waited = (1 + (self.pieces - left) * self.repair * waited) / (left * self.failure)
            total += waited
        return total

    def lost_by(self, ages_s: Sequence[float]) -> NDArray[np.float64]:
        """float64[ages]: the chance of being lost at each age."""
        wanted = np.asarray(ages_s, np.float64)
        if not wanted.size:
            return wanted
        low, high = float(wanted.min()), float(wanted.max())
        first = self._after(low)
        if high == low:
            return np.full(wanted.size, first[-1])
        step = self._steps((high - low) / (_AGES - 1))
        known = [first]
        while len(known) < _AGES:
            known.append(known[-1] @ step)
        chances: NDArray[np.float64] = np.interp(wanted, np.linspace(low, high, _AGES), [state[-1] for state in known])
        return chances

    def _after(self, span_s: float) -> NDArray[np.float64]:
        """float64[states]: the chances of each state, from all fragments down to lost, so long after the first."""
        start: NDArray[np.float64] = self._steps(span_s)[0]
        return start

    def _steps(self, span_s: float) -> NDArray[np.float64]:
        """float64[states, states]: from each state to each in so long. By uniformisation, in which nothing is ever subtracted."""
        states = self.pieces - self.enough + 2
        fastest = self.pieces * (self.failure + self.repair)
        once = np.zeros((states, states))
        once[-1, -1] = 1.0
        for place in range(states - 1):
            left = self.pieces - place
            once[place, place + 1] = left * self.failure / fastest
            if place:
                once[place, place - 1] = place * self.repair / fastest
            once[place, place] = 1.0 - once[place].sum()
        halvings = max(0, ceil(np.log2(max(1.0, fastest * span_s))))
        jumps = fastest * span_s / 2**halvings
        total, power, weight, term = np.zeros_like(once), np.eye(states), exp(-jumps), 0
        while weight > _LEAST_TERM or term <= states:
            total += weight * power
            term += 1
            power, weight = power @ once, weight * jumps / term
        for _ in range(halvings):
            total = total @ total
        return total


@dataclass(frozen=True)
class Absences:
    """Holders that are all there at the instant `begin_s`, stay and are away for exponential times, and are not replaced."""

    pieces: int
    enough: int
    stay_s: float
    absence_s: float
    begin_s: float

    def unreadable(self, from_s: float, until_s: float) -> float:
        """The share of this time for which too few are there, on average over runs."""
        there = self.stay_s / (self.stay_s + self.absence_s)
        rate = 1 / self.stay_s + 1 / self.absence_s
        times = from_s + (np.arange(256) + 0.5) / 256 * (until_s - from_s)
        since = np.maximum(0.0, times - self.begin_s)
        chances = there + (1 - there) * np.exp(-rate * since)
        return float(np.mean([binomial_below(self.pieces, float(chance), self.enough) for chance in chances]))


Reckoning = Lives | Absences
