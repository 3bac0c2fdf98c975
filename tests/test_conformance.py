"""Conformance vectors: delays and messages of a decision, exactly, on a full mesh with constant delay d = 1 s.

First and last decision count from the proposal; messages are unicast copies, a node's messages to itself are free.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from worlds import DELAY_NS, agreeing

import sim
import sim.study.read

FOREVER = {"patience": "1000 s"}
SLOW = {"propose": "1000 s", "prevote": "1000 s", "precommit": "1000 s", "commit": "0 s"}
SIMPLEX = {"delta": "1000 s", "rebroadcast": False}
# kind, keys, messages for n = 4, 7, 31, then first and last decision after the proposal and time between proposals, in delays
VECTORS = {
    "pbft": ("pbft", FOREVER, {4: 24, 7: 84, 31: 1860}, 3, 3, 3),
    "qbft": ("qbft", FOREVER, {4: 27, 7: 90, 31: 1890}, 3, 3, 3),
    "ibft2": ("ibft2", FOREVER, {4: 24, 7: 84, 31: 1860}, 3, 3, 3),
    "smartbft": ("smartbft", {"complain": "1000 s", "view_change": "1000 s"}, {4: 27, 7: 90, 31: 1890}, 3, 3, 3),
    "tendermint": ("tendermint", SLOW, {4: 27, 7: 90, 31: 1890}, 3, 3, 3),
    "raft": ("raft", {"election_timeout": "10 s", "heartbeat": "9 s"}, {4: 6, 7: 12, 31: 60}, 2, 3, 2),
    "hotstuff": ("hotstuff", FOREVER, {4: 21, 7: 42, 31: 210}, 6, 7, 7),
    "hotstuff-2": ("hotstuff-2", FOREVER, {4: 15, 7: 30, 31: 150}, 4, 5, 5),
    "chained-hotstuff": ("chained-hotstuff", FOREVER, {4: 6, 7: 12, 31: 60}, 6, 7, 2),
    "chained-hotstuff in turn": ("chained-hotstuff", {**FOREVER, "turn": 1}, {4: 6, 7: 12, 31: 60}, 6, 7, 2),
    "jolteon": ("jolteon", FOREVER, {4: 6, 7: 12, 31: 60}, 4, 5, 2),
    "simplex": ("simplex", SIMPLEX, {4: 27, 7: 90, 31: 1890}, 3, 3, 2),
    "simplex with certificates": ("simplex", {**SIMPLEX, "rebroadcast": True}, {4: 39, 7: 132, 31: 2820}, 3, 3, 2),
}


def scenario_of(name: str, n: int, seconds: int) -> Any:
    kind, patient, *_ = VECTORS[name]
    return agreeing(kind, n, f"{seconds} s", consensus=patient)


@pytest.mark.parametrize("n", [4, 7, 31])
@pytest.mark.parametrize("name", VECTORS)
def test_delays_of_a_decision(name: str, n: int) -> None:
    *_, first, last, interval = VECTORS[name]
    report = sim.run(scenario_of(name, n, 68))
    published: dict[str, int] = {}
    decided: dict[str, list[int]] = {}
    for row in report.evidence.trace:
        if row[1] == "publish":
            published[row[3]] = row[0]
        elif row[1] == "decide":
            decided.setdefault(row[4], []).append(row[0])
    whole = {digest: times for digest, times in decided.items() if len(times) == n}
    assert len(whole) >= 8
    steady = list(whole.items())[1:]
    for digest, times in steady:
        assert min(times) - published[digest] == first * DELAY_NS
        assert max(times) - published[digest] == last * DELAY_NS
    starts = [published[digest] for digest, _ in steady]
    assert {later - earlier for earlier, later in itertools.pairwise(starts)} == {interval * DELAY_NS}


@pytest.mark.parametrize("n", [4, 7, 31])
@pytest.mark.parametrize("name", VECTORS)
def test_messages_of_a_decision(name: str, n: int) -> None:
    """Two runs that differ by ten whole decisions differ by ten times the messages of one."""
    _, _, messages, _, _, interval = VECTORS[name]
    short, long = (sim.run(scenario_of(name, n, 31 + more * interval)) for more in (0, 10))
    count = [sum(copies for copies, _ in report.evidence.by_kind.values()) for report in (short, long)]
    slots = [len({row[3] for row in report.evidence.trace if row[1] == "decide"}) for report in (short, long)]
    assert slots[1] - slots[0] == 10
    assert count[1] - count[0] == 10 * messages[n]


FORMULAS = {
    24: lambda n: 2 * n * (n - 1),
    27: lambda n: (n - 1) * (2 * n + 1),
    39: lambda n: (n - 1) * (2 * n + 1) + n * (n - 1),
    6: lambda n: 2 * (n - 1),
    21: lambda n: 7 * (n - 1),
    15: lambda n: 5 * (n - 1),
}
"""Messages of a decision by those among four."""


@pytest.mark.parametrize("n", [5, 16])
@pytest.mark.parametrize("name", VECTORS)
def test_other_sizes_by_the_formula(name: str, n: int) -> None:
    """As the report tells it; quorums of n = 5 are not 2f + 1."""
    _, _, messages, first, last, interval = VECTORS[name]
    formula = FORMULAS[messages[4]]
    assert messages == {given: formula(given) for given in messages}
    short, long = (sim.run(scenario_of(name, n, 31 + more * interval)).to_dict()["consensus"] for more in (0, 10))
    assert long["messages"] - short["messages"] == 10 * formula(n)
    for key, delays in (("first_decide_s", first), ("last_decide_s", last), ("block_interval_s", interval)):
        assert (long[key]["min"], long[key]["max"]) == (delays, delays)
