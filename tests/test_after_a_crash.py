"""A node that comes back has what it had written down and nothing else; and what all had in flight when they fell is said again."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import FEW_SECONDS, OWN_PACE

import sim
from sim.kernel.part import part
from sim.node.message import vote
from sim.node.node import Node
from sim.study.plugins import names
from sim.study.read import from_dict
from sim.study.report import Report
from sim.study.scenario import Consensus

LATENCY = {"kind": "uniform", "low": "5 ms", "high": "40 ms"}


@vote
class Ballot:
    """I was here."""

    number: int


@part
class Count:
    """Everybody votes at a second of its own, and counts to four. Only what it keeps survives a crash."""

    async def run(self, node: Node) -> None:
        """Vote once, even after a crash, and count."""
        node.spawn(self.vote(node))
        proof = await node.quorum(Ballot, 4, number=0)
        node.note("counted", signers=proof.signers)

    async def vote(self, node: Node) -> None:
        """At second id + 1."""
        await node.sleep(max(0, (node.id + 1) * 1_000_000_000 - node.now))
        if not node.keep.get("voted"):
            node.keep["voted"] = True
            node.broadcast(Ballot(0))


def counted(**fault: Any) -> dict[int, float]:
    """When each of six nodes has counted four votes, s."""
    tables = {"duration": "10 s", "topology": {"kind": "complete", "seats": 6}, "link": {"latency": LATENCY}}
    faults = {"fault": [{"kind": "crash", **fault}]} if fault else {}
    report = sim.run(from_dict({**tables, **faults}).but(consensus=Consensus(protocol=Count())), seed=1)
    return {row[2]: row[0] / 1e9 for row in report.evidence.trace.of("note") if row[3] == "counted"}


def test_votes_counted_before_a_crash_are_counted_no_more() -> None:
    """Seats 0 to 2 vote before seat 5 falls, 3 to 5 after it is back: three votes are left for it, where four have come."""
    assert sorted(counted()) == [0, 1, 2, 3, 4, 5]
    fallen = counted(seats=["seat-5"], at="3500 ms", lasts="200 ms")
    assert sorted(fallen) == [0, 1, 2, 3, 4]
    assert all(4 <= fallen[seat] < 4.1 for seat in range(5))


def test_what_was_said_to_one_who_has_lost_it_is_evidence_still() -> None:
    tables = {"duration": "10 s", "topology": {"kind": "complete", "seats": 6}, "link": {"latency": LATENCY}}
    crash = {"kind": "crash", "seats": [f"seat-{place}" for place in range(6)], "at": "3500 ms", "lasts": "200 ms"}
    report = sim.run(from_dict({**tables, "fault": [crash]}).but(consensus=Consensus(protocol=Count())), seed=1)
    assert int(report.evidence.said_by[0, 0]) == 0b111111


def all_fall(kind: str, at: str) -> Report:
    """Everybody falls at one instant, with votes on their way, and is back a second later."""
    pace = {} if kind in OWN_PACE else {"block_interval": "500 ms"}
    tables = {
        "duration": "30 s" if kind != "honeybadger" else "14 s",
        "topology": {"kind": "complete", "seats": 6},
        "link": {"latency": LATENCY},
        "gossip": {"kind": "flood"},
        "consensus": {"kind": kind, **pace, **FEW_SECONDS.get(kind, {})},
        "fault": [{"kind": "crash", "seats": [f"seat-{place}" for place in range(6)], "at": at, "lasts": "1 s"}],
    }
    return sim.run(from_dict(tables), seed=2)


@pytest.mark.parametrize("kind", [kind for kind in names("consensus") if kind != "service"])
def test_what_everybody_had_in_flight_is_said_again(kind: str) -> None:
    """The second instant is between blocks, the first among votes, which are lost. `service` makes no blocks where nobody asks."""
    for at in ("5030 ms", "5310 ms"):
        report = all_fall(kind, at)
        later = [row for row in report.evidence.trace.of("decide") if row[0] > 6e9]
        assert later and min(row[0] for row in later) < (17e9 if kind == "gasper" else 10e9)
        assert [one["name"] for one in report.to_dict()["checks"] if one["verdict"] == "fail"] == []
