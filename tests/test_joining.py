"""Who joins and leaves when: a timetable, a network that grows, and how late joiners catch up."""

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


def ran(fault: dict[str, Any], seed: int = 1, **tables: Any) -> Report:
    """Ten clinics and ten hospitals; a rumour every second."""
    scene = {
        "duration": "60 s",
        "topology": {"kind": "regions", "seats": {"hospital": 10, "clinic": 10}, "degree": 6},
        "link": {"latency": {"kind": "exponential", "mean": "20 ms"}},
        "workload": [{"kind": "rumour", "size": "1 kB", "count": 40, "every": "1 s", "origin": "hospital-0"}],
        "fault": [fault],
        **tables,
    }
    return sim.run(from_dict(scene), seed)


def turns(report: Report) -> list[tuple[float, str, str]]:
    """(time in s, what, who) of each crash and restart."""
    names = report.evidence.names
    return [(row[0] / SECOND, row[1], names[row[2]]) for row in report.evidence.trace if row[1] in ("crash", "restart")]


def test_a_timetable_is_kept() -> None:
    """Joiners are away from the start, leavers go when said, and who leaves first and joins later does that."""
    fault = {
        "kind": "timetable", "at": "0 s", "lasts": "50 s",
        "joins": {"clinic-3": "20 s", "hospital-5": "30 s"},
        "leaves": {"hospital-5": "10 s", "clinic-4": "15 s"},
    }  # fmt: skip
    assert turns(ran(fault)) == [
        (0.0, "crash", "clinic-3"),
        (10.0, "crash", "hospital-5"),
        (15.0, "crash", "clinic-4"),
        (20.0, "restart", "clinic-3"),
        (30.0, "restart", "hospital-5"),
        (50.0, "restart", "clinic-4"),
    ]


def test_regions_join_together_and_times_count_from_the_beginning_of_the_fault() -> None:
    report = ran({"kind": "timetable", "at": "5 s", "joins": {"clinic": "20 s"}})
    assert {row for row in turns(report) if row[1] == "crash"} == {(5.0, "crash", f"clinic-{seat}") for seat in range(10)}
    assert {row[0] for row in turns(report) if row[1] == "restart"} == {25.0}


@pytest.mark.parametrize(("gossip", "share"), [("push-pull", 1.0), ("flood", (20 * 9 / 19 + 20) / 40)])
def test_late_joiners_catch_up_where_gossip_keeps_what_they_missed(gossip: str, share: float) -> None:
    """Anti-entropy brings the twenty rumours from before they came; a flood is over."""
    whole = {"kind": "regions", "seats": {"hospital": 10, "clinic": 10}, "degree": 19}
    report = ran({"kind": "timetable", "joins": {"clinic": "20 s"}}, gossip={"kind": gossip}, topology=whole)
    reached = report.to_dict()["gossip"]["reached_share"]
    assert reached == pytest.approx(share, abs=0.03)
    early = [spread for spread in report.evidence.spreads if spread.published_ns < 18 * SECOND]
    assert all((spread.arrival_ns[10:] > 20 * SECOND).all() for spread in early) == (gossip == "push-pull")


def test_a_late_joiner_catches_up_with_the_ledger() -> None:
    """Raft: a seat that comes after 20 s ends with the same chain as all others."""
    report = ran(
        {"kind": "timetable", "joins": {"seat-4": "20 s"}},
        topology={"kind": "complete", "seats": 5},
        consensus={"kind": "raft", "block_interval": "1 s"},
        workload=[{"kind": "synthetic"}],
    )
    assert report.ok(), report.text()
    slots = [[row[3] for row in report.evidence.trace if row[1] == "decide" and row[2] == seat] for seat in range(5)]
    assert len(slots[4]) > 40 and slots[4][:40] == slots[0][:40]
    first_ns = next(row[0] for row in report.evidence.trace if row[1] == "decide" and row[2] == 4)
    assert first_ns > 20 * SECOND


def test_a_network_grows() -> None:
    """Half of it is away at first; newcomers come at gaps of their mean, in an order that is not that of their names."""
    report = ran({"kind": "growth", "seats": "clinic", "every": "2 s"}, duration="200 s")
    joined = [row for row in turns(report) if row[1] == "restart"]
    assert len(joined) == 10 and sorted(row[2] for row in joined) != [row[2] for row in joined]
    gaps = np.concatenate(
        [
            np.diff(
                [
                    0,
                    *(
                        row[0]
                        for row in turns(ran({"kind": "growth", "seats": 20, "every": "2 s"}, seed, duration="400 s"))
                        if row[1] == "restart"
                    ),
                ]
            )
            for seed in range(1, 11)
        ]
    )
    assert gaps.size == 200
    assert abs(gaps.mean() - 2) < 4 * 2 / 200**0.5 and abs(gaps.std() - 2) < 4 * 2 * (8 / 4 / 200) ** 0.5


def test_groups_and_regular_gaps_are_exact() -> None:
    report = ran({"kind": "growth", "seats": "clinic", "every": "3 s", "law": "regular", "at_once": 4, "at": "1 s"})
    assert [row[0] for row in turns(report) if row[1] == "restart"] == [4.0] * 4 + [7.0] * 4 + [10.0] * 2


def test_growth_ends_with_everybody_there() -> None:
    report = ran({"kind": "growth", "seats": "clinic", "every": "1 h", "lasts": "30 s"})
    assert [row[0] for row in turns(report) if row[1] == "restart"] == [30.0] * 10


@pytest.mark.parametrize(("key", "value"), [("seats", 5), ("every", "3 s"), ("law", "regular"), ("at_once", 2)])
def test_every_key_of_growth_changes_something(key: str, value: Any) -> None:
    keys = {"kind": "growth", "seats": "clinic", "every": "2 s"}
    assert fingerprint(ran(keys)) == fingerprint(ran(keys)) != fingerprint(ran({**keys, key: value}))


@pytest.mark.parametrize(("fault", "words"), [
    ({"kind": "timetable"}, "nobody comes or goes"),
    ({"kind": "timetable", "joins": {"clinik": "1 s"}}, "joins.clinik.*clinic"),
    ({"kind": "timetable", "joins": {"clinic": "1 s"}, "leaves": {"clinic": "1 s"}}, "same instant"),
    ({"kind": "growth", "every": "0 s"}, "every"),
    ({"kind": "growth", "seats": "clinik"}, "clinik"),
])  # fmt: skip
def test_what_cannot_be_is_refused(fault: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        ran(fault)
