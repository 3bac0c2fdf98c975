"""Bugs planted in protocols, found by drawn runs: each by the check that is meant to see it, and never in the protocol as it is.

Where a bug is one of the usual list of seeded bugs its number stands beside it. Functions are exchanged by name.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import planted_elsewhere
import planted_in_views
import pytest
from planted import BUGS

sys.path.append(str(Path(__file__).parent.parent))  # benchmarks are no part of the installed package

from benchmarks.timers import SAMPLED, SEATS, TIMED
from sim.consensus import algorand, pbft, tendermint
from sim.study.hunt import breaks, hunt
from sim.testing import check_consensus

assert planted_in_views and planted_elsewhere  # each enters its bugs


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within 400 drawn runs; the check that is meant for it fails in that run, and without the bug none does."""
    protocol, check, first, patches = BUGS[name]
    with monkeypatch.context() as planted:
        for place, function, other in patches():
            planted.setattr(place, function, other)
        found = hunt({**TIMED, **SAMPLED}[protocol], 400, seats=SEATS.get(protocol, 4), first=first)
        assert found is not None
        assert check in [verdict.name for verdict in breaks(found.scenario, found.seed)], str(found)
    assert breaks(found.scenario, found.seed) == ()


@pytest.mark.parametrize("name", ["pbft: one_prepare_less", "tendermint: votes_lost_by_a_crash", "algorand: two_thirds_are_enough"])
def test_the_public_check_says_so_and_says_it_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the protocol's usual timers; the line that the failure prints shows the same run by itself."""
    protocol, _, _, patches = BUGS[name]
    usual = {
        "pbft": pbft.PBFT(),
        "tendermint": tendermint.Tendermint(),
        "algorand": algorand.Algorand(filter="500 ms", deadline="2 s"),
    }
    check_consensus(usual[protocol], seeds=1, scene="drawn runs")
    for place, function, other in patches():
        monkeypatch.setattr(place, function, other)
    with pytest.raises(AssertionError, match="drawn runs, run") as whole:
        check_consensus(usual[protocol], seeds=2)
    call = str(whole.value).partition("again: ")[2]
    with pytest.raises(AssertionError) as alone:
        eval(call, {type(known).__name__: type(known) for known in usual.values()} | {"check_consensus": check_consensus})
    assert str(alone.value) == str(whole.value)


@pytest.mark.parametrize(("beta", "run"), [(1, 5), (2, 42), (4, 58)])
def test_fewer_polls_in_a_row_are_no_proof(beta: int, run: int) -> None:
    """The control of Snowman's hunt: with as many liars it breaks, and the same run does not with the polls that are hunted."""
    usual = SAMPLED["snowman"]
    found = hunt(replace(usual, beta=beta), 1, seats=SEATS["snowman"], first=run)
    assert found is not None and found.verdict.name == "agreement"
    assert hunt(usual, 1, seats=SEATS["snowman"], first=run) is None
