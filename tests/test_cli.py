"""The command line: exit statuses, what goes to which stream, exactly one JSON document, a quick --help."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim.cli import main
from sim.kernel.errors import EnvironmentTrouble, ProtocolError

GOOD = 'duration = "10 s"\n[topology]\nkind = "complete"\nseats = 4\n'


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    """A scenario file that can be read."""
    place = tmp_path / "scenario.toml"
    place.write_text(GOOD)
    return str(place)


class _Report:
    """What `run` gives back, with a verdict of our choice."""

    failed_expectations: tuple[str, ...] = ()

    def __init__(self, held: bool) -> None:
        self.held = held

    def to_dict(self) -> dict[str, Any]:
        """One check."""
        return {"checks": [{"name": "agreement", "verdict": "pass" if self.held else "fail", "evidence": "row 1"}]}

    def text(self) -> str:
        """One line."""
        return "the report"

    def ok(self) -> bool:
        """The verdict."""
        return self.held

    def reproduce_line(self) -> str:
        """How to see it again."""
        return "medgossip run scenario.toml --seed 1"


def _pretend(monkeypatch: pytest.MonkeyPatch, outcome: Callable[..., Any]) -> list[int | None]:
    seeds: list[int | None] = []

    def run(scenario: Any, seed: int | None = None, progress: Any = None) -> Any:
        seeds.append(seed)
        progress(0.5, "half way")
        return outcome()

    monkeypatch.setattr("sim.study.run.run", run)
    return seeds


def _raising(error: BaseException) -> Callable[[], Any]:
    def raise_it() -> Any:
        raise error

    return raise_it


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize(("held", "status"), [(True, 0), (False, 1)])
def test_the_verdict_is_the_exit_status(
    command: str, held: bool, status: int, scenario: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0 all held, 1 something failed."""
    _pretend(monkeypatch, lambda: _Report(held))
    assert main([command, scenario, "--quiet"]) == status


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ProtocolError("a node decided twice"), 1),
        (EnvironmentTrouble("the disk is full"), 3),
        (OSError("the disk is full"), 3),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_have_their_status_and_no_traceback(
    error: BaseException, status: int, scenario: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence on standard error."""
    _pretend(monkeypatch, _raising(error))
    assert main(["run", scenario, "--quiet"]) == status
    told = capsys.readouterr()
    assert told.out == "" and "medgossip: " in told.err and "Traceback" not in told.err


@pytest.mark.parametrize("command", ["run", "check"])
def test_json_is_exactly_one_document(
    command: str, scenario: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Progress goes to the other stream, and not at all with --quiet."""
    seeds = _pretend(monkeypatch, lambda: _Report(True))
    assert main([command, scenario, "--json", "--seed", "9"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out) and "half way" in told.err
    assert main([command, scenario, "--json", "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert seeds == [9, None]


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["fly"],
        ["run", "x.toml", "--sed", "3"],
        ["run", "x.toml", "--seed", "x"],
        ["list", "consenus"],
        ["explain", "consensus.pbtf"],
        ["serve", "no-such-folder"],
    ],
)
def test_wrong_requests_are_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """One line, also from argparse."""
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.startswith("medgossip: ") and told.err.count("\n") == 1


def test_no_seeds_are_no_comparison(scenario: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking for 0 seeds must not run 20."""
    asked: list[int] = []

    class _Result:
        def text(self) -> str:
            """Nothing to tell."""
            return ""

    def compare(first: Any, second: Any, seeds: int, told: Any) -> _Result:
        asked.append(seeds)
        return _Result()

    monkeypatch.setattr("sim.study.compare.compare", compare)
    main(["compare", scenario, scenario, "--seeds", "0"])
    assert asked in ([], [0])


@pytest.mark.parametrize(("expected", "status"), [("> 0.5", 0), ("< 0.5", 1)])
def test_a_comparison_fails_with_its_expectations(
    expected: str, status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a run does; the table is printed all the same, and says which run of which scenario it was."""
    file = tmp_path / "rumour.toml"
    file.write_text(
        'duration = "5 s"\n[topology]\nkind = "ring"\nseats = 5\n[[workload]]\nkind = "rumour"\nsize = "1 kB"\n'
        f'[expect]\ngossip.reached_share = "{expected}"\n'
    )
    assert main(["compare", str(file), str(file), "--seeds", "2", "--quiet"]) == status
    assert ("b, seed 1: gossip.reached_share" in capsys.readouterr().out) == bool(status)


def test_a_negative_seed_is_refused(scenario: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the file."""
    _pretend(monkeypatch, lambda: _Report(True))
    assert main(["run", scenario, "--quiet", "--seed", "-1"]) == 2


def test_list_is_one_document_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Names with the first line of their manual."""
    assert main(["list", "gossip", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"flood", "push", "announce"} <= {row["kind"] for row in rows}
    assert all(row["about"] for row in rows)


def test_explain_marks_defaults(scenario: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And says what is not modelled."""
    assert main(["explain", scenario, "--set", "seed=9"]) == 0
    lines = capsys.readouterr().out.splitlines()
    seed = next(line for line in lines if line.startswith("seed "))
    assert "9" in seed and "default" not in seed
    assert "(default)" in next(line for line in lines if line.startswith("heal "))
    assert lines[-1].startswith("not modelled:")


def test_help_is_quick_in_a_process_of_its_own() -> None:
    """Nothing heavy is imported for it: under 0.3 s of CPU."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-m", "sim", "--help"], capture_output=True, text=True, cwd=Path(__file__).parent.parent)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0 and "explain" in done.stdout and done.stderr == ""
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.3
