"""Light clients: served by an honest home that is up to date, stale with one that lags, unanswered where it is gone."""

from __future__ import annotations

from typing import Any

import pytest

import sim
from sim.kernel.errors import ScenarioError
from sim.study.read import from_dict
from sim.study.report import Report
from sim.testing import fingerprint

ALWAYS = {"online": "1000000 s", "every": "2 s"}


def read_by(clients: dict[str, Any], seed: int = 1, **tables: Any) -> Report:
    """Ten seats with one light client each; a rumour every second."""
    scene = {
        "duration": "200 s",
        "topology": {"kind": "random-regular", "seats": 10, "degree": 4},
        "link": {"latency": {"kind": "exponential", "mean": "20 ms"}},
        "workload": [
            {"kind": "rumour", "size": "1 kB", "count": 190, "every": "1 s", "origin": "seat-0"},
            {"kind": "light-clients", **clients},
        ],
        **tables,
    }
    return sim.run(from_dict(scene), seed)


def found(report: Report) -> dict[str, Any]:
    outcomes: dict[str, Any] = report.to_dict()["workload"][1]["outcomes"]
    return outcomes


def test_all_is_served_where_all_is_well() -> None:
    """Ten clients that wish every two seconds: a Poisson count of reads, each answered after two trips of 20 ms."""
    report = read_by(ALWAYS)
    outcomes = found(report)
    assert abs(outcomes["reads"] - 1000) < 4 * 1000**0.5
    assert outcomes["served"] == outcomes["reads"] and outcomes["wishes_while_offline"] == 0
    assert outcomes["waited_s"]["min"] == outcomes["waited_s"]["max"] == pytest.approx(0.04)
    reads = report.to_dict()["availability"]["reads"]
    assert reads["served_share"] == 1.0 and reads["stale_share"] == 0.0
    assert report.evidence.counters == read_by(ALWAYS, workload=[{"kind": "rumour", "size": "1 kB", "count": 190, "every": "1 s", "origin": "seat-0"}, {"kind": "light-clients", "clients": 0}]).evidence.counters, "they cost the network nothing"  # fmt: skip


def test_a_cut_off_home_gives_stale_answers() -> None:
    """Seat 7 is alone from 50 s to 100 s: its client hears nothing new, that of the others does."""
    cut = [{"kind": "partition", "at": "50 s", "lasts": "50 s", "groups": [["seat-7"]]}]
    report = read_by({**ALWAYS, "homes": ["seat-7", "seat-3"], "clients": 4}, fault=cut)
    rows = [row for row in report.evidence.trace if row[1] == "read"]
    stale = [row for row in rows if row[5] == "stale"]
    assert {row[2] for row in stale} == {7}
    assert all(50 < row[0] / 1e9 < 102 for row in stale), "two seconds may pass, and a rumour a second mends it"
    inside = [row for row in rows if row[2] == 7 and 54 < row[0] / 1e9 < 100]
    assert len(inside) > 50 and all(row[5] == "stale" for row in inside)
    assert found(report)["stale_share"] == pytest.approx(len(stale) / len(rows))


def test_with_a_ledger_the_newest_block_is_asked_for() -> None:
    cut = [{"kind": "partition", "at": "50 s", "lasts": "50 s", "groups": [["seat-3"]]}]
    report = read_by(
        {**ALWAYS, "fresh": "4 s"},
        topology={"kind": "complete", "seats": 4},
        consensus={"kind": "pbft", "block_interval": "1 s"},
        workload=[{"kind": "synthetic"}, {"kind": "light-clients", **ALWAYS, "fresh": "4 s"}],
        fault=cut,
        heal="120 s",
    )
    stale = {row[2] for row in report.evidence.trace if row[1] == "read" and row[5] == "stale"}
    assert stale == {3}
    assert 0.02 < found(report)["stale_share"] < 0.2


def test_a_home_that_is_down_or_serves_nobody_leaves_its_clients_without_an_answer() -> None:
    """A wish waits for the home as long as the client has patience; a short absence costs time, a long one the answer."""
    for trouble in ({"fault": [{"kind": "crash", "seats": ["seat-5"], "at": "50 s", "lasts": "100 s"}]},
                    {"adversary": [{"kind": "silent", "seats": ["seat-5"], "at": "50 s", "lasts": "100 s"}]}):  # fmt: skip
        report = read_by({**ALWAYS, "homes": ["seat-5"], "clients": 5}, **trouble)
        outcomes = found(report)
        assert 180 < outcomes["unavailable"] < 300
        assert 1 < outcomes["waited_s"]["max"] <= 5.1


def test_who_is_offline_waits() -> None:
    """Online half of the time, 20 s in the mean: half of the wishes come while offline and wait for what is left of it."""
    outcomes = found(read_by({"every": "2 s", "online": "20 s", "offline": "20 s", "clients": 10}, duration="400 s"))
    wishes = outcomes["reads"]
    assert abs(outcomes["wishes_while_offline"] / wishes - 0.5) < 0.1
    assert outcomes["waited_s"]["mean"] == pytest.approx(0.04 + 0.5 * 20, rel=0.2), "memoryless: the rest is as long as the whole"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("clients", 2),
        ("homes", 3),
        ("every", "3 s"),
        ("online", "5 s"),
        ("offline", "5 s"),
        ("access", "50 ms"),
        ("patience", "1 s"),
        ("fresh", "100 ms"),
    ],
)
def test_every_key_changes_something(key: str, value: Any) -> None:
    rough: dict[str, Any] = {"fault": [{"kind": "churn", "stay": "10 s", "absence": "4 s"}]}
    keys = {"every": "2 s", "online": "30 s"}
    assert (
        fingerprint(read_by(keys, **rough))
        == fingerprint(read_by(keys, **rough))
        != fingerprint(read_by({**keys, key: value}, **rough))
    )


@pytest.mark.parametrize(
    ("keys", "words"), [({"every": "0 s"}, "every"), ({"online": "0 s"}, "online"), ({"homes": "nowhere"}, "nowhere")]
)
def test_what_cannot_be_is_refused(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        read_by(keys)


def test_answers_take_their_time_on_the_clients_own_line() -> None:
    """10 kB at 1 Mbit/s are 80 ms more; after a time offline all that was wished for comes one after the other."""
    outcomes = found(read_by({**ALWAYS, "every": "20 s", "answer": "10 kB", "rate": "1 Mbit/s"}))
    assert outcomes["waited_s"]["min"] == pytest.approx(0.12) and outcomes["waited_s"]["p50"] == pytest.approx(0.12)
    wishes = {"online": "10 s", "offline": "50 s", "every": "5 s"}
    free, narrow = (found(read_by({**wishes, **line})) for line in ({}, {"answer": "125 kB", "rate": "1 Mbit/s"}))
    assert free["reads"] == narrow["reads"] and free["stale_share"] == narrow["stale_share"]
    queued = narrow["waited_s"]["mean"] - free["waited_s"]["mean"]
    assert queued > 1.5, "each takes a second, and those that waited for the line to come back queue behind each other"
    for keys, key in (({"rate": "1 Mbit/s"}, "rate"), ({"answer": "1 kB"}, "answer")):
        with pytest.raises(ScenarioError, match="has no effect while") as caught:
            read_by(keys)
        assert str(caught.value.path).endswith(key)
