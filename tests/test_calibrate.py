"""`medgossip calibrate`: what it measures is a time, and a scenario takes the file that it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import sim
from sim.availability import kzg
from sim.cli import main
from sim.kernel.errors import ScenarioError
from sim.study import calibrate
from sim.study.calibrate import service_file, timings
from sim.study.read import load
from sim.study.seat import Seat
from sim.study.service import OTHER_SERVICES, SERVICES, TABLES, service_table

SCENARIO = 'duration = "1 s"\n[topology]\nkind = "ring"\nseats = 4\n[seat]\ncores = 2\ncpu = "ward.toml"\nsign = "7 us"\n'


@pytest.fixture(autouse=True)
def without_commitments(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """They take seconds; one test measures them."""
    if "commitments" not in request.node.name:
        monkeypatch.setattr(kzg, "ckzg", None)


@pytest.mark.slow
@pytest.mark.skipif(kzg.ckzg is None, reason="the extra kzg is not installed")
def test_commitments_are_measured_beside_what_is_charged() -> None:
    """A column of 21 cells costs more than one of 1, less than 21 times; a blob's rebuilding more than either; none is a service."""
    found = {one.name.removeprefix("kzg: "): one for one in calibrate._commitments(batches=1)}
    single, column, rebuild = (found[name] for name in ("check a column of 1", "check a column of 21", "rebuild a blob from half"))
    assert single.fastest_ns < column.fastest_ns < 21 * single.fastest_ns < 21 * rebuild.fastest_ns
    assert (single.shipped_ns, column.shipped_ns, rebuild.shipped_ns) == (5_070_000, 10_470_000, 480_000_000)
    assert not any(one.service for one in found.values())


def test_what_is_measured() -> None:
    """Every service has a time; a thousand times the work takes about a thousand times as long."""
    measured = list(timings(batches=2))
    assert {one.service for one in measured if one.service} == {*SERVICES, *OTHER_SERVICES}
    assert all(0 < one.fastest_ns <= one.median_ns for one in measured)
    once = calibrate._timing("once", lambda: sum(range(1000)), 3, None, "", "")
    often = calibrate._timing("often", lambda: [sum(range(1000)) for _ in range(200)], 3, None, "", "")
    assert 50 < often.fastest_ns / once.fastest_ns < 800


def test_a_scenario_takes_the_file(tmp_path: Path) -> None:
    """Beside the scenario; a key of its own goes before the file's; written anew it is read anew."""
    measured = list(timings(batches=1))
    (tmp_path / "ward.toml").write_text(service_file(measured, "secp256k1"))
    (tmp_path / "ward-scenario.toml").write_text(SCENARIO)
    seat = load(tmp_path / "ward-scenario.toml").seat
    verify = next(one for one in measured if one.curve == "secp256k1" and one.service == "verify")
    assert seat.service_ns("verify") == round(verify.fastest_ns)
    assert seat.service_ns("sign") == 7000
    assert seat.service_ns("execute") == round(next(one for one in measured if one.service == "execute").fastest_ns) > 100
    assert not sim.run(load(tmp_path / "ward-scenario.toml")).failed_expectations, (
        "the file's time to execute is for runs with blocks"
    )
    lines = "".join(f'{name} = "{place + 1} us"\n' for place, name in enumerate(SERVICES))
    (tmp_path / "ward.toml").write_text(lines)
    assert load(tmp_path / "ward-scenario.toml").seat.service_ns("verify") == 2000


def test_tables_by_name() -> None:
    """A name changes signatures; without cores nothing takes time."""
    for name, table in TABLES.items():
        assert Seat(cores=1, cpu=name).service_ns("verify") == table["verify"] == service_table(name)["verify"]
    assert Seat().service_ns("verify") == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('sign = "1 us"', "says no verify"),
        ("sign = 3", "says no sign"),
        ('sing = "1 us"', "no service time 'sing'"),
        ('sign = "1 kg"', "sign:"),
        ("sign", "no TOML table"),
    ],
)
def test_files_that_are_none(tmp_path: Path, content: str, words: str) -> None:
    """One sentence that names the file and what it lacks."""
    (tmp_path / "ward.toml").write_text(content)
    (tmp_path / "ward-scenario.toml").write_text(SCENARIO)
    with pytest.raises(ScenarioError, match=words) as caught:
        load(tmp_path / "ward-scenario.toml")
    assert str(caught.value).startswith("seat.cpu:")


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A table, one JSON document, a file; a wrong curve or ending is one sentence and 2."""
    found = list(timings(batches=1))
    monkeypatch.setattr(calibrate, "timings", lambda: iter(found))
    assert main(["calibrate", "--out", str(tmp_path / "here.toml")]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split() == ["operation,", "us", "fastest", "median", "shipped", "ratio"]
    assert len(printed) == 1 + len(found)
    assert 'verify = "' in (tmp_path / "here.toml").read_text()
    assert main(["calibrate", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(found)
    assert main(["calibrate", "--curve", "ed448"]) == 2
    assert main(["calibrate", "--out", "here.txt"]) == 2
    assert capsys.readouterr().err.count("\n") == 2
