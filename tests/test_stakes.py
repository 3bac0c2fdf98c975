"""Seats that an adversary holds by what they have at stake: `seats = "20 % of stake"`."""

from __future__ import annotations

from typing import Any

import pytest

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.study.build import topology_of
from sim.study.held import check_seats, seats_held
from sim.study.read import from_dict

STAKES = {"seat-0": 30, "seat-1": 20, "seat-2": 10, **{f"seat-{seat}": 5 for seat in range(3, 10)}}
PRAOS = {"consensus": {"kind": "praos", "stake": STAKES}}
ROTOR = {"gossip": {"kind": "rotor", "stake": STAKES}, "consensus": {"kind": "qbft"}}
POWER = {"consensus": {"kind": "nakamoto", "power": STAKES}}


def held(seats: str, tables: dict[str, Any], seed: int = 1) -> tuple[int, ...]:
    scenario = from_dict(
        {
            "duration": "10 s",
            "topology": {"kind": "complete", "seats": 10},
            "adversary": [{"kind": "silent", "seats": seats}],
            **tables,
        }
    )
    dice = Dice(seed)
    topology = topology_of(scenario, dice)
    check_seats(scenario, topology, dice)
    return seats_held(scenario, 0, topology, dice)


@pytest.mark.parametrize("tables", [PRAOS, ROTOR, POWER])
@pytest.mark.parametrize("percent", [6, 20, 33, 70])
def test_together_they_have_no_more_than_the_share_and_no_other_would_fit(tables: dict[str, Any], percent: int) -> None:
    stake = list(STAKES.values())
    chosen = {held(f"{percent} % of stake", tables, seed) for seed in range(1, 30)}
    assert len(chosen) > 3, "drawn anew with each seed"
    for seats in chosen:
        weight = sum(stake[seat] for seat in seats)
        assert weight <= percent / 100 * sum(stake)
        assert all(weight + stake[seat] > percent / 100 * sum(stake) for seat in range(10) if seat not in seats)


def test_all_none_and_seats_that_are_alike() -> None:
    assert held("100 % of power", POWER) == tuple(range(10))
    assert held("0 % of stake", PRAOS) == ()
    assert len(held("30% of stake", {"consensus": {"kind": "qbft"}})) == 3
    assert held("40 % of power", {"consensus": {"kind": "nakamoto", "power": {"seat-0": 0.4, "seat-1": 0.6}}}) == (0,)


@pytest.mark.parametrize(
    ("seats", "tables", "said"),
    [
        ("1 % of stake", PRAOS, r"^adversary\[0\]\.seats: even the seat with least has 5\.2.* % of the whole; write more$"),
        ("120 % of stake", PRAOS, r"^adversary\[0\]\.seats: '120 %' is more than the whole"),
        ("some of stake", PRAOS, r"^adversary\[0\]\.seats: 'some' is no share"),
        ("20 % of luck", PRAOS, r"^adversary\[0\]\.seats: no seat is called '20 % of luck'"),
        (
            "20 % of stake",
            {"consensus": {"kind": "praos", "stake": {"mars": 1}}},
            r"^consensus\.stake\.mars: no seat is called 'mars'",
        ),
        ("20 % of stake", {"gossip": {"kind": "turbine", "stake": {"mars": 1}}}, r"^gossip\.stake\.mars: no seat is called 'mars'"),
    ],
)
def test_what_is_no_share_of_a_stake_is_refused(seats: str, tables: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        held(seats, tables)
