"""No protocol is faster than theory allows where nothing fails and every message takes the same time.

Abraham, Nayak, Ren, Xiang, "Good-case latency of Byzantine broadcast", PODC 2021 (arXiv 2102.07240): under partial synchrony all can have
committed three delays after the proposal, or two if n >= 5 f - 1. A protocol that stands crashes alone needs two: there and back.
"""

from __future__ import annotations

from typing import Any

import pytest
from worlds import agreeing

import sim
from sim.kernel.part import part
from sim.node.message import message, vote
from sim.node.node import Node
from sim.node.terms import bounds
from sim.study.plugins import find, names
from sim.study.report import Report

SEATS = 7
OWN: dict[str, dict[str, Any]] = {
    "gasper": {"slots_per_epoch": 4},
    "raft": {"election_timeout": "10 s", "heartbeat": "4 s"},
    "fabric": {"ordering": {"kind": "raft", "election_timeout": "10 s", "heartbeat": "4 s"}},
    "alpenglow": {"delta": "2 s", "patience": "6 s", "block_time": "5 s", "block_interval": "5 s"},
    "streamlet": {"delta": "2 s"},
    "service": {"idle": True, "by": {"kind": "pbft", "patience": "100 s"}},
}

LASTING = {"algorand": "10 s", "gasper": "200 s", "streamlet": "60 s", "raft": "60 s", "fabric": "60 s"}


def least_delays(protocol: Any, n: int) -> int:
    """What theory grants a protocol among n, in delays from a proposal to the decision of all."""
    faulty, _ = bounds(protocol, n)
    return 2 if getattr(protocol, "crash_tolerant", False) or n >= 5 * faulty - 1 else 3


def fastest(report: Report) -> float:
    """Delays of 1 s from proposal to the last decision, of the block for which they were fewest among those that all decided."""
    proposed = {row[3]: row[0] for row in report.evidence.trace.of("publish")}
    decided: dict[str, list[int]] = {}
    for row in report.evidence.trace.of("decide"):
        decided.setdefault(row[4], []).append(row[0])
    whole = [max(times) - proposed[digest] for digest, times in decided.items() if len(times) == SEATS]
    assert whole, "nothing was decided by everybody"
    return min(whole) / 1e9


def certain() -> list[str]:
    """The protocols with quorums among all; what is only probably final may be so at once, as may what samples of all have said."""
    kinds = [kind for kind in names("consensus") if getattr(find("consensus", kind), "finality", "certain") == "certain"]
    return [kind for kind in kinds if kind != "snowman"]


@pytest.mark.parametrize("kind", certain())
def test_nobody_beats_the_bound(kind: str) -> None:
    report = sim.run(agreeing(kind, SEATS, LASTING.get(kind, "20 s"), consensus=OWN.get(kind, {})))
    assert report.evidence.consensus_kind == kind
    assert fastest(report) >= least_delays(find("consensus", kind)(), SEATS)


@message
class Offer:
    """A leader's block."""

    carries = "digest"
    slot: int
    digest: str


@vote
class Nod:
    """I have seen it."""

    slot: int
    digest: str


@part
class Hasty:
    """One round of votes and no more, among 3f + 1: two leaders of one slot would split it."""

    async def run(self, node: Node) -> None:
        """Decide what a quorum has seen."""
        for slot in range(9):
            if slot % node.n == node.id:
                node.broadcast(Offer(slot, node.publish(await node.next_batch())))
            offer = (await node.receive(Offer, slot=slot)).message
            node.broadcast(Nod(slot, offer.digest))
            node.decide(slot, (await node.quorum(Nod, node.quorum_size, slot=slot)).message.digest)


def test_one_round_of_votes_is_too_few() -> None:
    report = sim.run(agreeing("pbft", SEATS, "20 s").but(consensus=Hasty()))
    assert fastest(report) == 2 < least_delays(Hasty(), SEATS)
