"""Gasper: what is justified and final, who is heard, and the reorganisation that proposer boost prevents."""

from __future__ import annotations

from typing import Any

import pytest

import sim
from sim.consensus.gasper import Gasper
from sim.consensus.gasper_votes import Attestation
from sim.kernel.errors import ScenarioError
from sim.ledger.block import GENESIS, Block
from sim.study.metrics_rows import read
from sim.study.read import from_dict
from sim.study.report import Report
from sim.testing import Stage, check_consensus

S = 1_000_000_000


def played(seats: int = 16, epochs: int = 6, per_epoch: int = 4, **more: Any) -> Report:
    """Some validators over a full mesh of 100 ms."""
    tables = {
        "duration": f"{12 * per_epoch * epochs + 1} s",
        "topology": {"kind": "complete", "seats": seats},
        "link": {"latency": {"kind": "constant", "value": "100 ms"}},
        "consensus": {"kind": "gasper", "bodies": "attached", "slots_per_epoch": per_epoch, **more.pop("consensus", {})},
        **more,
    }
    return sim.run(from_dict(tables))


def test_final_two_epochs_after_the_border() -> None:
    report = played()
    for row in report.evidence.trace:
        if row[1] == "decide":
            slot = report.evidence.blocks[row[4]].time_ns // (12 * S)
            place = slot % 4
            assert row[0] / (12 * S) - slot == (8 if place == 0 else 12 - place)
    assert report.to_dict()["consensus"]["stale_rate"] == 0


def test_without_two_thirds_nothing_is_final_and_with_them_something_is() -> None:
    for away, decided in ((5, True), (6, False)):
        crash = [{"kind": "crash", "seats": [f"seat-{seat:02}" for seat in range(away)]}]
        assert (played(fault=crash, epochs=10).to_dict()["consensus"]["decided"] > 0) is decided


def view(boost: float = 0.0) -> tuple[Stage, Any, list[Block]]:
    """A validator in slot 3 that knows two blocks on the genesis."""
    stage = Stage(Gasper(slots_per_epoch=4, boost=boost), seats=8)
    stage.society.batch = lambda node, parent: Block.of(parent, 1, node.id, node.now)
    duty = stage.node.keep["duty"]
    blocks = []
    for slot in (1, 2):
        maker = duty.proposer(slot)
        blocks.append(Block.of(GENESIS, 1, maker, slot * 12 * S, (), 7 + slot))
        stage.society.blocks[blocks[-1].digest] = blocks[-1]
    stage.advance(36 * S)
    for block in blocks:
        duty.forest.beside.setdefault(1, []).append(block.digest)
        duty.forest.total.setdefault(block.digest, 1)
    return stage, duty, blocks


def vote(stage: Stage, slot: int, head: Block, *validators: int) -> None:
    for validator in validators:
        stage.deliver(validator, Attestation(slot, head.digest, 0, GENESIS, GENESIS))


def heard(duty: Any, slot: int) -> dict[str, int]:
    """Votes for each head, without the node's own for the genesis."""
    return {head: votes for head, votes in duty.choice.votes.latest(slot).items() if head != GENESIS}


def test_only_the_newest_vote_of_each_counts() -> None:
    stage, duty, (first, second) = view()
    vote(stage, 0, first, 4, 5, 6)
    vote(stage, 1, second, 4, 5)
    assert heard(duty, 3) == {second.digest: 2, first.digest: 1}
    assert heard(duty, 1) == {first.digest: 3}, "votes of the present slot do not count yet"


def test_who_votes_twice_in_a_slot_is_not_heard() -> None:
    stage, duty, (first, second) = view()
    vote(stage, 1, first, 4, 5)
    vote(stage, 1, second, 5, 6)
    assert heard(duty, 3) == {first.digest: 1, second.digest: 1}


def test_who_votes_twice_is_found_out_when_the_whole_committee_had_voted_before_and_else_heard_first() -> None:
    stage, duty, (first, second) = view()
    committee = duty.committee(1)
    vote(stage, 1, first, *committee)
    heads = duty.choice.votes.latest(2)
    vote(stage, 1, second, committee[0])
    assert heads[first.digest] == 2 and duty.choice.votes.latest(2)[first.digest] == 1
    duty.choice.votes.discount = False
    vote(stage, 0, first, *duty.committee(0))
    duty.choice.votes.latest(1)
    vote(stage, 0, second, *duty.committee(0))
    assert duty.choice.votes.latest(1).get(second.digest, 0) == 0


def honest_blocks_lost(boost: float, colluders: float) -> int:
    """Honest blocks that are on nobody's final chain although it reaches that high."""
    evidence = played(32, 9, consensus={"boost": boost}, adversary=[{"kind": "hold-back", "seats": colluders}]).evidence
    chain = {digest: evidence.blocks[digest].height for _, digest in read(evidence).chain}
    mine = [block for block in evidence.blocks.values() if evidence.honest[block.proposer]]
    return sum(block.digest not in chain and block.height <= max(chain.values()) for block in mine)


def test_votes_held_back_overturn_honest_blocks_unless_blocks_in_time_are_boosted() -> None:
    assert honest_blocks_lost(0.0, 0.25) > 0
    assert honest_blocks_lost(0.4, 0.25) == 0


@pytest.mark.parametrize("scene", ["all honest", "f seats crash and come back", "cut in two and healed", "f seats are silent"])
def test_it_stands_what_every_protocol_has_to_stand(scene: str) -> None:
    check_consensus(Gasper(slot="2 s", slots_per_epoch=4), seats=7, seeds=1, scene=scene)


def test_two_stories_slow_it_down_and_split_nobody() -> None:
    """Nobody is slashed here, so liars go on for ever, and an epoch is justified only where all honest validators vote alike."""
    for seed in (1, 2, 3):
        tables = {
            "duration": "200 s",
            "topology": {"kind": "complete", "seats": 7},
            "link": {"latency": {"kind": "lognormal", "median": "20 ms", "sigma": 0.3}},
            "consensus": {"kind": "gasper", "slot": "2 s", "slots_per_epoch": 4},
            "adversary": [{"kind": "equivocate", "seats": 2}],
        }
        report = sim.run(from_dict(tables), seed)
        found = {check["name"]: check["verdict"] for check in report.to_dict()["checks"]}
        assert found["agreement"] == found["prefix-order"] == found["integrity"] == "pass"
        assert report.to_dict()["consensus"]["reverted"] == 0


def test_committees_must_have_members() -> None:
    with pytest.raises(ScenarioError, match="cannot fill 32 committees"):
        played(16, 1, 32)
