"""Each enemy does what its manual says, hurts where it should, and is borne within the bound."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from handmade import good
from worlds import agreeing

import sim
from sim.adversary.replay import Replay
from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.node.message import vote
from sim.study.checks_votes import accountability, one_vote
from sim.study.report import Report

FAST: dict[str, Any] = {"link": {"latency": {"kind": "constant", "value": "20 ms"}}}


def played(kind: str = "qbft", n: int = 4, duration: str = "20 s", seed: int = 1, **tables: Any) -> Report:
    consensus = {"block_interval": "250 ms", "patience": "1 s", **tables.pop("consensus", {})}
    if kind in ("raft", "simplex"):
        consensus.pop("patience")
    return sim.run(agreeing(kind, n, duration, consensus=consensus, **(FAST | tables)), seed=seed)


def verdicts(report: Report) -> dict[str, str]:
    return {one["name"]: one["verdict"] for one in report.to_dict()["checks"]}


def decided(report: Report) -> int:
    return int(report.to_dict()["consensus"]["decided"])


def enemy(kind: str, seats: Any = 1, **keys: Any) -> dict[str, Any]:
    return {"adversary": [{"kind": kind, "seats": seats, **keys}]}


@pytest.mark.parametrize("kind", ["withhold-votes", "replay", "mutate", "favour", "lazy-vote", "amnesia"])
@pytest.mark.parametrize("protocol", ["qbft", "pbft", "streamlet"])
def test_one_of_four_is_borne(kind: str, protocol: str) -> None:
    terms = {"delta": "125 ms"} if protocol == "streamlet" else {}
    if protocol == "streamlet":
        report = sim.run(
            agreeing(protocol, 4, "20 s", consensus={"block_interval": "250 ms", **terms}, **(FAST | enemy(kind))), seed=2
        )
    else:
        report = played(protocol, **enemy(kind))
    for check in ("agreement", "prefix-order", "validity", "integrity", "one-vote", "accountability"):
        assert verdicts(report)[check] == "pass", check
    assert decided(report) > 5


def test_votes_kept_back_by_more_than_can_be_missed_stop_everything() -> None:
    assert decided(played(**enemy("withhold-votes", 1))) > 20
    assert decided(played(**enemy("withhold-votes", 2))) == 0


def test_those_who_are_not_favoured_lag_or_stop() -> None:
    """A leader who speaks to one other only brings nothing about; the views of honest leaders do."""
    some = played(**enemy("favour", ["seat-1"], towards=["seat-2"]))
    assert 0 < decided(some) < 0.7 * decided(played())


def test_mutated_messages_are_refused_and_noticed() -> None:
    report = played(**enemy("mutate", chance="60 %"))
    assert len(report.evidence.trace.of("invalid")) > 0


def test_nobody_replays_to_itself() -> None:
    """A new leader of SmartBFT that heard its own old report answered it at once, and the answer brought the report again."""
    bent: dict[int, Any] = {}
    society = SimpleNamespace(loop=SimpleNamespace(now_ns=5), dice=Dice(1))
    Replay(chance=1.0).corrupt([0], SimpleNamespace(society=society, bend=bent.update))  # type: ignore[arg-type]
    said = [list(bent[0](to, what)) for to, what in ((1, "a"), (2, "b"), (0, "c"))]
    assert said == [[(1, "a")], [(2, "b"), (2, "a")], [(0, "c")]]


def test_replay_says_old_things_again() -> None:
    again, plain = played(**enemy("replay", chance="100 %")), played()
    assert again.to_dict()["consensus"]["messages_per_decision"] > 1.1 * plain.to_dict()["consensus"]["messages_per_decision"]
    assert decided(again) == decided(plain)


def waits_s(report: Report) -> dict[int, float]:
    """Mean time from submission to the first decision, by submitter."""
    trace, blocks = report.evidence.trace, report.evidence.blocks
    made = {row[3]: (row[0], row[2]) for row in trace.of("submit")}
    waits: dict[int, list[float]] = {}
    seen = set()
    for time_ns, _, _, _, digest in trace.of("decide"):
        if digest not in seen:
            seen.add(digest)
            for transaction in blocks[digest].transactions:
                submitted_ns, seat = made[transaction.id]
                waits.setdefault(seat, []).append((time_ns - submitted_ns) / 1e9)
    return {seat: float(np.mean(found)) for seat, found in waits.items()}


def test_a_censored_clinic_waits_for_the_next_honest_leader() -> None:
    """One censor in a rotation of four: its victim waits for the next leader, about a quarter of an interval longer on average."""
    traffic = {"gossip": {"kind": "flood"}, "workload": [{"kind": "synthetic", "rate": 40.0}]}
    free = waits_s(played(duration="60 s", **traffic))
    censored = waits_s(played(duration="60 s", **traffic, **enemy("censor", ["seat-1"], victims=["seat-3"])))
    extra = {seat: censored[seat] - free[seat] for seat in free}
    assert 0.03 < extra[3] < 0.2
    assert all(abs(extra[seat]) < 0.02 for seat in (0, 2))


def test_a_censor_must_say_what_it_censors() -> None:
    with pytest.raises(ScenarioError, match="nothing is censored"):
        played(**enemy("censor"))


def test_turmoil_breaks_nothing_and_ends() -> None:
    report = played(
        duration="60 s", heal="20 s", fault=[{"kind": "turmoil", "at": "1 s", "lasts": "19 s", "factor": 60, "islands": "40 %"}]
    )
    assert {verdicts(report)[check] for check in ("agreement", "one-vote", "termination")} == {"pass"}
    times = np.array([row[0] for row in report.evidence.trace.of("decide")]) / 1e9
    assert (times > 30).sum() > 3 * (times < 20).sum()


def test_the_chase_hits_a_known_rotation() -> None:
    """Cut off one place ahead, every leader of a round robin is silent in its turn; a leader that stays is not where it strikes."""
    chase = {"fault": [{"kind": "chase", "ahead": 1}]}
    rotating, rotating_chased = played(n=7, duration="40 s"), played(n=7, duration="40 s", **chase)
    staying, staying_chased = played("raft", n=7, duration="40 s"), played("raft", n=7, duration="40 s", **chase)
    assert rotating.to_dict()["consensus"]["view_changes"] == 0
    assert rotating_chased.to_dict()["consensus"]["view_changes"] > 20
    assert decided(rotating_chased) < 0.4 * decided(rotating)
    assert decided(staying_chased) > 0.9 * decided(staying)
    assert verdicts(rotating_chased)["agreement"] == "pass"


PACES: dict[str, dict[str, Any]] = {
    "gasper": {"slot": "500 ms", "slots_per_epoch": 4},
    "streamlet": {"delta": "125 ms"},
    "aura": {"step": "500 ms"},
    "praos": {"slot": "100 ms", "active": "20 %", "depth": 3},
}


@pytest.mark.parametrize("kind", PACES)
def test_turns_that_the_clock_tells_are_chased_and_secret_ones_are_not(kind: str) -> None:
    """Nobody is heard in his turn, be it drawn by lot; where lots are secret the seat after the last maker is a guess, and costs half."""
    free, chased = (
        decided(sim.run(agreeing(kind, 7, "40 s", consensus=PACES[kind], **FAST, **more)))
        for more in ({}, {"fault": [{"kind": "chase", "ahead": 1}]})
    )
    assert free > 20 and (chased > 0.4 * free if kind == "praos" else chased == 0)


@vote
class Ballot:
    """A vote made by hand."""

    slot: int
    digest: str


@vote
class Loose:
    """One that may differ."""

    may_differ = True
    slot: int
    digest: str


def with_votes(*signed: tuple[Any, int]) -> Any:
    evidence = good()
    votes = tuple(said for said, _ in signed)
    return replace(evidence, said=votes, said_by=np.array([[bits] for _, bits in signed], np.uint64).reshape(-1, 1))


def test_who_votes_twice_is_found() -> None:
    """Seat 3 is the liar of the hand-made run; seats 0 to 2 are honest."""
    once = with_votes((Ballot(1, "A"), 0b0111), (Ballot(1, "B"), 0b1000), (Ballot(2, "B"), 0b0111))
    assert (one_vote(once).verdict, accountability(once).verdict) == ("pass", "pass")
    liar = with_votes((Ballot(1, "A"), 0b1011), (Ballot(1, "B"), 0b1100))
    assert (one_vote(liar).verdict, accountability(liar).verdict) == ("pass", "pass")
    assert "1 convicted" in accountability(liar).evidence
    honest = with_votes((Ballot(1, "A"), 0b0011), (Ballot(1, "B"), 0b1010))
    assert (one_vote(honest).verdict, accountability(honest).verdict) == ("fail", "fail")
    assert "seat 1" in one_vote(honest).evidence
    assert one_vote(with_votes((Loose(1, "A"), 1), (Loose(1, "B"), 1))).verdict == "pass"
    assert one_vote(with_votes()).verdict == "unknown"


def test_a_break_of_agreement_convicts_more_than_the_bound() -> None:
    report = played(**enemy("equivocate", 2))
    assert verdicts(report)["agreement"] == "fail"
    assert verdicts(report)["accountability"] == "pass"
    told = next(one["evidence"] for one in report.to_dict()["checks"] if one["name"] == "accountability")
    assert "2 convicted" in told
