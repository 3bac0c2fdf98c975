"""How long a height of Tendermint takes where delays differ: as the paper's rules say, played beside the simulator message by message."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.study.validation.worlds import SECOND, agreeing, evidence, exponential

N, QUORUM, MEAN_S = 4, 3, 0.1
PATIENT = {"propose": "1000 s", "prevote": "1000 s", "precommit": "1000 s"}
Times = NDArray[np.float64]


def heights(rest_s: float, many: int, decided_still_vote: bool = False) -> Times:
    """float64[3]: mean seconds from proposal to proposal, to the first and to the last decision, by arXiv 1807.04938, algorithm 1.

    A node begins a height `rest_s` after its own decision of the last one; it prevotes once it has begun and has the proposal (line 22),
    precommits once it has a quorum of prevotes (36), decides once it has a quorum of precommits and the proposal (49). Whoever
    decides is at the next height (50): it says no more at this one, which is why the last decide later than if it did.
    """
    chance = np.random.default_rng(1)
    start, proposed, decided = np.zeros(N), list[float](), list[Times]()
    for height in range(many):
        proposal, prevotes, precommits = np.where(np.eye(N, dtype=bool), 0.0, chance.exponential(MEAN_S, (3, N, N)))
        proposed.append(start[height % N])
        here = proposed[-1] + proposal[height % N]
        prevoted = np.maximum(start, here)
        precommitted = np.maximum(prevoted, np.sort(prevoted[:, None] + prevotes, axis=0)[QUORUM - 1])
        come = np.full((N, N), np.inf)
        for node in np.argsort(precommitted):
            has_decided = max(np.sort(come[:, node])[QUORUM - 1], here[node]) <= precommitted[node]
            if decided_still_vote or not has_decided:
                come[node] = precommitted[node] + precommits[node]
        decided.append(np.maximum(np.sort(come, axis=0)[QUORUM - 1], prevoted))
        start = decided[-1] + rest_s
    gaps = np.array([[one.min() - at, one.max() - at] for one, at in zip(decided, proposed, strict=True)])
    return np.array([(proposed[-1] - proposed[0]) / (many - 1), *gaps.mean(axis=0)])


def played(rest: str, duration_s: int, seed: int) -> Times:
    """The same of a run."""
    tables = agreeing("tendermint", N, exponential("100 ms"), duration=f"{duration_s} s", consensus={**PATIENT, "commit": rest})
    found = evidence(tables, seed)
    decided: dict[str, list[int]] = {}
    for row in found.trace.of("decide"):
        decided.setdefault(row[4], []).append(row[0])
    whole = [(row[0], decided[row[3]]) for row in found.trace.of("publish") if len(decided.get(row[3], ())) == N]
    gaps = np.array([[min(times) - at, max(times) - at] for at, times in whole])
    return np.array([(whole[-1][0] - whole[0][0]) / (len(whole) - 1), *gaps.mean(axis=0)]) / SECOND


@pytest.mark.parametrize(("rest", "duration_s"), [("0 s", 200), ("2 s", 1_500)])
def test_heights_take_as_long_as_the_papers_rules_say(rest: str, duration_s: int) -> None:
    """Within four standard errors; with votes of those who have decided the last would decide sooner, which is seen."""
    runs = np.array([played(rest, duration_s, seed) for seed in range(1, 9)])
    error = runs.std(axis=0, ddof=1) / np.sqrt(len(runs))
    rest_s = float(rest.split()[0])
    assert (np.abs(runs.mean(axis=0) - heights(rest_s, 40_000)) < 4 * error).all()
    assert runs.mean(axis=0)[2] - heights(rest_s, 40_000, decided_still_vote=True)[2] > 4 * error[2]
