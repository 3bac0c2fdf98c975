"""Overlays of dialled links and of tossed coins: counts by closed form, quotas as published, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.net.erdos_renyi import ErdosRenyi
from sim.net.outbound import Outbound, law_quotas

SHAPES = [
    Outbound(seats=60, links=3),
    Outbound(seats=60, links=3, fresh=True),
    Outbound(seats={"EUROPE": 50, "JAPAN": 30}, law="litecoin", fresh=True, matrix="simblock-2015"),
    ErdosRenyi(seats=60),
]


@pytest.mark.parametrize("shape", SHAPES, ids=repr)
def test_simple_connected_and_keyed(shape: Outbound | ErdosRenyi) -> None:
    one, again, other = (shape.build(Dice(seed)) for seed in (3, 3, 4))
    assert (one.neighbours == again.neighbours).all()
    assert one.neighbours.tolist() != other.neighbours.tolist()
    for seat in range(one.n):
        others = one.neighbours_of(seat).tolist()
        assert others == sorted(set(others) - {seat})
    assert (one.hops_from(0) >= 0).all()


def test_links_dialled_twice_are_one_unless_passed_over() -> None:
    """Of n k dialled links, k k / 2 (n / (n - 1)) pairs dial each other; passing over leaves none."""
    n, k = 200, 8
    merged = [n * k - Outbound(seats=n, links=k).build(Dice(seed)).links for seed in range(60)]
    expected = n * k * k / (2 * (n - 1))
    assert abs(np.mean(merged) - expected) <= 4 * np.std(merged, ddof=1) / math.sqrt(len(merged))
    assert Outbound(seats=n, links=k, fresh=True).build(Dice(1)).links == n * k


def test_everybody_is_dialled_equally_often() -> None:
    counts = np.zeros(40)
    for seed in range(200):
        counts += Outbound(seats=40, links=4, fresh=False).build(Dice(seed)).degrees
    mean = counts.mean()
    assert np.abs(counts - mean).max() <= 5 * math.sqrt(mean)


def test_laws_are_dealt_as_published() -> None:
    """SimBlock's tables: half of Litecoin's seats dial at most 10, Dogecoin's dial 8 but for the one of its quota of 1."""
    litecoin, dogecoin = law_quotas("litecoin", 800), law_quotas("dogecoin", 600)
    assert abs((litecoin <= 10).mean() - 0.5) <= 1 / 400
    assert (litecoin.min(), litecoin.max(), len(litecoin)) == (1, 20, 800)
    assert np.bincount(dogecoin).tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 599]


def test_coins_are_fair() -> None:
    n, degree = 300, 12.0
    links = [ErdosRenyi(seats=n, degree=degree).build(Dice(seed)).links for seed in range(40)]
    assert abs(np.mean(links) - n * degree / 2) <= 4 * math.sqrt(n * degree / 2 / 40)


def test_regions_keep_their_delays() -> None:
    topology = Outbound(seats={"EUROPE": 50, "JAPAN": 30}, matrix="simblock-2015").build(Dice(1))
    assert topology.base_ns is not None
    assert topology.base_ns.tolist() == [[12_000_000, 266_000_000], [266_000_000, 9_000_000]]
    assert [topology.regions[seat] for seat in (0, 49, 50, 79)] == ["EUROPE", "EUROPE", "JAPAN", "JAPAN"]


@pytest.mark.parametrize(
    ("make", "key", "why"),
    [
        (lambda: Outbound(seats=9, links=0), "links", "at least 1"),
        (lambda: Outbound(seats=9, links=3, law="litecoin"), "links", "not both"),
        (lambda: Outbound(seats=9, matrix="aws-2025"), "matrix", "per region"),
        (lambda: Outbound(seats=9, links=9).build(Dice(1)), "links", "impossible"),
        (lambda: Outbound(seats=9, law="litecoin").build(Dice(1)), "links", "impossible"),
        (lambda: ErdosRenyi(seats=9, degree=9.0).build(Dice(1)), "degree", "impossible"),
        (lambda: ErdosRenyi(seats=300, degree=1.0, redraw=False).build(Dice(1)), "degree", "not connected"),
    ],
)
def test_refusals(make: object, key: str, why: str) -> None:
    with pytest.raises(ScenarioError, match=why) as caught:
        make()  # type: ignore[operator]
    assert caught.value.path == key
