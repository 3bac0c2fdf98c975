"""Several scenarios under the same weather: intervals, verdicts against the first, files, and the command line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import sim
from sim.cli import main
from sim.kernel.errors import EnvironmentTrouble, ScenarioError
from sim.study.compare import Comparison
from sim.study.contest import Contest, contest_of, varied
from sim.study.plots import paper
from sim.study.plots_contest import contest_png
from sim.study.read import from_dict

SCENARIO = """
title = "A rumour on a ring"
duration = "5 s"
[topology]
kind = "random-regular"
seats = 20
degree = 4
[link]
latency = { kind = "exponential", mean = "20 ms" }
[gossip]
kind = "flood"
[[workload]]
kind = "rumour"
size = "1 kB"
count = 2
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A scenario on disk."""
    path = tmp_path / "rumour.toml"
    path.write_text(SCENARIO)
    return str(path)


def told(**gossip: Any) -> Mapping[str, Any]:
    """As much of a report as a contest looks at."""
    return {"gossip": gossip}


def contest() -> Contest:
    """Three seeds: b sends half of what a sends, c sometimes more and sometimes less; c's redundancy is measured once."""
    tables = [
        [told(bytes=one, redundancy=2.0) for one in (100, 110, 120)],
        [told(bytes=one, redundancy=2.0) for one in (50, 55, 61)],
        [told(bytes=one, redundancy=few) for one, few in ((90, None), (120, 3.0), (119, None))],
    ]
    return Contest(("one", "two", "three"), (0, 1, 2), contest_of(("one", "two", "three"), (0, 1, 2), tables))


def test_standings_have_the_interval_of_the_mean_and_a_verdict_seed_by_seed() -> None:
    """100, 110, 120: sd 10, t = 4.3027; b is better in every seed; c cannot be told from a."""
    a, b, c = contest().standings["gossip.bytes"]
    half = 4.302653 * 10 / math.sqrt(3)
    assert (a.mean, a.verdict) == (110.0, "")
    assert (a.low, a.high) == (pytest.approx(110 - half, abs=1e-4), pytest.approx(110 + half, abs=1e-4))
    assert (b.verdict, c.verdict) == ("better", "cannot tell")
    few = contest().standings["gossip.redundancy"][2]
    assert (few.pairs, few.mean, few.low, few.verdict) == (1, 3.0, None, "cannot tell")


def test_more_is_better_for_some_metrics() -> None:
    """A smaller reached share is worse, and what nobody measured is left out."""
    tables = [[told(reached_share=1.0)] * 2, [told(reached_share=0.5), told(reached_share=0.51)]]
    found = contest_of(("a", "b"), (0, 1), tables)
    assert list(found) == ["gossip.reached_share"]
    assert found["gossip.reached_share"][1].verdict == "worse"


def test_text_and_document() -> None:
    """Equal values have no spread, few seeds are counted, and the marks are there."""
    text = contest().text()
    line = next(line for line in text.splitlines() if line.strip().startswith("gossip.redundancy"))
    assert "2 ± 0" in line and "3 (1) ?" in line
    assert "a: one" in text and " +" in text
    document = json.loads(json.dumps(contest().to_dict(), allow_nan=False))
    assert document["scenarios"] == ["one", "two", "three"]


def test_pictures() -> None:
    """One metric on given Axes; all of them as a file; an unknown one is refused with the known ones."""
    axes = contest().plot("gossip.redundancy", paper(None, windowless=True))
    assert [one.get_text() for one in axes.get_yticklabels()] == ["one", "two", "three (1 of 3 seeds)"]
    assert contest_png(contest()).startswith(b"\x89PNG")
    with pytest.raises(ScenarioError, match=r"gossip\.bytes"):
        contest().plot("weather")


def test_compare_takes_two_or_more() -> None:
    """Two make a comparison, three a contest, under the same seeds; one is refused."""
    flood, push, announce = (from_dict(toml(kind)) for kind in ("flood", "push", "announce"))
    pair = sim.compare(flood, push, seeds=2)
    assert isinstance(pair, Comparison)
    three = sim.compare(flood, push, announce, seeds=2, names=("flood", "push", "announce"))
    assert isinstance(three, Contest)
    difference = next(one for one in pair.differences if one.metric == "gossip.redundancy")
    assert [one.mean for one in three.standings["gossip.redundancy"][:2]] == [difference.a, difference.b]
    assert three.standings["gossip.redundancy"][2].mean == 1.0
    with pytest.raises(ScenarioError, match="at least two"):
        sim.compare(flood)  # type: ignore[call-overload]


def toml(kind: str) -> dict[str, Any]:
    """The scenario with another strategy."""
    import tomllib

    return {**tomllib.loads(SCENARIO), "gossip": {"kind": kind}}


def test_one_file_with_several_values(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table names the values; the folder holds what was printed, and a picture."""
    arguments = ["compare", file, "--vary", "gossip.kind=flood,push,announce", "--seeds", "2", "--quiet"]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "a: flood\nb: push\nc: announce\n" in printed
    assert (tmp_path / "out" / "comparison.txt").read_text() in printed
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"comparison.json", "comparison.txt", "comparison.png"}
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scenarios"] == ["flood", "push", "announce"]
    with pytest.raises(EnvironmentTrouble, match="cannot be written"):
        contest().save(file, "", {})


def loads(_: str, settings: list[str]) -> Any:
    """A scenario that only has a title."""

    class Titled:
        title = "same"

    return Titled()


def names() -> Iterator[tuple[list[str], str | None, list[str]]]:
    """Files, values, and what the contestants are then called."""
    yield ["x", "y"], None, ["same", "same (y)"]
    yield ["x"], 'k=1,"a,b",{c = 1, d = [1, 2]}', ["1", '"a,b"', "{c = 1, d = [1, 2]}"]
    yield ["x", "y"], "k=1,2", ["same, 1", "same, 2", "same, 1 (y)", "same, 2 (y)"]


@pytest.mark.parametrize(("files", "vary", "expected"), list(names()))
def test_names(files: list[str], vary: str | None, expected: list[str]) -> None:
    """By value, by title, and by file where these are the same."""
    assert list(varied(files, [], vary, loads)) == expected


@pytest.mark.parametrize(
    "wrong", [[], ["--vary", "gossip.kind"], ["--vary", "gossip.kind=flood,"], ["--vary", "gossip.kind=flood"]]
)
def test_a_wrong_request_is_one_sentence(wrong: list[str], file: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2."""
    assert main(["compare", file, *wrong, "--quiet"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
