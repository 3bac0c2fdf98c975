"""Requests as careless or hostile users make them: one line, the right status, and nothing lost that took long to make."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sim.cli import main
from sim.study.telling import MOST_TOLD

FOUR = 'duration = "1 s"\n[topology]\nkind = "complete"\nseats = 4\n[consensus]\nkind = "pbft"\nblock_interval = "100 ms"\n'


@pytest.fixture
def four(tmp_path: Path) -> str:
    """A scenario file of a run that takes no time."""
    place = tmp_path / "four.toml"
    place.write_text(FOUR)
    return str(place)


INTERPRETED = os.environ | {"NUMBA_DISABLE_JIT": "1"}


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """What was said on standard error, which is one line; nothing was printed."""
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and said.err.startswith("medgossip: "), said
    return said.err


@pytest.mark.parametrize("command", ["run", "sweep", "compare"])
def test_a_folder_for_results_is_tried_before_anything_is_run(
    command: str, four: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file in its place and an empty name are wrong requests; a folder that cannot be made is trouble."""
    monkeypatch.setattr("sim.study.run.build", lambda *_: pytest.fail("was run all the same"))
    arguments = [command, four, *([four, "--seeds", "1"] if command == "compare" else []), "--quiet", "--out"]
    assert main([*arguments, four]) == 2 and "is a file and no folder" in told(capsys)
    assert main([*arguments, ""]) == 2 and "--out: names no folder" in told(capsys)
    assert main([*arguments, f"{four}/inside"]) == 3 and "cannot be made: Not a directory" in told(capsys)


def test_what_a_name_holds_does_not_break_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Ends of lines, escapes of terminals and right-to-left marks are shown as what they are; endless names lose their middle."""
    assert main(["run", "a\nb\x1b[31m\u202e.toml"]) == 2
    assert "a\\nb\\x1b[31m\\u202e.toml" in told(capsys)
    assert main(["run", "x", "--set", f"seed={'a' * 5000}"]) == 2
    assert len(told(capsys)) <= MOST_TOLD + 20
    assert main(["run", ""]) == 2 and "empty name" in told(capsys)


def test_the_line_that_is_printed_shows_a_failure_again(four: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With all that was set beside the file."""
    settings = ["--set", "consensus.block_interval=200 ms", "--set", "expect={decided = 99}"]
    assert main(["run", four, "--quiet", "--seed", "3", *settings]) == 1
    told = capsys.readouterr().out
    line = told.partition("run it again with")[2].strip()
    assert main([*shlex.split(line)[1:], "--quiet"]) == 1
    assert capsys.readouterr().out.splitlines()[:2] == told.splitlines()[:2], "other settings have another digest"


def test_all_files_are_read_before_the_first_is_run(four: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt second name costs nothing."""
    assert main(["check", four, "nowhere.toml", "--quiet"]) == 2
    told(capsys)


def test_a_seed_is_as_large_as_in_a_file(four: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And not larger."""
    assert main(["run", four, "--quiet", "--seed", str(2**62 + 1)]) == 2 and "--seed" in told(capsys)
    assert main(["run", four, "--quiet", "--seed", str(2**62)]) == 0


def test_settings_take_paths_as_errors_write_them(four: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`adversary[0].seats` as well as `adversary.0.seats`; of what is not there, in one sentence."""
    liar = 'adversary=[{kind = "silent"}]'
    for way in ("adversary[0].seats", "adversary.0.seats"):
        assert main(["explain", four, "--json", "--set", liar, "--set", f"{way}=2"]) == 0
        assert json.loads(capsys.readouterr().out)["scenario"]["adversary"][0]["seats"] == 2
    assert main(["run", four, "--set", "workload[0].kind=ehr"]) == 2 and "has no workload" in told(capsys)
    assert main(["run", four, "--set", liar, "--set", "adversary[1].seats=2"]) == 2 and "no '1'" in told(capsys)
    assert main(["run", four, "--set", '""=1']) == 2 and '"": there is no such key' in told(capsys)


def test_explain_is_one_document_too(four: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a scenario and of a part, in base units; what cannot be written is told before anything is printed."""
    assert main(["explain", four, "--json"]) == 0
    scenario = json.loads(capsys.readouterr().out)
    assert scenario["scenario"]["duration"] == 1_000_000_000 and scenario["not_modelled"]
    assert main(["explain", "consensus.qbft", "--json"]) == 0
    part = json.loads(capsys.readouterr().out)
    assert part["kind"] == "qbft" and part["keys"][0] | {"about": ""} == {
        "name": "patience",
        "kind": "duration",
        "required": False,
        "default": 10_000_000_000,
        "about": "",
    }
    assert main(["explain", four, "--graph", str(tmp_path / "x.doc")]) == 2
    told(capsys)
    assert main(["explain", "consensus.qbft", "--graph", str(tmp_path / "x.edges")]) == 2
    told(capsys)
    assert main(["explain", "consenus.qbft"]) == 2 and "explain: there is no group 'consenus'" in told(capsys)


def test_calibrate_looks_where_it_is_to_write_before_it_measures(capsys: pytest.CaptureFixture[str]) -> None:
    """Measuring takes seconds."""
    assert main(["calibrate", "--out", "/nowhere/at/all.toml"]) == 2
    assert "no folder /nowhere/at" in told(capsys)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no device that is always full")
def test_standard_output_that_takes_no_more_is_trouble_without_noise() -> None:
    """A full disk is told once."""
    program = [sys.executable, "-m", "sim", "explain", "consensus.pbft"]
    for words in (program, [*program[:3], "--version"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 3 and done.stderr.count("\n") == 1 and "No space left" in done.stderr


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["list"], 0),
        (["list", "--json"], 0),
        (["--version"], 0),
        (["--help"], 0),
        (["run", "FOUR", "--quiet", "--out", "OUT"], 0),
        (["check", "FOUR", "FOUR", "--set", "expect.decided=99"], 1),
        (["run", "FOUR", "--set", "seat=4"], 2),
    ],
)
def test_a_reader_that_has_had_enough_changes_nothing(words: list[str], status: int, four: str, tmp_path: Path) -> None:
    """`medgossip list | head`: the verdict is what it would have been, results are saved, and nobody complains."""
    named = {"FOUR": four, "OUT": str(tmp_path / "results")}
    program = [sys.executable, "-m", "sim", *(named.get(word, word) for word in words)]
    reading, writing = os.pipe()
    os.close(reading)
    for both in (False, True):
        done = subprocess.run(
            program, stdout=writing, stderr=writing if both else subprocess.PIPE, text=True, env=INTERPRETED | {"MPLBACKEND": "agg"}
        )
        assert done.returncode == status and "roken" not in (done.stderr or "")
    os.close(writing)
    assert "OUT" not in words or list((tmp_path / "results").glob("*.json"))


def test_streams_that_are_closed_or_know_few_letters_break_nothing(four: str) -> None:
    """A daemon has no streams; a file on a system with an old code page has no tick."""
    program = [sys.executable, "-m", "sim"]
    for words in (["--version"], ["explain", four], ["explain", four, "--json"]):
        done = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *program, *words], stderr=subprocess.PIPE, text=True, env=INTERPRETED)
        assert (done.returncode, done.stderr) == (0, ""), words
    plain = INTERPRETED | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    for told, words in (("Zürich", ["--json"]), ("? pass", [])):
        done = subprocess.run(
            [*program, "run", four, "--quiet", "--set", "title=Zürich", *words], capture_output=True, encoding="ascii", env=plain
        )
        assert done.returncode == 0 and done.stderr == ""
        assert told in (str(json.loads(done.stdout)) if words else done.stdout)


HEARD = """
import signal
from sim.study.interruption import heard_at_once

class Callback:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

with heard_at_once():
    exec("made = callback(); del made; print('went on')", {"__name__": {module!r}, "callback": Callback})
"""


@pytest.mark.parametrize(("module", "status"), [("numba.core.codegen", 130), ("sim.net.driver", 0)])
def test_an_interruption_is_not_lost_in_the_compiler(module: str, status: int) -> None:
    """Python drops exceptions in destructors, also this one: what is heard there ends the process if it is the compiler's."""
    done = subprocess.run([sys.executable, "-c", HEARD.replace("{module!r}", repr(module))], capture_output=True, text=True)
    assert done.returncode == status
    assert done.stdout == ("" if status else "went on\n") and ("medgossip: interrupted" in done.stderr) == bool(status)
