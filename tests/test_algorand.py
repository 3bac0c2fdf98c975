"""Algorand: good rounds exactly, committees by lot, periods that fail and go on, and who was away catches up."""

from __future__ import annotations

from typing import Any

import pytest

import sim
from sim.consensus.algorand import Algorand, Cert, Next, Propose, Soft
from sim.kernel.errors import ScenarioError
from sim.ledger.block import GENESIS, Block
from sim.study.read import from_dict
from sim.study.report import Report
from sim.testing import Stage, check_consensus

S = 1_000_000_000


def played(seats: int = 7, duration: str = "60 s", **more: Any) -> Report:
    """Some nodes over a full mesh of 100 ms."""
    tables = {
        "duration": duration,
        "topology": {"kind": "complete", "seats": seats},
        "link": {"latency": {"kind": "constant", "value": "100 ms"}},
        "consensus": {"kind": "algorand", "bodies": "attached", **more.pop("consensus", {})},
        **more,
    }
    return sim.run(from_dict(tables))


def test_a_good_round_takes_the_filter_time_and_two_delays() -> None:
    table = played().to_dict()["consensus"]
    assert table["first_decide_s"]["min"] == table["last_decide_s"]["max"] == pytest.approx(4.2)
    assert table["block_interval_s"]["p50"] == pytest.approx(4.2) and table["decided"] == 14


def test_small_committees_decide_too_and_send_less() -> None:
    everybody = played(60, "30 s").to_dict()["consensus"]
    some = played(60, "30 s", consensus={"committee": 30}).to_dict()["consensus"]
    assert some["decided"] >= 4 and some["messages_per_decision"] < 0.7 * everybody["messages_per_decision"]


def test_it_stands_what_every_protocol_has_to_stand() -> None:
    check_consensus(Algorand(filter="500 ms", deadline="2 s"), seats=7, seeds=1)


def on_stage(committee: int = 0) -> tuple[Stage, Block]:
    """A node that proposes nothing itself, and a block of seat 1."""
    stage = Stage(Algorand(committee=committee), seat=0, seats=7)
    stage.society.accepts = lambda node, block, parent: True
    block = Block.of(GENESIS, 1, 1, 0)
    return stage, block


def said(stage: Stage, kind: type[Any]) -> list[Any]:
    """What it has told seat 6."""
    return [message for to, message in stage.sent if to == 6 and isinstance(message, kind)]


@pytest.fixture
def stage_and_block(monkeypatch: pytest.MonkeyPatch) -> tuple[Stage, Block]:
    """No batch is ever due here, so this node waits like one that was not drawn."""
    monkeypatch.setattr(Algorand, "draws", lambda self, node, identity, purpose, number, period: identity / 7 if identity else 9.0)
    return on_stage()


def test_the_lowest_credential_gets_the_soft_vote(stage_and_block: tuple[Stage, Block]) -> None:
    stage, block = stage_and_block
    other = Block.of(GENESIS, 1, 2, 0)
    for sender, proposal in ((2, other), (1, block)):
        stage.publish(sender, proposal)
        stage.deliver(sender, Propose(0, 0, proposal.digest))
    stage.advance(4 * S)
    assert said(stage, Soft) == [Soft(0, 0, block.digest)]


def test_certified_only_with_enough_soft_votes_and_kept_in_the_next_period(stage_and_block: tuple[Stage, Block]) -> None:
    stage, block = stage_and_block
    stage.publish(1, block)
    for sender in (1, 2, 3, 4):
        stage.deliver(sender, Soft(0, 0, block.digest))
    assert said(stage, Cert) == []
    stage.deliver(5, Soft(0, 0, block.digest))
    assert said(stage, Cert) == [Cert(0, 0, block.digest)]
    stage.advance(17 * S)
    assert said(stage, Next) == [Next(0, 0, block.digest, 0)], "who has certified a value goes on with it"
    for sender in (1, 2, 3, 4):
        stage.deliver(sender, Next(0, 0, block.digest, 0))
    stage.advance(4 * S)
    assert said(stage, Soft) == [Soft(0, 1, block.digest)]


def test_after_a_period_without_anything_the_next_one_starts_from_nothing(stage_and_block: tuple[Stage, Block]) -> None:
    stage, _ = stage_and_block
    stage.advance(17 * S)
    assert said(stage, Next) == [Next(0, 0, "", 0)]


def test_no_certificate_vote_after_the_deadline(stage_and_block: tuple[Stage, Block]) -> None:
    stage, block = stage_and_block
    stage.publish(1, block)
    stage.advance(17 * S)
    for sender in (1, 2, 3, 4, 5):
        stage.deliver(sender, Soft(0, 0, block.digest))
    assert said(stage, Cert) == []


def test_the_filter_must_end_before_the_deadline() -> None:
    with pytest.raises(ScenarioError, match="deadline"):
        Algorand(filter="20 s")
