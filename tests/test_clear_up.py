"""A finished run leaves no circles: its memory goes back at once, without the collector's help, however many runs follow."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest

import sim
from sim.study.build import build, clear_up
from sim.study.checks import check
from sim.study.run import turn
from sim.study.witness import evidence_of

SCENARIOS = Path(__file__).parent.parent / "scenarios"


def played(name: str) -> dict[str, weakref.ref[object]]:
    world = build(sim.load(SCENARIOS / f"{name}.toml").but(duration="20 s", heal="0 s", expect=[]), 1)
    turn(world)
    check(evidence_of(world))
    seen = {"node": weakref.ref(world.society.nodes[0])}
    seen |= {part: weakref.ref(getattr(world, part)) for part in ("society", "network", "loop", "books", "trace")}
    clear_up(world)
    return seen


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """The very first run on a machine compiles, checks of decisions too, and the compiler keeps the frames from which it was called."""
    for name in ("rumour-in-a-ward", "one-hospital-lies"):
        played(name)


@pytest.mark.parametrize("name", ["one-hospital-lies", "org-leader-crashes", "rumour-in-a-ward"])
def test_nothing_of_a_run_outlives_it(name: str) -> None:
    gc.collect()
    gc.disable()
    try:
        seen = played(name)
        assert [part for part, left in seen.items() if left() is not None] == []
    finally:
        gc.enable()
