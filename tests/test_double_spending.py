"""Paying twice: as often as the closed form says, seen by the merchant's own node, and never where few have the power or patience is long."""

from __future__ import annotations

import math
from typing import Any

import pytest

import sim
from sim.kernel.errors import ScenarioError
from sim.study.read import from_dict
from sim.study.report import Report
from sim.study.validation.spending import rosenfeld


def robbed(share: float, confirmations: int, seats: int = 1, blocks: int = 1500, **more: Any) -> Report:
    """Honest miners of equal power and a pool; the merchant's node holds for decided what has as many confirmations as he wants."""
    power = {f"seat-{seat}": share / seats if seat < seats else (1 - share) / 3 for seat in range(seats + 3)}
    tables = {
        "duration": f"{10 * blocks} s",
        "topology": {"kind": "complete", "seats": seats + 3},
        "link": {"latency": {"kind": "constant", "value": "1 ms"}},
        "consensus": {
            **{"kind": "nakamoto", "bodies": "attached", "block_interval": "10 s", "power": power},
            **{"depth": max(0, confirmations - 1), **more.pop("consensus", {})},
        },
        "adversary": [{"kind": "double-spend", "seats": [f"seat-{seat}" for seat in range(seats)], **{"give_up": 20, **more}}],
    }
    tables["adversary"][0]["confirmations"] = confirmations
    return sim.run(from_dict(tables), 5)


def spent(report: Report) -> tuple[int, float]:
    """(attempts, share that came off)."""
    table = report.to_dict()["consensus"]["double_spends"]
    return table["tried"], table["won_share"]


def test_the_closed_form_is_rosenfelds_table() -> None:
    """His table 1: success in percent for a share q and n confirmations."""
    for share, confirmations, percent in ((0.1, 1, 20.0), (0.1, 2, 5.6), (0.1, 6, 0.0591), (0.3, 4, 25.207), (0.3, 6, 15.645)):
        assert 100 * rosenfeld(share, confirmations) == pytest.approx(percent, abs=5e-3)


@pytest.mark.parametrize(("share", "confirmations", "seats"), [(0.3, 2, 1), (0.3, 2, 2), (0.4, 5, 1)])
def test_as_often_as_the_closed_form_says(share: float, confirmations: int, seats: int) -> None:
    tried, won = spent(robbed(share, confirmations, seats))
    expected = rosenfeld(share, confirmations)
    assert won == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / tried)) and tried > 25


def test_the_merchants_node_takes_back_what_it_had_decided_at_each_success() -> None:
    report = robbed(0.3, 3)
    tried, won = spent(report)
    notes = [row for row in report.evidence.trace if row[1] == "note" and row[2] == 3 and row[3] == "reorganised"]
    assert sum(row[4]["left"] >= 3 for row in notes) == round(tried * won) > 0
    checks = {check["name"]: check["verdict"] for check in report.to_dict()["checks"]}
    assert report.to_dict()["consensus"]["reverted"] > 0 and checks["integrity"] == checks["agreement"] == "pass"


def test_a_small_pool_and_a_patient_merchant_lose_nothing() -> None:
    report = robbed(0.1, 10)
    assert spent(report)[1] == 0 and spent(report)[0] > 20
    assert report.to_dict()["consensus"]["reverted"] == 0


def test_an_impatient_pool_tries_more_often() -> None:
    assert spent(robbed(0.4, 2, give_up=3, blocks=600))[0] > 1.2 * spent(robbed(0.4, 2, blocks=600))[0]


@pytest.mark.parametrize(
    ("keys", "told"),
    [({"confirmations": 0}, "without a confirmation"), ({"give_up": 2}, "give_up: must be more than the 2 confirmations")],
)
def test_senseless_terms_are_refused(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(ScenarioError, match=told):
        robbed(0.3, keys.pop("confirmations", 2), **keys)


def test_it_needs_a_chain_that_forks() -> None:
    with pytest.raises(ScenarioError, match="cannot be mined in secret"):
        sim.run(
            from_dict(
                {
                    "duration": "1 s",
                    "topology": {"kind": "complete", "seats": 4},
                    "consensus": {"kind": "pbft"},
                    "adversary": [{"kind": "double-spend", "seats": 1}],
                }
            )
        )
