"""Who was away comes back at the speed of its line; and where nobody is away and nothing fails, nobody gives up a view."""

from __future__ import annotations

from typing import Any

import pytest

import sim
from sim.consensus import ancestry, honeybadger
from sim.consensus.dag import straggler

AWAY = """
title    = "One of four is cut off for a minute"
duration = "150 s"
heal     = "90 s"
seed     = 3
[topology]
kind  = "complete"
seats = 4
[link]
latency = { kind = "lognormal", median = "20 ms", sigma = 0.3 }
[seat]
up   = "50 Mbit/s"
down = "50 Mbit/s"
[gossip]
kind = "flood"
[consensus]
kind           = "qbft"
block_interval = "1 s"
filler         = "100 kB"
[[fault]]
kind   = "partition"
at     = "20 s"
lasts  = "60 s"
groups = [["seat-3"]]
"""
CHITS = {"sample": 3, "alpha": 2, "alpha_confidence": 2, "beta": 6}
SLOTS = ["pbft", "qbft", "tendermint", "smartbft", "simplex", "jolteon", "hotstuff", "hotstuff-2"]
SCATTERED = """
title    = "Honest, and delays that scatter"
duration = "20 s"
seed     = 1
[topology]
kind  = "complete"
seats = 7
[link]
latency = { kind = "lognormal", median = "50 ms", sigma = 0.8 }
[consensus]
kind           = "pbft"
bodies         = "attached"
block_interval = "0 s"
"""


def caught_up_s(report: sim.Report, healed_s: float, late_s: float = 4.0) -> float:
    """How long after healing seat 3 first decides a slot within `late_s` of the first who does; infinite where it never does."""
    rows = report.columns()["decisions"]
    first: dict[int, float] = {}
    own: dict[int, float] = {}
    for seat, slot, time_s in zip(rows["seat"], rows["slot"], rows["time_s"], strict=True):
        if seat == 3:
            own[slot] = time_s
        else:
            first[slot] = min(time_s, first.get(slot, time_s))
    after = (at - healed_s for slot, at in own.items() if at > healed_s and at < first.get(slot, at) + late_s)
    return min(after, default=float("inf"))


@pytest.mark.parametrize(
    ("kind", "keys", "within_s"),
    [
        ("qbft", {"consensus.patience": "10 s"}, 8),
        ("pbft", {"consensus.patience": "2 s"}, 3),
        ("tendermint", {}, 6),
        ("smartbft", {}, 4),
        ("raft", {}, 4),
        ("simplex", {}, 8),
        ("hotstuff", {}, 8),
        ("jolteon", {}, 8),
        ("algorand", {}, 6),
        ("bullshark", {}, 6),
        ("mysticeti", {}, 6),
        ("honeybadger", {}, 9),
        ("snowman", {"topology.seats": 5, **{f"consensus.{key}": value for key, value in CHITS.items()}}, 9),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_sixty_missed_blocks_are_fetched_many_at_a_time(kind: str, keys: dict[str, Any], within_s: float) -> None:
    """One block a wait, as it was, took 12 to 70 s; sixty times 100 kB take one second on the line."""
    report = sim.run(sim.loads(AWAY).but(**{"consensus.kind": kind, **keys}))
    assert caught_up_s(report, 80.0) < within_s
    assert {check["name"]: check["verdict"] for check in report.to_dict()["checks"]}["agreement"] == "pass"


def three_hundred_missed(kind: str, **keys: Any) -> float:
    """How long it takes to fetch three hundred small blocks, s."""
    small = {"consensus.block_interval": "200 ms", "consensus.filler": "0 B", "duration": "110 s"}
    return caught_up_s(sim.run(sim.loads(AWAY).but(**{"consensus.kind": kind, **small, **keys})), 80.0, late_s=1.0)


@pytest.mark.parametrize(
    ("kind", "keys"),
    [("simplex", {}), ("jolteon", {}), ("streamlet", {"consensus.delta": "100 ms"})],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_lies_below_a_block_is_asked_for_together(kind: str, keys: dict[str, Any]) -> None:
    """One parent a round trip of 40 ms, as it was, takes 12 s and more."""
    assert three_hundred_missed(kind, **keys) < 8


@pytest.mark.parametrize(("kind", "within_s", "without_s"), [("bullshark", 5, 10), ("mysticeti", 1.5, 3)])
def test_rounds_of_a_graph_are_told_many_at_a_time(
    kind: str, within_s: float, without_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the control: who never notices how far ahead others are has sixteen rounds a second from those who hear it complain."""
    assert three_hundred_missed(kind) < within_s
    monkeypatch.setattr(straggler, "NEAR", 1 << 30)
    assert three_hundred_missed(kind) > without_s


def test_epochs_that_others_have_ended_are_told_many_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the control: with few results an answer the others end epochs as fast as they are told."""
    terms = {"consensus.kind": "honeybadger", "consensus.filler": "0 B", "duration": "110 s"}
    assert caught_up_s(sim.run(sim.loads(AWAY).but(**terms)), 80.0) < 9
    monkeypatch.setattr(honeybadger, "MOST_RESULTS", 1)
    assert caught_up_s(sim.run(sim.loads(AWAY).but(**terms)), 80.0) > 15


def test_without_an_answer_it_is_one_parent_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: nobody tells what lies below."""
    monkeypatch.setattr(ancestry, "MOST_TOLD", 0)
    assert three_hundred_missed("simplex") > 12


@pytest.mark.parametrize("kind", [*SLOTS, "mysticeti"])
def test_nobody_gives_up_a_view_where_only_delays_scatter(kind: str) -> None:
    """A proposal may overtake what begins its view."""
    for seed in (1, 2):
        told = sim.run(sim.loads(SCATTERED).but(**{"consensus.kind": kind}), seed=seed).to_dict()["consensus"]
        assert told["decided"] > 10
        assert told["view_changes"] == 0
        assert told["consensus_time_s"]["max"] < 2
