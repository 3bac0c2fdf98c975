"""Checks that look at signatures alone: hand-made sayings in which each must fail, beside one in which it must pass."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from handmade import GOOD_ROWS, S, good, with_rows

from sim.node.ballots import Ballots, Logs
from sim.node.genesis import GENESIS
from sim.node.message import message, vote
from sim.study import checks_logs, checks_recovery
from sim.study.checks import CHECKS
from sim.study.evidence import Evidence


@message
class Propose:
    view: int
    digest: str


@vote
class Prepare:
    view: int
    digest: str


@vote
class Commit:
    view: int
    digest: str


@message
class Append:
    term: int
    previous: int
    previous_term: int
    entries: tuple[tuple[int, str], ...]


@message
class Ack:
    term: int
    index: int
    ok: bool


@message
class Request:
    term: int
    trial: bool


@message
class Granted:
    term: int
    granted: bool
    trial: bool


@dataclass(frozen=True)
class Block:
    """A block as judges of chains see it."""

    digest: str
    height: int
    parent: str
    proposer: int = 0
    time_ns: int = 0
    wrong: str = ""
    seals: tuple[Any, ...] = ()

    def flaw(self) -> str:
        """What is wrong with it in itself."""
        return self.wrong

    def well_formed(self) -> bool:
        """Whether nothing is."""
        return not self.wrong

    transactions: tuple[str, ...] = ()


BLOCKS = {block.digest: block for block in (Block("A", 1, GENESIS), Block("B", 2, "A"), Block("C", 3, "B"), Block("X", 2, "A"))}
TWO = Ballots(Prepare, ("view",), Commit, Propose)
ROW = Ballots(Prepare, ("view",), proposal=Propose, row=2)
RAFT = Logs(Append, Ack, Request, Granted)

Saying = tuple[float, int, Any]


def saying(ballots: Any, said: list[Saying], decided: list[tuple[float, int, int, str]] = (), **changes: Any) -> Evidence:  # type: ignore[assignment]
    """Four identities, of which the last lies; (seconds, identity, message) in order, or with a receiver as a fourth."""
    contents = list(dict.fromkeys(one[2] for one in said))
    rows = [(round(one[0] * S), one[1], one[3] if len(one) > 3 else -1, contents.index(one[2])) for one in said]
    decisions = [(when, "decide", seat, slot, digest) for when, seat, slot, digest in decided]
    return with_rows(
        [*GOOD_ROWS[:2], *decisions],
        ballots=ballots,
        identities=4,
        blocks=BLOCKS,
        contents=tuple(contents),
        spoken=np.array(rows, np.int64).reshape(-1, 4),
        **changes,
    )


def verdict(name: str, evidence: Evidence) -> str:
    return CHECKS[name](evidence).verdict


def voted(kind: Any, view: int, digest: str, when: float, *identities: int) -> list[Saying]:
    return [(when, identity, kind(view, digest)) for identity in identities]


HONEST = [
    (0.0, 0, Propose(0, "A")),
    *voted(Prepare, 0, "A", 1.0, 0, 1, 2),
    *voted(Commit, 0, "A", 2.0, 0, 1, 2),
    (2.5, 1, Propose(1, "B")),
    *voted(Prepare, 1, "B", 3.0, 0, 1, 2),
    *voted(Commit, 1, "B", 4.0, 0, 1, 2),
]
DECIDED = [(3.0, 0, 0, "A"), (5.0, 1, 1, "B")]
SIGNED = ("certificate-soundness", "lock-monotonicity", "view-monotonicity", "leader-uniqueness")


@pytest.mark.parametrize("name", SIGNED)
def test_an_honest_run_passes(name: str) -> None:
    assert verdict(name, saying(TWO, HONEST, DECIDED)) == "pass"
    assert verdict(name, saying(ROW, HONEST, DECIDED[:1])) == "pass"
    assert verdict(name, saying(None, HONEST, DECIDED)) == "unknown"


def test_a_decision_without_a_quorum_is_unsound() -> None:
    """Two honest signatures and the liar's are three of four; one and the liar's are not."""
    few = [*HONEST[:4], *voted(Commit, 0, "A", 2.0, 0)]
    assert verdict("certificate-soundness", saying(TWO, few, DECIDED[:1])) == "fail"
    assert verdict("certificate-soundness", saying(TWO, [*few, *voted(Commit, 0, "A", 2.5, 1)], DECIDED[:1])) == "pass"
    assert verdict("certificate-soundness", saying(TWO, [*few, *voted(Commit, 0, "A", 3.5, 1)], DECIDED[:1])) == "fail"  # too late
    prepared_only = saying(TWO, HONEST[:4], DECIDED[:1])
    assert verdict("certificate-soundness", prepared_only) == "fail"


def test_a_deciding_vote_needs_a_quorum_of_the_phase_before() -> None:
    hasty = [HONEST[0], *voted(Prepare, 0, "A", 1.0, 0), *voted(Commit, 0, "A", 2.0, 0)]
    assert "before 2 honest seats" in CHECKS["certificate-soundness"](saying(TWO, hasty)).evidence


def test_a_row_decides_only_without_gaps() -> None:
    """Views 0 and 1 follow each other; 0 and 2 do not. The lower block of two is decided, and what lies below it."""
    gap = [*HONEST[:4], *voted(Prepare, 2, "B", 3.0, 0, 1, 2)]
    assert verdict("certificate-soundness", saying(ROW, HONEST, [(5.0, 0, 0, "A")])) == "pass"
    assert verdict("certificate-soundness", saying(ROW, gap, [(5.0, 0, 0, "A")])) == "fail"
    assert verdict("certificate-soundness", saying(ROW, HONEST, [(5.0, 0, 1, "B")])) == "fail"
    assert verdict("certificate-soundness", saying(replace(ROW, row=3), HONEST, [(5.0, 0, 0, "A")])) == "fail"


def test_what_may_be_decided_binds() -> None:
    """B may be decided in view 1; X, beside it, is certified in view 2 by two honest seats and the liar."""
    beside = [*HONEST, *voted(Prepare, 2, "X", 5.0, 0, 1)]
    found = CHECKS["lock-monotonicity"](saying(TWO, beside))
    assert found.verdict == "fail" and "may have decided B" in found.evidence
    assert verdict("lock-monotonicity", saying(TWO, [*HONEST, *voted(Prepare, 2, "C", 5.0, 0, 1)])) == "pass"  # on top of B
    assert verdict("lock-monotonicity", saying(TWO, [*HONEST, *voted(Prepare, 2, "X", 5.0, 0)])) == "pass"  # one is not a quorum
    unlocked = [*HONEST[:-3], *voted(Commit, 1, "B", 4.0, 0), *voted(Prepare, 2, "X", 5.0, 0, 1)]
    assert verdict("lock-monotonicity", saying(TWO, unlocked)) == "pass"  # B was not decidable
    many = saying(TWO, beside, honest=np.array([True, True, False, False]))
    assert verdict("lock-monotonicity", many) == "unknown"


@pytest.mark.parametrize(
    "late",
    [
        voted(Prepare, 0, "B", 5.0, 0),  # back to an older view
        voted(Prepare, 1, "X", 5.0, 0),  # another vote in the same one
        voted(Commit, 0, "X", 5.0, 0),  # a late decision for something else
    ],
)
def test_places_rise(late: list[Saying]) -> None:
    assert verdict("view-monotonicity", saying(TWO, [*HONEST, *late])) == "fail"
    liar = [(when, 3, said) for when, _, said in late]
    assert verdict("view-monotonicity", saying(TWO, [*HONEST, *liar])) == "pass"
    assert verdict("view-monotonicity", saying(TWO, [*HONEST, *voted(Prepare, 0, "A", 6.0, 0)])) == "pass"  # said again


def test_a_place_has_one_leader_and_one_block() -> None:
    assert verdict("leader-uniqueness", saying(TWO, [*HONEST, (5.0, 2, Propose(1, "X"))])) == "fail"
    assert verdict("leader-uniqueness", saying(TWO, [*HONEST, (5.0, 1, Propose(1, "X"))])) == "fail"
    assert verdict("leader-uniqueness", saying(TWO, [*HONEST, (5.0, 3, Propose(1, "X"))])) == "pass"  # a liar's
    assert "nobody had proposed" in CHECKS["leader-uniqueness"](saying(TWO, HONEST[1:4])).evidence
    usurped = [HONEST[0], (0.5, 3, Propose(0, "X")), *voted(Prepare, 0, "A", 1.0, 0), *voted(Prepare, 0, "X", 1.0, 1)]
    assert "whose proposer is not" in CHECKS["leader-uniqueness"](saying(TWO, usurped)).evidence


# a leader's log -----------------------------------------------------------------------------------------------------------------

LOG: list[Any] = [
    (0.0, 0, Request(1, False)),
    (0.1, 1, Granted(1, True, False), 0),
    (0.5, 0, Append(1, 0, 0, ((1, "A"),))),
    (1.0, 1, Ack(1, 1, True)),
    (1.1, 2, Ack(1, 1, True)),
    (2.0, 1, Append(2, 1, 1, ((2, "B"),))),
    (2.5, 2, Ack(2, 2, True)),
    (2.6, 0, Ack(2, 2, True)),
]
LOGS = ("log-matching", "leader-completeness", "leader-uniqueness", "view-monotonicity", "certificate-soundness")


@pytest.mark.parametrize("name", LOGS)
def test_an_honest_log_passes(name: str) -> None:
    assert verdict(name, saying(RAFT, LOG, DECIDED)) == "pass"


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("log-matching", [(3.0, 2, Append(3, 1, 1, ((2, "X"),)))]),  # entry 2 of term 2 is B
        ("log-matching", [(3.0, 2, Ack(2, 1, False))]),  # had acknowledged entry 2
        ("leader-completeness", [(3.0, 2, Append(3, 1, 1, ((3, "X"),)))]),  # entry 2 was committed in term 2
        ("leader-uniqueness", [(3.0, 2, Append(2, 1, 1, ((2, "B"),)))]),  # seat 1 leads term 2
        ("leader-uniqueness", [(3.0, 1, Granted(1, True, False), 2)]),  # has voted for seat 0
        ("leader-uniqueness", [(3.0, 0, Granted(1, True, False), 2)]),  # has voted for itself
        ("view-monotonicity", [(3.0, 2, Ack(1, 1, True))]),  # is in term 2
    ],
)
def test_a_log_that_is_not_kept_fails(name: str, more: list[Any]) -> None:
    assert verdict(name, saying(RAFT, [*LOG, *more])) == "fail"


def test_old_entries_are_not_committed_by_counting() -> None:
    """Figure 8: term 3 copies an entry of term 1 to a majority; that decides nothing before an entry of its own is there too."""
    alone: list[Any] = [(0.5, 0, Append(1, 0, 0, ((1, "A"),))), (1.0, 0, Append(3, 0, 0, ((1, "A"),)))]
    copied: list[Any] = [(1.1, 1, Ack(3, 1, True)), (1.2, 2, Ack(3, 1, True))]
    assert verdict("certificate-soundness", saying(RAFT, [*alone, *copied], DECIDED[:1])) == "fail"
    own: list[Any] = [(1.3, 0, Append(3, 1, 1, ((3, "B"),))), (1.4, 1, Ack(3, 2, True)), (1.5, 2, Ack(3, 2, True))]
    assert verdict("certificate-soundness", saying(RAFT, [*alone, *copied, *own], DECIDED[:1])) == "pass"
    assert verdict("certificate-soundness", saying(RAFT, [*alone, *own[:2]], DECIDED[:1])) == "fail"  # two of four are no majority


def test_logs_are_read_once() -> None:
    run = saying(RAFT, LOG)
    assert checks_logs.ledger_of(run) is checks_logs.ledger_of(run)


# recovery and validity ------------------------------------------------------------------------------------------------------------

TROUBLE = [(3.5, "fault", -1, "partition", "begin", ""), (4.5, "fault", -1, "partition", "end", "")]
BACK = [(5.0, "decide", seat, 3, "D") for seat in range(3)]


def test_recovery_is_bounded() -> None:
    """10 s, four timers of 1 s and twice the second of trouble: 16 s after 4.5 s."""
    run = with_rows([*GOOD_ROWS, *TROUBLE, *BACK], duration_ns=30 * S, longest_timer_ns=S)
    assert checks_recovery.recovery_time(run).verdict == "pass"
    assert "0.500 s after the trouble" in checks_recovery.recovery_time(run).evidence
    late = [*GOOD_ROWS, *TROUBLE, *BACK[:2], (20.6, "decide", 2, 3, "D"), (21.0, "submit", 0, "t3", "ehr")]
    assert checks_recovery.recovery_time(with_rows(late, duration_ns=30 * S, longest_timer_ns=S)).verdict == "fail"
    assert checks_recovery.recovery_time(with_rows(late, duration_ns=30 * S, longest_timer_ns=2 * S)).verdict == "pass"
    never = [*GOOD_ROWS, *TROUBLE, *BACK[:2], (21.0, "submit", 0, "t3", "ehr")]
    assert checks_recovery.recovery_time(with_rows(never, duration_ns=30 * S, longest_timer_ns=S)).verdict == "fail"
    assert checks_recovery.recovery_time(with_rows(never, duration_ns=20 * S, longest_timer_ns=S)).verdict == "unknown"
    assert checks_recovery.recovery_time(with_rows([*GOOD_ROWS, TROUBLE[0]])).verdict == "unknown"


@pytest.mark.parametrize(
    ("block", "words"),
    [
        (Block("B", 3, "A"), "says height 3 and stands at 2"),
        (Block("B", 2, "A", wrong="the header was altered"), "the header was altered"),
        (Block("B", 2, "Q"), "stands on Q, which nobody has published"),
        (Block("B", 2, "A", time_ns=9 * S), "it was made at 9.0"),
        (Block("B", 2, "A", proposer=7), "proposer 7 is nobody"),
    ],
)
def test_what_no_honest_node_would_accept(block: Block, words: str) -> None:
    run = good(blocks={"A": Block("A", 1, GENESIS), "B": Block("B", 2, "A")})
    assert checks_recovery.external_validity(run).verdict == "pass"
    found = checks_recovery.external_validity(replace(run, blocks={**run.blocks, "B": block}))
    assert found.verdict == "fail" and words in found.evidence
    older = {"A": Block("A", 1, GENESIS, time_ns=S), "B": Block("B", 2, "A")}
    assert "older than the block below" in checks_recovery.external_validity(good(blocks=older)).evidence
