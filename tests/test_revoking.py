"""Decisions that are taken back: counted where finality is only probable, a breach where it is certain, and undone in the ledger."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from handmade import GOOD_ROWS, S, good, trace_of

from sim.ledger.block import GENESIS, Block, Transaction
from sim.study import metrics_consensus
from sim.study.build import build, clear_up
from sim.study.checks_safety import SafetyWatch, agreement, integrity, prefix_order
from sim.study.evidence import Evidence
from sim.study.metrics_rows import read
from sim.study.read import from_dict

FORKED: list[tuple[Any, ...]] = [
    *GOOD_ROWS,
    (4.0, "publish", 2, "D", 3000, "block"),
    (4.1, "decide", 2, 3, "D"),
    (5.0, "note", 2, "reorganised", {"left": 2, "height": 9}),
    (5.0, "revoke", 2, 3, "D"),
    (5.0, "revoke", 2, 2, "B"),
    (5.0, "decide", 2, 2, "C"),
]


def forked(more: list[tuple[Any, ...]] = [], **changes: Any) -> Evidence:  # noqa: B006
    """The good run, in which seat 2 leaves B for C: a breach until the others follow."""
    return good(trace=trace_of([*FORKED, *more]), finality="probable", **changes)


OTHERS_FOLLOW = [(6.0, kind, seat, 2, digest) for seat in (0, 1) for kind, digest in (("revoke", "B"), ("decide", "C"))]


def test_what_stands_at_the_end_is_what_counts() -> None:
    reading = read(forked())
    assert [(int(seat), int(slot)) for seat, slot in zip(reading.taken_back.seat, reading.taken_back.slot, strict=True)] == [
        (2, 2),
        (2, 3),
    ]
    assert reading.chain == ((1, "A"), (2, "B"))
    assert metrics_consensus.reverted(forked()) == 2
    assert metrics_consensus.reorganisation_depth(forked()).tolist() == [2]  # type: ignore[union-attr]
    assert metrics_consensus.consensus(forked())["reorganisation_depth"]["max"] == 2


def test_a_block_that_all_have_taken_back_is_stale() -> None:
    followed = forked(OTHERS_FOLLOW)
    assert read(followed).chain == ((1, "A"), (2, "C"))
    assert metrics_consensus.reverted(followed) == 4
    assert metrics_consensus.stale_rate(followed) == pytest.approx(1 / 3)  # of A, B and C; D's block is not known


def test_agreement_waits_for_all_to_follow_where_finality_is_probable() -> None:
    verdict = agreement(forked())
    assert verdict.verdict == "fail" and "slot 2" in verdict.evidence
    verdict = agreement(forked(OTHERS_FOLLOW))
    assert verdict.verdict == "pass" and "4 more were taken back" in verdict.evidence
    assert prefix_order(forked(OTHERS_FOLLOW)).verdict == integrity(forked(OTHERS_FOLLOW)).verdict == "pass"


def test_any_revocation_breaks_agreement_where_finality_is_certain() -> None:
    certain = good(trace=trace_of([*FORKED, *OTHERS_FOLLOW]))
    verdict = agreement(certain)
    assert verdict.verdict == "fail" and "took back" in verdict.evidence and "5.000000 s" in verdict.evidence


def test_a_seat_may_decide_revoke_and_decide_the_same_again() -> None:
    """Two changes of branch bring it back to B: that decision stands, and is the last one made."""
    back = forked([(7.0, "revoke", 2, 2, "C"), (7.0, "decide", 2, 2, "B")])
    assert agreement(back).verdict == "pass"
    known = read(back).decisions
    assert int(known.time_ns[(known.seat == 2) & (known.slot == 2)][0]) == 7 * S


def test_liars_revocations_do_not_count() -> None:
    assert metrics_consensus.reverted(good(trace=trace_of([*GOOD_ROWS, (9.0, "revoke", 3, 1, "Z")]))) == 0


def test_the_watch_judges_a_revocation_as_it_happens() -> None:
    for finality, broken in (("certain", "agreement"), ("probable", None)):
        watch = SafetyWatch([True, True], finality)
        watch.decided(1, 0, 1, "A")
        watch.decided(1, 1, 1, "A")
        watch.revoked(2, 0, 1, "A")
        watch.decided(2, 0, 1, "B")
        assert (watch.violation.check if watch.violation else None) == broken


def test_a_chain_rolls_back_and_its_transactions_wait_again() -> None:
    world = build(from_dict({"duration": "1 s", "topology": {"kind": "complete", "seats": 4}, "consensus": {"kind": "pbft"}}), 1)
    told: list[tuple[int, int]] = []
    world.books.mourners.append(lambda seat, block, time_ns: told.append((seat, block.height)))
    node, books = world.society.nodes[1], world.books
    entry = Transaction("record_anchor", 1, 400, (("record", 1),), "ab" * 16, 1, "C3")
    item = world.network.item(entry.id, "tx", entry.size_bytes)
    world.network.publish(1, item)
    books.mempool.add(entry, item)
    world.network.advance(0)
    first = Block.of(GENESIS, 1, 0, 0)
    second = Block.of(first.digest, 2, 0, 0, (entry,))
    for block in (first, second):
        node.publish(block)
        node.decide(block.height - 1, block.digest)
    assert node.batch().transactions == ()
    node.revoke(1, second.digest)
    assert books.chains[1].tip == first.digest and told == [(1, 2)]
    assert node.batch().transactions == (entry,), "what a branch held waits again once the branch is left"
    node.revoke(0, second.digest)
    assert books.chains[1].tip == first.digest, "what is not the newest block cannot be taken back"
    assert np.array([row[1] == "reject" for row in world.trace]).any()
    clear_up(world)
