"""Clients outside the replicas: what they cost, how much later they know, and whom they believe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from worlds import agreeing

import sim
from sim.consensus.service import Reply
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.node.surroundings import Surroundings
from sim.study.report import Report
from sim.study.scenario import Corruption, Scenario


def asked(by: dict[str, Any], replicas: int = 4, duration: str = "30 s", patience: str = "500 s", **more: Any) -> Scenario:
    """One client beside some replicas asks for something after 20 s; delays of 1 s."""
    load = {"kind": "synthetic", "rate": 0.05, "arrivals": "steady", "submitters": [f"seat-{replicas}"]}
    consensus = {"by": {"patience": "500 s", **by}, "patience": patience}
    return agreeing("service", replicas + 1, duration, consensus=consensus, workload=[load], **more)


def told_s(report: Report, client: int) -> list[float]:
    """Seconds from asking to believing."""
    asks = [row[0] for row in report.evidence.trace if row[1] == "submit"]
    return [(row[0] - asks[0]) / 1e9 for row in report.evidence.trace if row[1] == "decide" and row[2] == client]


@pytest.mark.parametrize(("kind", "after"), [("pbft", 5), ("hotstuff", 9)])
def test_a_client_asks_one_and_hears_from_all(kind: str, after: int) -> None:
    """A delay to ask and one to be told, around three of PBFT or seven of HotStuff; one request, an answer from each replica."""
    report = sim.run(asked({"kind": kind}, 4))
    assert told_s(report, 4) == [after]
    kinds = {kind: copies for kind, (copies, _) in report.evidence.by_kind.items()}
    assert (kinds["Request"], kinds["Reply"], kinds["Missed"]) == (1, 4, 0)
    assert kind != "pbft" or sum(kinds.values()) == 2 * 4 * 3 + 1 + 4


@pytest.mark.parametrize(("submitter", "after"), [(0, 3), (1, 4), (3, 4)])
def test_a_replicas_own_people_ask_whose_turn_it_is(submitter: int, after: int) -> None:
    """Seat 0 leads the first slot and asks itself; the others need a delay to ask it, and do not wait until their own replica leads."""
    load = {"kind": "synthetic", "rate": 0.05, "arrivals": "steady", "submitters": [f"seat-{submitter}"]}
    report = sim.run(asked({"kind": "pbft"}, 4).but(workload=[load]))
    assert told_s(report, submitter) == [after]


def test_asking_all_costs_more_requests_and_waits_for_nobodys_turn() -> None:
    """Two requests are ordered within ten seconds each although turns and views part ways after the silent first leader."""
    load = {"kind": "synthetic", "rate": 0.05, "arrivals": "steady", "submitters": ["seat-4"]}
    waited = {}
    for ask in ("one", "all"):
        terms = {"by": {"kind": "pbft", "patience": "50 s"}, "patience": "30 s", "ask": ask}
        quiet = [{"kind": "silent", "seats": ["seat-1"]}]
        report = sim.run(agreeing("service", 5, "200 s", consensus=terms, workload=[load], adversary=quiet))
        waited[ask] = report.to_dict()["workload"][0]["finality_s"]["mean"]
        assert report.evidence.by_kind["Request"][0] >= (4 if ask == "all" else 1) * 9
    assert waited["all"] < waited["one"]


def test_who_leads_out_of_turn_is_found_by_asking_all() -> None:
    """Chained HotStuff leads by views, makes blocks of nothing meanwhile, and the first replica leads only now and then."""
    terms = {"by": {"kind": "jolteon", "patience": "20 s"}, "patience": "6 s", "idle": True}
    load = {"kind": "synthetic", "rate": 0.1, "arrivals": "steady", "submitters": ["seat-4"]}
    report = sim.run(agreeing("service", 5, "60 s", consensus=terms, workload=[load]))
    assert report.ok() and report.to_dict()["workload"][0]["final"] >= 4


@part
class Forge:
    """Answer with another block than the one agreed on."""

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Bend answers alone."""
        society = world.society

        def forging(to: int, said: Any) -> Iterator[tuple[int, Any]]:
            if isinstance(said, Reply):
                twin = society.blocks[said.digest].twin()
                if twin.digest not in society.blocks:
                    society.blocks[twin.digest] = twin
                    society.trace.record("publish", seats[0], twin.digest, twin.size_bytes, "block")
                said = replace(said, digest=twin.digest)
            yield to, said

        return world.bend(dict.fromkeys(seats, forging))


@pytest.mark.parametrize(("liars", "fooled"), [(1, False), (2, True)])
def test_one_answer_is_not_believed_and_f_more_than_that_are(liars: int, fooled: bool) -> None:
    forgers = Corruption(part=Forge(), seats=tuple(f"seat-{seat}" for seat in range(liars)))
    report = sim.run(asked({"kind": "pbft"}).but(adversary=(forgers,)))
    verdicts = {check["name"]: check["verdict"] for check in report.to_dict()["checks"]}
    assert told_s(report, 4) == [5]
    assert (verdicts["agreement"] == "fail") is fooled


def test_what_was_missed_is_asked_for_again() -> None:
    """The client is down while its request is answered, and learns the order when it is back and asks for something else."""
    down = [{"kind": "crash", "seats": ["seat-4"], "at": "21 s", "lasts": "10 s"}]
    scenario = asked({"kind": "pbft"}, duration="80 s", patience="5 s", fault=down)
    report = sim.run(scenario)
    assert len([row for row in report.evidence.trace if row[1] == "decide" and row[2] == 4]) >= 2


@pytest.mark.parametrize(
    ("consensus", "path"),
    [
        ({"by": {"kind": "nakamoto"}}, "consensus.by"),
        ({"replicas": 5}, "consensus.replicas"),
        ({"replicas": 0}, "consensus.replicas"),
        ({"patience": "1 us"}, "consensus.patience"),
    ],
)
def test_bad_terms(consensus: dict[str, Any], path: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        sim.run(agreeing("service", 5, consensus=consensus))
    assert str(caught.value).startswith(path)
