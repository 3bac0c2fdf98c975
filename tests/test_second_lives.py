"""Identities that live twice, leaders that doctor proofs, voters that do not look: what f of them cannot do, and more can."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from worlds import agreeing

import sim
from sim.consensus.pbft import Propose
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.node.surroundings import Surroundings
from sim.study.report import Report
from sim.study.scenario import Corruption

FAST: dict[str, Any] = {"link": {"latency": {"kind": "constant", "value": "20 ms"}}, "consensus": {"block_interval": "200 ms"}}


def verdicts(report: Report) -> dict[str, str]:
    return {one["name"]: one["verdict"] for one in report.to_dict()["checks"]}


def torn(kind: str, twins: int, consensus: dict[str, Any] = FAST["consensus"]) -> Report:
    """Four identities of which some live twice; the honest seats and both lives of each liar are cut into two sides."""
    lives = [f"seat-{seat}" for seat in (*range(twins), *range(4, 4 + twins))]
    sides = [["seat-3", *lives[:twins]], ["seat-2", *lives[twins:]]]
    return sim.run(
        agreeing(
            kind,
            4 + twins,
            "8 s",
            adversary=[{"kind": "twins", "seats": lives}],
            fault=[{"kind": "partition", "at": "1 ms", "lasts": "7 s", "groups": sides}],
            **{**FAST, "consensus": consensus},
        )
    )


@pytest.mark.parametrize("kind", ["pbft", "tendermint", "jolteon", "simplex"])
def test_two_of_four_that_live_twice_split_everything(kind: str) -> None:
    """Each side has one honest seat and two of the four keys: three of four, which is a quorum."""
    assert verdicts(torn(kind, 2))["agreement"] == "fail"
    assert verdicts(torn(kind, 1))["agreement"] != "fail"


def test_two_of_four_that_live_twice_finalise_two_chains() -> None:
    """Their blocks travel by gossip as anybody's do, in time for the slot's votes, though what is said of them passes by the adversary."""
    slots = {"bodies": "gossip", "slot": "200 ms", "slots_per_epoch": 4}
    assert verdicts(torn("gasper", 2, slots))["agreement"] == "fail"
    assert verdicts(torn("gasper", 1, slots))["agreement"] != "fail"


def test_quorums_are_counted_without_second_lives() -> None:
    report = sim.run(agreeing("pbft", 5, "4 s", adversary=[{"kind": "twins", "seats": ["seat-0", "seat-4"]}], **FAST))
    assert (report.evidence.identities, report.evidence.faulty_bound, report.evidence.quorum_size) == (4, 1, 3)
    assert report.evidence.honest.tolist() == [False, True, True, True, False]
    assert verdicts(report)["agreement"] == "pass"
    assert report.to_dict()["consensus"]["decided"] > 3


@pytest.mark.parametrize(
    ("seats", "more", "words"),
    [
        (["seat-0", "seat-1"], {}, "at the end of the topology"),
        (["seat-0", "seat-1", "seat-4"], {}, "at the end of the topology"),
        (["seat-0", "seat-4"], {"consensus": {"route": "gossip"}}, "route"),
    ],
)
def test_second_lives_need_seats_of_their_own(seats: list[str], more: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        sim.run(agreeing("pbft", 5, "2 s", adversary=[{"kind": "twins", "seats": seats}], **more))


def test_doctored_proofs_are_refused_by_those_who_look() -> None:
    """A leader of one view in four shows other blocks and poorer proofs; honest seats say why they refuse some of them."""
    report = sim.run(agreeing("jolteon", 4, "20 s", adversary=[{"kind": "doctor", "seats": ["seat-1"], "chance": "100 %"}], **FAST))
    found = verdicts(report)
    assert {found[name] for name in ("agreement", "integrity", "lock-monotonicity", "external-validity")} == {"pass"}
    assert len(report.evidence.trace.of("invalid")) > 0
    assert report.to_dict()["consensus"]["decided"] > 3


@pytest.mark.parametrize("sides", [0, 9])
def test_turmoil_has_a_few_sides(sides: int) -> None:
    with pytest.raises(ScenarioError, match="from 1 to 8"):
        sim.run(agreeing("pbft", 4, "2 s", fault=[{"kind": "turmoil", "sides": sides}]))


@part
class OutOfPlace:
    """As a leader propose blocks that claim a height they do not have."""

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Exchange what is proposed."""
        society = world.society

        def proposing(to: int, said: Any) -> Iterator[tuple[int, Any]]:
            if isinstance(said, Propose):
                block = society.blocks[said.digest]
                wrong = replace(block, height=block.height + 7)
                if wrong.digest not in society.blocks:
                    society.blocks[wrong.digest] = wrong
                    society.trace.record("publish", seats[0], wrong.digest, wrong.size_bytes, "block")
                said = replace(said, digest=wrong.digest)
            yield to, said

        return world.bend(dict.fromkeys(seats, proposing))


@pytest.mark.parametrize(("lazy", "accepted"), [(1, False), (2, True)])
def test_too_many_who_do_not_look_let_anything_through(lazy: int, accepted: bool) -> None:
    """One of four proposes nonsense and nods at it. One more who nods is a quorum short of one; two more are a quorum."""
    names = ["seat-1", "seat-2", "seat-3"][: lazy + 1]
    scenario = agreeing("pbft", 4, "12 s", adversary=[{"kind": "lazy-vote", "seats": names}], **FAST)
    proposer = Corruption(part=OutOfPlace(), seats=("seat-1",))
    report = sim.run(scenario.but(adversary=(*scenario.adversary, proposer)))
    assert (verdicts(report)["external-validity"] == "fail") == accepted
    assert report.to_dict()["consensus"]["decided"] > 0
