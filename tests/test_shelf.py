"""Rows of shares that nothing can ask for are given up: nobody can tell, and a run of many slots stays small."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sim
from sim.availability.blobs import Blobs
from sim.study.build import build
from sim.study.read import from_dict
from sim.testing import fingerprint

SCHEMES: dict[str, dict[str, Any]] = {
    "custody": {"kind": "custody", "columns": 32, "enough": 16, "blob": "200 kB", "custody": 2, "samples": 4, "supernodes": 2},
    "grid": {"kind": "grid", "side": 16, "heavy": 3, "heavy_validators": 100, "turns": 3, "patience": "300 ms"},
    "sampling": {"kind": "sampling", "side": 16, "servers": 3, "samples": 8, "blob": "100 kB"},
    "certificate": {"kind": "certificate", "blob": "100 kB"},
}
LATE = {
    "gossip": {"kind": "push-pull", "sync": "2 s"},
    "fault": [{"kind": "partition", "at": "10 s", "lasts": "27 s", "groups": [["seat-07", "seat-08"]]}],
}


def slots(scheme: str, **more: Any) -> sim.Scenario:
    """Eight blocks, six seconds apart, with data behind them, on lossy links; the publisher keeps a little back."""
    tables: dict[str, Any] = {
        "duration": "60 s",
        "topology": {"kind": "random-regular", "seats": 24, "degree": 6},
        "link": {"latency": {"kind": "exponential", "mean": "30 ms"}, "loss": "3 %"},
        "gossip": {"kind": "flood"},
        "availability": SCHEMES[scheme],
        "workload": [{"kind": "rumour", "size": "1 kB", "count": 8, "every": "6 s", "origin": "seat-00"}],
    }
    return from_dict(tables | more)


def never(self: Blobs) -> None:
    """In place of giving up."""


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nobody_can_tell(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    small = sim.run(slots(scheme))
    with monkeypatch.context() as patch:
        patch.setattr(Blobs, "_give_up", never)
        large = sim.run(slots(scheme))
    assert fingerprint(small) == fingerprint(large)
    for one, other in zip(small.evidence.shared, large.evidence.shared, strict=True):
        assert one.held_bytes == other.held_bytes > 0 and one.rebuildable_ns == other.rebuildable_ns
        assert np.array_equal(one.first_ns, other.first_ns) and np.array_equal(one.accepted_ns, other.accepted_ns)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_eight_slots_take_the_rows_of_two(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = build(slots(scheme), 1)
    world.loop.run(world.scenario.duration)
    behind = world.society.behind
    assert isinstance(behind, Blobs)
    block = next(iter(behind._wholes.values())).count
    rest = 8 * 4 + 1  # of each slot the block, the whole, the verdict, the proof of fraud; one row for what is given up
    assert world.network.rows == rest + block * (world.network.rows - rest) // block
    assert block <= world.network.rows - rest <= 2 * block
    with monkeypatch.context() as patch:
        patch.setattr(Blobs, "_give_up", never)
        world = build(slots(scheme), 1)
        world.loop.run(world.scenario.duration)
        assert world.network.rows == rest - 1 + 8 * block


@pytest.mark.parametrize("scheme", ["custody", "grid", "sampling"])
def test_who_comes_late_is_served(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two seats are cut off for four slots; what was given up meanwhile is put back when they come by the blocks."""
    taken: list[str] = []
    usual = Blobs._take_back

    def noted(self: Blobs, digest: str, item: int) -> None:
        taken.append(digest)
        usual(self, digest, item)

    monkeypatch.setattr(Blobs, "_take_back", noted)
    small = sim.run(slots(scheme, **LATE))
    monkeypatch.setattr(Blobs, "_give_up", never)
    before = list(taken)
    large = sim.run(slots(scheme, **LATE))
    assert len(before) >= 3 and taken == before, "the others were still kept, or never missed"
    for one, other in zip(small.evidence.shared, large.evidence.shared, strict=True):
        late = one.accepted_ns[[7, 8]]
        assert (late >= 0).all()
        assert np.array_equal(one.accepted_ns >= 0, other.accepted_ns >= 0)
        assert one.held_bytes == other.held_bytes and one.rebuildable_ns == other.rebuildable_ns
    cut = small.evidence.shared[2].accepted_ns
    assert cut[7] > 37_000_000_000 > cut[6]
