"""Every scenario that ships runs and meets what it expects of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

import sim

SCENARIOS = sorted((Path(__file__).parent.parent / "scenarios").glob("*.toml"))
SHORTER = {"consortium-under-attack": ['duration="150 s"', 'heal="120 s"', 'fault.0.at="30 s"', 'fault.0.lasts="30 s"']}


def test_there_are_at_least_six() -> None:
    assert len(SCENARIOS) >= 6


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_it_meets_its_own_expectations(path: Path) -> None:
    report = sim.run(sim.load(path, SHORTER.get(path.stem, [])))
    assert report.ok(), report.text()
    assert report.to_dict()["run"]["deliveries"] > 100


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_reading_it_twice_gives_the_same_object(path: Path) -> None:
    one, other = sim.load(path), sim.load(path)
    assert one == other
    assert one.digest() == other.digest()
    assert one.but(seed=99).digest() == one.digest()
    assert one.but(duration=2 * one.duration).digest() != one.digest()
