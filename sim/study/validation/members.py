"""Group B, membership: how soon a failure detector that probes at random finds a crash."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sim.study.metrics_members import absences, first_s
from sim.study.metrics_rows import read
from sim.study.validation.case import Case, Errors, Measured, mean_of, share_of
from sim.study.validation.worlds import constant, evidence

_CRASHES = 200  # in one run, one after the other; the seat is back for as long as it was away before the next one goes
_AWAY_S, _CYCLE_S = 20, 40


def _chance(n: int) -> float:
    """P(some of the n - 1 live members probes the crashed one in a period)."""
    return 1 - (1 - 1 / (n - 1)) ** (n - 1)


def _periods(n: int, seed: int) -> NDArray[np.float64]:
    """Periods from each crash to its first detection; infinite where there was none before the seat was back.

    Seats crash half a period before the others' common next round. A probe begins with a round and has failed by the next.
    """
    names = [f"seat-{seat:0{len(str(n - 1))}d}" for seat in range(n)]
    faults = [
        {"kind": "crash", "seats": [names[turn % n]], "at": f"{_CYCLE_S * turn + 10.5} s", "lasts": f"{_AWAY_S} s"}
        for turn in range(_CRASHES)
    ]
    tables = {
        "duration": f"{_CYCLE_S * _CRASHES} s",
        "topology": {"kind": "complete", "seats": n},
        "link": {"latency": constant("10 ms")},
        "membership": {"kind": "swim", "targets": "random", "clock": "common", "suspicion": 0.0, "sync": 0},
        "fault": faults,
    }
    found = evidence(tables, seed)
    suspicions = [row for row in read(found).of("member") if row[3] == "suspect"]
    waited = [first_s(suspicions, absence) for absence in absences(found)]
    return np.array([np.inf if one is None else round(one - 0.5) for one in waited])


def _mean(n: int) -> Callable[[int], Measured]:
    return lambda runs: mean_of(np.concatenate([_periods(n, seed) for seed in range(1, runs + 1)]))


def _within(n: int, most: int, expected: float) -> Callable[[int], Measured]:
    def measure(runs: int) -> Measured:
        found = np.concatenate([_periods(n, seed) for seed in range(1, runs + 1)])
        return share_of(int((found <= most).sum()), found.size, expected)

    return measure


CASES = (
    *(
        Case(
            id="V32",
            what=f"SWIM, {n} members: periods to first detection",
            source="CF: Das, Gupta, Motivala 2002",
            expected=1 / _chance(n),
            rule=Errors(),
            measure=_mean(n),
            runs=runs,
            quick=1,
        )
        for n, runs in ((10, 100), (100, 40))
    ),
    *(
        Case(
            id="V32",
            what=f"SWIM, {n} members: share of crashes detected within 5 periods",
            source="CF: 1 - (1 - P)^5",
            expected=1 - (1 - _chance(n)) ** 5,
            rule=Errors(),
            measure=_within(n, 5, 1 - (1 - _chance(n)) ** 5),
            runs=runs,
            quick=1,
        )
        for n, runs in ((10, 20), (100, 10))
    ),
)
