"""Protocols with one rule dropped, each in a scene that breaks them; the protocol as it is must pass the very same scene.

The numbers are those of the usual list of seeded bugs. n = 4; D is the liar, A decides first, B is locked, C knows nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from worlds import agreeing

import sim
from sim.adversary.equivocate import _Plot
from sim.consensus import tendermint
from sim.consensus.hotstuff import basic, chained
from sim.consensus.hotstuff.basic import HotStuff
from sim.consensus.hotstuff.jolteon import Jolteon
from sim.consensus.hotstuff.two_phases import HotStuff2
from sim.consensus.tendermint import Tendermint
from sim.kernel.part import part
from sim.ledger.block import GENESIS, Block
from sim.node.message import Certificate
from sim.node.surroundings import Surroundings
from sim.study.report import Report
from sim.study.scenario import Consensus, Corruption

Shown = Callable[[int, Any], bool]


def verdict(report: Report, name: str = "agreement") -> str:
    return next(str(check["verdict"]) for check in report.to_dict()["checks"] if check["name"] == name)


@part
class Selective:
    """Say only what `shown(to, said)` allows, and that as it is."""

    shown: Any

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Stand between the node and the others."""

        def behaviour(to: int, said: Any) -> Iterator[tuple[int, Any]]:
            if self.shown(to, said):
                yield to, said

        def release() -> None:
            for seat in seats:
                world.drop_behaviour(seat, behaviour)

        for seat in seats:
            world.add_behaviour(seat, behaviour)
        return release


def play(protocol: Any, adversary: Any, liar: str, duration: str = "60 s", lies: str | None = None, **tables: Any) -> Report:
    scenario = agreeing("pbft", 4, duration, **tables)
    return sim.run(
        scenario.but(
            consensus=Consensus(protocol=protocol, bodies="attached", block_interval=500_000_000),
            adversary=(Corruption(part=adversary, seats=(liar,), lasts=lies),),
        )
    )


# Tendermint: D = seat 0 proposes v in round 0 and hides it from C = seat 2; only one seat learns of D's PRECOMMIT. ---------------


def only_to(decider: int) -> Shown:
    """D's round 0: nothing for seat 2, its PRECOMMIT for the decider alone and not even for itself; no proofs of decisions."""

    def shown(to: int, said: Any) -> bool:
        if isinstance(said, Certificate):
            return False
        if getattr(said, "slot", 0) != 0 or getattr(said, "round", 0) != 0:
            return True
        return to == decider if isinstance(said, tendermint.Precommit) else to != 2

    return shown


def amnesia_scene(protocol: Any, duration: str = "60 s", dies: str = "3500 ms", **tables: Any) -> Report:
    """A = seat 1 decides v in round 0 and dies; B = seat 3 is locked on v; in round 2 C proposes something else."""
    dead = {"fault": [{"kind": "crash", "seats": ["seat-1"], "at": dies}]}
    return play(protocol, Selective(shown=only_to(1)), "seat-0", duration, **{**dead, **tables})


def decided_first(report: Report) -> dict[int, str]:
    return {row[2]: row[4] for row in report.evidence.trace.of("decide") if row[3] == 0}


def test_the_scenes_of_tendermint_do_what_they_should() -> None:
    """A alone decides in round 0, the others agree with it in a later round."""
    report = amnesia_scene(Tendermint())
    times = sorted((row[0], row[2]) for row in report.evidence.trace.of("decide") if row[3] == 0)
    assert times[0] == (3_000_000_000, 1)
    assert sorted(seat for _, seat in times[1:]) == [0, 2, 3]
    assert times[1][0] > 10_000_000_000
    assert len(set(decided_first(report).values())) == 1
    assert verdict(report) == "pass"


def test_m13_no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tendermint, "may_prevote", lambda digest, polka_round, locked, locked_round: True)
    assert verdict(amnesia_scene(Tendermint())) == "fail"


@part
class Hasty(Tendermint):
    """Precommits what it would prevote, without waiting for a polka, and so is never locked."""

    async def quorum_or_late(self, node: Any, locks: Any, ahead: Any, patience_ns: int, kind: Any) -> Any:
        """Take the own prevote for a quorum's."""
        if kind is tendermint.Prevote:
            await node.sleep(1)
            digest = locks.said[locks.round][-1].digest
            tendermint.say(node, locks, tendermint.Precommit(locks.slot, locks.round, digest, not digest))
            return None
        return await Tendermint.quorum_or_late(self, node, locks, ahead, patience_ns, kind)


def test_m15_precommit_without_a_polka() -> None:
    assert verdict(amnesia_scene(Hasty(), dies="2500 ms")) == "fail"
    assert verdict(amnesia_scene(Tendermint(), dies="2500 ms")) != "fail"


@part
class Forgetful(Tendermint):
    """Comes back from a crash with nothing in its hands."""

    async def run(self, node: Any) -> None:
        """Forget what was said and what was heard, which the core's tallies would keep, then go on."""
        node.keep.clear()
        core = node.society.network.world
        core.tally_count[:, node.seat] = 0
        core.tally_bits[node.seat :: node.n] = 0
        await Tendermint.run(self, node)


@pytest.mark.parametrize(("protocol", "expected"), [(Tendermint(), "pass"), (Forgetful(), "fail")])
def test_m17_a_restart_forgets_what_was_signed(protocol: Any, expected: str) -> None:
    """B = seat 3 decides v and dies; A = seat 1 and D, who voted for it, crash and come back; in round 2 C proposes."""
    crashes = [
        {"kind": "crash", "seats": ["seat-3"], "at": "3500 ms"},
        {"kind": "crash", "seats": ["seat-0", "seat-1"], "at": "3500 ms", "lasts": "1 s"},
    ]
    report = play(protocol, Selective(shown=only_to(3)), "seat-0", lies="4 s", fault=crashes)
    assert {1, 2, 3} <= set(decided_first(report))
    assert verdict(report) == expected


@pytest.mark.parametrize(("forgets", "expected"), [(False, "pass"), (True, "fail")])
def test_m18_a_valid_value_is_not_proposed_again(monkeypatch: pytest.MonkeyPatch, forgets: bool, expected: str) -> None:
    """Safe and dead: B would only vote for v, and nobody proposes it any more."""
    if forgets:
        monkeypatch.setattr(tendermint, "newest_polka", lambda ballots, quorum_size: None)
    report = amnesia_scene(Tendermint(), "200 s", heal="10 s")
    assert verdict(report) == "pass"
    assert set(decided_first(report)) == ({0, 1, 2, 3} if expected == "pass" else {1})


# HotStuff: A = seat 0 decides v in view 0 and is cut off; D = seat 1 leads view 1 with a block on the genesis. ------------------


@part
class FromTheStart:
    """As leader of view 1 propose a block on the genesis, justified by nothing; and vote for it, whatever was promised."""

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Exchange the proposal."""
        rival = Block.of(GENESIS, 1, seats[0], 0, (), 7)
        society = world.society

        def behaviour(to: int, said: Any) -> Iterator[tuple[int, Any]]:
            if isinstance(said, basic.Propose) and said.view == 1:
                world.nodes[seats[0]].publish(rival)
                yield to, basic.Propose(1, rival.digest, None, said.entry)
                if to in seats:
                    for phase in range(3):
                        society.send(seats[0], to, seats[0], basic.Vote(1, phase, rival.digest))
            else:
                yield to, said

        for seat in seats:
            world.add_behaviour(seat, behaviour)
        return lambda: None


@part
class Unlocked(HotStuff):
    """Votes for whatever is justified."""

    def safe(self, justify: Any, lock: Any, extends_lock: bool) -> bool:
        """No safeNode."""
        return True


@pytest.mark.parametrize(("kind", "expected"), [(HotStuff, "pass"), (Unlocked, "fail")])
def test_m22_no_safe_node(kind: Any, expected: str) -> None:
    cut = {"fault": [{"kind": "partition", "at": "5500 ms", "lasts": "100 s", "groups": [["seat-0"]]}]}
    report = play(kind(patience="10 s"), FromTheStart(), "seat-1", "90 s", **cut)
    assert {0, 2, 3} <= set(decided_first(report))
    assert verdict(report) == expected


@part
class ToBoth:
    """Two stories, one for A, one for C, and both for B."""

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """As equivocation, but seat 2 hears everything."""
        plot = _Plot(seats, world, 1_000_000_000)
        plot.fooled = frozenset({3})
        for seat in seats:
            lie = plot.behaviour(seat)

            def both(to: int, said: Any, lie: Any = lie) -> Iterator[tuple[int, Any]]:
                yield from lie(to, said)
                if to == 2:
                    for _, other in lie(3, said):
                        yield 2, other

            world.add_behaviour(seat, both)
        return lambda: None


class Careless(chained.Promises):
    """Does not remember that it has voted."""

    @property
    def voted(self) -> int:
        return -1

    @voted.setter
    def voted(self, view: int) -> None:
        """In one ear."""


@pytest.mark.parametrize(("careless", "expected"), [(False, "pass"), (True, "fail")])
def test_m23_more_than_one_vote_a_view(monkeypatch: pytest.MonkeyPatch, careless: bool, expected: str) -> None:
    if careless:
        monkeypatch.setattr(chained, "Promises", Careless)
    report = play(Jolteon(patience="20 s", turn=4), ToBoth(), "seat-0", "18 s")
    assert verdict(report) == expected


# HotStuff-2: D = seat 0 shows the lock of view 0 to seat 3 alone and falls silent; seat 1 leads view 1. --------------------------


@part
class Overeager(HotStuff2):
    """A leader proposes at once on what it has itself."""

    async def wait_for_reports(self, node: Any, view: int) -> tuple[Any, ...]:
        """No wait of delta."""
        return ()


def hidden_lock(to: int, said: Any) -> bool:
    """The proposal for all, the first certificate for seat 3, and for the others nothing any more."""
    return to == 0 or isinstance(said, basic.Propose) or (to == 3 and isinstance(said, Certificate))


@pytest.mark.parametrize(("kind", "in_view_1"), [(HotStuff2, True), (Overeager, False)])
def test_m27_a_leader_that_does_not_wait(kind: Any, in_view_1: bool) -> None:
    """Safe, but the view of an honest leader fails: seat 3 cannot vote for what seat 1 proposes."""
    report = play(kind(patience="20 s", delta="2 s"), Selective(shown=hidden_lock), "seat-0", "200 s")
    first_s = min(row[0] for row in report.evidence.trace.of("decide") if row[2] != 0) / 1e9
    assert verdict(report) == "pass"
    assert (first_s < 35) == in_view_1
