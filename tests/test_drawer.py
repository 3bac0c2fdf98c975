"""Records at rest give their rows away: nobody can tell, and a long run takes the rows of what is under way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sim
from sim.net import drawer
from sim.net.drawer import Drawer
from sim.study.build import build, clear_up
from sim.study.read import from_dict
from sim.testing import fingerprint

WAYS: dict[str, dict[str, Any]] = {
    "flood": {"gossip": {"kind": "flood"}},
    "announce": {"gossip": {"kind": "announce"}},
    "push-pull": {"gossip": {"kind": "push-pull", "sync": "2 s"}},
    "slow": {"seat": {"up": "2 Mbit/s", "down": "2 Mbit/s", "lane": "4 kB", "cores": 1}},
    "lossy": {"link": {"latency": {"kind": "exponential", "mean": "30 ms"}, "loss": "10 %"}},
    "shares": {"availability": {"kind": "erasure", "pieces": 9, "enough": 6}},
}


def clinics(**more: Any) -> sim.Scenario:
    """Records sent, read, asked for again and altered, at seats of which two crash."""
    tables: dict[str, Any] = {
        "duration": "60 s",
        "topology": {"kind": "regions", "seats": {"north": 7, "south": 7, "west": 7}, "degree": 4},
        "link": {"latency": {"kind": "exponential", "mean": "30 ms"}},
        "consensus": {"kind": "qbft", "block_interval": "1 s"},
        "workload": [{"kind": "ehr", "scale": 30.0}],
        "adversary": [{"kind": "tamper", "seats": ["north-0"]}],
        "fault": [{"kind": "crash", "seats": ["south-1", "west-2"], "at": "20 s", "lasts": "15 s"}],
    }
    return from_dict(tables | more)


@pytest.mark.parametrize("way", WAYS)
def test_nobody_can_tell(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = sim.run(clinics(**WAYS[way]))
    monkeypatch.setattr(drawer, "FEWEST", 8)
    put_away = sim.run(clinics(**WAYS[way]))
    assert fingerprint(put_away) == fingerprint(kept)
    one, other = put_away.to_dict(), kept.to_dict()
    assert one["gossip"]["by_kind"] == other["gossip"]["by_kind"]


def test_a_record_named_again_is_as_it_was() -> None:
    world = build(clinics(), 1)
    world.loop.run(30_000_000_000)
    network, mine = world.network, Drawer(world.network)
    names = [str(name) for name, family in zip(network.item_names, network.families, strict=True) if family == "record"]
    items = [mine.item(name) for name in names]
    before = {table: getattr(network.world, table)[network.world.items["row"][items]].copy() for table in drawer.REST}
    mine._tidy()
    assert not mine.away, "orders given at this instant may still be on their way to the core"
    world.loop.run(60_000_000_000)
    mine._tidy()
    assert len(mine.away) == len(names) > 50 and len(set(network.spare_rows)) >= len(names)
    arrived = np.array([mine.arrival_ns(item) for item in items])
    assert [mine.item(name) for name in names] == items
    for table, cells in before.items():
        now = getattr(network.world, table)[network.world.items["row"][items]]
        assert (now >= cells).all(), "what came since is there too"
    assert np.array_equal(arrived, network.world.arrival[network.world.items["row"][items]])
    clear_up(world)


def test_a_long_run_takes_the_rows_of_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawer, "FEWEST", 8)
    world = build(clinics(), 1)
    world.loop.run(world.scenario.duration)
    records = world.network.families.count("record")
    others = len(world.network.families) - records
    assert records > 100 and world.network.rows - others < records / 3
    clear_up(world)
