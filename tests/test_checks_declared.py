"""What protocols may state of their votes beyond two phases: hand-made sayings in which each statement is broken, beside one where not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from handmade import S
from test_checks_signatures import BLOCKS, TWO, Block, Prepare, Propose, saying, verdict, voted

from sim.consensus.gasper_votes import Aggregate, Attestation
from sim.node.ballots import Ballots, Blocks, Checkpoints
from sim.node.genesis import GENESIS
from sim.node.message import Certificate, vote
from sim.study.checks import CHECKS
from sim.study.evidence import Evidence


@vote
class Final:
    view: int


NAMELESS = Ballots(Prepare, ("view",), Final, Propose)
"""A vote of the second phase names no block."""
FIRST = [(0.0, 0, Propose(0, "A")), *voted(Prepare, 0, "A", 1.0, 0, 1, 2)]


def counted(evidence: Evidence, votes: list[tuple[Any, tuple[int, ...]]]) -> Evidence:
    """The same with these votes counted, each by the identities that signed it."""
    bits = [[sum(1 << identity for identity in signers)] for _, signers in votes]
    return replace(evidence, said=tuple(said for said, _ in votes), said_by=np.array(bits, np.uint64).reshape(-1, 1))


def test_a_vote_that_names_nothing_is_for_what_is_certified() -> None:
    """FINAL of view 0 decides A once A has a quorum, and may not be said before; the decision needs both."""
    finals = [(2.0, identity, Final(0)) for identity in (0, 1)]
    decided = [(3.0, 0, 0, "A")]
    assert verdict("certificate-soundness", saying(NAMELESS, [*FIRST, *finals], decided)) == "pass"
    assert verdict("certificate-soundness", saying(NAMELESS, [*FIRST, *finals[:1]], decided)) == "fail"
    assert verdict("certificate-soundness", saying(NAMELESS, [*FIRST[:2], *finals], decided)) == "fail"
    hasty = saying(NAMELESS, [FIRST[0], (0.5, 0, Final(0)), *FIRST[1:]])
    assert "before 2 honest seats" in CHECKS["certificate-soundness"](hasty).evidence
    beside = voted(Prepare, 1, "X", 5.0, 0, 1)
    lower = [*FIRST, *finals, *voted(Prepare, 1, "B", 3.0, 0, 1), (4.0, 0, Final(1)), (4.0, 1, Final(1))]
    assert verdict("lock-monotonicity", saying(NAMELESS, lower)) == "pass"
    assert verdict("lock-monotonicity", saying(NAMELESS, [*lower, *beside])) == "fail"


def test_enough_votes_of_the_first_phase_decide_at_once() -> None:
    """Four of five per cent 80: of four identities all; three honest ones and the liar."""
    fast = replace(NAMELESS, fast=80)
    decided = [(3.0, 0, 0, "A")]
    assert verdict("certificate-soundness", saying(fast, FIRST, decided)) == "pass"
    assert verdict("certificate-soundness", saying(NAMELESS, FIRST, decided)) == "fail"
    assert verdict("certificate-soundness", saying(fast, FIRST[:3], decided)) == "fail"


def test_kinds_that_exclude_each_other() -> None:
    """Identity 1 prepares view 0 and says FINAL there, which the protocol forbids; the liar, 3, may."""
    strict = replace(NAMELESS, excludes=((Prepare, Final),))
    both = [(Prepare(0, "A"), (1, 3)), (Final(0), (1, 3)), (Final(1), (0,))]
    apart = [(Prepare(0, "A"), (1, 3)), (Final(0), (0, 3)), (Final(1), (1,))]
    assert verdict("one-vote", counted(saying(strict, FIRST), both)) == "fail"
    assert verdict("accountability", counted(saying(strict, FIRST), both)) == "fail"
    assert verdict("one-vote", counted(saying(NAMELESS, FIRST), both)) == "pass"
    assert verdict("one-vote", counted(saying(strict, FIRST), apart)) == "pass"
    assert "1 convicted" in CHECKS["accountability"](counted(saying(strict, FIRST), apart)).evidence


def test_votes_out_of_order_where_no_order_is_stated() -> None:
    back = [*FIRST, *voted(Prepare, 2, "B", 2.0, 0), *voted(Prepare, 1, "B", 3.0, 0)]
    assert verdict("view-monotonicity", saying(TWO, back)) == "fail"
    assert verdict("view-monotonicity", saying(replace(TWO, in_order=False), back)) == "unknown"


def test_an_author_says_one_block_a_place() -> None:
    for rules in (Blocks(Propose, ("view",)), replace(TWO, rises=False, blocks=Blocks(Propose, ("view",)))):
        both = [(0.0, 0, Propose(0, "A")), (0.0, 1, Propose(0, "B")), (1.0, 0, Propose(1, "B")), (2.0, 3, Propose(0, "A"))]
        assert verdict("leader-uniqueness", saying(rules, [*both, (3.0, 3, Propose(0, "X"))])) == "pass"  # a liar's
        assert verdict("leader-uniqueness", saying(rules, [*both, (3.0, 0, Propose(0, "A"))])) == "pass"  # said again
        found = CHECKS["leader-uniqueness"](saying(rules, [*both, (3.0, 0, Propose(0, "X"))]))
        assert found.verdict == "fail" and "after A" in found.evidence


# Checkpoints: two slots an epoch; A is the checkpoint of epoch 1, B and X stand on it beside each other, C on B, D on C ----------

CASPER = Checkpoints(Attestation, S, 2, 2)


def link(source_epoch: int, source: str, epoch: int, target: str, *signers: int) -> tuple[Any, tuple[int, ...]]:
    return Attestation(2 * epoch, target, source_epoch, source, target), signers


def attested(
    *votes: tuple[Any, tuple[int, ...]],
    decided: tuple[tuple[float, int, int, str], ...] = (),
    rules: Checkpoints = CASPER,
    beside: tuple[int, ...] = (),
) -> Evidence:
    """Votes that were said; those of an epoch lie, with the liar's, in the block of the next one, or in X where the epoch is `beside`."""

    def held(height: int, digest: str) -> tuple[Aggregate, ...]:
        chosen = [one for one in votes if (one[0].slot // 2 == height - 1 and height - 1 not in beside) or digest == "X"]
        return tuple(Aggregate(Certificate(said, 0, sum(1 << one for one in {*signers, 3}))) for said, signers in chosen)

    chain = (*BLOCKS.values(), Block("D", 4, "C"))
    blocks = {
        one.digest: replace(one, time_ns=2 * one.height * S, seals=held(one.height, one.digest))
        for one in chain
        if one.digest != "X"
    }
    blocks["X"] = replace(BLOCKS["X"], time_ns=5 * S, seals=held(2, "X"))
    return counted(replace(saying(rules, [], list(decided)), blocks=blocks), list(votes))


CHAIN = (link(0, GENESIS, 1, "A", 0, 1), link(1, "A", 2, "B", 1, 2), link(2, "B", 3, "C", 0, 1))
"""Two honest signers and the liar's help are three of four."""


def test_decisions_lie_below_checkpoints_that_votes_made_final() -> None:
    decided = ((5.0, 0, 0, "A"), (5.0, 0, 1, "B"))
    assert verdict("certificate-soundness", attested(*CHAIN, decided=decided)) == "pass"
    assert verdict("certificate-soundness", attested(*CHAIN[:2], decided=decided)) == "fail"  # B is justified only
    assert verdict("certificate-soundness", attested(CHAIN[0], link(1, "A", 2, "B", 1), CHAIN[2], decided=decided[:1])) == "fail"
    assert verdict("certificate-soundness", attested(*CHAIN[:2], decided=decided[:1])) == "pass"


def test_votes_make_final_what_lies_below_the_blocks_that_hold_them_in_time() -> None:
    """Each lies two slots later in a block; held back for longer, or in a block of the other branch, it is as if it had not been said."""
    decided = ((5.0, 0, 0, "A"),)
    for lost in (
        attested(*CHAIN[:2], decided=decided, rules=replace(CASPER, inclusion_slots=1)),
        attested(*CHAIN[:2], decided=decided, beside=(2,)),
    ):
        found = CHECKS["certificate-soundness"](lost)
        assert found.verdict == "fail" and "lie in its chain in time" in found.evidence


def test_final_checkpoints_do_not_contradict_each_other() -> None:
    beside = (link(1, "A", 2, "X", 0, 1), link(2, "X", 3, "X", 1, 2))
    assert verdict("lock-monotonicity", attested(*CHAIN)) == "pass"
    assert verdict("lock-monotonicity", attested(*CHAIN, *beside)) == "fail"
    assert verdict("lock-monotonicity", attested(*CHAIN, *beside[:1])) == "pass"  # justified beside is not final
    bounced = (
        CHAIN[0],
        link(1, "A", 2, "X", 0, 1),
        link(1, "A", 3, "B", 0, 1),
        link(2, "X", 4, "X", 0, 1),
        link(3, "B", 5, "C", 0, 1),
    )
    assert verdict("lock-monotonicity", attested(*bounced)) == "pass"  # nor is what has another branch's checkpoint in between


def test_who_is_slashed() -> None:
    """Two votes for one epoch, or a link around another one: identity 1 is honest, 3 is not."""
    assert verdict("one-vote", attested(*CHAIN)) == "pass"
    assert verdict("one-vote", attested(*CHAIN, link(1, "A", 2, "X", 1))) == "fail"
    assert verdict("one-vote", attested(*CHAIN, link(0, GENESIS, 4, "C", 1))) == "fail"
    guilty = attested(*CHAIN, link(0, GENESIS, 4, "C", 3), link(1, "A", 2, "X", 3), link(1, "A", 2, "B", 3))
    assert verdict("one-vote", guilty) == "pass"
    assert "1 convicted" in CHECKS["accountability"](guilty).evidence
