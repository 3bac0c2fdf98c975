"""Praos: who leads, which chain is followed, and that nothing deeper than k is ever left."""

from __future__ import annotations

from typing import Any

import pytest

import sim
from sim.consensus.forking.forest import NewBlock
from sim.consensus.praos import Praos
from sim.kernel.errors import ScenarioError
from sim.ledger.block import GENESIS, Block
from sim.study.read import from_dict
from sim.study.report import Report
from sim.testing import Stage, check_consensus

S = 1_000_000_000


def played(duration: str = "1 h", delay: str = "100 ms", **consensus: Any) -> Report:
    """Ten parties over a full mesh."""
    tables = {
        "duration": duration,
        "topology": {"kind": "complete", "seats": 10},
        "link": {"latency": {"kind": "constant", "value": delay}},
        "consensus": {"kind": "praos", "bodies": "attached", "depth": 5, **consensus},
    }
    return sim.run(from_dict(tables))


def made(report: Report) -> list[Any]:
    return list(report.evidence.blocks.values())


def test_the_lottery_fills_a_share_f_of_the_slots_however_stake_is_split() -> None:
    """Phi is independent aggregation: P(no leader) = 1 - f for ten equal parties as for unequal ones."""
    for stake in ({}, {"seat-0": 7.0, "seat-1": 2.0, "seat-2": 1.0}):
        blocks = made(played("6 h", active=0.2, stake=stake))
        filled = len({block.time_ns // S for block in blocks}) / 21_600
        assert filled == pytest.approx(0.2, abs=4 * (0.2 * 0.8 / 21_600) ** 0.5)
        if stake:
            assert {block.proposer for block in blocks} == {0, 1, 2}


def test_a_block_every_slot_over_f_and_forks_where_two_lead_at_once() -> None:
    table = played("2 h").to_dict()["consensus"]
    assert table["block_interval_s"]["mean"] == pytest.approx(20, rel=0.2)
    slow = played("2 h", delay="5 s").to_dict()["consensus"]
    assert table["stale_rate"] < 0.06 < slow["stale_rate"]


def stage_of(depth: int = 5) -> tuple[Stage, Any]:
    """A party that leads nothing, and a function that makes it hear a chain: (parent, slot, slot, ...) -> last block."""
    stage = Stage(Praos(depth=depth, active=0.5, stake={"seat-1": 1.0}), seat=0)
    stage.advance(10_000 * S)
    lottery = Praos(depth=depth, active=0.5, stake={"seat-1": 1.0})
    from sim.consensus.praos import Lottery

    led = [slot for slot, _ in zip(Lottery(stage.node, lottery).slots_of(1, 0), range(400), strict=False)]

    def tell(parent: Block | None, *turns: int) -> Block:
        for turn in turns:
            place = (GENESIS, 1) if parent is None else (parent.digest, parent.height + 1)
            parent = Block.of(*place, 1, led[turn] * S)
            stage.publish(1, parent)
            stage.deliver(1, NewBlock(parent.digest))
        assert parent is not None
        return parent

    return stage, tell


def test_of_equal_chains_the_lower_draw_wins_and_the_longer_one_always() -> None:
    stage, tell = stage_of()
    forest = stage.node.keep["forest"]
    heads = [tell(None, turn) for turn in (3, 4, 5, 6)]
    draws = forest.choose.__self__.draw_of
    assert forest.head == min(heads, key=draws).digest
    worst = max(heads, key=draws)
    assert forest.head != tell(worst, 9).parent and forest.height == 2


def test_no_chain_that_forks_off_deeper_than_k_is_followed() -> None:
    for depth, left in ((5, False), (6, True)):
        stage, tell = stage_of(depth)
        forest = stage.node.keep["forest"]
        mine = tell(None, *range(10, 16))
        other = tell(None, *range(20, 27))
        assert (forest.head == other.digest) is left and (forest.head == mine.digest) is not left


def test_blocks_of_those_who_do_not_lead_are_refused() -> None:
    stage, _ = stage_of()
    forged = Block.of(GENESIS, 1, 2, 7 * S)
    stage.publish(2, forged)
    stage.deliver(2, NewBlock(forged.digest))
    assert [row[4]["why"] for row in stage.trace if row[1] == "note"] == ["its maker does not lead its slot"]


def test_it_stands_what_every_protocol_has_to_stand() -> None:
    check_consensus(Praos(depth=20, slot="500 ms", active=0.3), seeds=1)


def test_a_cut_that_lasts_longer_than_k_blocks_splits_the_parties_for_good() -> None:
    """Nobody takes anything back, and nobody agrees any more: the price of never leaving what lies deeper than k."""
    with pytest.raises(AssertionError, match="agreement"):
        check_consensus(Praos(depth=4, slot="500 ms", active=0.3), seeds=(1,), scene="cut in two and healed")


def test_shares_out_of_range_are_refused() -> None:
    for active in (0.0, 1.0):
        with pytest.raises(ScenarioError, match="between 0 and 1"):
            Praos(active=active)
