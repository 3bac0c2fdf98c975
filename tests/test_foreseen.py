"""Expectations of what a report cannot hold are refused before the run, and of what it may hold never."""

from __future__ import annotations

from pathlib import Path

import pytest

import sim
from sim.kernel.errors import ScenarioError
from sim.study.build import build, clear_up
from sim.study.checks import flattened
from sim.study.expect import Expectation
from sim.study.foreseen import foresee
from sim.study.metrics import measure
from sim.study.read import load, loads
from sim.study.run import _watching
from sim.study.witness import evidence_of

SCENE = """
title = "t"
duration = "2 s"
[topology]
kind = "complete"
seats = 4
[link]
latency = { kind = "constant", value = "20 ms" }
[consensus]
kind = "pbft"
block_interval = "300 ms"
"""
SCENARIOS = Path(__file__).parent.parent / "scenarios"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("consensus.decide", "did you mean consensus.decided?"),
        ("finality.p99", "did you mean consensus.finality_s.p99?"),
        ("consensus.finality_s.p98", "did you mean consensus.finality_s.p9"),
        ("consensus.finality_s", "did you mean consensus.finality_s."),
        ("consensus.decided.mean", "did you mean consensus."),
        ("membership.met_s.p50", "this scenario has no membership to report on"),
        ("messages", "this may mean consensus.messages or gossip.messages; give more of the path"),
    ],
)
def test_a_slip_is_told_before_the_run(path: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.study.run.turn", lambda *_: pytest.fail("it ran"))
    with pytest.raises(ScenarioError, match="expect") as told:
        sim.run(loads(f"{SCENE}[expect]\n{path} = '< 4'"))
    assert told.value.path == f"expect.{path}" and words in told.value.sentence


def test_looking_ahead_changes_nothing() -> None:
    """The same run to the last bit, and what may still come up is judged at the end."""
    plain, asked = (
        sim.run(loads(SCENE + more)) for more in ("", "[expect]\ngossip.by_kind.Commit.messages = '> 1e9'\nblah.blub = 1")
    )
    assert plain.tables["medgossip"]["trace_digest"] == asked.tables["medgossip"]["trace_digest"]
    assert len(asked.failed_expectations) == 2


@pytest.mark.parametrize(
    ("name", "duration"),
    [
        ("pharmacies-read-through-their-hospital", "20 s"),
        ("cloud-region-lost", "40 s"),
        ("light-clients-and-a-withholder", "5 s"),
        ("who-notices-a-crash", "50 s"),
        ("health/tracing-a-counterfeit", "10 s"),
    ],
)
def test_nothing_that_a_report_holds_is_refused(name: str, duration: str) -> None:
    """Every leaf of the finished report, and every end of its path, passes or is said to mean more than one."""
    scenario = load(str(SCENARIOS / f"{name}.toml"), [f'duration="{duration}"', "fault=[]", 'heal="0 s"']).but(expect=())
    world = build(scenario, 1)
    _watching(world, None)
    before = measure(evidence_of(world))
    clear_up(world)
    report = sim.run(scenario, 1)
    for leaf in flattened({key: value for key, value in report.tables.items() if key in before}):
        names = leaf.split(".")
        for first in range(len(names)):
            slip = foresee(before, [Expectation(".".join(names[first:]), "<", 1)])
            is_section = names[first] in before  # then the path is read from the root
            assert slip is None or (first and (is_section or "this may mean" in slip.sentence)), leaf


def test_a_name_that_only_a_workload_knows_is_asked_of_it() -> None:
    """`traced_share` is much like `reached_share`; the world that was asked is not the one that is run."""
    scenario = load(
        str(SCENARIOS / "health/tracing-a-counterfeit.toml"), ['duration="3 s"', "fault=[]", "adversary=[]", 'heal="0 s"']
    )
    asked, plain = (
        sim.run(scenario.but(expect=wanted), 1) for wanted in ((Expectation("trace_and_recall.traced_share", ">=", 0),), ())
    )
    assert asked.tables["medgossip"]["trace_digest"] == plain.tables["medgossip"]["trace_digest"]
