"""Files that a scenario is or names: ordinary ones only, looked for beside the scenario, the same digest wherever it lies."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from sim.cli import main
from sim.kernel.errors import ScenarioError
from sim.kernel.files import located, near
from sim.study.build import build
from sim.study.read import load, loads

HEAD = 'duration = "1 s"\n'
GRAPH = HEAD + '[topology]\nkind = "file"\npath = "three.edges"\n'
DELAYS = HEAD + '[topology]\nkind = "ring"\nseats = 4\n[link]\nlatency = { kind = "empirical", path = "delays.txt" }\n'
MATRIX = HEAD + '[topology]\nkind = "regions"\nseats = { a = 2, b = 2 }\nmatrix = "trips.csv"\n'


def refused_in_time(path: str) -> str:
    """What the command says about a file that never ends; the half minute only bounds a failure of this test."""
    done = subprocess.run(
        [sys.executable, "-m", "sim", "explain", path, "--set", "seed=1"], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    return done.stderr


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    assert "is a pipe or a device, not a scenario file" in refused_in_time(str(tmp_path / "pipe.toml"))


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no /dev/zero here")
def test_a_device_is_not_read() -> None:
    with pytest.raises(ScenarioError, match="is a pipe or a device"):
        load("/dev/zero")


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """Half a terabyte of nothing, which no memory would hold."""
    path = tmp_path / "large.toml"
    path.touch()
    os.truncate(path, 1 << 39)
    with pytest.raises(ScenarioError, match=r"has 549,755,813,888 bytes; a scenario file has at most 1,048,576"):
        load(path)


def test_a_name_no_file_can_have_is_one_sentence() -> None:
    with pytest.raises(ScenarioError, match="cannot read"):
        load("a\0b.toml")


def test_a_named_file_that_never_ends_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo(tmp_path / "delays.txt")
    with pytest.raises(ScenarioError, match=r"link.latency.path: .* is a pipe or a device"):
        loads(DELAYS)
    os.mkfifo(tmp_path / "trips.csv")
    with pytest.raises(ScenarioError, match=r"topology.matrix: .* is a pipe or a device"):
        build(loads(MATRIX), 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with everything that the three scenarios name."""
    inner = tmp_path / "study"
    inner.mkdir()
    for name, text in (
        ("graph.toml", GRAPH),
        ("delays.toml", DELAYS),
        ("matrix.toml", MATRIX),
        ("three.edges", "x y\ny z\n"),
        ("delays.txt", "3 ms\n5 ms\n"),
        ("trips.csv", ",a,b\na,0,10\nb,10,0\n"),
    ):
        (inner / name).write_text(text)
    return inner


@pytest.mark.parametrize("name", ["graph.toml", "delays.toml", "matrix.toml"])
def test_files_lie_beside_their_scenario(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also seen from another folder, also after `but` and in another process."""
    monkeypatch.chdir(folder.parent)
    scenario = load(Path("study") / name)
    monkeypatch.chdir("/")
    scenario = load(folder / name)
    for one in (scenario, scenario.but(seed=5), pickle.loads(pickle.dumps(scenario))):
        assert build(one, 1).topology.n in (3, 4)
    monkeypatch.chdir(folder)
    assert load(name).digest() == scenario.digest() == loads((folder / name).read_text()).digest()
    assert main(["run", str(folder / name), "--quiet"]) == 0


def test_the_working_folder_comes_second(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "three.edges").write_text("a b\nb c\nc d\nd e\n")
    monkeypatch.chdir(elsewhere)
    assert build(load(folder / "graph.toml"), 1).topology.n == 3
    assert build(loads(GRAPH), 1).topology.n == 5
    (folder / "three.edges").unlink()
    assert build(load(folder / "graph.toml"), 1).topology.n == 5
    assert located(near("three.edges", None)) == located("three.edges") == Path("three.edges")
