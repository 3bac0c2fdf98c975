"""Snowman: confidence is won by polls in a row, lost by one that fails, and rivals are left behind; no answer, no acceptance."""

from __future__ import annotations

from typing import Any

import pytest

import sim
from sim.consensus.snowball import Snowball, Snowballs
from sim.consensus.snowman import Snowman
from sim.kernel.errors import ScenarioError
from sim.ledger.block import GENESIS, Block
from sim.study.read import from_dict
from sim.study.report import Report
from sim.testing import Stage, check_consensus

SMALL = {"sample": 5, "alpha": 4, "alpha_confidence": 4, "beta": 3}


def known(*blocks: Block) -> Snowballs:
    """What a node makes of blocks it knows; polls are given by hand."""
    stage = Stage(Snowman(**SMALL), seats=8)
    stage.society.next_batch = lambda node, parent: node.forever()
    chain: Snowballs = stage.node.keep["snowballs"]
    for block in blocks:
        stage.society.blocks[block.digest] = block
        chain.parent[block.digest] = block.parent
        chain.choices[block.digest] = Snowball()
        chain.choices[block.parent].strength[block.digest] = 0
    return chain


A, B = Block.of(GENESIS, 1, 1, 0), Block.of(GENESIS, 1, 2, 0)
A2 = Block.of(A.digest, 2, 1, 0)


def test_beta_polls_in_a_row_accept_and_a_failed_one_begins_anew() -> None:
    chain = known(A, B)
    for votes in ([A] * 4, [A] * 4, [A] * 3 + [B], [A] * 4, [A] * 4):
        chain.record(block.digest for block in votes)
    assert chain.accepted == GENESIS and chain.choices[GENESIS].confidence == 2
    chain.record([A.digest] * 4)
    assert chain.accepted == A.digest


def test_a_row_of_polls_is_for_one_block() -> None:
    chain = known(A, B)
    for votes in ([A] * 4, [A] * 4, [B] * 4, [B] * 4):
        chain.record(block.digest for block in votes)
    assert chain.accepted == GENESIS and chain.choices[GENESIS].confidence == 2
    chain.record([B.digest] * 4)
    assert chain.accepted == B.digest


def test_votes_for_a_tip_count_for_all_below_it() -> None:
    chain = known(A, A2, B)
    for _ in range(3):
        chain.record([A2.digest] * 3 + [A.digest])
    assert chain.accepted == A.digest and chain.choices[A.digest].confidence == 0
    for _ in range(3):
        chain.record([A2.digest] * 4)
    assert chain.accepted == A2.digest


def test_preference_goes_with_most_successful_polls_not_with_the_last() -> None:
    chain = known(A, B)
    assert chain.preferred() == A.digest
    for block in (A, A, B):
        chain.record([block.digest] * 4)
    assert chain.preferred() == A.digest
    chain.record([B.digest] * 4)
    chain.record([B.digest] * 4)
    assert chain.preferred() == B.digest


@pytest.mark.thorough
def test_it_stands_what_every_protocol_has_to_stand() -> None:
    check_consensus(Snowman(**SMALL), seats=9, seeds=1)


def played(silent: int, **consensus: Any) -> Report:
    """Twenty seats, some of which say nothing."""
    tables: dict[str, Any] = {
        "duration": "40 s",
        "topology": {"kind": "complete", "seats": 20},
        "link": {"latency": {"kind": "constant", "value": "50 ms"}},
        "consensus": {"kind": "snowman", "bodies": "attached", "block_interval": "5 s", **SMALL, "sample": 10, **consensus},
        "adversary": [{"kind": "silent", "seats": [f"seat-{seat:02}" for seat in range(silent)]}] if silent else [],
    }
    return sim.run(from_dict(tables))


def test_at_least_beta_round_trips() -> None:
    table = played(0, alpha=8, alpha_confidence=8, beta=6, concurrent=1).to_dict()["consensus"]
    assert table["first_decide_s"]["min"] >= 6 * 0.1 and table["decided"] >= 6
    faster = played(0, alpha=8, alpha_confidence=8, beta=6, concurrent=4).to_dict()["consensus"]
    assert faster["first_decide_s"]["min"] == pytest.approx(0.2 + 0.05, abs=0.06)


def test_liveness_fades_with_silence_and_safety_does_not() -> None:
    """With eight answers of ten wanted, a poll among 19 others of whom seven are silent hardly ever succeeds six times in a row."""
    decided = []
    for silent in (0, 2, 8):
        report = played(silent, alpha=8, alpha_confidence=8, beta=6)
        decided.append(report.to_dict()["consensus"]["decided"])
        assert {check["name"]: check["verdict"] for check in report.to_dict()["checks"]}["agreement"] in ("pass", "unknown")
    assert decided[0] >= decided[1] > decided[2] == 0


def test_a_sample_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"consensus\.sample"):
        played(0, sample=30, alpha=20, alpha_confidence=20)
    with pytest.raises(ScenarioError, match="half of the sample"):
        Snowman(sample=20, alpha=10)
