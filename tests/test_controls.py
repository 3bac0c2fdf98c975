"""Positive controls: every check must be seen to fail where the protocol's assumptions are broken, and to name the event."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from worlds import agreeing

import sim
from sim.consensus import pbft, pbft_view_change
from sim.consensus.pbft import PBFT
from sim.kernel.dice import Dice
from sim.kernel.part import part
from sim.net.topologies import Complete
from sim.node.surroundings import Surroundings
from sim.study.report import Report
from sim.study.scenario import Consensus, Corruption


def verdict(report: Report, name: str) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = [one for one in report.to_dict()["checks"] if one["name"] == name]
    return found


def names_of(n: int) -> tuple[str, ...]:
    return Complete(seats=n).build(Dice(1)).names


def liars(count: int, n: int = 4) -> list[dict[str, Any]]:
    """The first `count` seats lie; the first seat leads slot 0."""
    return [{"kind": "equivocate", "seats": list(names_of(n)[:count])}]


@pytest.mark.parametrize("kind", ["pbft", "qbft"])
def test_f_plus_one_equivocators_break_agreement(kind: str) -> None:
    """V58, n = 4: two liars convince one honest node of each block."""
    report = sim.run(agreeing(kind, 4, "20 s", consensus={"patience": "100 s"}, adversary=liars(2)))
    found = verdict(report, "agreement")
    assert found["verdict"] == "fail"
    assert "slot 0" in found["evidence"]
    decided = sorted((row[0], row[2], row[4]) for row in report.evidence.trace if row[1] == "decide" and row[3] == 0)
    honest = [(seat, digest) for _, seat, digest in decided if report.evidence.honest[seat]]
    assert len(honest) == 2
    assert honest[0][1] != honest[1][1]
    assert all(report.evidence.names[seat] in found["evidence"] for seat, _ in honest), "both sides of the event are named"
    assert not report.ok()
    assert "sim.run(scenario, seed=1)" in report.text(), "the run can be had again"


@pytest.mark.parametrize("kind", ["pbft", "qbft"])
@pytest.mark.parametrize("n", [4, 7])
@pytest.mark.parametrize("seed", range(1, 6))
def test_f_equivocators_never_do(kind: str, n: int, seed: int) -> None:
    scenario = agreeing(kind, n, "120 s", consensus={"patience": "8 s"}, adversary=liars((n - 1) // 3, n), heal="60 s")
    report = sim.run(scenario, seed)
    assert verdict(report, "agreement")["verdict"] == "pass"
    assert verdict(report, "prefix-order")["verdict"] == "pass"
    assert verdict(report, "termination")["verdict"] == "pass"


def test_raft_diverges_silently_under_one_lying_leader() -> None:
    """Raft tolerates no lies: whichever server leads, once it equivocates the logs differ."""
    names = names_of(5)
    broken = set()
    leaders = set()
    for name in names:
        lying = [{"kind": "equivocate", "seats": [name]}]
        report = sim.run(agreeing("raft", 5, "60 s", consensus={"election_timeout": "10 s", "heartbeat": "3 s"}, adversary=lying))
        leaders |= {names[row[2]] for row in report.evidence.trace if row[1] == "note" and row[3] == "leader"}
        found = verdict(report, "agreement")
        if found["verdict"] == "fail":
            broken.add(name)
            assert "slot" in found["evidence"]
    assert len(leaders) == 1, "the liar changes nobody's election"
    assert broken == leaders, "only the server that is elected can lie to the others"


@part
class TooFew(PBFT):
    """PBFT with a planted bug: a quorum of 2f."""

    async def run(self, node: Any) -> None:
        """Count one vote too few everywhere."""
        node.quorum_size = 2 * node.f
        await PBFT.run(self, node)


def test_a_planted_quorum_of_2f_is_caught() -> None:
    """Two scenarios that differ in the size of the quorum and in nothing else."""
    honest = agreeing("pbft", 7, "40 s", consensus={"patience": "8 s"}, adversary=liars(2, 7))
    assert verdict(sim.run(honest), "agreement")["verdict"] == "pass"
    broken = honest.but(consensus=Consensus(protocol=TooFew(patience=8_000_000_000), bodies="attached"))
    found = verdict(sim.run(broken), "agreement")
    assert found["verdict"] == "fail"
    assert "slot" in found["evidence"]


@part
class Favour:
    """In view 0, hide the proposal from the last seat and show one's COMMIT to seat 2 alone."""

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Drop what the others are not to see; everything else is said as it is."""

        def silent_to_some(to: int, said: Any) -> Iterator[tuple[int, Any]]:
            hidden = (isinstance(said, pbft.Propose) and to == 3) or (isinstance(said, pbft.Commit) and to != 2)
            if not (hidden and said.view == 0):
                yield to, said

        for seat in seats:
            world.add_behaviour(seat, silent_to_some)
        return lambda: None


def test_a_forgotten_lock_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seat 2 alone decides in view 0 and dies with its proof; the others change views, and only seat 1's lock binds them."""
    names = names_of(4)
    crashes = [
        {"kind": "crash", "seats": [names[0]], "at": "2500 ms", "lasts": "1 s"},  # the liar misses the others' COMMITs
        {"kind": "crash", "seats": [names[2]], "at": "3500 ms"},
    ]
    alone = agreeing("pbft", 4, "11 s", consensus={"patience": "4 s"}, fault=crashes)
    alone = alone.but(adversary=(Corruption(part=Favour(), seats=(names[0],)),))

    def decided() -> tuple[str, int, set[int]]:
        report = sim.run(alone)
        seats = [row[2] for row in report.evidence.trace if row[1] == "decide" and row[3] == 0 and row[2] != 0]
        return verdict(report, "agreement")["verdict"], seats[0], set(seats)

    assert decided() == ("pass", 2, {1, 2, 3})
    for place in (pbft, pbft_view_change):
        monkeypatch.setattr(place, "locked", lambda reports, slot, locks: None)
    assert decided() == ("fail", 2, {1, 2, 3})
