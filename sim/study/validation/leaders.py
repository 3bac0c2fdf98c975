"""Group C, leader-based protocols: HotStuff's family, Tendermint and Simplex; liars that are one too many."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sim.net.topology import numbered
from sim.study.evidence import Evidence
from sim.study.validation.case import Case, Errors, Measured, common, mean_of, share_of
from sim.study.validation.worlds import MS, SECOND, agreeing, constant, decided_ns, evidence, exponential, play

_DELAY = constant("1 s")
_FIXED = {"turn": 1_000_000, "patience": "1 h"}
_SLOW = {"propose": "1000 s", "prevote": "1000 s", "precommit": "1000 s", "commit": "0 s"}
_LAST_DECISION = (
    ("hotstuff", "basic HotStuff: replicas decide", 7, {"patience": "1000 s"}),
    ("hotstuff-2", "HotStuff-2: replicas decide", 5, {"patience": "1000 s"}),
    ("chained-hotstuff", "chained HotStuff, 3-chain: decision", 7, {"patience": "1000 s"}),
    ("jolteon", "Jolteon, 2-chain: decision", 5, {"patience": "1000 s"}),
    ("simplex", "Simplex: finalised", 3, {"delta": "1000 s"}),
    ("tendermint", "Tendermint: commit at a replica", 3, _SLOW),
)


def _published_ns(found: Evidence) -> list[int]:
    return [int(row[0]) for row in found.trace.of("publish")]


def _copies(found: Evidence) -> int:
    return sum(copies for copies, _ in found.by_kind.values())


def _last_decision(kind: str, keys: Mapping[str, Any]) -> Callable[[int], Measured]:
    """From proposal to the last replica's decision, in delays of 1 s, over the blocks that all seven have decided."""
    tables = agreeing(kind, 7, _DELAY, duration="60 s", consensus=keys)

    def measure(runs: int) -> Measured:
        found = evidence(tables)
        published = {row[3]: row[0] for row in found.trace.of("publish")}
        each: dict[str, list[int]] = {}
        for row in found.trace.of("decide"):
            each.setdefault(row[4], []).append(row[0] - published[row[4]])
        return common([max(times) / SECOND for times in each.values() if len(times) == 7])

    return measure


def _per_block(n: int) -> Callable[[int], Measured]:
    """Messages of ten more blocks, a tenth of them: chained HotStuff has a block every two delays."""
    consensus = {"patience": "1000 s"}
    short, long = (agreeing("chained-hotstuff", n, _DELAY, duration=f"{seconds} s", consensus=consensus) for seconds in (21, 41))
    return lambda runs: Measured((_copies(evidence(long)) - _copies(evidence(short))) / 10)


def _one_height(n: int) -> Callable[[int], Measured]:
    """One height of Tendermint and no more."""
    tables = agreeing("tendermint", n, _DELAY, duration="6 s", consensus={**_SLOW, "commit": "9999 s"})

    def measure(runs: int) -> Measured:
        found = evidence(tables)
        return Measured(float(_copies(found)) if len(decided_ns(found)) == n and not found.counters["in_flight"] else math.nan)

    return measure


def _round_trip(n: int) -> Callable[[int], Measured]:
    """A fixed leader's first round trip to 2f others: from its first proposal to its second, under Exp(1 s)."""
    tables = agreeing("jolteon", n, exponential("1 s"), duration="60 s", consensus=_FIXED)

    def measure(runs: int) -> Measured:
        trips = []
        for seed in range(1, runs + 1):
            first, second, *_ = _published_ns(evidence(tables, seed))
            trips.append((second - first) / SECOND)
        return mean_of(np.array(trips))

    return measure


def _hundred_decisions_ms(runs: int) -> Measured:
    """A hundredth of the time until n - f of four nodes have decided the hundredth block."""
    law = {"kind": "normal", "mean": "250 ms", "sd": "50 ms"}
    tables = agreeing("chained-hotstuff", 4, law, duration="60 s", consensus=_FIXED)
    each = []
    for seed in range(1, runs + 1):
        times = sorted(row[0] for row in evidence(tables, seed).trace.of("decide") if row[3] == 99)
        each.append(times[2] / MS / 100)
    return mean_of(np.array(each))


def _failed_views_by_lot(n: int, crashed: int) -> Callable[[int], Measured]:
    """Views of Simplex that fail before the first decision. Each costs 2 delta of waiting and a delay; a decision, three."""
    crash = {"fault": [{"kind": "crash", "seats": crashed}]}
    consensus = {"delta": "10 s", "leaders": "by-lot", "block_interval": "15 s"}
    tables = agreeing("simplex", n, _DELAY, duration="400 s", consensus=consensus, more=crash)

    def measure(runs: int) -> Measured:
        failed = []
        for seed in range(1, runs + 1):
            first_s = decided_ns(evidence(tables, seed))[0] / SECOND
            views = round((first_s - 3) / 21)
            if first_s != 21 * views + 3:
                return Measured(math.nan)
            failed.append(views)
        return mean_of(np.array(failed))

    return measure


def _grown_timers_s(dead: int) -> Callable[[int], Measured]:
    """Tendermint's decision after dead leaders in a row, less its delays: 2 d of nil votes a round, 3 d of the last."""
    crash = {"fault": [{"kind": "crash", "seats": list(numbered("seat", 16)[:dead])}]}
    tables = agreeing("tendermint", 16, constant("1 ms"), duration="30 s", consensus={"commit": "9999 s"}, more=crash)
    return lambda runs: common((decided_ns(evidence(tables)) - (2 * dead + 3) * MS) / SECOND)


def _per_cycle(kind: str) -> Callable[[int], Measured]:
    """How often seat 0 finds something final, for each time that it leads: once a cycle of four views, the last seat dead.

    With constant delays of 1 s a cycle lasts 27 s: two views end with a certificate, two with a patience of 10 s.
    """
    crash = {"fault": [{"kind": "crash", "seats": ["seat-3"]}]}
    consensus = {"turn": 1, "patience": "10 s", "growth": 1.0}
    tables = agreeing(kind, 4, _DELAY, duration=f"{27 * 36 + 10} s", consensus=consensus, more=crash)

    def measure(runs: int) -> Measured:
        found = evidence(tables)
        commits = len({row[0] for row in found.trace.of("decide") if row[2] == 0})
        return Measured(commits / sum(row[2] == 0 for row in found.trace.of("publish")))

    return measure


def _conflicts(liars: int) -> Callable[[int], Measured]:
    """The share of protocols, each with a liar as first leader, in which two honest nodes decide differently."""
    lying = {"adversary": [{"kind": "equivocate", "seats": list(numbered("seat", 4)[:liars])}]}
    patient: dict[str, dict[str, Any]] = {
        "pbft": {"patience": "20 s"},
        "qbft": {"patience": "20 s"},
        "ibft2": {"patience": "20 s"},
        "smartbft": {},
        "tendermint": {"propose": "20 s"},
        "simplex": {"delta": "10 s"},
        "hotstuff": {"patience": "20 s"},
        "hotstuff-2": {"patience": "20 s"},
        "chained-hotstuff": {"patience": "20 s"},
        "jolteon": {"patience": "20 s", "turn": 4},
    }

    def measure(runs: int) -> Measured:
        broken = 0
        for kind, keys in patient.items():
            checks = play(agreeing(kind, 4, _DELAY, duration="90 s", consensus=keys, more=lying)).to_dict()["checks"]
            broken += next(check["verdict"] for check in checks if check["name"] == "agreement") == "fail"
        return share_of(broken, len(patient), liars - 1.0)

    return measure


CASES = (
    *(
        Case(
            id="V41",
            what=f"chained HotStuff, {n} nodes: messages per block",
            source="CF: 2 (n - 1)",
            expected=2 * (n - 1),
            measure=_per_block(n),
        )
        for n in (4, 7, 16, 100)
    ),
    *(
        Case(
            id="V41",
            what=f"Tendermint, {n} nodes: messages per decision",
            source="CF: (n - 1) (2 n + 1)",
            expected=(n - 1) * (2 * n + 1),
            measure=_one_height(n),
        )
        for n in (4, 7, 16, 100)
    ),
    *(
        Case(id="V42", what=f"{what}, in delays", source="CF", expected=expected, measure=_last_decision(kind, keys))
        for kind, what, expected, keys in _LAST_DECISION
    ),
    *(
        Case(
            id="V45",
            what=f"leader round trip to 2f of {n - 1}, Exp(1)",
            unit="s",
            source="CF: order statistics of Gamma(2, 1)",
            expected=expected,
            rule=Errors(),
            measure=_round_trip(n),
            runs=2000,
            quick=120,
        )
        for n, expected in ((4, 1.824074), (7, 2.032049))
    ),
    Case(
        id="V46",
        what="chained HotStuff, fixed leader, N(250, 50) ms, 4 nodes: a decision",
        unit="ms",
        source="CF and REF",
        expected=512.5,
        rule=Errors(printed=0.005),
        measure=_hundred_decisions_ms,
        runs=100,
        quick=12,
    ),
    *(
        Case(
            id="V53",
            what=f"{crashed} of {n} crashed, leaders drawn afresh: failed views",
            source="CF: f / (n - f)",
            expected=crashed / (n - crashed),
            rule=Errors(),
            measure=_failed_views_by_lot(n, crashed),
            runs=1000,
            quick=30,
        )
        for n, crashed in ((4, 1), (16, 5))
    ),
    *(
        Case(
            id="V54",
            what=f"Tendermint, {dead} dead leader{'s' if dead > 1 else ''} in a row: sum of timers",
            unit="s",
            source="CF: k base + delta k (k - 1) / 2, base = 3 s, delta = 0.5 s",
            expected=3 * dead + 0.25 * dead * (dead - 1),
            measure=_grown_timers_s(dead),
        )
        for dead in (1, 2, 3, 4)
    ),
    *(
        Case(
            id="V55",
            what=f"{name}, 4 nodes, one crashed, strict round robin: commits per cycle",
            source="CF: exact enumeration",
            expected=expected,
            measure=_per_cycle(kind),
        )
        for kind, name, expected in (("chained-hotstuff", "3-chain HotStuff", 0), ("jolteon", "2-chain (Jolteon)", 1))
    ),
    *(
        Case(
            id="V58",
            what=f"n = 4, {liars} equivocator{'s' if liars > 1 else ''}: share of ten protocols that are broken",
            source="CF: f + 1 liars break all, f none",
            expected=liars - 1,
            measure=_conflicts(liars),
        )
        for liars in (1, 2)
    ),
)
