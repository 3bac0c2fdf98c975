"""Group C, counts: messages per decision and per view change, failed views before an honest leader."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from sim.net.topology import numbered
from sim.study.validation.case import Case, Errors, Measured, mean_of
from sim.study.validation.worlds import SECOND, agreeing, constant, decided_ns, evidence, first_seat

_SIZES = (4, 7, 16, 100)
_DELAY = constant("1 s")
_ONCE = {"block_interval": "9999 s"}


def _decision(kind: str, n: int) -> Callable[[int], Measured]:
    """One slot and no more: everything that was sent belongs to it."""
    tables = agreeing(kind, n, _DELAY, duration="6 s", consensus={"patience": "100 s", **_ONCE})

    def measure(runs: int) -> Measured:
        found = evidence(tables)
        if len(decided_ns(found)) != n or found.counters["in_flight"]:
            return Measured(math.nan)
        return Measured(float(sum(copies for copies, _ in found.by_kind.values())))

    return measure


def _with_client(n: int) -> Callable[[int], Measured]:
    """One request of one client beside n replicas: all that is sent until it believes the answer, five delays later."""
    by = {"kind": "pbft", "patience": "1000 s"}
    load = {"kind": "synthetic", "rate": 0.1, "arrivals": "steady", "submitters": [numbered("seat", n + 1)[n]]}
    consensus = {"by": by, "patience": "1000 s"}
    tables = agreeing("service", n + 1, _DELAY, duration="16 s", consensus=consensus, more={"workload": [load]})

    def measure(runs: int) -> Measured:
        found = evidence(tables)
        if [row[0] for row in found.trace.of("decide") if row[2] == n] != [15 * SECOND]:
            return Measured(math.nan)
        return Measured(float(sum(copies for copies, _ in found.by_kind.values())))

    return measure


def _view_change(n: int, dead: bool) -> Callable[[int], Measured]:
    """VIEW-CHANGE and NEW-VIEW messages of one change of view; the proposal of view 0, another n - 1, does not count.

    Either the leader of view 0 is dead, or all are alive but their patience ends before a lock can form; the run ends
    before the next view's patience does.
    """
    crash = {"fault": [{"kind": "crash", "seats": [first_seat(n)]}]} if dead else None
    patience, duration = ("10 s", "13 s") if dead else ("1700 ms", "4 s")
    tables = agreeing("pbft", n, _DELAY, duration=duration, consensus={"patience": patience, **_ONCE}, more=crash)

    def measure(runs: int) -> Measured:
        kinds = evidence(tables).by_kind
        return Measured(float(kinds["ViewChange"][0] + kinds["Propose"][0] - (0 if dead else n - 1)))

    return measure


def _failed_views(n: int, crashed: int) -> Callable[[int], Measured]:
    """Views that fail before the first decision where the leaders' turns meet `crashed` seats drawn at random.

    Leaders take turns and the dead are drawn: a random permutation. A decision after k failed views comes 10 (2^k - 1) s of
    patience and four delays after the start, or three delays after it where no view fails.
    """
    crash = {"fault": [{"kind": "crash", "seats": crashed}]}
    patience_s = 10
    tables = agreeing("pbft", n, _DELAY, duration="400 s", consensus={"patience": f"{patience_s} s", **_ONCE}, more=crash)

    def measure(runs: int) -> Measured:
        failed = []
        for seed in range(1, runs + 1):
            first_s = decided_ns(evidence(tables, seed))[0] / SECOND
            views = round(math.log2((first_s - 3) / patience_s + 1))
            if first_s != patience_s * (2**views - 1) + (4 if views else 3):
                return Measured(math.nan)
            failed.append(views)
        return mean_of(np.array(failed))

    return measure


def _formula(n: int, kind: str) -> int:
    return 2 * n * (n - 1) if kind == "pbft" else (n - 1) * (2 * n + 1)


CASES = (
    *(
        Case(
            id="V41",
            what=f"{name}, {n} nodes: messages per decision",
            source=f"CF: {form}",
            expected=_formula(n, kind),
            measure=_decision(kind, n),
        )
        for kind, name, form in (
            ("pbft", "PBFT", "2 n (n - 1)"),
            ("qbft", "QBFT (the proposer votes too)", "(n - 1) (2 n + 1)"),
        )
        for n in _SIZES
    ),
    *(
        Case(
            id="V41",
            what=f"PBFT view change, {n} nodes, {name}: messages",
            source=f"CF: {form}",
            expected=n * (n - 1) + (0 if dead else n - 1),
            measure=_view_change(n, dead),
        )
        for dead, name, form in ((False, "all send", "n (n - 1) + (n - 1)"), (True, "dead leader", "n (n - 1)"))
        for n in _SIZES
    ),
    *(
        Case(
            id="V41",
            what=f"PBFT with client request and replies, {n} nodes: messages",
            source="CF: 2 n (n - 1) + 1 + n",
            expected=2 * n * (n - 1) + 1 + n,
            measure=_with_client(n),
        )
        for n in _SIZES
    ),
    *(
        Case(
            id="V53",
            what=f"{crashed} of {n} crashed, leaders in turn: failed views",
            source="CF: f / (n - f + 1), a random permutation",
            expected=crashed / (n - crashed + 1),
            rule=Errors(),
            measure=_failed_views(n, crashed),
            runs=1000,
            quick=40,
        )
        for n, crashed in ((4, 1), (16, 5))
    ),
)
