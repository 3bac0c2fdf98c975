"""Any key of any part with any value: a scenario, or one sentence that names the key; never another error."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.part import fields_of
from sim.net.choose import choose
from sim.net.topologies import Complete
from sim.study.build import build, clear_up
from sim.study.plugins import GROUPS, find, names
from sim.study.read import from_dict
from sim.study.scenario import Scenario

BUILT = ("topology", "adversary", "fault")
"""Groups whose parts are also put into a world, which compiles nothing."""
VALUES: tuple[Any, ...] = (
    *(True, False, 0, -1, 1, 3, 10**12, 2**62, 2**64, -(2**63), 0.5, -0.5, 1.5, math.nan, math.inf, -math.inf, 1e308, 5e-324),
    *(
        "",
        "x",
        "0",
        "-1 s",
        "1 s",
        "0 s",
        "1e308 s",
        "nan s",
        "99999999 d",
        "10 %",
        "-10 %",
        "200 %",
        "1 MB",
        "-1 MB",
        "1e300 Mbit/s",
    ),
    *("ü", "\u202e", "\x01", "a" * 5000, "/etc/passwd", "/dev/zero", "/tmp", "/proc/self/mem", "pbft", "seat-1"),
    *([], [[]], [1], ["x"], [True], [[["a"]]], [{}], [math.nan], ["seat-1", 5e-324], {}, {"kind": "x"}, {"kind": 1}, {"": 1}),
    {"a": {"b": {"c": 1}}},
)


@some.composite
def scenes(draw: some.DrawFn) -> tuple[str, dict[str, Any]]:
    """A sound scenario with one part of any group, one or two of whose keys have any value."""
    group = draw(some.sampled_from(GROUPS))
    kind = draw(some.sampled_from(names(group)))
    keys = [entry.name for entry in fields_of(find(group, kind))]
    part: dict[str, Any] = {"kind": kind}
    for key in draw(some.lists(some.sampled_from(keys), max_size=2)) if keys else ():
        part[key] = draw(some.sampled_from(VALUES))
    tables: dict[str, Any] = {"duration": "1 s", "topology": {"kind": "complete", "seats": 4}, "consensus": {"kind": "qbft"}}
    if group == "latency":
        tables["link"] = {"latency": part}
    elif group in ("workload", "adversary", "fault"):
        tables[group] = [part]
    else:
        tables[group] = part
    if draw(some.booleans()):
        path = draw(
            some.sampled_from(("duration", "heal", "seed", "topology", "link", "seat", "gossip", "chunk", "expect", "sweep"))
        )
        tables[path] = draw(some.sampled_from(VALUES))
    return group, tables


def read(tables: dict[str, Any]) -> Scenario | None:
    """The scenario, or None where it was refused as it should be."""
    try:
        return from_dict(tables)
    except ScenarioError as error:
        assert error.path and error.sentence, f"without a key: {error}"
        return None


@pytest.mark.filterwarnings("ignore:coroutine")  # worlds that are made and never run
@settings(derandomize=True, max_examples=150, deadline=None)
@given(scenes())
def test_a_scenario_or_one_sentence(drawn: tuple[str, dict[str, Any]]) -> None:
    """What is read can also be put into a world, or is refused there in the same way."""
    group, tables = drawn
    scenario = read(tables)
    if scenario is None or group not in BUILT or getattr(scenario.topology, "seats", 0) not in range(100):
        return
    try:
        clear_up(build(scenario, 1))
    except ScenarioError as error:
        assert error.path, f"without a key: {error}"


@pytest.mark.parametrize(
    "selector", [math.inf, math.nan, -0.5, 1.5, True, None, {}, [1], ["seat-1", 5e-324], [[]], [True], "a" * 5000]
)
def test_what_is_no_choice_of_seats_is_told_so(selector: Any) -> None:
    """In a sentence of bearable length."""
    with pytest.raises(ScenarioError) as refused:
        choose(selector, Complete(seats=4).build(Dice(1)), Dice(1), "test")
    assert refused.value.path == "seats" and len(str(refused.value)) < 300


def test_more_seats_than_memory_is_a_wrong_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no failure of the surroundings."""

    def too_much(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("sim.study.build.Network", too_much)
    with pytest.raises(ScenarioError, match=r"topology.seats: 4 seats need more memory"):
        build(from_dict({"duration": "1 s", "topology": {"kind": "complete", "seats": 4}}), 1)
