"""Churn: shares of time, Poisson leaving, exact regular times, healing, and protocols and gossip that live through it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sim
from sim.kernel.errors import ScenarioError
from sim.study.read import from_dict
from sim.study.report import Report
from sim.testing import fingerprint

SECOND = 1_000_000_000


def churned(churn: dict[str, Any], seats: int = 100, duration: str = "2000 s", seed: int = 1, **tables: Any) -> Report:
    """A quiet network with one rumour; returns the report."""
    scene = {
        "duration": duration,
        "topology": {"kind": "complete", "seats": seats},
        "gossip": {"kind": "push", "fanout": 3},
        "workload": [{"kind": "rumour", "size": "1 kB"}],
        "fault": [{"kind": "churn", "at": "0 s", **churn}],
    }
    return sim.run(from_dict({**scene, **tables}), seed)


def spells(report: Report) -> tuple[dict[int, list[int]], list[int], list[int]]:
    """Times of turns per seat; lengths of full stays and of full absences in ns, over all seats."""
    turns: dict[int, list[int]] = {}
    for row in report.evidence.trace:
        if row[1] in ("crash", "restart"):
            mine = turns.setdefault(row[2], [])
            assert (row[1] == "crash") == (len(mine) % 2 == 0), "leaving and coming alternate"
            mine.append(row[0])
    lengths = [np.diff(mine) for mine in turns.values()]
    absences = np.concatenate([length[::2] for length in lengths]).tolist()
    stays = np.concatenate([length[1::2] for length in lengths]).tolist()
    return turns, stays, absences


def test_stays_and_absences_are_exponential() -> None:
    """100 seats with stays of 10 s and absences of 5 s over 2000 s: counts, shares and scatter within four standard errors."""
    turns, _, _ = spells(report := churned({"stay": "10 s", "absence": "5 s"}))
    assert len(turns) == 100
    gone = np.array([row[0] for row in report.evidence.trace if row[1] == "crash"])
    cycles = 100 * 2000 / 15
    assert abs(len(gone) - cycles) < 4 * (cycles * (10**2 + 5**2) / 15**2) ** 0.5
    up = []
    for mine in turns.values():
        edges = [0, *mine, 2000 * SECOND]
        up.append(sum(np.diff(edges)[::2]) / (2000 * SECOND))
    assert abs(np.mean(up) - 10 / 15) < 4 * np.std(up, ddof=1) / 10 + 5 / 2000, "all are up at first, which wears off within 5 s"
    per_window = np.histogram(gone, np.arange(100, 2001, 1) * SECOND)[0]
    assert per_window.var() == pytest.approx(per_window.mean(), rel=4 * (2 / 1900) ** 0.5), "as scattered as a Poisson process"


def test_lengths_have_the_mean_and_the_scatter_of_their_law() -> None:
    """The first five full spells of each of 400 seats, none of which is cut short by the end of the run."""
    turns, _, _ = spells(churned({"stay": "10 s", "absence": "5 s"}, seats=400, duration="600 s"))
    first = np.array([np.diff(mine[:11]) for mine in turns.values()]) / SECOND
    assert first.shape == (400, 10)
    for found, mean in ((first[:, ::2], 5.0), (first[:, 1::2], 10.0)):
        assert abs(found.mean() - mean) < 4 * mean / 2000**0.5
        assert abs(found.std() - mean) < 4 * mean * (8 / 4 / 2000) ** 0.5


def test_regular_churn_is_exact() -> None:
    """Each stay and absence is as long as said; seats are out of step."""
    turns, stays, absences = spells(churned({"law": "regular", "stay": "10 s", "absence": "5 s", "seats": 20}, duration="200 s"))
    assert len(turns) == 20
    assert set(stays) == {10 * SECOND}
    assert set(absences) == {5 * SECOND}
    firsts = [mine[0] for mine in turns.values()]
    assert len(set(firsts)) == 20
    assert max(firsts) <= 10 * SECOND


def test_it_ends_with_everybody_up() -> None:
    """After `lasts` nobody leaves; what is published then reaches all by flood."""
    report = churned(
        {"stay": "5 s", "absence": "20 s", "lasts": "60 s"},
        duration="100 s",
        gossip={"kind": "flood"},
        workload=[{"kind": "rumour", "size": "1 kB", "first": "61 s"}],
    )
    turns, _, _ = spells(report)
    assert all(len(mine) % 2 == 0 and mine[-1] <= 60 * SECOND for mine in turns.values())
    assert sum(mine[-1] == 60 * SECOND for mine in turns.values()) > 50
    assert report.to_dict()["gossip"]["reached_share"] >= 99 / 100


def test_churn_costs_coverage() -> None:
    """Flood on a complete graph reaches those that are up: about two thirds."""
    report = churned({"stay": "10 s", "absence": "5 s"}, gossip={"kind": "flood"}, workload=[{"kind": "rumour", "first": "1000 s"}])
    spread = report.evidence.spreads[0]
    turns, _, _ = spells(report)
    up = [sum(time_ns <= 1000 * SECOND for time_ns in turns[seat]) % 2 == 0 for seat in range(100)]
    assert ((spread.arrival_ns >= 0)[np.arange(100) != spread.publisher] == np.array(up)[np.arange(100) != spread.publisher]).all()
    assert 40 < sum(up) < 90


def test_agreement_lives_through_it() -> None:
    """PBFT with 7 nodes of which two come and go: safe throughout, and live after healing."""
    report = sim.run(
        from_dict(
            {
                "duration": "120 s",
                "heal": "70 s",
                "topology": {"kind": "complete", "seats": 7},
                "link": {"latency": {"kind": "exponential", "mean": "20 ms"}},
                "consensus": {"kind": "pbft", "block_interval": "1 s", "patience": "4 s"},
                "workload": [{"kind": "synthetic"}],
                "fault": [{"kind": "churn", "at": "5 s", "lasts": "60 s", "seats": 2, "stay": "10 s", "absence": "5 s"}],
            }
        ),
        3,
    )
    assert report.ok(), report.text()
    assert report.to_dict()["consensus"]["decided"] > 20
    assert sum(row[1] == "crash" for row in report.evidence.trace) >= 4


@pytest.mark.parametrize(("key", "value"), [("seats", 50), ("stay", "12 s"), ("absence", "6 s"), ("law", "regular")])
def test_every_key_changes_something(key: str, value: Any) -> None:
    """Two runs that differ in one key differ; two that do not are the same."""
    keys = {"stay": "10 s", "absence": "5 s"}
    plain, again, other = (churned({**keys, **more}, duration="60 s") for more in ({}, {}, {key: value}))
    assert fingerprint(plain) == fingerprint(again)
    assert fingerprint(plain) != fingerprint(other)


@pytest.mark.parametrize(("keys", "words"), [({"stay": "0 s"}, "stay"), ({"absence": "1 us"}, "absence"), ({"law": "odd"}, "law")])
def test_what_cannot_be_is_refused(keys: dict[str, Any], words: str) -> None:
    """One sentence, with the key."""
    with pytest.raises(ScenarioError, match=words):
        churned(keys)
