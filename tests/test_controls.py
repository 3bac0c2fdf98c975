"""Positive controls: every check must be seen to fail where the protocol's assumptions are broken, and to name the event."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import agreeing

import sim
from sim.consensus.pbft import PBFT
from sim.kernel.part import part
from sim.net.topologies import Complete
from sim.study.report import Report
from sim.study.scenario import Consensus


def verdict(report: Report, name: str) -> dict[str, Any]:
    (found,) = [one for one in report.to_dict()["checks"] if one["name"] == name]
    return found


def liars(count: int, n: int = 4) -> list[dict[str, Any]]:
    from sim.kernel.dice import Dice

    names = Complete(seats=n).build(Dice(1)).names
    return [{"kind": "equivocate", "seats": list(names[:count])}]


@pytest.mark.parametrize("kind", ["pbft", "qbft"])
def test_f_plus_one_equivocators_break_agreement(kind: str) -> None:
    """V58, n = 4: two liars convince one honest node of each block."""
    report = sim.run(agreeing(kind, 4, "20 s", consensus={"patience": "100 s"}, adversary=liars(2)))
    found = verdict(report, "agreement")
    assert found["verdict"] == "fail"
    assert "slot 0" in found["evidence"]
    assert not report.ok()
    assert "--seed" in report.text()


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
    failed = 0
    for name in range(5):
        from sim.kernel.dice import Dice

        names = Complete(seats=5).build(Dice(1)).names
        lying = [{"kind": "equivocate", "seats": [names[name]]}]
        report = sim.run(agreeing("raft", 5, "60 s", consensus={"election_timeout": "10 s", "heartbeat": "3 s"}, adversary=lying))
        failed += verdict(report, "agreement")["verdict"] == "fail"
    assert failed == 1, "only the server that is elected can lie to the others"


@part
class TooFew(PBFT):
    """PBFT with a planted bug: a quorum of 2f."""

    async def run(self, node: Any) -> None:
        """Count one vote too few everywhere."""
        node.quorum_size = 2 * node.f
        await PBFT.run(self, node)


def test_a_planted_quorum_of_2f_is_caught() -> None:
    honest = agreeing("pbft", 7, "40 s", consensus={"patience": "8 s"}, adversary=liars(2, 7))
    assert verdict(sim.run(honest), "agreement")["verdict"] == "pass"
    broken = honest.but(consensus=Consensus(protocol=TooFew(patience="100 s"), bodies="attached"))
    assert verdict(sim.run(broken), "agreement")["verdict"] == "fail"
