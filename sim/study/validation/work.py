"""Group D, proof of work: stale blocks, races, catching up from behind, and what a selfish pool earns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sim.study.metrics_rows import read
from sim.study.validation.case import Case, Errors, Measured, mean_of, share_of
from sim.study.validation.worlds import Table, agreeing, constant, evidence, play

_BLOCKS = 250  # of one run
_MINERS = 200  # so many that a miner's own head start does not show
_BEHIND = 12
"""A race is given up here: with a tenth of the power, one in 10^11 would still be won."""


def _mining(n: int, delay: str, interval_s: int, blocks: int, power: Table | None = None, more: Table | None = None) -> Table:
    consensus = {"block_interval": f"{interval_s} s", **({"power": power} if power else {})}
    duration = f"{interval_s * blocks} s"
    return agreeing("nakamoto", n, constant(delay), duration=duration, consensus=consensus, more=more)


def _stale(interval_s: int) -> Callable[[int], Measured]:
    """The report's stale rate where every block reaches all others after 1 s."""

    def measure(runs: int) -> Measured:
        tables = _mining(_MINERS, "1 s", interval_s, _BLOCKS)
        return mean_of([play(tables, seed).to_dict()["consensus"]["stale_rate"] for seed in range(1, runs + 1)])

    return measure


def _growth(interval_s: int) -> Callable[[int], Measured]:
    """Seconds between heights, from the first to the last decided block of each run."""

    def measure(runs: int) -> Measured:
        tables = _mining(_MINERS, "1 s", interval_s, _BLOCKS)
        means = []
        for seed in range(1, runs + 1):
            found = evidence(tables, seed)
            times = [found.blocks[digest].time_ns for _, digest in read(found).chain]
            means.append((times[-1] - times[0]) / 1e9 / (len(times) - 1))
        return mean_of(means)

    return measure


def _found(tables: Table, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(instants, miners) of all blocks, as they were published."""
    rows = [row for row in evidence(tables, seed).trace if row[1] == "publish"]
    return np.array([row[0] for row in rows], np.int64), np.array([row[2] for row in rows], np.int64)


def _race(delay_s: int, interval_s: int) -> Callable[[int], Measured]:
    """How often another block follows one within the delay."""

    def measure(runs: int) -> Measured:
        gaps = [np.diff(_found(_mining(_MINERS, "1 s", interval_s, _BLOCKS), seed)[0]) for seed in range(1, runs + 1)]
        every = np.concatenate(gaps)
        return share_of(int((every <= delay_s * 10**9).sum()), every.size, 1 - math.exp(-delay_s / interval_s))

    return measure


def _catches_up(miners: Sequence[int], start: int, behind: int) -> tuple[bool, int]:
    """Whether miner 0, `behind` blocks behind from `start` on, draws level before it is far behind; and where that is known.

    Raises IndexError where the blocks do not last.
    """
    place = start
    while 0 < behind < _BEHIND:
        behind += 1 if miners[place] else -1
        place += 1
    return behind <= 0, place


def _double_spend(confirmations: int, share: float, expected: float, head_start: bool) -> Callable[[int], Measured]:
    """How often a payment with so many blocks on it is undone by a branch of miner 0, who has `share` of the power.

    With `head_start` the branch begins with the payment, and the confirmations come in the time they take on average, which is
    section 11's approximation; without, it starts that many blocks behind. Too few races to tell the expected share from nothing
    are told as unknown.
    """
    interval_s = 10
    blocks = 5_000

    def measure(runs: int) -> Measured:
        won = races = 0
        wait_ns = round(confirmations * interval_s * 1e9 / (1 - share))
        tables = _mining(2, "0 ms", interval_s, blocks, {"seat-0": share, "seat-1": 1 - share})
        for seed in range(1, runs + 1):
            times, found = _found(tables, seed)
            miners = found.tolist()
            place = 0
            while True:
                behind, begin = confirmations, place
                if head_start:
                    since_ns = int(times[place - 1]) if place else 0
                    place = int(np.searchsorted(times, since_ns + wait_ns, side="right"))
                    behind -= miners[begin:place].count(0)
                try:
                    level, place = _catches_up(miners, place, behind)
                except IndexError:
                    break
                won += level
                races += 1
        told = share_of(won, races, expected)
        return told if told.error is not None and 4 * told.error < expected else Measured(told.value, math.nan, told.runs)

    return measure


def _nakamoto(share: float, confirmations: int) -> float:
    """Section 11 of the paper: the attacker's progress is Poisson while the payment is confirmed, then a gambler's ruin."""
    ratio = share / (1 - share)
    mean = confirmations * ratio
    poisson = [math.exp(-mean) * mean**k / math.factorial(k) for k in range(confirmations + 1)]
    return 1 - math.fsum(p * (1 - ratio ** (confirmations - k)) for k, p in enumerate(poisson))


def _revenue(share: float) -> Callable[[int], Measured]:
    """The pool's share of the decided blocks; honest miners hear of each other first, so nobody mines on its branch in a tie.

    Where a run ends in the middle of a race, the honest miners' branch is still the one decided. By the closed form's own chain of states
    that costs runs of 1,000 blocks 0.004 of the share at a = 0.4, and 0.026 at 0.45: larger pools want longer runs.
    """

    def measure(runs: int) -> Measured:
        each = (1 - share) / 3
        power = {"seat-0": share, **{f"seat-{seat}": each for seat in (1, 2, 3)}}
        pool = {"adversary": [{"kind": "selfish", "seats": ["seat-0"]}]}
        shares = []
        for seed in range(1, runs + 1):
            found = evidence(_mining(4, "1 ms", 600, 1000, power, pool), seed)
            chain = read(found).chain
            shares.append(sum(found.blocks[digest].proposer == 0 for _, digest in chain) / len(chain))
        return mean_of(shares)

    return measure


def pool_share(a: float, g: float) -> float:
    """Eyal and Sirer's closed form."""
    return (a * (1 - a) ** 2 * (4 * a + g * (1 - 2 * a)) - a**3) / (1 - a * (1 + (2 - a) * a))


_DELAY = "every block reaches all after D"
CASES = (
    *(
        Case(id="V70", what=f"longest chain, D/T = {1 / t:g}, {_MINERS} miners: stale share", source=f"CF: x / (1 + x); {_DELAY}",
             expected=1 / t / (1 + 1 / t), rule=Errors(), measure=_stale(t), runs=40, quick=4)
        for t in (10, 2)
    ),
    *(
        Case(id="V70", what=f"longest chain, D/T = {1 / t:g}, {_MINERS} miners: time between heights", source=f"CF: T + D; {_DELAY}",
             unit="s", expected=t + 1, rule=Errors(), measure=_growth(t), runs=40, quick=4)
        for t in (10, 2)
    ),
    Case(id="V71", what="another block within D, D/T = 0.5", source="CF: 1 - exp(-x)", expected=1 - math.exp(-0.5),
         rule=Errors(), measure=_race(1, 2), runs=40, quick=4),
    *(
        Case(id="V74", what=f"catching up from {z} behind with a tenth of the power", source="CF: (q / p)^z",
             expected=(0.1 / 0.9) ** z, rule=Errors(), measure=_double_spend(z, 0.1, (0.1 / 0.9) ** z, False), runs=16, quick=8)
        for z in (1, 2)
    ),
    *(
        Case(id="V74", what=f"double spending, q = 0.1, z = {z}", source="Nakamoto 2008, section 11", expected=printed,
             rule=Errors(printed=5e-8), measure=_double_spend(z, 0.1, _nakamoto(0.1, z), True), runs=16, quick=2)
        for z, printed in ((1, 0.2045873), (2, 0.0509779))
    ),
    Case(id="V74", what="double spending, q = 0.1, z = 6", source="Nakamoto 2008, section 11", expected=0.0002428,
         rule=Errors(printed=5e-8), measure=_double_spend(6, 0.1, _nakamoto(0.1, 6), True), runs=230, quick=2),
    *(
        Case(id="V75", what=f"selfish mining, a = {a:g}, g = 0: revenue", source="Eyal and Sirer 2014", expected=pool_share(a, 0.0),
             rule=Errors(), measure=_revenue(a), runs=20, quick=4)
        for a in (0.25, 0.4)
    ),
)  # fmt: skip
