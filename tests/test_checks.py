"""Each check passes on a good run, and fails where it must."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from handmade import GOOD_ROWS, Block, Clock, S, good, spread, trace_of, with_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.kernel.trace import Trace
from sim.node.message import vote
from sim.study import checks_safety as safety
from sim.study import checks_world as world
from sim.study.checks import CHECKS, SafetyWatch, check, judge


@vote
class Seen:
    """A vote made by hand."""

    slot: int
    digest: str


TAMPER = [(5.0, "tamper", 3, "body", "A"), (5.1, "reject", 1, "body", "A", "hash")]


BY_SIGNATURES = (
    "certificate-soundness",
    "lock-monotonicity",
    "view-monotonicity",
    "leader-uniqueness",
    "log-matching",
    "leader-completeness",
)
"""Checks that ask which votes count: they have a file of their own."""


def test_a_good_run_passes_everything() -> None:
    trouble = [(3.1, "fault", -1, "crash", "begin", ""), (3.2, "fault", -1, "crash", "end", "")]
    anew = [(3.5 + seat / 10, "decide", seat, 3, "D") for seat in range(3)]
    run = with_rows(
        [*GOOD_ROWS, *trouble, (3.3, "publish", 0, "D", 9, "block"), *anew, *TAMPER],
        up_bit_s=np.array([8000] * 4),
        up_window_most=np.array([2000, 0, 0, 0]),
        largest_bytes=1000,
        said=(Seen(1, "A"), Seen(2, "B")),
        said_by=np.array([[0b0111], [0b0111]], np.uint64),
    )
    unknown = {one.name: one.verdict for one in check(run) if one.verdict != "pass"}
    assert unknown == dict.fromkeys(BY_SIGNATURES, "unknown")
    assert [one.name for one in check(run)] == list(CHECKS)


def test_nothing_to_judge_is_unknown() -> None:
    empty = with_rows([], counters={}, consensus_kind=None)
    assert {one.verdict for one in check(empty)} == {"unknown"}


def test_agreement_fails_and_names_both_sides() -> None:
    verdict = safety.agreement(with_rows([*GOOD_ROWS[:-1], (3.0, "decide", 2, 2, "C")]))
    assert verdict.verdict == "fail"
    assert verdict.evidence == ("at 3.000000 s seat 2 (c) decided C for slot 2, but seat 1 (b) had decided B at 2.400000 s")


@pytest.mark.parametrize(
    "extra",
    [
        [(4.0, "decide", 0, 4, "D"), (4.0, "decide", 1, 3, "E")],  # seat 0 skipped slot 3
        [(4.0, "decide", 0, 1, "A")],  # again
        [(4.0, "decide", 0, 0, "O")],  # backwards
        [(4.0, "decide", 0, 3, "D"), (4.5, "decide", 1, 3, "E")],  # the same slots with different blocks
    ],
)
def test_prefix_order_fails(extra: list[tuple[Any, ...]]) -> None:
    assert safety.prefix_order(with_rows([*GOOD_ROWS, *extra])).verdict == "fail"


def test_after_a_restart_a_seat_may_go_on_anywhere() -> None:
    rows = [*GOOD_ROWS, (3.5, "crash", 0), (4.0, "decide", 1, 3, "D"), (4.5, "decide", 1, 4, "E")]
    assert safety.prefix_order(with_rows([*rows, (5.0, "decide", 0, 4, "E")])).verdict == "fail"
    assert safety.prefix_order(with_rows([*rows, (4.9, "restart", 0), (5.0, "decide", 0, 4, "E")])).verdict == "pass"


def test_validity_fails_on_a_block_that_nobody_published_or_a_transaction_nobody_submitted() -> None:
    assert "nobody had published" in safety.validity(with_rows([row for row in GOOD_ROWS if row[1] != "publish"])).evidence
    verdict = safety.validity(with_rows([row for row in GOOD_ROWS if row[1] != "submit"]))
    assert verdict.verdict == "fail" and "transaction t1" in verdict.evidence
    late = [*[row for row in GOOD_ROWS if row[3:4] != ("B",) or row[1] != "publish"], (4.0, "publish", 1, "B", 9, "block")]
    assert safety.validity(with_rows(late)).verdict == "fail"


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (Block(2, "X", ("t2",)), "whose parent is X, not the A"),
        (Block(2, "A", ("t2", "t1")), "transaction t1, decided in slot 1"),
        (Block(2, "A", (), whole=False), "not well formed"),
    ],
)
def test_integrity_fails(second: Block, words: str) -> None:
    run = good()
    verdict = safety.integrity(replace(run, blocks={**run.blocks, "B": second}))
    assert verdict.verdict == "fail" and words in verdict.evidence


def test_termination_fails_for_a_silent_seat_and_for_one_left_behind() -> None:
    silent = world.termination(with_rows([row for row in GOOD_ROWS if row[1] != "decide" or row[2] != 2]))
    assert silent.verdict == "fail" and "seat 2 (c) decided nothing" in silent.evidence
    behind = world.termination(with_rows(GOOD_ROWS[:-1]))
    assert behind.verdict == "fail" and "seat 2 (c) had come to slot 1" in behind.evidence
    crashed = world.termination(with_rows([*GOOD_ROWS[:-1], (4.0, "crash", 2)]))
    assert crashed.verdict == "pass"
    stalled = world.termination(with_rows([*GOOD_ROWS, (4.0, "submit", 0, "t3", "ehr")], heal_ns=5 * S))
    assert stalled.verdict == "fail"


def test_termination_is_unknown_soon_after_healing_or_with_nothing_left_to_decide() -> None:
    assert world.termination(with_rows(GOOD_ROWS[:-1], duration_ns=5 * S)).verdict == "unknown"
    assert world.termination(good(heal_ns=5 * S)).verdict == "unknown"


def test_availability_fails_where_a_live_seat_lacks_a_block() -> None:
    lacking = good(spreads=(spread("A", 0, 1.0, [1.0, 1.1, -1, -1]),))
    verdict = world.availability(lacking)
    assert verdict.verdict == "fail" and "seat 2 (c) does not hold A" in verdict.evidence
    assert world.availability(replace(lacking, duration_ns=3 * S)).verdict == "unknown"


def test_message_conservation_fails() -> None:
    run = good()
    verdict = world.message_conservation(replace(run, counters={**run.counters, "lost": 5}))
    assert verdict.verdict == "fail" and "31 accounted for" in verdict.evidence


@pytest.mark.parametrize("side", ["up", "down"])
def test_bandwidth_fails(side: str) -> None:
    rates, most = np.array([0, 8000, 8000, 0]), np.array([9999, 2000, 2001, 9999])
    changes: dict[str, Any] = {f"{side}_bit_s": rates, f"{side}_window_most": most}
    verdict = world.bandwidth(good(**changes, largest_bytes=1000))
    assert verdict.verdict == "fail"
    assert f"the {side}link of seat 2 (c) moved 2001 bytes" in verdict.evidence


def test_undetected_tampering_fails() -> None:
    assert world.undetected_tampering(with_rows(TAMPER[:1])).verdict == "fail"
    assert world.undetected_tampering(with_rows([(4.9, *TAMPER[1][1:]), TAMPER[0]])).verdict == "fail"
    by_adversary = (5.1, "reject", 3, "body", "A", "hash")
    assert world.undetected_tampering(with_rows([TAMPER[0], by_adversary])).verdict == "fail"


def test_safety_watch_sees_the_violation_as_it_happens() -> None:
    clock = Clock()
    trace = Trace(clock)
    watch = SafetyWatch([True, True, False]).watch(trace)
    trace.record("decide", 0, 1, "A")
    trace.record("decide", 2, 1, "lie")
    assert watch.violation is None and watch.slots == 1
    clock.now_ns = 7
    trace.record("decide", 1, 1, "B")
    assert watch.violation == safety.Violation("agreement", 7, 1, 1, "B", "A")


EVENT = st.tuples(st.integers(0, 2), st.sampled_from("ddddr"), st.integers(0, 3), st.sampled_from("AAAAB"))
ROWS = st.lists(EVENT, max_size=12)


@settings(max_examples=150, deadline=None)
@given(ROWS)
def test_the_watch_and_the_checks_agree(events: list[tuple[int, str, int, str]]) -> None:
    rows = [
        (float(place), "restart", seat) if what == "r" else (float(place), "decide", seat, slot, f"{digest}{slot}")
        for place, (seat, what, slot, digest) in enumerate(events)
    ]
    watch = SafetyWatch([True, True, True])
    for seconds, kind, seat, *fields in rows:
        if kind == "restart":
            watch.restarted(int(seconds), seat)
        else:
            watch.decided(int(seconds), seat, fields[0], fields[1])
    run = good(trace=trace_of(rows), honest=np.array([True, True, True, False]))
    failed = [one.name for one in (safety.agreement(run), safety.prefix_order(run)) if one.verdict == "fail"]
    assert bool(failed) == (watch.violation is not None)
    assert watch.violation is None or watch.violation.check in failed


@dataclass(frozen=True)
class Wanted:
    path: str
    operator: str
    value: Any


REPORT: dict[str, Any] = {
    "consensus": {"finality_s": {"p99": 3.0}, "view_changes": None, "kind": "pbft"},
    "gossip": {"messages": 5, "extra": {"x": 1}},
    "availability": {"available_share": 0.5, "extra": {"x": 2}},
    "workload": [{"kind": "ehr", "finality_s": {"p99": 9.0}, "slo": [{"name": "emergency", "attained_share": 0.5}]}],
    "checks": [
        {"name": "agreement", "verdict": "pass", "evidence": "all"},
        {"name": "prefix-order", "verdict": "unknown", "evidence": "none"},
    ],
}


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Wanted("finality_s.p99", "<", 4), None),
        (Wanted("consensus.finality_s.p99", "<", 3), "wanted < 3, but it is 3.0"),
        (Wanted("workload.ehr.finality_s.p99", "<=", 9), None),
        (Wanted("workload.ehr.slo.emergency.attained_share", ">=", 0.9), "but it is 0.5"),
        (Wanted("kind", "!=", "raft"), None),
        (Wanted("view_changes", "==", 0), "not measured"),
        (Wanted("agreement", "==", True), None),
        (Wanted("agreement", "==", False), "but it is pass: all"),
        (Wanted("prefix_order", "==", True), "but it is unknown"),
        (Wanted("extra.x", "==", 1), "gossip.extra.x or availability.extra.x"),
        (Wanted("mesages", "<", 1), "nothing of this name; did you mean gossip.messages?"),
        (Wanted("consensus.kind", "<", 1), "cannot be compared"),
    ],
)
def test_expectations(wanted: Wanted, words: str | None) -> None:
    sentences = judge(REPORT, [wanted])
    assert sentences == [] if words is None else words in sentences[0]
