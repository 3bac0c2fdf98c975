"""Scenarios: the same object from a file, tables or Python; changed copies; digests; parts by name."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from sim.consensus.pbft import PBFT
from sim.gossip.push import Push
from sim.kernel.errors import ScenarioError
from sim.net.laws import Lognormal
from sim.net.topologies import Complete
from sim.study import plugins, sweep
from sim.study.link import Link
from sim.study.read import from_dict, load, loads
from sim.study.scenario import Consensus, Scenario
from sim.study.seat import Seat

TEXT = """
title = "four"
duration = "10 s"
seed = 3
[topology]
kind = "complete"
seats = 4
[link]
latency = { kind = "lognormal", median = "25 ms", sigma = 0.4 }
loss = "1 %"
[gossip]
kind = "push"
fanout = 2
[consensus]
kind = "pbft"
patience = "3 s"
route = "gossip"
[[fault]]
kind = "crash"
at = "2 s"
lasts = "1 s"
[expect]
agreement = true
finality_s.p99 = "< 4"
"""


def test_a_file_and_python_make_the_same_scenario() -> None:
    """Key by key, the part's own beside the common ones."""
    made: Any = Lognormal
    built = Scenario(
        title="four",
        duration=10_000_000_000,
        seed=3,
        topology=Complete(seats=4),
        link=Link(latency=made(median="25 ms", sigma=0.4), loss=0.01),
        gossip=Push(fanout=2),
        consensus=Consensus(protocol=PBFT(patience=3_000_000_000), route="gossip"),
    )
    read = loads(TEXT)
    for name in ("title", "duration", "seed", "topology", "link", "seat", "gossip", "consensus"):
        assert getattr(read, name) == getattr(built, name), name
    assert (read.fault[0].at, read.fault[0].lasts) == (2_000_000_000, 1_000_000_000)


def test_expectations_are_paths_and_comparisons() -> None:
    """Nested keys join with dots."""
    assert [(one.path, one.operator, one.value) for one in loads(TEXT).expect] == [
        ("agreement", "==", True),
        ("finality_s.p99", "<", 4.0),
    ]


def test_overrides_are_applied_before_reading() -> None:
    """As TOML where it is TOML, else as text."""
    read = loads(TEXT, "", ["gossip.fanout=3", "seed=9", "duration=20 s", "fault.0.at=4 s", 'title="x"'])
    assert (read.gossip.fanout, read.seed, read.duration, read.fault[0].at, read.title) == (3, 9, 20 * 10**9, 4 * 10**9, "x")


def test_but_changes_a_copy() -> None:
    """Inner keys, whole parts, and nothing else."""
    first = loads(TEXT)
    changed = first.but(**{"gossip.fanout": 3, "consensus.patience": "1 s", "consensus.route": "direct"})
    assert (changed.gossip.fanout, changed.consensus.protocol.patience, changed.consensus.route) == (3, 10**9, "direct")
    assert (first.gossip.fanout, first.consensus.route) == (2, "gossip")
    assert first.but(seed=4) == first.but(seed=4) != first
    assert first.but(gossip=Push(fanout=2)) == first


@pytest.mark.parametrize("key", ["gossip.fanuot", "nothing", "fault.7.at", "nothing.inner"])
def test_but_refuses_unknown_keys(key: str) -> None:
    """Never a silent no-op."""
    with pytest.raises(ScenarioError):
        loads(TEXT).but(**{key: 1})


def test_digest_names_what_is_asked() -> None:
    """Independent of the file's name and of the order of keys; sensitive to every value."""
    digest = loads(TEXT).digest()
    assert len(digest) == 16 and int(digest, 16) >= 0
    assert loads(TEXT, "elsewhere.toml").digest() == digest
    assert loads(TEXT.replace("fanout = 2", "fanout = 3")).digest() != digest
    tables = {"topology": {"seats": 4, "kind": "complete"}, "duration": "10 s"}
    turned = {"duration": "10 s", "topology": {"kind": "complete", "seats": 4}}
    assert from_dict(tables).digest() == from_dict(turned).digest()


def test_shipped_scenarios_are_read() -> None:
    """Each of them, strictly."""
    files = sorted((Path(__file__).parent.parent / "scenarios").glob("*.toml"))
    assert files
    for file in files:
        assert load(file).title != "untitled", file.name


def test_every_part_of_the_project_can_be_found() -> None:
    """Entry points that point nowhere would be seen here."""
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]["entry-points"]
    for group in plugins.GROUPS:
        for kind in project[f"medgossip.{group}"]:
            assert isinstance(plugins.find(group, kind), type)
            assert kind in plugins.names(group)


def test_an_unknown_part_is_answered_with_the_nearest() -> None:
    """In the words of the group."""
    with pytest.raises(ScenarioError, match="no consensus is called 'pbtf'; did you mean 'pbft'"):
        plugins.find("consensus", "pbtf")


def test_costs_without_cores_are_refused() -> None:
    """A setting that has no effect is an error, not silence."""
    with pytest.raises(ScenarioError, match="no effect while cores = 0"):
        Seat(verify=1_000_000)


def test_turning_the_cpu_on_gives_the_same_seat_as_a_file() -> None:
    """`but` and a file agree on what four cores cost."""
    plain = from_dict({"duration": "1 s", "topology": {"kind": "complete", "seats": 4}})
    assert plain.but(**{"seat.cores": 4}).seat == Seat(cores=4)


def test_the_cpu_can_be_turned_off() -> None:
    """`but` on a scenario with cores."""
    costly = from_dict({"duration": "1 s", "topology": {"kind": "complete", "seats": 4}, "seat": {"cores": 4}})
    assert costly.but(**{"seat.cores": 0}).seat == Seat()


def test_kinds_are_told_as_they_are_written() -> None:
    """What `to_dict` says can be written into a file again."""
    read = from_dict({"duration": "1 s", "topology": {"kind": "random-regular", "seats": 8, "degree": 3}})
    assert read.to_dict()["topology"]["kind"] == "random-regular"


class _Inline:
    """A pool that works where it stands."""

    def __init__(self, **_: Any) -> None:
        pass

    def __enter__(self) -> _Inline:
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def map(self, work: Any, jobs: Any) -> Any:
        """One after the other."""
        return map(work, jobs)


def test_a_sweep_keeps_the_overrides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is run is what was asked for, also in the workers."""
    asked: list[Scenario] = []

    class _Report:
        def to_dict(self) -> dict[str, Any]:
            """An empty report."""
            return {"checks": []}

    def pretend(scenario: Scenario, seed: int) -> _Report:
        asked.append(scenario)
        return _Report()

    monkeypatch.setattr(sweep, "ProcessPoolExecutor", _Inline)
    monkeypatch.setattr(sweep, "run", pretend)
    file = tmp_path / "s.toml"
    file.write_text(TEXT)
    sweep.sweep(load(file, ["gossip.fanout=3"]), seeds=1)
    assert [scenario.gossip.fanout for scenario in asked] == [3]


PLAIN = 'duration = "10 s"\n[topology]\nkind = "complete"\nseats = 4\n'
HEAD = 'duration = "1 s"\n[topology]\n'
SILENT = '[[adversary]]\nkind = "silent"\nseats = '


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (PLAIN + "[link]\nloss = inf\n", "link.loss"),
        (PLAIN + '[link]\nloss = "120 %"\n', "more than the whole"),
        (PLAIN + '[link.latency]\nkind = "lognormal"\nmedian = "25 ms"\nsigma = nan\n', "link.latency.sigma"),
        (PLAIN + '[consensus]\nbodies = "gossip"\n', "consensus.kind"),
        (HEAD + 'kind = ["ring"]\n', "topology.kind"),
        (HEAD + 'kind = "complete"\nseats = true\n', "topology.seats"),
        (PLAIN.replace("10 s", "1e30 d"), "absurdly large"),
        (PLAIN.replace("10 s", "0 s"), "duration"),
        ('heal = "1 h"\n' + PLAIN, "heal"),
        (PLAIN + '[[fault]]\nkind = "crash"\nat = "1 h"\n', "fault[0].at"),
        ('duration = "1 s"\ntopology = "ring"\n', "a table is wanted"),
        ("title = 3\n" + PLAIN, "title"),
        (PLAIN + '[fault]\nkind = "crash"\n', "[[fault]]"),
        (f"seed = {2**70}\n" + PLAIN, "seed"),
        (PLAIN + '[expect]\nx = "< 4 s"\n', "expect.x"),
        (PLAIN + '[topology]\nkind = "ring"\n', "line 5"),
        (b"\xff\xfe", "UTF-8"),
        ("a = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
    ],
)
def test_the_reader_refuses(content: str | bytes, said: str) -> None:
    """More than the command line's tests show, each with its key."""
    with pytest.raises(ScenarioError) as caught:
        loads(content)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_too_large_is_refused(tmp_path: Path) -> None:
    """One byte over 1 MiB is enough."""
    file = tmp_path / "s.toml"
    file.write_text(PLAIN + "#" * ((1 << 20) + 1 - len(PLAIN)))
    with pytest.raises(ScenarioError, match="at most"):
        load(file)


@pytest.mark.parametrize("setting", ["x", "=3", "gossip.fanuot=6", "duration.x=6", "seed=many", "link.loss=nan"])
def test_wrong_overrides_are_refused(setting: str) -> None:
    """They go through the same reader."""
    with pytest.raises(ScenarioError):
        loads(PLAIN, "", [setting])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (PLAIN + "[expect]\nagreement = nan\n", "expect.agreement"),
        (PLAIN + SILENT + "nan\n", "adversary[0].seats"),  # a run corrupts nobody and says nothing
        (PLAIN + SILENT + "2024-01-01\n", "adversary[0].seats"),  # a run breaks with TypeError
        (PLAIN + "[sweep]\nsedes = 3\n", "sweep"),
        ("seed = 1" + "0" * 5000 + "\n" + PLAIN, "number"),  # ValueError out of tomllib
    ],
)
def test_the_reader_should_refuse(content: str, said: str) -> None:
    """What is taken today, and should not be."""
    with pytest.raises(ScenarioError) as caught:
        loads(content)
    assert said in str(caught.value)


def test_a_mark_of_byte_order_is_no_part_of_a_file() -> None:
    """Editors of one system write it before the first letter."""
    assert loads(b"\xef\xbb\xbf" + TEXT.encode()) == loads(TEXT)


def test_the_digest_names_what_the_files_say(tmp_path: Path) -> None:
    """Or a sweep that goes on would take runs of yesterday's events for today's."""
    text = 'duration = "5 s"\n[topology]\nkind = "hospitals"\n[consensus]\nkind = "qbft"\n[[workload]]\nkind = "ehr"\nevents = "events.csv"\n'
    (tmp_path / "day.toml").write_text(text)
    found = []
    for seconds in ("0.5", "0.7", "0.5"):
        (tmp_path / "events.csv").write_text(f"time_s,row,organisation,size_bytes\n{seconds},ed_visit_bundle,hospital-00,31000\n")
        found.append(load(tmp_path / "day.toml").digest())
    assert found[0] != found[1] and found[0] == found[2]
