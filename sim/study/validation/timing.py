"""Group C, times: message delays to a decision, timers of failed views, quorums of random delays."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from sim.net.topology import numbered
from sim.study.evidence import Evidence
from sim.study.validation.case import Case, Errors, Measured, Within, common, mean_of
from sim.study.validation.worlds import MS, SECOND, agreeing, constant, decided_ns, delays_ns, evidence, exponential, spreading

_DELAY = constant("1 s")


def _proposal_to_decision_s(found: Evidence) -> list[list[float]]:
    """For each block decided, the times from its proposal to its decisions, ascending, in s."""
    published = {row[3]: row[0] for row in found.trace.of("publish")}
    each: dict[str, list[float]] = {}
    for row in found.trace.of("decide"):
        each.setdefault(row[4], []).append((row[0] - published[row[4]]) / SECOND)
    return [sorted(times) for times in each.values()]


def _delays_to_commit(kind: str) -> Callable[[int], Measured]:
    """From proposal to commit at every replica, in delays of 1 s, over several blocks."""
    tables = agreeing(kind, 7, _DELAY, duration="60 s", consensus={"patience": "100 s", "block_interval": "5 s"})
    return lambda runs: common([time for times in _proposal_to_decision_s(evidence(tables)) for time in times])


def _raft_commit(runs: int) -> Measured:
    """From the append to the leader's commit, in delays."""
    tables = agreeing("raft", 5, _DELAY, duration="120 s", consensus={"block_interval": "10 s", "election_timeout": "20 s"})
    return common([times[0] for times in _proposal_to_decision_s(evidence(tables))])


def _streamlet_final(runs: int) -> Measured:
    """From the start of a block's epoch to its finality, in s, where the next epoch's block follows: delays of 1 s, 2 D = 10 s."""
    tables = agreeing("streamlet", 4, _DELAY, duration="200 s", consensus={"delta": "5 s"})
    return common([min(times) for times in _proposal_to_decision_s(evidence(tables))[1:]])


def _bracha(runs: int) -> Measured:
    """When everybody but the publisher has delivered, in delays."""
    mesh = {"kind": "complete", "seats": 7}
    found = delays_ns(evidence(spreading(mesh, _DELAY, {"size": "1 kB"}, gossip={"kind": "bracha"})))
    return common(np.sort(found, axis=1)[:, 1:] / SECOND)


def _narwhal_round(runs: int) -> Measured:
    """Between a seat's headers, in delays, where nothing holds them up."""
    tables = agreeing("bullshark", 7, _DELAY, duration="60 s", consensus={"patience": "100 s", "resend": "100 s"})
    own = [[row[0] for row in evidence(tables).trace.of("publish") if row[2] == seat] for seat in range(7)]
    return common(np.concatenate([np.diff(times) for times in own]) / SECOND)


def _votor_after_receipt(crashed: int) -> Callable[[int], Measured]:
    """From holding a block to its finality, in delays, at every seat that runs and did not propose it."""
    n, more = 10, {"fault": [{"kind": "crash", "seats": list(numbered("seat", 10)[10 - crashed :])}]} if crashed else {}
    consensus = {"delta": "2 s", "patience": "6 s", "block_time": "5 s", "block_interval": "5 s"}
    tables = agreeing("alpenglow", n, _DELAY, duration="150 s", consensus=consensus, more=more)

    def measure(runs: int) -> Measured:
        found = evidence(tables)
        held = {spread.digest: spread.arrival_ns for spread in found.spreads}
        proposer = {row[3]: row[2] for row in found.trace.of("publish")}
        each = [(row[0] - held[row[4]][row[2]]) / SECOND for row in found.trace.of("decide") if proposer[row[4]] != row[2]]
        return common(each) if len(each) > 5 * n else Measured(math.nan)

    return measure


def _after_dead_leaders_s(kind: str, dead: int) -> Callable[[int], Measured]:
    """When all decide after `dead` leaders in a row: patience 10 s, doubling, delays of 1 s."""
    n, latest_s = 16, 10 * (2**dead - 1) + 5
    crash = {"fault": [{"kind": "crash", "seats": list(numbered("seat", n)[:dead])}]}
    consensus = {"patience": "10 s", "block_interval": "9999 s"}
    tables = agreeing(kind, n, _DELAY, duration=f"{latest_s} s", consensus=consensus, more=crash)
    return lambda runs: common(decided_ns(evidence(tables)) / SECOND)


def _normal_ms(n: int) -> Callable[[int], Measured]:
    """Time until n - f nodes have decided. Relayed decisions are not modelled: 250 ms, far more than what parts the first n - f."""
    law = {"kind": "normal", "mean": "250 ms", "sd": "50 ms"}
    tables = agreeing("pbft", n, law, duration="3 s", consensus={"block_interval": "100 s", "patience": "100 s"})
    enough = n - (n - 1) // 3
    return lambda runs: mean_of([decided_ns(evidence(tables, seed))[enough - 1] / MS for seed in range(1, runs + 1)])


def _raft_of_three(runs: int) -> Measured:
    """Leader's commit among three under Exp(1 s); nothing is sent twice, for heartbeats are rare."""
    consensus = {"block_interval": "60 s", "heartbeat": "30 min", "election_timeout": "10 h"}
    tables = agreeing("raft", 3, exponential("1 s"), duration="36 h", consensus=consensus)
    found = [_proposal_to_decision_s(evidence(tables, seed)) for seed in range(1, runs + 1)]
    return mean_of(np.array([times[0] for blocks in found for times in blocks]))


_DSN = "Wang et al. DSN 2022, BFT-Simulator; MC and REF"
_ORDER = "CF: order statistics of Gamma(2, 1)"
CASES = (
    *(
        Case(
            id="V42",
            what=f"{name}: proposal to commit at every replica, in delays",
            source="CF: 3 d",
            expected=3,
            measure=_delays_to_commit(kind),
        )
        for kind, name in (("pbft", "PBFT"), ("qbft", "QBFT"))
    ),
    Case(
        id="V42",
        what="Raft: append to the leader's commit, in delays",
        source="CF: 2 d",
        expected=2,
        measure=_raft_commit,
    ),
    Case(
        id="V42",
        what="Streamlet: start of a block's epoch (2 D = 10 s) to finality",
        unit="s",
        source="CF: 2 D + 2 d",
        expected=12,
        measure=_streamlet_final,
    ),
    Case(
        id="V42",
        what="Bracha broadcast: delivery, in delays",
        source="CF: 3 d",
        expected=3,
        measure=_bracha,
    ),
    Case(
        id="V42",
        what="Narwhal: one round of header, votes and certificate, in delays",
        source="CF: 3 d",
        expected=3,
        measure=_narwhal_round,
    ),
    *(
        Case(
            id="V42",
            what=f"Alpenglow Votor, {path}: receipt of a block to its finality, in delays",
            source=f"CF: {expected} d",
            expected=expected,
            measure=_votor_after_receipt(crashed),
        )
        for path, crashed, expected in (("fast path", 0, 1), ("slow path, 3 of 10 crashed", 3, 2))
    ),
    *(
        Case(
            id="V43",
            what=f"PBFT, {n} nodes, N(250, 50) ms: until n - f have decided",
            unit="ms",
            source=_DSN,
            expected=expected,
            rule=Within(0.005),
            measure=_normal_ms(n),
            runs=1000,
            quick=quick,
        )
        for n, expected, quick in ((7, 773.2, 400), (16, 793.4, 150))
    ),
    Case(
        id="V45",
        what="Raft, 3 servers, Exp(1): leader's commit",
        unit="s",
        source=_ORDER,
        expected=1.25,
        rule=Errors(),
        measure=_raft_of_three,
        runs=10,
        quick=1,
    ),
    *(
        Case(
            id="V54",
            what=f"{name}, {dead} dead leader{'s' if dead > 1 else ''} in a row: decision",
            unit="s",
            source="CF: T (2^k - 1) + 4 d, T = 10 s, d = 1 s",
            expected=10 * (2**dead - 1) + 4,
            measure=_after_dead_leaders_s(kind, dead),
        )
        for kind, name in (("pbft", "PBFT"), ("qbft", "QBFT"))
        for dead in (1, 2, 3, 5)
    ),
)
