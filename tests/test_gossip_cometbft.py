"""CometBFT's gossip: half a sleep a hop, hardly a copy twice; and what it does to Tendermint's three phases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sim
from sim.gossip.cometbft import CometBFT
from sim.kernel.errors import ScenarioError
from sim.study.read import from_dict
from sim.study.report import Report
from sim.testing import check_gossip

MS = 1_000_000


def spread(gossip: str, topology: dict[str, Any], **rumour: Any) -> Report:
    return sim.run(
        from_dict(
            {
                "duration": "60 s",
                "topology": topology,
                "link": {"latency": {"kind": "constant", "value": "5 ms"}},
                "gossip": {"kind": gossip},
                "workload": [{"kind": "rumour", "size": "1 kB", **rumour}],
            }
        )
    )


def test_it_stands_the_public_check() -> None:
    check_gossip(CometBFT(), seeds=1)


def test_a_hop_costs_its_delay_and_half_a_sleep() -> None:
    """200 rumours 13 ms apart meet a beat of 100 ms in each of its milliseconds twice: each hop's mean is exact to 1 ms."""
    found = spread("cometbft", {"kind": "line", "seats": 2}, count=200, every="13 ms", origin="seat-0").evidence.spreads
    arrivals = np.array([one.arrival_ns[1 - int(one.arrival_ns.argmin())] for one in found])
    waits = arrivals - np.array([one.published_ns for one in found]) - 5 * MS
    assert ((waits >= 0) & (waits < 100 * MS)).all()
    assert abs(waits.mean() / MS - 50) <= 1
    for sent_by in (0, 1):
        beats = {
            int(arrival) % (100 * MS) for arrival, one in zip(arrivals, found, strict=True) if one.arrival_ns.argmin() == sent_by
        }
        assert len(beats) <= 1, "a routine wakes on a beat of its own"


def test_it_sends_hardly_a_copy_twice() -> None:
    """Against flood over the same graph: an order of magnitude slower, and about one copy a seat instead of five."""
    graph = {"kind": "random-regular", "seats": 30, "degree": 6}
    slow, fast = (spread(kind, graph, count=20, every="1 s").to_dict()["gossip"] for kind in ("cometbft", "flood"))
    assert slow["reached_share"] == fast["reached_share"] == 1
    assert slow["coverage_s"]["p50"] > 5 * fast["coverage_s"]["p50"]
    assert slow["redundancy"] < 1.5 < 4 < fast["redundancy"]


def test_tendermint_takes_three_phases_of_it() -> None:
    """Over a full mesh of 2 ms links a phase is a quorum of waits for a beat: between 3 delays and 3 sleeps on top."""
    tables = {
        "duration": "40 s",
        "topology": {"kind": "complete", "seats": 7},
        "link": {"latency": {"kind": "constant", "value": "2 ms"}},
        "gossip": {"kind": "cometbft"},
        "chunk": "64 KiB",
        "consensus": {"kind": "tendermint", "preset": "cometbft", "route": "gossip", "filler": "150 kB"},
    }
    report = sim.run(from_dict(tables)).to_dict()
    assert report["consensus"]["decided"] >= 25
    assert report["consensus"]["view_changes"] == 0
    assert 0.05 < report["consensus"]["consensus_time_s"]["p50"] < 0.006 + 0.3


def test_more_peers_than_a_note_has_bits() -> None:
    with pytest.raises(ScenarioError, match="63 neighbours"):
        spread("cometbft", {"kind": "complete", "seats": 64})
