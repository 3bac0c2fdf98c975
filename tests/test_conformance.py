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

VECTORS = {
    "pbft": ({4: 24, 7: 84, 31: 1860}, 3, 3, 3),
    "qbft": ({4: 27, 7: 90, 31: 1890}, 3, 3, 3),
    "raft": ({4: 6, 7: 12, 31: 60}, 2, 3, 2),
}


def scenario_of(kind: str, n: int, seconds: int) -> Any:
    patient = {"election_timeout": "10 s", "heartbeat": "9 s"} if kind == "raft" else {"patience": "1000 s"}
    return agreeing(kind, n, f"{seconds} s", consensus=patient)


@pytest.mark.parametrize("n", [4, 7, 31])
@pytest.mark.parametrize("kind", ["pbft", "qbft", "raft"])
def test_delays_of_a_decision(kind: str, n: int) -> None:
    _, first, last, interval = VECTORS[kind]
    report = sim.run(scenario_of(kind, n, 61))
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
@pytest.mark.parametrize("kind", ["pbft", "qbft", "raft"])
def test_messages_of_a_decision(kind: str, n: int) -> None:
    """Two runs that differ by ten whole decisions differ by ten times the messages of one."""
    messages, _, _, interval = VECTORS[kind]
    short, long = (sim.run(scenario_of(kind, n, 31 + more * interval)) for more in (0, 10))
    count = [sum(copies for copies, _ in report.evidence.by_kind.values()) for report in (short, long)]
    slots = [len({row[3] for row in report.evidence.trace if row[1] == "decide"}) for report in (short, long)]
    assert slots[1] - slots[0] == 10
    assert count[1] - count[0] == 10 * messages[n]
