"""The parts that the README shows are whole: they are written to files as they stand there, checked and run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import sim
from sim.kernel.part import fields_of
from sim.study.read import loads

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^ *```python\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
SCENARIO = 'duration = "20 s"\n[topology]\nkind = "complete"\nseats = 5\n'


def shown() -> dict[str, str]:
    """The README's files by their names, which are their first lines."""
    blocks = [textwrap.dedent(block) for block in BLOCK.findall((ROOT / "README.md").read_text("utf-8"))]
    return {block.split("\n")[0].removeprefix("# "): block for block in blocks if block.startswith("# ")}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all of them, from which they can be imported."""
    for name, text in shown().items():
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_the_parts_pass_the_tests_shown_beside_them(folder: Path) -> None:
    """In a process of its own, as a stranger would start it."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "test_mine.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT)))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout + done.stderr


def test_the_parts_run_in_scenarios(folder: Path) -> None:
    """Each block is seen by all; the gap between neighbours shows in when they are reached."""
    from sequencer import Sequencer  # type: ignore[import-not-found]
    from staggered import Staggered  # type: ignore[import-not-found]

    agreed = sim.run(loads(SCENARIO).but(consensus=sim.study.scenario.Consensus(protocol=Sequencer(), block_interval="1 s")))
    assert agreed.ok() and agreed.to_dict()["consensus"]["decided"] >= 19, agreed.text()
    rumour = loads(SCENARIO.replace("complete", "star") + '[[workload]]\nkind = "rumour"\nsize = "1 kB"\ncount = 1\n').but(
        gossip=Staggered(gap="10 ms")
    )
    spread = sim.run(rumour).evidence.spreads[0]
    from_the_rim = spread.publisher != 0
    waited = [int(time - spread.published_ns) // 1_000_000 for time in spread.arrival_ns]
    assert sorted(waited) == ([0, 0, 0, 10, 20] if from_the_rim else [0, 0, 10, 20, 30])


def test_ones_own_events_are_played_as_the_readme_says(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    [events] = re.findall(r"^```csv\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    [day] = [one for one in re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL) if "my-events.csv" in one]
    (tmp_path / "my-events.csv").write_text(events)
    (tmp_path / "my-day.toml").write_text(day)
    outcome = sim.run(sim.load(tmp_path / "my-day.toml")).to_dict()["workload"][0]
    assert outcome["submitted"] == outcome["final"] == outcome["outcomes"]["encounters"] == 2
    assert outcome["outcomes"]["messages"] == 1 and outcome["outcomes"]["reads"]["emergency"]["served"] == 1


def test_the_examples_are_clean(folder: Path) -> None:
    """A reader copies their style too: every key has a comment, every name a docstring."""
    from sequencer import Sequencer
    from staggered import Staggered

    for cls in (Sequencer, Staggered):
        assert all(entry.manual for entry in fields_of(cls))
    pytest.importorskip("ruff", reason="the linter is a tool of development")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--no-cache",
            "--config",
            str(ROOT / "pyproject.toml"),
            "sequencer.py",
            "staggered.py",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
