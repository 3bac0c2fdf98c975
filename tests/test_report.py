"""The report: its contract, its faces, its files; and the comparison of two scenarios."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from handmade import GOOD_ROWS, good, with_rows

from sim.kernel.errors import EnvironmentTrouble
from sim.study.checks import CHECKS
from sim.study.compare import A_BETTER, B_BETTER, CANNOT_TELL, compare, differ
from sim.study.evidence import Evidence
from sim.study.read import from_dict, load
from sim.study.report import Report
from sim.study.run import run as play

SECTIONS = ["medgossip", "run", "consensus", "gossip", "availability", "load", "workload", "recovery", "checks", "not_modelled"]


@dataclass(frozen=True)
class Scenario:
    title: str = "Five <hospitals>"
    digest: str = "d1"
    source: str = "scenarios/five hospitals.toml"


@dataclass(frozen=True)
class Wanted:
    path: str
    operator: str
    value: Any


def report(evidence: Evidence | None = None, *wanted: Wanted, seed: int = 7) -> Report:
    return Report.of(evidence or good(not_modelled=("CPU time",)), Scenario(), seed, 0.5, "t1", "1.0", 100, None, wanted)


def test_the_contract_in_its_order() -> None:
    document = json.loads(report().to_json())
    assert list(document) == SECTIONS
    assert document["medgossip"] == {
        "version": "1.0", "scenario": "Five <hospitals>", "scenario_digest": "d1", "seed": 7, "trace_digest": "t1",
    }  # fmt: skip
    assert document["run"] == {
        "simulated_s": 20.0, "wall_s": 0.5, "deliveries": 100, "deliveries_per_s": 200.0, "peak_rss_bytes": None,
    }  # fmt: skip
    assert document["not_modelled"] == ["CPU time"]
    assert [list(one) for one in document["checks"]] == [["name", "verdict", "evidence"]] * len(CHECKS)


def test_ok_and_the_line_that_reproduces() -> None:
    assert report().ok()
    assert "run it again" not in report().text()
    missed = report(None, Wanted("finality_s.p99", "<", 1))
    assert not missed.ok()
    assert "medgossip run 'scenarios/five hospitals.toml' --seed 7" in missed.text()
    assert "consensus.finality_s.p99: wanted < 1" in missed.text()
    broken = report(with_rows([*GOOD_ROWS, (4.0, "decide", 2, 2, "C")]))
    assert not broken.ok() and "✗ fail" in broken.text()


def test_a_scenario_that_was_changed_in_python_names_no_file_that_says_otherwise(tmp_path: Path) -> None:
    place = tmp_path / "calm.toml"
    place.write_text('duration = "1 s"\n[topology]\nkind = "complete"\nseats = 4\n')
    from_file = load(place)
    assert str(place) in play(from_file).reproduce_line()
    assert play(from_file.but(**{"topology.seats": 5}), 3).reproduce_line() == "sim.run(scenario, seed=3)"


def test_where_two_runs_part() -> None:
    pbft = from_dict({"duration": "1 s", "topology": {"kind": "complete", "seats": 4}, "consensus": {"kind": "pbft"}})
    jittered = pbft.but(**{"link.latency": {"kind": "uniform", "low": "5 ms", "high": "15 ms"}})
    one = play(jittered, 1)
    assert one.first_divergence(play(jittered, 1)) is None
    place, mine, others = one.first_divergence(play(jittered, 2)) or (-1, None, None)
    rows, other_rows = list(one.evidence.trace), list(play(jittered, 2).evidence.trace)
    assert rows[:place] == other_rows[:place] and (mine, others) == (rows[place], other_rows[place]) and mine != others


def test_text_and_html() -> None:
    text = report().text()
    assert max(map(len, text.splitlines())) <= 110
    assert "✓ pass" in text and "CPU time" in text and "None" not in text
    assert "Five &lt;hospitals&gt;" in report()._repr_html_()


def test_frames_and_plain_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = report().columns()
    assert columns["decisions"]["slot"] == [1, 1, 1, 2, 2, 2]
    assert columns["blocks"]["digest"] == ["A", "B", "C"]
    frames = report().frames()
    assert len(frames["decisions"]) == 6 and list(frames) == list(columns)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        report().frames()


def test_save_writes_whole_files(tmp_path: Path) -> None:
    written = report().save(tmp_path / "out")
    assert {path.name for path in written} == {
        "report.json", "report.txt", "coverage.png", "consensus_time.png", "decision.png", "network.png", "timeline.png",
    }  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(path.name for path in written)
    assert json.loads((tmp_path / "out" / "report.json").read_text())["medgossip"]["seed"] == 7
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentTrouble, match="cannot be written"):
        report().save(tmp_path / "file" / "out")


def test_plots_return_axes_and_bear_empty_runs() -> None:
    from sim.study import plots, plots_spacetime, plots_world

    empty = with_rows([], spreads=(), blocks={})
    for draw in (plots.coverage, plots.consensus_time, plots_spacetime.decision, plots_world.network, plots_world.timeline):
        for run in (good(), empty):
            axes = draw(run, axes=plots.paper(None, windowless=True))
            assert axes.get_title(loc="left")
            axes.figure.canvas.draw()


def test_the_space_time_picture_names_messages_and_marks_losses() -> None:
    from sim.study import plots, plots_spacetime

    scene: dict[str, Any] = {
        "duration": "4 s",
        "trace": "wire",
        "topology": {"kind": "complete", "seats": 4},
        "link": {"latency": {"kind": "constant", "value": "10 ms"}},
        "consensus": {"kind": "pbft", "block_interval": "1 s"},
    }
    lossy = scene | {"link": scene["link"] | {"loss": "5 %"}}
    labels = {}
    for name, tables in {"calm": scene, "lossy": lossy}.items():
        evidence = play(from_dict(tables), seed=1).evidence
        axes = plots_spacetime.decision(evidence, axes=plots.paper(None, windowless=True))
        axes.figure.canvas.draw()
        labels[name] = axes.get_legend_handles_labels()[1]
    assert {"Propose", "Prepare", "Commit", "proposal", "decide"} <= set(labels["calm"])
    assert "lost, or cut off" not in labels["calm"]
    assert "lost, or cut off" in labels["lossy"]


def test_a_circle_has_no_axes_and_one_group_no_legend() -> None:
    """Nothing is drawn that means nothing."""
    from sim.study import plots, plots_world

    north = ("north",) * good().seats
    kinds = {
        "circle": good(latitude=None, longitude=None, regions=north, honest=np.ones(good().seats, np.bool_)),
        "two groups": good(latitude=None, longitude=None, regions=("south", *north[1:])),
        "map": good(latitude=np.arange(len(north)) * 1.0, longitude=np.arange(len(north)) * 2.0, regions=north),
    }
    drawn = {name: plots_world.network(run, axes=plots.paper(None, windowless=True)) for name, run in kinds.items()}
    assert {name: axes.axison for name, axes in drawn.items()} == {"circle": False, "two groups": False, "map": True}
    assert drawn["circle"].get_legend() is None
    assert drawn["two groups"].get_legend() is not None
    for axes in drawn.values():
        axes.figure.canvas.draw()


def test_differ_uses_pairs() -> None:
    noisy = [(10.0 + step, 11.0 + step + 0.01 * (step % 2)) for step in range(10)]
    assert differ("x", noisy, higher_is_better=False).verdict == A_BETTER
    assert differ("x", noisy, higher_is_better=True).verdict == B_BETTER
    assert differ("x", [(1.0, 2.0), (2.0, 1.0), (1.0, 1.0)], higher_is_better=True).verdict == CANNOT_TELL
    assert differ("x", [(1.0, 2.0)], higher_is_better=True).verdict == CANNOT_TELL
    assert differ("x", [], higher_is_better=True).difference is None


def test_compare_runs_both_on_the_same_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    def run(scenario: Any, seed: int, progress: Any = None) -> Report:
        asked.append((scenario.title, seed))
        slower = 2 if scenario.title == "slow" else 1
        rows = [(1.0 + (row[0] - 1.0) * slower if row[1] == "decide" else row[0], *row[1:]) for row in GOOD_ROWS]
        rows = [(row[0] + seed / 1000 if row[1] == "decide" else row[0], *row[1:]) for row in rows]
        rows.sort(key=lambda row: row[0])
        return report(with_rows(rows, sent_bytes=np.array([slower * 10])), seed=seed)

    module = ModuleType("sim.study.run")
    vars(module)["run"] = run
    monkeypatch.setitem(sys.modules, "sim.study.run", module)
    steps: list[tuple[int, int]] = []
    outcome = compare(Scenario("fast"), Scenario("slow"), seeds=3, progress=lambda done, total: steps.append((done, total)))
    assert asked == [("fast", 0), ("slow", 0), ("fast", 1), ("slow", 1), ("fast", 2), ("slow", 2)]
    assert steps[-1] == (6, 6)
    verdicts = {one.metric: one.verdict for one in outcome.differences}
    assert verdicts["consensus.finality_s.mean"] == A_BETTER
    assert verdicts["consensus.decided"] == CANNOT_TELL
    assert "a better" in outcome.text() and "fast" in outcome._repr_html_()
    json.dumps(outcome.to_dict(), allow_nan=False)
