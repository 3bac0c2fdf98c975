"""Who may speak: rumours of two workloads are two rumours, the dead publish nothing, the silent do not even gossip about it."""

from __future__ import annotations

from typing import Any

import pytest

import sim
from sim.study.read import from_dict
from sim.study.report import Report

SECOND = 1_000_000_000


def spread(gossip: str = "flood", **tables: Any) -> Report:
    """Rumours among 30 seats."""
    scene = {
        "duration": "30 s",
        "topology": {"kind": "random-regular", "seats": 30, "degree": 6},
        "link": {"latency": {"kind": "exponential", "mean": "20 ms"}},
        "gossip": {"kind": gossip},
        "trace": "wire",
        "workload": [{"kind": "rumour", "size": "2 kB", "count": 10}],
    }
    return sim.run(from_dict({**scene, **tables}), 1)


def test_two_rumour_workloads_spread_rumours_of_their_own() -> None:
    one = {"kind": "rumour", "size": "1 kB", "count": 3}
    other = {"kind": "rumour", "size": "9 kB", "count": 3, "first": "500 ms"}
    alone, both = spread(workload=[one]), spread(workload=[one, other])
    assert len({item.digest for item in both.evidence.spreads}) == 6
    assert sorted(item.size_bytes for item in both.evidence.spreads) == [1000] * 3 + [9000] * 3
    published = [
        {(row[0], row[2], row[3]) for row in report.evidence.trace if row[1] == "publish" and row[4] == 1000}
        for report in (alone, both)
    ]
    assert published[0] == published[1], "the first workload is not disturbed by the second"
    origins = {size: [s.publisher for s in both.evidence.spreads if s.size_bytes == size] for size in (1000, 9000)}
    assert origins[1000] != origins[9000], "each draws its own publishers"


def test_a_crashed_seat_publishes_nothing() -> None:
    """Seat 3 is down from 5 s to 15 s and has a rumour to tell every second, ten of which nobody hears."""
    report = spread(
        workload=[{"kind": "rumour", "count": 20, "origin": "seat-03", "first": "500 ms"}],
        fault=[{"kind": "crash", "seats": ["seat-03"], "at": "5 s", "lasts": "10 s"}],
    )
    times = [row[0] / SECOND for row in report.evidence.trace if row[1] == "publish"]
    assert times == [0.5, 1.5, 2.5, 3.5, 4.5, 15.5, 16.5, 17.5, 18.5, 19.5]
    workload = report.to_dict()["workload"][0]
    assert workload["submitted"] == 20 and workload["dropped"] == 10
    assert report.to_dict()["gossip"]["reached_share"] == 1.0


@pytest.mark.parametrize("gossip", ["gossipsub", "plumtree", "announce", "erlay", "push-pull"])
def test_a_silent_seat_sends_nothing_at_all(gossip: str) -> None:
    """Not even the control packets of the gossip rule; before it was corrupted it did."""
    report = spread(gossip, adversary=[{"kind": "silent", "seats": ["seat-07", "seat-19"], "at": "4 s"}])
    wire = report.evidence.trace.wire()
    mine = (wire["source"] == 7) | (wire["source"] == 19)
    assert (wire["sent_ns"][mine] < 4 * SECOND).any()
    assert not (wire["sent_ns"][mine] >= 4 * SECOND).any()
    assert (wire["sent_ns"][~mine] >= 4 * SECOND).any()
