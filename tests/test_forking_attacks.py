"""Attacks on chains that fork: each must do its harm where theory says so, and none where it says so."""

from __future__ import annotations

from typing import Any

import pytest

import sim
from sim.kernel.errors import ScenarioError
from sim.study.metrics_rows import read
from sim.study.read import from_dict
from sim.study.report import Report


def mined(pool: float, attack: bool, seats: int = 1, bodies: str = "attached") -> Report:
    """Ten days of ten-minute blocks among six; the pool's power lies in its first seats."""
    power = {f"seat-{seat}": pool / seats if seat < seats else (1 - pool) / (6 - seats) for seat in range(6)}
    names = [f"seat-{seat}" for seat in range(seats)]
    tables: dict[str, Any] = {
        "duration": "240 h",
        "topology": {"kind": "complete", "seats": 6},
        "gossip": {"kind": "flood"},
        "link": {"latency": {"kind": "constant", "value": "10 ms"}},
        "consensus": {"kind": "nakamoto", "bodies": bodies, "block_interval": "10 min", "power": power},
    }
    if attack:
        tables["adversary"] = [{"kind": "selfish", "seats": names}]
    return sim.run(from_dict(tables), 3)


def share(report: Report, seats: int = 1) -> float:
    """The first seats' share of the decided blocks."""
    chain = read(report.evidence).chain
    return sum(report.evidence.blocks[digest].proposer < seats for _, digest in chain) / len(chain)


def test_a_large_pool_gains_by_secrecy_and_a_small_one_loses() -> None:
    """The threshold is a third where nobody helps the pool in a tie."""
    assert share(mined(0.42, True)) > share(mined(0.42, False)) + 0.05
    assert share(mined(0.2, True)) < share(mined(0.2, False)) - 0.02


@pytest.mark.parametrize("bodies", ["attached", "gossip"])
def test_a_pool_of_several_seats_is_as_strong_as_one(bodies: str) -> None:
    several = mined(0.42, True, 3, bodies)
    assert share(several, 3) > 0.46
    table = several.to_dict()["consensus"]
    assert table["reverted"] > 0 and table["stale_rate"] > 0.3
    assert {check["name"]: check["verdict"] for check in several.to_dict()["checks"]}["integrity"] == "pass"


def test_secrecy_needs_a_chain_that_forks() -> None:
    tables = {
        "duration": "1 s",
        "topology": {"kind": "complete", "seats": 4},
        "consensus": {"kind": "pbft"},
        "adversary": [{"kind": "selfish", "seats": 1}],
    }
    with pytest.raises(ScenarioError, match="cannot be mined in secret"):
        sim.run(from_dict(tables))


def from_the_hub(late: bool) -> float:
    """What a quarter of the power earns at the centre of a star of five, with others' blocks passed on late or at once."""
    power = {"seat-0": 0.25, **{f"seat-{seat}": 0.1875 for seat in range(1, 5)}}
    tables: dict[str, Any] = {
        "duration": "200 h",
        "topology": {"kind": "star", "seats": 5},
        "gossip": {"kind": "flood"},
        "link": {"latency": {"kind": "constant", "value": "10 ms"}},
        "consensus": {"kind": "nakamoto", "block_interval": "10 min", "power": power},
        "adversary": [{"kind": "selfish", "seats": 1}, {"kind": "delay", "seats": 1, "by": "1 s"}],
    }
    tables["adversary"] = [{**one, "seats": ["seat-0"]} for one in tables["adversary"]][: 2 if late else 1]
    return share(sim.run(from_dict(tables), 3))


def test_the_place_in_the_network_is_worth_as_much_as_power() -> None:
    """From the hub all but the finder hear the pool first: g = 3/4, and a quarter earns 28 % where it would earn 20 %."""
    assert from_the_hub(late=True) > 0.25 > from_the_hub(late=False) + 0.01
