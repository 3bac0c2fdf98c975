"""Rules of protocols whose votes pile up on a chain, each dropped in a scene written for it; the protocol as it is passes the same scene.

n = 4 (Alpenglow: 6), copies take a second. What seat 0 decides is hidden from the others until they have gone on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from scripted import LOST, alone, decided, dies, play, shown_twin, verdict

from sim.consensus import simplex, tendermint
from sim.consensus.hotstuff import chained, jolteon, pacemaker
from sim.consensus.hotstuff.basic import HotStuff
from sim.consensus.hotstuff.chained import ChainedHotStuff
from sim.consensus.hotstuff.jolteon import Jolteon
from sim.consensus.simplex import Simplex
from sim.consensus.tendermint import Tendermint
from sim.node.genesis import GENESIS
from sim.node.message import Certificate
from sim.node.surroundings import Surroundings
from sim.study.report import Report

S = 1_000_000_000


def broken(report: Report, *names: str) -> bool:
    """Whether any of these checks fails; where it does none of the others may be blamed for it alone."""
    found = {name for name in names if verdict(report, name) == "fail"}
    return found == set(names)


def whole(report: Report, *seats: int) -> None:
    """Nothing broke, and these seats have decided the same first block."""
    assert {check["name"] for check in report.to_dict()["checks"] if check["verdict"] == "fail"} == set()
    assert set(seats) <= set(decided(report)) and len(set(decided(report).values())) == 1


# Tendermint ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("planted", [False, True])
def test_a_polka_that_few_have_signed(monkeypatch: pytest.MonkeyPatch, planted: bool) -> None:
    """Seat 2 decides v in round 0 and dies, seat 3 is locked, seat 0 knows nothing; in round 1 seat 1, the liar, proposes w.

    Its polka is its own prevote alone.
    """
    if planted:
        genuine = Certificate.proves

        def proves(self: Certificate, kind: type[Any], need: int, **claim: Any) -> bool:
            return genuine(self, kind, 1 if kind is tendermint.Prevote else need, **claim)

        monkeypatch.setattr(Certificate, "proves", proves)
    rivals: list[str] = []

    def fate(from_: int, to: int, said: Any) -> int:
        if isinstance(said, Certificate):
            return LOST
        first = getattr(said, "slot", 9) == getattr(said, "round", 9) == 0
        hidden = isinstance(said, (tendermint.Prevote, tendermint.Precommit)) and from_ == 2
        return LOST if first and hidden and (to == 0 or isinstance(said, tendermint.Precommit)) else 0

    def lie(world: Surroundings, seat: int, to: int, said: Any) -> Iterator[tuple[int, Any]]:
        turn = getattr(said, "round", 9) if getattr(said, "slot", 9) == 0 else 9
        if isinstance(said, tendermint.Prevote) and turn == 0 and to == 0:
            yield to, replace(said, digest="")
        elif isinstance(said, tendermint.Precommit) and turn == 0 and to in (0, 3):
            yield to, replace(said, digest="", nil=True)
        elif isinstance(said, tendermint.Propose) and turn == 1 and to != seat:
            rivals[:] = [shown_twin(world, seat, said.digest)]
            yield to, replace(said, digest=rivals[0], polka=alone(world, seat, tendermint.Prevote(0, 0, rivals[0])))
        elif isinstance(said, tendermint.Prevote) and turn == 1:
            yield to, replace(said, digest=rivals[0])
        else:
            yield to, said

    report = play(Tendermint(), fate=fate, liar=1, lie=lie, fault=[dies(2, "5 s")])
    assert 2 in decided(report) and rivals
    if planted:
        assert broken(report, "agreement", "lock-monotonicity")
    else:
        whole(report, 0, 2, 3)


# Jolteon ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("planted", [False, True])
def test_the_newest_report_is_not_looked_for(monkeypatch: pytest.MonkeyPatch, planted: bool) -> None:
    """Seat 2 alone sees two views certified in a row, decides and dies; seat 3, the liar, leads view 3 with a block on nothing."""
    if planted:
        monkeypatch.setattr(jolteon, "newest_reported", lambda reports, quorum_size: -1)
    rivals: list[str] = []

    def lie(world: Surroundings, seat: int, to: int, said: Any) -> Iterator[tuple[int, Any]]:
        if isinstance(said, chained.Propose) and said.view == 3 and to != seat:
            rivals[:] = [shown_twin(world, seat, said.digest, parent=GENESIS, height=1)]
            yield to, replace(said, digest=rivals[0], justify=None)
        elif isinstance(said, chained.Vote) and said.view == 3:
            yield to, replace(said, digest=rivals[0], below=-1)
        else:
            yield to, said

    report = play(
        Jolteon(patience="5 s"),
        fate=lambda from_, to, said: LOST if isinstance(said, chained.Propose) and said.view == 2 else 0,
        liar=3,
        lie=lie,
        fault=[dies(2, "6 s")],
    )
    assert 2 in decided(report) and rivals
    if planted:
        assert broken(report, "agreement", "lock-monotonicity")
    else:
        whole(report, 0, 1, 2)


@pytest.mark.parametrize("planted", [False, True])
@pytest.mark.parametrize("protocol", [Jolteon(patience="5 s", turn=2), ChainedHotStuff(patience="4 s")])
def test_a_leader_that_no_wish_replaces(monkeypatch: pytest.MonkeyPatch, protocol: Any, planted: bool) -> None:
    if planted:
        monkeypatch.setattr(pacemaker.Pace, "leader", lambda self, view, n: 0)
    report = play(protocol, duration="90 s", heal="30 s", fault=[dies(0, "10 s")])
    assert verdict(report, "agreement") == "pass"
    assert verdict(report, "termination") == ("fail" if planted else "pass")


def by_ones_own_clock(self: pacemaker.Pacemaker) -> None:
    """`_expire` as in pacemakers that only double: the next view begins here, whatever the others do, and lasts twice as long."""
    self._failures += 1
    self.view, self.proof = self.pace.after_giving_up(self.view), None
    self._begin()


@pytest.mark.parametrize("planted", [False, True])
@pytest.mark.parametrize("protocol", [HotStuff(patience="8 s"), Jolteon(patience="8 s")])
def test_m28_views_that_begin_by_ones_own_clock(monkeypatch: pytest.MonkeyPatch, protocol: Any, planted: bool) -> None:
    """Seat 3 is dead and seat 2 away for 100 s, in which seats 0 and 1 double their patience. Wishes bring all three into one view.

    By clocks alone seat 2 goes through the views that the others gave up long ago, until one is long enough for all (after 220 s).
    """
    if planted:
        monkeypatch.setattr(pacemaker.Pacemaker, "_expire", by_ones_own_clock)
    away = {**dies(2, "500 ms"), "lasts": "99500 ms"}
    report = play(protocol, duration="200 s", heal="100 s", fault=[dies(3, "500 ms"), away])
    assert verdict(report, "agreement") != "fail"
    assert verdict(report, "termination") == ("fail" if planted else "pass")


# Simplex ------------------------------------------------------------------------------------------------------------------------


def forgetful(genuine: Any) -> Any:
    """`learn` that does not ask what this node has nullified."""

    def learn(self: Any, proof: Certificate) -> None:
        nullified, self.known.nullified = self.known.nullified, -1
        genuine(self, proof)
        self.known.nullified = nullified

    return learn


@pytest.mark.parametrize("planted", [False, True])
def test_finalize_after_nullify(monkeypatch: pytest.MonkeyPatch, planted: bool) -> None:
    """View 0 is notarised for seat 0 in time and for seat 2 after it has nullified it; seat 1 sees it nullified, and leads view 1.

    Seat 3, the liar, nullifies view 0 and finalises its block as well.
    """
    if planted:
        monkeypatch.setattr(simplex.Replica, "learn", forgetful(simplex.Replica.learn))
    seen: list[str] = []

    def fate(from_: int, to: int, said: Any) -> int:
        if isinstance(said, Certificate) and said.message.view == 0:
            notarised = isinstance(said.message, simplex.Notarize)
            return 3 * S + S // 2 if notarised and to == 2 else LOST
        if isinstance(said, simplex.Finalize) and said.view == 0:
            return 0 if to == 0 else LOST
        if getattr(said, "view", 9) == 0 and isinstance(said, (simplex.Notarize, simplex.Nullify)):
            return 0 if to == (0 if isinstance(said, simplex.Notarize) else 1) else LOST
        return 0

    def lie(world: Surroundings, seat: int, to: int, said: Any) -> Iterator[tuple[int, Any]]:
        if isinstance(said, simplex.Notarize) and said.view == 0:
            seen[:] = [said.digest]
        yield to, said
        if isinstance(said, simplex.Nullify) and said.view == 0 and seen:
            yield to, simplex.Finalize(0, seen[0])

    report = play(Simplex(delta="2 s"), fate=fate, liar=3, lie=lie)
    if planted:
        assert broken(report, "agreement", "lock-monotonicity")
    else:
        whole(report, 0, 1, 2)
        assert set(decided(report).values()) != set(seen)
