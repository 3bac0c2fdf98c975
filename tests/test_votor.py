"""Alpenglow's Votor: its delays and votes exactly, its rules one by one, its two fault bounds, and what breaks it."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import DELAY_NS, agreeing

import sim
from sim.consensus import votor, votor_pool
from sim.consensus.votor import Propose, Votor
from sim.consensus.votor_pool import Notar, Pool, Skip, Slot, Told, safe_to_notarise, safe_to_skip, share
from sim.ledger.block import GENESIS, Block
from sim.net.topology import numbered
from sim.node.message import union
from sim.study.report import Report
from sim.testing import Stage, check_consensus

SLOW = {"delta": "2 s", "block_time": "2 s", "patience": "6 s"}


def played(n: int, *, rotor: bool = False, crashed: int = 0, liars: int = 0, duration: str = "61 s", **tables: Any) -> Report:
    names = list(numbered("seat", n))
    if crashed:
        tables["fault"] = [{"kind": "crash", "seats": names[-crashed:], **tables.pop("crash", {})}]
    if liars:
        tables["adversary"] = [{"kind": "equivocate", "seats": names[:liars]}]
    if rotor:
        tables["gossip"] = {"kind": "rotor"}
    bodies = {"bodies": "gossip", "filler": "100 kB"} if rotor else {}
    return sim.run(agreeing("alpenglow", n, duration, consensus={**SLOW, **bodies}, **tables))


def verdict(report: Report, name: str) -> str:
    return next(str(one["verdict"]) for one in report.to_dict()["checks"] if one["name"] == name)


@pytest.mark.parametrize("n", [4, 7, 31])
@pytest.mark.parametrize(("rotor", "crashed", "delays"), [(False, 0, 2), (True, 0, 3), (True, 1, 4)])
def test_delays_and_votes_of_a_decision(n: int, rotor: bool, crashed: int, delays: int) -> None:
    """One delay after the block is there with 80 %, two with 60 %; the block takes one delay by itself and two by Rotor."""
    crashed = 2 * n // 5 if crashed else 0
    report = played(n, rotor=rotor, crashed=crashed)
    published = {row[3]: row[0] for row in report.evidence.trace if row[1] == "publish"}
    since = {row[0] - published[row[4]] for row in report.evidence.trace if row[1] == "decide"}
    assert since == {delays * DELAY_NS}
    assert report.to_dict()["consensus"]["decided"] >= 18
    if not crashed:
        notes = [row for row in report.evidence.trace if row[1] == "note"]
        assert {row[3] for row in notes} == {"fast"}
        longer = played(n, rotor=rotor, duration="81 s")
        votes = [sum(one.evidence.by_kind[kind][0] for kind in ("Notar", "Final")) for one in (report, longer)]
        slots = [one.to_dict()["consensus"]["decided"] for one in (report, longer)]
        assert (votes[1] - votes[0]) / (slots[1] - slots[0]) == 2 * n * (n - 1)


def test_two_fifths_may_crash_and_not_half() -> None:
    assert verdict(played(10, crashed=4), "termination") == "pass"
    halted = played(10, crashed=5, crash={"at": "10 s", "lasts": "20 s"}, heal="30 s", duration="90 s")
    gap = [row[0] for row in halted.evidence.trace if row[1] == "decide" and 12 * DELAY_NS < row[0] < 30 * DELAY_NS]
    assert gap == []
    assert verdict(halted, "termination") == "pass"


@pytest.mark.parametrize(("n", "f"), [(6, 1), (11, 2)])
def test_f_equivocators_never_break_it_and_one_more_does(n: int, f: int) -> None:
    kept = played(n, liars=f, duration="120 s")
    assert [verdict(kept, name) for name in ("agreement", "prefix-order", "termination")] == ["pass"] * 3
    assert verdict(played(n, liars=f + 1), "agreement") == "fail"


def test_a_planted_quorum_of_two_fifths_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (votor, votor_pool):
        monkeypatch.setattr(place, "share", lambda n, percent: share(n, 40 if percent == 60 else percent))
    assert verdict(played(6, liars=1), "agreement") == "fail"


def test_thresholds_are_rounded_up() -> None:
    assert [share(n, percent) for n, percent in ((4, 60), (4, 80), (5, 60), (6, 60), (6, 80), (10, 40))] == [3, 4, 3, 4, 5, 4]


def told(notar: dict[str, int], skip_or: dict[str, int], others: int) -> Told:
    return Told(10, notar, skip_or, others, (), False)


@pytest.mark.parametrize(
    ("voted", "notar", "skip_or", "found"),
    [
        ("skip", {"a": 4}, {"a": 5}, ["a"]),
        ("skip", {"a": 3}, {"a": 5}, []),
        ("skip", {"a": 2}, {"a": 6}, ["a"]),
        ("skip", {"a": 1}, {"a": 6}, []),
        ("a", {"a": 4, "b": 4}, {"a": 4, "b": 4}, ["b"]),
        (None, {"a": 9}, {"a": 9}, []),
    ],
)
def test_when_a_block_may_be_helped(voted: str | None, notar: dict[str, int], skip_or: dict[str, int], found: list[str]) -> None:
    assert safe_to_notarise(told(notar, skip_or, 0), Slot(voted=voted)) == found


@pytest.mark.parametrize(("voted", "others", "safe"), [("a", 4, True), ("a", 3, False), ("skip", 9, False), (None, 9, False)])
def test_when_a_skip_may_be_helped(voted: str | None, others: int, safe: bool) -> None:
    assert safe_to_skip(told({"a": 10 - others}, {}, others), Slot(voted=voted)) is safe


def test_who_said_anything_else_never_says_final() -> None:
    assert Slot(voted="a", notar="a", notarised="a").may_finalise()
    assert not Slot(voted="a", notar="a", notarised="b").may_finalise()
    assert not Slot(voted="a", notar="a", notarised="a", bad=True).may_finalise()
    assert not Slot(voted="skip", notarised="a").may_finalise()


def test_a_window_builds_on_what_is_certified_with_only_skips_between() -> None:
    pool = Pool(4, 4)
    assert pool.parents(0) == [GENESIS] and pool.parents(4) == []
    pool.slot(1).certified["a"] = None
    for slot in (2, 3):
        assert pool.parents(4) == []
        pool.slot(slot).skipped = True
    assert pool.parents(4) == ["a"]
    assert pool.ready_windows() == [0, 4]


def on_stage() -> Stage:
    stage = Stage(Votor(), seat=3)
    stage.society.accepts = lambda node, block, parent: block.well_formed() and block.parent == (parent or GENESIS)
    return stage


def said(stage: Stage, kind: type[Any]) -> list[Any]:
    return [message for to, message in stage.sent if isinstance(message, kind) and to == 0]


def test_one_vote_a_slot_and_only_for_its_leader() -> None:
    stage = on_stage()
    first, twin = Block.of(GENESIS, 1, 0, 0), Block.of(GENESIS, 1, 0, 0, (), 1)
    stage.deliver(1, Propose(0, stage.publish(1, twin)))
    assert said(stage, Notar) == []
    stage.deliver(0, Propose(0, stage.publish(0, first)))
    stage.deliver(0, Propose(0, twin.digest))
    assert said(stage, Notar) == [Notar(0, first.digest)]


def test_inside_a_window_a_block_waits_for_the_one_it_stands_on() -> None:
    stage = on_stage()
    first = Block.of(GENESIS, 1, 0, 0)
    second = Block.of(first.digest, 2, 0, 0)
    stage.deliver(0, Propose(1, stage.publish(0, second)))
    assert said(stage, Notar) == []
    stage.deliver(0, Propose(0, stage.publish(0, first)))
    assert said(stage, Notar) == [Notar(0, first.digest), Notar(1, second.digest)]


def test_silence_skips_the_whole_window() -> None:
    stage = on_stage()
    stage.advance(1_150_000_000)
    assert said(stage, Skip) == [Skip(slot) for slot in range(4)]
    first = Block.of(GENESIS, 1, 0, 0)
    stage.deliver(0, Propose(0, stage.publish(0, first)))
    assert said(stage, Notar) == []


def test_it_stands_the_conformance_scenes() -> None:
    check_consensus(Votor(), seats=4, seeds=1)


@pytest.mark.thorough
@pytest.mark.parametrize("n", [6, 7, 11])
def test_it_stands_them_with_liars_to_bear(n: int) -> None:
    check_consensus(Votor(), seats=n, seeds=3)


def test_bits_of_several_sets_count_once() -> None:
    assert union([0b0110, 0b0011]).bit_count() == 3
    assert union([]) == 0
