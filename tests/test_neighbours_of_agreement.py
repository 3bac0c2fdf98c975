"""Cases beside those of group C of `medgossip validate`: other sizes, laws, quorums and timers, each with a closed form of its own.

Exact where there is no chance, else within four standard errors. Blocks so far apart that none meets the last one's votes are
independent, so one run of many blocks stands for many runs of one.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from neighbours import SECOND, agrees, constant, decisions_s, exponential, play
from numpy.typing import NDArray

import sim
from sim.net.topology import numbered
from sim.study.read import from_dict
from sim.study.report import Report
from sim.study.validation.case import mean_of

APART = {"patience": "100 s", "block_interval": "4 s"}


def first_s(report: Report) -> float:
    return float(min(row[0] for row in report.evidence.trace.of("decide"))) / SECOND


def crashed(*seats: str) -> dict[str, Any]:
    return {"fault": [{"kind": "crash", "seats": list(seats)}]}


# quorums of random delays ----------------------------------------------------------------------------------------------------

LAWS = {
    "normal": ({"kind": "normal", "mean": "100 ms", "sd": "20 ms"}, lambda rng, shape: rng.normal(0.1, 0.02, shape)),
    "uniform": ({"kind": "uniform", "low": "20 ms", "high": "220 ms"}, lambda rng, shape: rng.uniform(0.02, 0.22, shape)),
}


def quorums_of_pbft(n: int, draw: Any, runs: int = 10_000) -> NDArray[np.float64]:
    """Times to decide, ascending, float64[runs, n], by order statistics alone: a proposal, a quorum of PREPARE, a quorum of COMMIT.

    The leader's proposal stands for its PREPARE; one's own votes take no time.
    """
    rng, need, self = np.random.default_rng(1), n - (n - 1) // 3, np.arange(n)
    proposed = draw(rng, (runs, n))
    proposed[:, 0] = 0
    prepares = proposed[:, :, None] + draw(rng, (runs, n, n))
    prepares[:, self, self] = prepares[:, 0, :] = proposed
    prepared = np.maximum(np.sort(prepares, axis=1)[:, need - 1], proposed)
    commits = prepared[:, :, None] + draw(rng, (runs, n, n))
    commits[:, self, self] = prepared
    decided: NDArray[np.float64] = np.sort(np.maximum(np.sort(commits, axis=1)[:, need - 1], prepared), axis=1)
    return decided


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n", [4, 6, 10])
def test_pbft_waits_for_its_quorums(n: int, law: str) -> None:
    """Until the first, n - f, and all have decided."""
    table, draw = LAWS[law]
    found, expected = decisions_s(play("pbft", n, "4000 s", APART, table, 2)), quorums_of_pbft(n, draw)
    assert len(found) > 900
    for place in (0, n - (n - 1) // 3 - 1, n - 1):
        error = mean_of(expected[:, place]).error
        assert agrees(found[:, place], expected[:, place].mean(), error or 0.0)


def mean_of_order(place: int, many: int) -> float:
    """Mean of the `place`-th smallest of `many` sums of two Exp(1), by integrating over its tail."""
    x = np.linspace(0, 40, 40_001)
    late = (1 + x) * np.exp(-x)
    tail = sum(math.comb(many, below) * (1 - late) ** below * late ** (many - below) for below in range(place))
    return float(np.trapezoid(tail, x))


@pytest.mark.parametrize("n", [4, 5, 9])
def test_raft_waits_for_a_majority(n: int) -> None:
    """floor(n / 2) acknowledgements, each Gamma(2, 1)."""
    keys = {"block_interval": "60 s", "heartbeat": "30 min", "election_timeout": "10 h"}
    found = decisions_s(play("raft", n, "18 h", keys, exponential("1 s"), 3))
    assert agrees(found[:, 0], mean_of_order(n // 2, n - 1))


@pytest.mark.parametrize(("kind", "trips"), [("hotstuff", 3), ("hotstuff-2", 2)])
def test_phases_through_a_leader(kind: str, trips: int) -> None:
    """Each phase waits for the (n - f - 1)-th answer; a replica answers in the order of the phases."""
    n, runs, rng = 7, 20_000, np.random.default_rng(2)
    answered, leader = np.zeros((runs, n - 1)), np.zeros(runs)
    for _ in range(trips):
        answered = np.maximum(answered, leader[:, None] + rng.exponential(0.1, (runs, n - 1)))
        leader = np.sort(answered + rng.exponential(0.1, (runs, n - 1)), axis=1)[:, n - (n - 1) // 3 - 2]
    found = decisions_s(play(kind, n, "4000 s", {**APART, "turn": 10**6}, exponential("100 ms")))
    assert agrees(found[:, 0], leader.mean(), leader.std() / math.sqrt(runs))
    assert not agrees(found[:, 0], 1.05 * leader.mean())


# leaders that fail -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dead", [1, 2, 3, 4])
@pytest.mark.parametrize(("kind", "patience_ms"), [("pbft", 7000), ("qbft", 2500), ("ibft2", 4000)])
def test_timers_that_double(kind: str, patience_ms: int, dead: int) -> None:
    """T (2^k - 1) + 4 d after k dead leaders in a row."""
    keys = {"patience": f"{patience_ms} ms", "block_interval": "9999 s"}
    report = play(kind, 13, f"{patience_ms * 2**dead} ms", keys, constant("20 ms"), **crashed(*numbered("seat", 13)[:dead]))
    assert {row[0] for row in report.evidence.trace.of("decide")} == {(patience_ms * (2**dead - 1) + 80) * 1_000_000}


@pytest.mark.parametrize(("propose_ms", "growth_ms"), [(3000, 500), (2000, 250)])
def test_timers_that_grow_by_a_constant(propose_ms: int, growth_ms: int) -> None:
    """k T + g k (k - 1) / 2, two delays of nil votes a round, three of the last."""
    keys = {"propose": f"{propose_ms} ms", "growth": f"{growth_ms} ms", "commit": "9999 s"}
    for dead in (1, 2, 3, 4):
        report = play("tendermint", 13, "30 s", keys, constant("20 ms"), **crashed(*numbered("seat", 13)[:dead]))
        expected_ms = dead * propose_ms + growth_ms * dead * (dead - 1) // 2 + 20 * (2 * dead + 3)
        assert {row[0] for row in report.evidence.trace.of("decide")} == {expected_ms * 1_000_000}


@pytest.mark.parametrize(("n", "dead"), [(7, 2), (10, 3)])
def test_views_that_fail_before_an_honest_leader(n: int, dead: int) -> None:
    """f / (n - f + 1) where leaders take turns and the dead are drawn, f / (n - f) where leaders are."""
    fault = {"fault": [{"kind": "crash", "seats": dead}]}
    in_turn, by_lot = [], []
    for seed in range(1, 46):
        waited = first_s(play("pbft", n, "400 s", {"patience": "10 s", "block_interval": "9999 s"}, constant(), seed, **fault))
        in_turn.append(round(math.log2((waited - 3) / 10 + 1)))
        keys = {"delta": "10 s", "leaders": "by-lot", "block_interval": "15 s"}
        by_lot.append(round((first_s(play("simplex", n, "400 s", keys, constant(), seed, **fault)) - 3) / 21))
    assert agrees(in_turn, dead / (n - dead + 1))
    assert agrees(by_lot, dead / (n - dead))


@pytest.mark.parametrize("dead", [(2,), (0, 1), (1, 4)])
@pytest.mark.parametrize(("kind", "chain"), [("jolteon", 2), ("chained-hotstuff", 3)])
def test_chains_of_certified_views(kind: str, chain: int, dead: tuple[int, ...]) -> None:
    """A view is certified if its leader and the next are there; so often in a cycle of seven are `chain` of them in a row."""
    n, cycles = 7, 16
    certified = [view not in dead and (view + 1) % n not in dead for view in range(n)]
    expected = sum(all(certified[(view + more) % n] for more in range(chain)) for view in range(n))
    keys = {"turn": 1, "patience": "10 s", "growth": 1.0}
    report = play(kind, n, "1000 s", keys, constant(), **crashed(*(f"seat-{seat}" for seat in dead)))
    seat = next(seat for seat in range(n) if seat not in dead and (seat - 1) % n not in dead)
    turns = [row[0] for row in report.evidence.trace.of("publish") if row[2] == seat]
    commits = {row[0] for row in report.evidence.trace.of("decide") if row[2] == seat}
    assert sum(turns[2] < time_ns <= turns[2 + cycles] for time_ns in commits) == expected * cycles


PATIENT: dict[str, dict[str, Any]] = {
    "pbft": {"patience": "20 s"},
    "qbft": {"patience": "20 s"},
    "ibft2": {"patience": "20 s"},
    "hotstuff": {"patience": "20 s"},
    "hotstuff-2": {"patience": "20 s"},
    "chained-hotstuff": {"patience": "20 s"},
    "smartbft": {},
    "tendermint": {"propose": "20 s"},
    "simplex": {"delta": "10 s"},
    "jolteon": {"patience": "20 s", "turn": 4},
}


@pytest.mark.parametrize(("n", "f"), [(7, 2), (10, 3)])
@pytest.mark.parametrize("kind", PATIENT)
def test_one_liar_too_many(kind: str, n: int, f: int) -> None:
    """f equivocators, the first leader among them, break nothing; f + 1 between two halves of f make both decide."""
    verdicts = []
    for liars in (f, f + 1):
        lying = [{"kind": "equivocate", "seats": list(numbered("seat", n)[:liars])}]
        checks = play(kind, n, "200 s", PATIENT[kind], constant(), adversary=lying).to_dict()["checks"]
        verdicts += [check["verdict"] for check in checks if check["name"] == "agreement"]
    assert verdicts == ["pass", "fail"]


# elections and regions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "live", "share"), [(7, 5, 0.2), (3, 2, 0.1)])
def test_split_votes(n: int, live: int, share: float) -> None:
    """At least live - floor(n / 2) of the others stand before they hear of the first (Ongaro 2014, section 9.3)."""
    least = live - n // 2
    expected = sum(math.comb(live, many) * share**many * (1 - share) ** (live - many) for many in range(least + 1, live + 1))
    expected += math.comb(live, least) * share**least * (1 - share) ** (live - least)
    keys = {"prevote": False, "election_timeout": "2 s", "heartbeat": "1 s"}
    split = []
    for seed in range(1, 151):
        report = play("raft", n, "6 s", keys, constant(f"{round(2000 * share)} ms"), seed, **crashed(*numbered("seat", n)[live:]))
        notes = report.evidence.trace.of("note")
        split.append(not any(row[3] == "leader" and dict(row[4])["term"] == 1 for row in notes))
    assert abs(np.mean(split) - expected) <= 4 * math.sqrt(expected * (1 - expected) / len(split))


@pytest.mark.parametrize("n", [4, 7])
def test_raft_over_ways_that_differ_in_both_directions(n: int) -> None:
    """A leader's commit takes the floor(n / 2)-th smallest round trip, to the nanosecond."""
    rng, names = np.random.default_rng(n), [f"site-{site}" for site in range(n)]
    one_way_ms = rng.integers(5, 120, (n, n))
    links = [
        [names[a], names[b], f"{one_way_ms[a, b]} ms", f"{one_way_ms[b, a]} ms"] for a, b in itertools.combinations(range(n), 2)
    ]
    report = sim.run(
        from_dict(
            {
                "duration": "60 s",
                "topology": {"kind": "links", "links": links},
                "consensus": {"kind": "raft", "bodies": "attached", "block_interval": "1 s", "election_timeout": "2 s"},
            }
        )
    )
    appended = {row[3]: (row[0], row[2]) for row in report.evidence.trace.of("publish")}
    took = {(row[2], row[0] - appended[row[4]][0]) for row in report.evidence.trace.of("decide") if row[2] == appended[row[4]][1]}
    place = {name: seat for seat, name in enumerate(report.evidence.names)}
    leader = report.evidence.names[took.copy().pop()[0]]
    trips = sorted(
        one_way_ms[names.index(leader), other] + one_way_ms[other, names.index(leader)]
        for other in range(n)
        if names[other] != leader
    )
    assert took == {(place[leader], int(trips[n // 2 - 1]) * 1_000_000)}
