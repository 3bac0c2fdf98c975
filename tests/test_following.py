"""Chains that seats follow without being woken: the same run to the last bit, with the wakings left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from handmade import Clock

import sim
from sim.adversary.equivocate import Equivocate
from sim.consensus.forking.forest import NewBlock
from sim.consensus.nakamoto import Nakamoto
from sim.kernel import trace as kernel_trace
from sim.kernel.part import part
from sim.kernel.trace import Trace
from sim.ledger.block import GENESIS, Block
from sim.node.inbox import Inbox
from sim.node.society import Society
from sim.study.read import from_dict
from sim.study.report import Report
from sim.study.scenario import Corruption
from sim.study.sequence import distinct
from sim.testing import Stage, fingerprint

FIRST = [f"seat-{place:02}" for place in range(4)]
CUT = {"kind": "partition", "at": "60 s", "lasts": "120 s", "groups": [FIRST]}
SCENES: dict[str, dict[str, Any]] = {
    "everything at the same instants": {"consensus": {"kind": "nakamoto", "block_interval": "4 s", "depth": 2}},
    "cut in two": {"consensus": {"kind": "ghost", "block_interval": "6 s", "depth": 2}, "fault": [CUT]},
    "crashes": {
        "consensus": {"kind": "nakamoto", "block_interval": "6 s", "depth": 2},
        "fault": [{"kind": "crash", "seats": 4, "at": "60 s", "lasts": "90 s"}],
    },
    "a pool in secret": {
        "consensus": {"kind": "nakamoto", "block_interval": "6 s", "depth": 2, "bodies": "attached"},
        "adversary": [{"kind": "selfish", "seats": 4}],
    },
    "a load": {"consensus": {"kind": "praos", "active": 0.3, "depth": 3}, "workload": [{"kind": "synthetic", "rate": 0.5}]},
    "few authorities": {"consensus": {"kind": "clique", "block_interval": "3 s", "signers": FIRST}},
    "steps, and a key in two places": {
        "consensus": {"kind": "aura", "step": "3 s"},
        "adversary": [{"kind": "clone", "seats": 2, "at": "30 s", "lasts": "150 s"}],
        "fault": [CUT],
    },
}
WEATHER = ({"kind": "constant", "value": "1 s"}, {"kind": "lognormal", "median": "800 ms", "sigma": 0.5})


def played(scene: str, latency: dict[str, Any]) -> Report:
    """A scene over twelve seats."""
    tables = {
        "duration": "240 s",
        "topology": {"kind": "complete", "seats": 12},
        "gossip": {"kind": "flood"},
        "link": {"latency": latency},
        **SCENES[scene],
    }
    return sim.run(from_dict(tables), 3)


@pytest.mark.parametrize("latency", WEATHER, ids=["constant", "lognormal"])
@pytest.mark.parametrize("scene", SCENES)
def test_the_run_is_the_same_as_where_every_block_wakes_everybody(
    scene: str, latency: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    woken = [0]
    put = Inbox.put

    def counted(self: Inbox, sender: int, said: Any) -> None:
        woken[0] += isinstance(said, NewBlock)
        put(self, sender, said)

    monkeypatch.setattr(Inbox, "put", counted)
    quiet = played(scene, latency)
    told_quiet, woken[0] = woken[0], 0
    monkeypatch.setattr(Society, "is_hurried", lambda _: True)
    loud = played(scene, latency)
    assert fingerprint(quiet) == fingerprint(loud)
    assert quiet.to_dict()["consensus"] == loud.to_dict()["consensus"] and quiet.to_dict()["checks"] == loud.to_dict()["checks"]
    assert quiet.to_dict()["consensus"]["decided"] > 10
    if scene == "few authorities" and latency["kind"] == "constant":
        return  # an authority, who must act, is woken at each of the instants, and then everybody is, in order
    assert told_quiet < 0.8 * woken[0], "nobody was spared a waking"


class Eager:
    """An adversary that wants to hear of every decision at its instant, and does something then: half through the run."""

    def __init__(self) -> None:
        self.late_ns: list[int] = []

    def corrupt(self, seats: Any, world: Any) -> Any:
        """Listen."""
        loop = world.society.loop
        world.society.trace.subscribe("decide", lambda time_ns, seat, slot, digest: self.late_ns.append(loop.now_ns - time_ns))
        return lambda: None


def test_who_must_act_at_the_instant_of_a_decision_is_told_then() -> None:
    stage = Stage(Nakamoto(depth=0))
    eager = Eager()
    stage.loop.call_at_ns(1, eager.corrupt, (), type("World", (), {"society": stage.society}))
    parent = GENESIS
    for height in range(1, 6):
        block = Block.of(parent, height, 1, height)
        stage.society.nature.setdefault("work", {})[block.digest] = None
        stage.publish(1, block)
        stage.deliver(1, NewBlock(block.digest))
        stage.advance(10**9)
        parent = block.digest
    assert len(eager.late_ns) >= 4 and not any(eager.late_ns)


@part
class Forger(Equivocate):
    """Shows half of the others second blocks that no work stands behind."""


def test_a_bad_block_is_not_gone_along_with() -> None:
    """A liar's block is judged by everybody: that one seat has seen it vouches for nothing."""
    tables = {
        "duration": "60 s",
        "topology": {"kind": "complete", "seats": 4},
        "consensus": {"kind": "nakamoto", "block_interval": "4 s", "depth": 2},
    }
    report = sim.run(from_dict(tables).but(adversary=(Corruption(part=Forger(), seats=("seat-1",)),)), 1)
    bad = {row[4]["digest"] for row in report.evidence.trace.of("note") if row[3] == "bad-block"}
    assert bad and not bad & {row[4] for row in report.evidence.trace.of("decide")}
    assert report.to_dict()["consensus"]["decided"] > 0


def test_many_rows_at_once_are_the_rows_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_trace, "_KEPT_ROWS", 5_000)
    clock = Clock()
    one, many = Trace(clock), Trace(clock)
    heard: list[list[Any]] = [[], []]
    for trace, rows in zip((one, many), heard, strict=True):
        trace.subscribe("decide", lambda *row, rows=rows: rows.append(row))
    for turn in range(30):
        times, seats = np.arange(turn * 1000, turn * 1000 + 700), np.arange(700)
        names = [f"block '{turn}' {place // 300}" for place in range(700)]
        clock.now_ns = turn * 1000 + 999
        for time_ns, seat, name in zip(times.tolist(), seats.tolist(), names, strict=True):
            one.record("decide", seat, turn, name, at_ns=time_ns)
        many.record_many("decide", times, seats, np.full(700, turn), names)
        for trace in (one, many):
            trace.record("note", 0, "a remark", {"turn": turn})
    assert many.digest() == one.digest() and len(many) == len(one) == 30 * 701
    assert list(many) == list(one) and heard[0] == heard[1]


def test_distinct_is_what_sorting_finds() -> None:
    draws = np.random.default_rng(1)
    for values in (draws.integers(-50, 50, 1000), draws.integers(0, 10**15, 100), np.array([7]), np.zeros(0, np.int64)):
        found = distinct(values.astype(np.int64))
        kinds, first, which = np.unique(values, return_index=True, return_inverse=True)
        for mine, theirs in zip(found, (kinds, first, which.ravel()), strict=True):
            assert np.array_equal(mine, theirs)
