"""Group C, protocols without a clock: reliable broadcast and the common subset, as HoneyBadgerBFT runs them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from sim.study.evidence import Evidence
from sim.study.validation.case import Case, Errors, Measured, mean_of
from sim.study.validation.worlds import SECOND, agreeing, constant, evidence, exponential

_N = 4
_LOSSLESS = {"resend": "99999 s"}


def _notes(found: Evidence, kind: str) -> list[tuple[int, dict[str, Any]]]:
    return [(row[0], dict(row[4])) for row in found.trace if row[1] == "note" and row[3] == kind]


def _rounds(runs: int) -> Measured:
    """Rounds of the slowest agreement of an epoch; one run has as many epochs as are wanted."""
    tables = agreeing("honeybadger", _N, constant("1 s"), duration=f"{25 * runs} s", consensus=_LOSSLESS)
    rounds: dict[int, int] = defaultdict(int)
    whole: dict[int, int] = defaultdict(int)
    for _, facts in _notes(evidence(tables), "agreed"):
        rounds[facts["epoch"]] = max(rounds[facts["epoch"]], facts["rounds"])
        whole[facts["epoch"]] += 1
    return mean_of(np.array([count for epoch, count in rounds.items() if whole[epoch] == _N * _N][:runs]))


def _broadcast(last: bool) -> Any:
    def measure(runs: int) -> Measured:
        """The first epoch's broadcasts, which all begin at once; each run counts once."""
        tables = agreeing("honeybadger", _N, exponential("1 s"), duration="60 s", consensus={**_LOSSLESS, "block_interval": "99 s"})
        samples = []
        for seed in range(1, runs + 1):
            times: dict[int, list[float]] = defaultdict(list)
            for time_ns, facts in _notes(evidence(tables, seed), "broadcast"):
                if facts["epoch"] == 0:
                    times[facts["proposer"]].append(time_ns / SECOND)
            whole = [delays for delays in times.values() if len(delays) == _N]
            samples.append(np.mean([max(delays) if last else np.mean(delays) for delays in whole]))
        return mean_of(np.array(samples))

    return measure


CASES = (
    Case(
        id="V56",
        what="Bracha, 4 nodes, Exp(1): mean delivery",
        source="MC (its standard error 0.009)",
        expected=2.476,
        unit="s",
        rule=Errors(published=0.009, printed=0.0005),
        measure=_broadcast(last=False),
        runs=1000,
        quick=60,
    ),
    Case(
        id="V56",
        what="Bracha, 4 nodes, Exp(1): last delivery",
        source="MC (its standard error taken as that of the mean)",
        expected=3.122,
        unit="s",
        rule=Errors(published=0.009, printed=0.0005),
        measure=_broadcast(last=True),
        runs=1000,
        quick=60,
    ),
    Case(
        id="V57",
        what="HoneyBadger, 4 nodes: rounds of the slowest agreement",
        source="CF: max of 4 geometric(1/2)",
        expected=3.50476,
        rule=Errors(printed=0.000005),
        measure=_rounds,
        runs=2000,
        quick=100,
    ),
)
