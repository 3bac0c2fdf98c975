"""A sweep is as honest as its worst run, says everything wrong before it starts, and runs what it was given."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from time import sleep

import pytest

import sim
from sim.cli import main
from sim.consensus.pbft import PBFT
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.study import sweep as module
from sim.study.read import load, loads
from sim.study.sweep import _undisturbed

TEXT = """
duration = "3 s"
[topology]
kind = "complete"
seats = 4
[consensus]
kind = "pbft"
block_interval = "500 ms"
[expect]
agreement = true
"consensus.decided" = "> 4"
[sweep]
seeds = 2
"consensus.block_interval" = ["500 ms", "1 s"]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sweep of which every second run keeps no expectation: three blocks a second apart are not more than four."""
    place = tmp_path / "half the truth.toml"
    place.write_text(TEXT)
    return place


def test_a_failed_expectation_fails_the_sweep(path: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    done = sim.sweep(load(path), out=str(tmp_path / "out"))
    assert not done.ok() and len(done.failed) == 2
    again = done.failed[0].partition("again: ")[2]
    assert main([*shlex.split(again)[1:], "--quiet"]) == 1
    assert "consensus.decided" in capsys.readouterr().out
    assert main(["sweep", str(path), "--quiet", "--out", str(tmp_path / "out")]) == 1, "also when the runs are read again"
    assert capsys.readouterr().out.count("again: medgossip run") == 2


def test_it_is_ok_where_all_holds(path: Path) -> None:
    path.write_text(TEXT.replace('"> 4"', '"> 2"'))
    done = sim.sweep(load(path))
    assert done.ok() and done.to_dict()["failed"] == [] and "failed" not in done.text()


def test_wrong_combinations_are_told_before_anything_runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(TEXT.replace('["500 ms", "1 s"]', '["500 ms", "1 parsec"]'))
    monkeypatch.setattr(module, "ProcessPoolExecutor", None)
    with pytest.raises(ScenarioError, match=r"consensus\.block_interval"):
        sim.sweep(load(path))


def test_what_is_given_is_swept_whether_or_not_a_file_says_the_same(path: Path) -> None:
    """After `but`, from text, and with a part that only this process knows; the way back is told as a call."""
    changed = load(path).but(duration="2500 ms")
    texts = sim.loads(TEXT.replace('"3 s"', '"2500 ms"'))

    @part
    class Typed(PBFT):
        """A protocol typed into a notebook."""

    typed = texts.but(consensus=replace(texts.consensus, protocol=Typed()))
    swept = [sim.sweep(one, seeds=1) for one in (changed, texts, typed)]
    decided = [[report["consensus"]["decided"] for *_, report in one.runs] for one in swept]
    assert decided[0] == decided[1] == decided[2] and decided[0][0] > 4 > decided[0][1]
    call = swept[0].failed[0].partition("again: ")[2]
    assert call == "sim.run(scenario.but(**{'consensus.block_interval': '1 s'}), seed=1)"
    assert eval(call, {"sim": sim, "scenario": changed}).failed_expectations
    assert "<pre" in swept[0]._repr_html_()


def test_axes_may_be_written_with_dots_or_as_tables() -> None:
    """TOML reads `consensus.kind = [...]` without quotes as a table in a table; it means the same."""
    plain = 'seeds = 2\n"consensus.kind" = ["pbft", "qbft"]\n"link.latency.value" = ["5 ms", "9 ms"]\n'
    dotted = 'seeds = 2\nconsensus.kind = ["pbft", "qbft"]\nlink.latency.value = ["5 ms", "9 ms"]\n'
    head = TEXT[: TEXT.index("seeds = 2")]
    assert (
        loads(head + dotted).sweep == loads(head + plain).sweep == loads(head + plain).but(sweep=loads(head + dotted).sweep).sweep
    )


@pytest.mark.parametrize("seeds", ["[1, 2]", '"many"', "2.5", "true"])
def test_seeds_are_a_number(seeds: str) -> None:
    with pytest.raises(ScenarioError, match=r"^sweep\.seeds: .* was given, a number of seeds is wanted, such as 20$"):
        loads(TEXT.replace("seeds = 2", f"seeds = {seeds}"))


@pytest.mark.parametrize("axis", ['"consensus.kind" = []', "consensus.kind = []"])
def test_an_axis_without_values_is_refused(axis: str) -> None:
    with pytest.raises(ScenarioError, match=r"^sweep\.consensus\.kind: no value was given; write at least one"):
        loads(TEXT + axis)


def test_an_interrupted_sweep_waits_for_no_run_that_has_begun(path: Path) -> None:
    """These would take days."""
    command = [sys.executable, "-m", "sim", "sweep", str(path), "--quiet", "--set", "duration=300 d"]
    done = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=os.environ | {"NUMBA_DISABLE_JIT": "1"}, start_new_session=True
    )
    workers = Path(f"/proc/{done.pid}/task/{done.pid}/children")
    if not workers.exists():
        done.kill()
        pytest.skip("this system does not tell who has been started by whom")
    while done.poll() is None and not workers.read_text():
        sleep(0.05)
    started = workers.read_text().split()
    done.send_signal(signal.SIGINT)
    told = done.communicate(timeout=120)[1]
    assert done.returncode == 130 and "interrupted" in told and "Traceback" not in told
    assert started and not any(Path(f"/proc/{worker}").exists() for worker in started)


def test_an_interruption_while_workers_are_started_comes_when_all_are_known() -> None:
    """In the middle of a fork Python prints it and goes on; a worker that is not known yet would be waited for."""
    known = []

    def start() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        sleep(0.01)
        known.append("worker")

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        _undisturbed(start)
    assert known == ["worker"] and signal.getsignal(signal.SIGINT) is before
    assert _undisturbed(lambda: "nobody interrupts") == "nobody interrupts"
