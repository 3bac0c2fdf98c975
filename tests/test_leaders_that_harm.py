"""Leaders that tell no lie and do harm: they drop the block before theirs, or propose as late as they dare."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import agreeing

import sim
from sim.kernel.errors import ScenarioError
from sim.study.report import Report


def led(kind: str, enemy: dict[str, Any] | None, n: int = 4, duration: str = "20 s", **consensus: Any) -> Report:
    """A protocol over constant 20 ms."""
    link = {"latency": {"kind": "constant", "value": "20 ms"}}
    return sim.run(agreeing(kind, n, duration, link=link, consensus=consensus, adversary=[enemy] if enemy else []))


def table(report: Report) -> dict[str, Any]:
    """What was agreed; no check may fail for such leaders."""
    told = report.to_dict()
    assert not [check["name"] for check in told["checks"] if check["verdict"] == "fail"]
    return dict(told["consensus"])


FORKER = {"kind": "tail-fork", "seats": ["seat-2"]}
CHAINED = {"patience": "400 ms", "turn": 1}


@pytest.mark.parametrize(
    ("kind", "more", "lost"),
    [("jolteon", CHAINED, 1 / 3), ("chained-hotstuff", {**CHAINED, "turn": 4}, 1 / 12), ("simplex", {}, 0)],
)
def test_a_leader_drops_the_block_before_its_own_where_it_alone_holds_the_votes(
    kind: str, more: dict[str, Any], lost: float
) -> None:
    """Of the three blocks of honest leaders in a round one goes; of twelve where leaders stay for four; none where all hear the votes."""
    assert table(led(kind, FORKER, **more))["stale_rate"] == pytest.approx(lost, abs=0.02)


def test_colluders_spare_each_others_blocks() -> None:
    pair = {"kind": "tail-fork", "seats": ["seat-1", "seat-2"]}
    assert table(led("jolteon", pair, 7, **CHAINED))["stale_rate"] == pytest.approx(1 / 5, abs=0.02)


@pytest.mark.parametrize("kind", ["pbft", "raft"])
def test_no_tail_where_nothing_is_built_on_what_is_not_decided(kind: str) -> None:
    with pytest.raises(ScenarioError, match="only certified; use it with jolteon"):
        led(kind, FORKER)


SLOW = {"kind": "slow-primary", "seats": ["seat-0"], "after": "1500 ms"}


def pace(kind: str, enemy: dict[str, Any] | None) -> float:
    """Mean seconds between blocks; nobody ever gives a leader up."""
    found = table(led(kind, enemy, duration="40 s", block_interval="200 ms"))
    assert found["view_changes"] == 0
    return float(found["block_interval_s"]["mean"])


def test_a_leader_that_stays_sets_the_pace_and_one_that_rotates_its_share_of_it() -> None:
    """1.5 s and three delays a block; where one slot in four is the slow seat's, the next block is due at once, two more in 200 ms each."""
    assert pace("smartbft", None) == pace("pbft", None) == pytest.approx(0.2)
    assert pace("smartbft", SLOW) == pytest.approx(1.56)
    assert pace("pbft", SLOW) == pytest.approx((1.56 + 0.06 + 2 * 0.2) / 4, rel=0.04)


def test_a_leader_of_raft_is_silent_until_just_before_the_others_would_vote() -> None:
    """T is 1 s, and a block comes each 0.8 s and two delays, where one each 0.2 s was wanted."""
    pace = {"duration": "40 s", "block_interval": "200 ms"}
    plain = led("raft", None, **pace)
    elected = next(row[2] for row in plain.evidence.trace.of("note") if row[3] == "leader")
    calm, slow = table(plain), {**SLOW, "seats": [f"seat-{elected}"], "after": "800 ms"}
    bent = table(led("raft", slow, **pace))
    assert calm["block_interval_s"]["mean"] == pytest.approx(0.2)
    assert bent["block_interval_s"]["mean"] == pytest.approx(0.84, abs=0.01)
    assert bent["view_changes"] == 0  # of honest seats: none stood against it


@pytest.mark.parametrize(
    ("kind", "after", "words"),
    [
        ("pbft", "2 s", "others' patience, 2 s"),
        ("raft", "1 s", "others' patience, 1 s"),
        ("nakamoto", "1 s", "no leader that others wait for"),
    ],
)
def test_slow_leaders_must_have_followers_with_patience(kind: str, after: str, words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        led(kind, {**SLOW, "after": after}, block_interval="200 ms")
