"""Group C, Snowball and Snowman: how often a poll succeeds, and how many polls it takes to be sure."""

from __future__ import annotations

import math
from collections.abc import Callable

from sim.study.validation.case import Case, Errors, Measured, mean_of, share_of
from sim.study.validation.worlds import Table, agreeing, constant, evidence

_SAMPLE, _ALPHA, _BETA = 20, 15, 20


def _succeeds(seats: int, silent: int) -> float:
    """P(at least alpha of the sample answer), drawn from all others without putting back; the asker itself answers."""
    others, answering = seats - 1, seats - silent - 1
    ways = sum(math.comb(answering, k) * math.comb(silent, _SAMPLE - k) for k in range(_ALPHA, _SAMPLE + 1))
    return ways / math.comb(others, _SAMPLE)


def _in_a_row(success: float, beta: int) -> float:
    """Mean polls until `beta` of them succeed in a row."""
    return float((1 - success**beta) / ((1 - success) * success**beta))


def _tables(seats: int, silent: int, beta: int) -> Table:
    """One block, known to everybody before anybody is asked; some answer nobody."""
    consensus = {"block_interval": "9999 s", "beta": beta, "concurrent": 1, "patience": "100 ms"}
    quiet = {"adversary": [{"kind": "silent", "seats": [f"seat-{seat:0{len(str(seats - 1))}}" for seat in range(silent)]}]}
    # One success takes some polls of 100 ms, after up to three silent proposers' windows of 5 s; who is silent polls on to the end, unheard.
    duration = "20 s" if beta == 1 else "60 s"
    return agreeing("snowman", seats, constant("10 ms"), duration=duration, consensus=consensus, more=quiet)


def _polls(seats: int, silent: int, beta: int, seed: int) -> float:
    """Polls of all nodes until each has accepted the block; not a number where one has not."""
    found = evidence(_tables(seats, silent, beta), seed)
    accepted = sum(row[1] == "decide" and row[2] >= silent for row in found.trace)
    return found.by_kind["Query"][0] / _SAMPLE if accepted == seats - silent else math.nan


def _success(seats: int, silent: int, expected: float) -> Callable[[int], Measured]:
    """Each node polls until one poll succeeds: nodes over polls."""

    def measure(runs: int) -> Measured:
        polls = sum(_polls(seats, silent, 1, seed) for seed in range(1, runs + 1))
        if math.isnan(polls):
            return Measured(math.nan)
        return share_of((seats - silent) * runs, round(polls), expected)

    return measure


def _certainty(seats: int, silent: int) -> Callable[[int], Measured]:
    """Polls a node needs, the mean of each run."""

    def measure(runs: int) -> Measured:
        return mean_of([_polls(seats, silent, _BETA, seed) / (seats - silent) for seed in range(1, runs + 1)])

    return measure


_K = f"k = {_SAMPLE}, alpha = {_ALPHA}"
CASES = (
    *(
        Case(id="V67", what=f"Snowball, {_K}, n = 2000, {q:.0%} agree: P(poll succeeds)", source="CF: hypergeometric, MC",
             expected=printed, rule=Errors(printed=5e-7), measure=_success(2000, 2000 - round(2000 * q), printed), runs=5)
        for q, printed in ((0.9, 0.989158), (0.8, 0.805197))
    ),
    *(
        Case(id="V67", what=f"Snowball, {_K}, beta = {_BETA}, n = 100, {q:.0%} agree: polls", source="CF: (1 - s^b) / ((1 - s) s^b)",
             expected=_in_a_row(_succeeds(100, 10), _BETA), rule=Errors(),
             measure=_certainty(100, 10), runs=10, quick=2)
        for q in (0.9,)
    ),
)  # fmt: skip
