"""Troubles that overlap in any order: each ends with itself, and when all are over the network is whole."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import sim
from sim.kernel.errors import ScenarioError
from sim.node.surroundings import Surroundings
from sim.study.read import from_dict

SCENE: dict[str, Any] = {
    "duration": "14 s",
    "heal": "6 s",
    "topology": {"kind": "complete", "seats": 7},
    "link": {"latency": {"kind": "constant", "value": "20 ms"}},
    "consensus": {"kind": "raft", "block_interval": "200 ms"},
}


def cut(names: list[str], at: str, lasts: str) -> dict[str, Any]:
    """Some seats among themselves for a while."""
    return {"kind": "partition", "groups": [names], "at": at, "lasts": lasts}


def layers() -> tuple[dict[str, list[int]], Surroundings]:
    """What four seats are told, and who tells them."""
    told: dict[str, list[int]] = {}
    network = SimpleNamespace(set_apart=lambda what, values: told.update({what: values.tolist()}))
    society: Any = SimpleNamespace(network=network)
    return told, Surroundings(society, SimpleNamespace(n=4), None)  # type: ignore[arg-type]


def test_whom_any_trouble_parts_is_parted_whichever_ends_first() -> None:
    told, world = layers()
    first, second = world.layer("island"), world.layer("island")
    first(np.array([1, 1, 0, 0]))
    assert told["island"] == [1, 1, 0, 0]
    second(np.array([0, 1, 1, 0]))
    assert len(set(told["island"])) == 4
    first(None)
    assert told["island"] == [0, 1, 1, 0]
    second(None)
    assert told["island"] == [0, 0, 0, 0]


def test_a_seat_is_as_slow_as_the_newest_trouble_says() -> None:
    told, world = layers()
    first, second = world.layer("slowness"), world.layer("slowness")
    first(np.array([2048, 2048, 0, 0]))
    second(np.array([0, 4096, 4096, 0]))
    assert told["slowness"] == [2048, 4096, 4096, 1024]
    first(None)
    assert told["slowness"] == [1024, 4096, 4096, 1024]
    second(None)
    assert told["slowness"] == [1024] * 4


def test_after_two_cuts_that_overlap_all_agree_again() -> None:
    """The second used to put back what the first had cut, for ever, and the first to end the second's."""
    faults = [cut(["seat-0", "seat-1", "seat-3"], "1 s", "2 s"), cut(["seat-1", "seat-2", "seat-4"], "2 s", "4 s")]
    report = sim.run(from_dict({**SCENE, "fault": faults}), 1)
    verdicts = {check["name"]: check["verdict"] for check in report.to_dict()["checks"]}
    assert verdicts["termination"] == "pass"
    by_seat = {seat: [row[0] for row in report.evidence.trace.of("decide") if row[2] == seat] for seat in range(7)}
    apart = sum(not any(3.1e9 < time < 6e9 for time in times) for times in by_seat.values())
    assert apart >= 3, "until 6 s three seats have no majority"


@pytest.mark.parametrize("groups", [[[]], [[f"seat-{seat}" for seat in range(7)]]])
def test_a_cut_with_all_on_one_side_is_none(groups: list[list[str]]) -> None:
    with pytest.raises(ScenarioError, match="all seats are on one side") as told:
        sim.run(from_dict({**SCENE, "fault": [{"kind": "partition", "groups": groups, "at": "1 s", "lasts": "1 s"}]}), 1)
    assert told.value.path == "fault[0].groups"
