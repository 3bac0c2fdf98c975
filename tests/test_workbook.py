"""The ten workloads' tables are drawn as they are written, and a table or a file of events with a flaw is refused with its place."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from health_world import R48, IslandWorld

import sim
from sim.health.actors import seats_of
from sim.health.catalogue import HOUR_NS, Calendar, mean_bytes, poisson_quantile
from sim.health.consent import Consent
from sim.health.replay import events_of
from sim.health.workbook import chapter_of, chapters, workbook
from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.study.read import from_dict

TEXT = files("sim.health").joinpath("tables", "workloads.json").read_text("utf-8")
ROWS = [(chapter.id, entry) for chapter in workbook().values() for entry in chapter.entries.values()]
ROLES = tuple(role for role, count in R48.items() for _ in range(count))


def within(count: int, mean: float) -> bool:
    return abs(count - mean) <= 4.5 * math.sqrt(mean) + 1


def test_there_are_ten_workloads_and_every_actor_has_a_seat_in_the_reference_network() -> None:
    assert list(workbook()) == [f"W{number}" for number in range(1, 11)]
    for _, entry in ROWS:
        assert seats_of(entry.role, ROLES), entry.role
    assert seats_of("payer", ("member",) * 3) == [0, 1, 2]
    assert seats_of("payer", ("hospital",) * 3) == []


@pytest.mark.parametrize(("workload", "entry"), ROWS, ids=lambda one: getattr(one, "name", one))
def test_sizes_and_counts_follow_the_tables(workload: str, entry: Any) -> None:
    grid = sorted(entry.size_bytes((place + 0.5) / 2001) for place in range(2001))  # exact quantiles, no chance
    assert grid[1000] == pytest.approx(entry.median_bytes, rel=0.02)
    assert grid[1900] == pytest.approx(entry.p95_bytes, rel=0.02)
    assert grid[0] <= mean_bytes(entry) <= grid[-1]
    scale = min(1.0, 1500 / entry.rate_per_day) if entry.rate_per_day > 1 else 20.0
    calendar, hours = Calendar(8, 0, 1.0), Counter[int]()
    for actor in range(4):
        times = calendar.arrivals_ns(entry, scale, 24 * HOUR_NS, Dice(5), workload, entry.name, actor)
        assert times == sorted(times)
        hours.update(time_ns // HOUR_NS for time_ns in times)
    for hour in range(24):
        share = entry.hours[(8 + hour) % 24] * entry.weekdays[0 if hour < 16 else 1]
        assert within(hours[hour], 4 * scale * entry.rate_per_day * share), hour


@pytest.mark.parametrize("mean", [0.02, 0.7, 5.0, 29.0, 31.0, 400.0])
def test_counts_of_a_window_are_poisson(mean: float) -> None:
    counts = np.array([poisson_quantile(mean, (step + 0.5) / 4000) for step in range(4000)])
    assert counts.mean() == pytest.approx(mean, rel=0.01, abs=0.01)
    assert counts.var() == pytest.approx(mean, rel=0.03, abs=0.02)
    assert poisson_quantile(0, 0.9) == 0


def broken(change: Any) -> str:
    tree = json.loads(TEXT)
    row = tree["workloads"][5]["tx"][1]
    assert row["name"] == "consent_revoke"
    change(row)
    return json.dumps(tree, indent=1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda row: row.pop("size_median_B"), "W6 consent_revoke: size_median_B is missing"),
        (lambda row: row.update(rate_per_actor_per_day=-1), "rate_per_actor_per_day is -1, at least 0 and"),
        (lambda row: row.update(actor="druid"), "nobody is called 'druid'"),
        (lambda row: row.update(hour_profile="always"), "no hour_profile is called 'always'"),
        (lambda row: row.update(size_p95_B=3), "p95 of the size lies below its median"),
        (lambda row: row.pop("name"), "a row of W6 has no name"),
    ],
)
def test_a_table_with_a_flaw_is_refused_with_its_place(change: Any, words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        chapters(broken(change), "own.json")
    assert words in caught.value.sentence
    if "no name" not in words and "missing" not in words:
        line, column = map(int, re.findall(r"line (\d+) column (\d+)", caught.value.sentence)[0])
        lines = broken(change).splitlines()
        assert lines[line - 1][column - 1] == '"'
        assert any('"consent_revoke"' in near for near in lines[line - 12 : line + 12])


def test_a_table_that_is_no_json_is_refused_with_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    file.write_text('{"workloads": [\n  {"id": }\n]}')
    with pytest.raises(ScenarioError, match=r"line 2 column 10"):
        Consent(table=str(file))
    with pytest.raises(ScenarioError, match="cannot be read"):
        chapter_of("W6", str(tmp_path / "nothing.json"))


HEAD = "time_s,row,organisation,size_bytes\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time,row\n", "line 1 column 1: the header has no column time_s"),
        (HEAD + "1,consent_grant,hospital-0\n", "line 2 column 1: 3 cells were given"),
        (HEAD + "1,consent_grant,hospital-0,9\nsoon,consent_grant,hospital-0,9\n", "line 3 column 1: 'soon' is no time"),
        (HEAD + "# a remark\n5,consent_grant,hospital-0,9\n4,consent_grant,hospital-0,9\n", "line 4 column 1: 4 s lies before"),
        (HEAD + "-5,consent_grant,hospital-0,9\n", "line 2 column 1: -5 s is no time"),
        (HEAD + "12,grant,hospital-0,9\n", "line 2 column 4: no row is called 'grant'"),
        (HEAD + "12,consent_grant,hospital-0,heavy\n", "line 2 column 29: 'heavy' is no number of bytes"),
        (HEAD, "has no events"),
        ('{"time_s": 1, "row": "consent_grant"}\n', "line 1 column 1: organisation is missing"),
        ('{"time_s": 1, "row": "consent_grant", "organisation": "x"}\n{"time_s": 2,,}\n', "line 2 column 14"),
        ('{"time_s": 1, "row": "grant", "organisation": "x"}\n', "line 1 column 15: no row is called 'grant'"),
    ],
)
def test_events_with_a_flaw_are_refused_with_line_and_column(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "events"
    file.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        events_of(str(file), ("consent_grant", "consent_revoke"))
    assert words in caught.value.sentence


def test_own_events_take_the_place_of_drawn_ones(tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    file.write_text(HEAD + "1,consent_grant,hospital-0,\n2.5,consent_revoke,hospital-1,700\n3,break_glass_access,clinic-3,\n")
    world = IslandWorld(20)
    [table] = world.run(Consent(events=str(file)))
    assert table["outcomes"]["happened"] == {"break_glass_access": 1, "consent_grant": 1, "consent_revoke": 1}
    assert [one.submitted_ns for one in world.submitted] == [1_000_000_000, 2_500_000_000, 3_000_000_000]
    with pytest.raises(ScenarioError, match="no organisation of this network is called 'hospital-0'"):
        IslandWorld(20, {"clinic": 4}).run(Consent(events=str(file)))


def test_a_burst_adds_arrivals_where_and_when_it_strikes_and_moves_no_other() -> None:
    calm, struck = IslandWorld(300), IslandWorld(300)
    calm.run(Consent(compression=24))
    burst = {"burst": 5.0, "burst_at": "60 s", "burst_lasts": "60 s", "burst_seats": ["hospital-3"]}
    struck.run(Consent(compression=24, **burst))  # type: ignore[arg-type]

    def grants(world: IslandWorld, seat: int) -> list[int]:
        return [one.submitted_ns for one in world.submitted if one.submitter == seat and one.fact("do") == "grant"]

    assert grants(calm, 2) == grants(struck, 2)
    more = [time_ns for time_ns in grants(struck, 3) if time_ns not in grants(calm, 3)]
    assert more and all(60e9 <= time_ns < 120e9 for time_ns in more)


def test_in_a_closed_loop_a_clerk_waits_for_the_answer() -> None:
    from sim.health.claims import Claims

    rates = {"claim_837": 30.0}
    opened, closed = IslandWorld(25), IslandWorld(25)
    opened.run(Claims(compression=24, rates=rates))
    closed.run(Claims(compression=24, rates=rates, clerks=1))

    def bills(world: IslandWorld) -> Counter[tuple[int, int]]:
        submits = [one for one in world.submitted if one.fact("do") == "submit" and one.fact("turn") == 0]
        return Counter((one.submitter, one.submitted_ns // 1_000_000_000) for one in submits)

    assert max(bills(opened).values()) > 3
    assert max(bills(closed).values()) == 1  # a block a second answers one bill a second for each clerk


def test_a_wrong_clock_is_what_organisations_write_and_is_put_right_again() -> None:
    tables: dict[str, Any] = {
        "duration": "60 s",
        "topology": {"kind": "complete", "seats": 4},
        "link": {"latency": {"kind": "constant", "value": "20 ms"}},
        "consensus": {"kind": "qbft", "block_interval": "1 s"},
        "workload": [{"kind": "provenance", "compression": 24, "scale": 0.01}],
    }
    fault = [{"kind": "skew", "seats": ["seat-1"], "ahead": "10 s", "at": "5 s", "lasts": "20 s"}]
    reports = [sim.run(from_dict(tables)), sim.run(from_dict({**tables, "fault": fault}))]
    found = [one.to_dict()["workload"][0]["outcomes"]["audit_gap"]["out_of_order"] for one in reports]
    assert found == [0, 4]  # the windows of the next 10 s, one each 2.5 s, end before one that is sealed
    with pytest.raises(ScenarioError, match="either ahead or behind"):
        from_dict({**tables, "fault": [{"kind": "skew", "ahead": "1 s", "behind": "1 s"}]})


def test_an_expectation_may_have_two_bounds() -> None:
    tables: dict[str, Any] = {"duration": "2 s", "topology": {"kind": "complete", "seats": 4}, "workload": [{"kind": "rumour"}]}
    for bounds, kept in (([">= 0.5", "<= 1"], True), ([">= 0.5", "< 1"], False)):
        report = sim.run(from_dict({**tables, "expect": {"gossip.reached_share": bounds}}))
        assert report.ok() is kept
        assert len(report.failed_expectations) == (0 if kept else 1)
    with pytest.raises(ScenarioError, match="is no expectation"):
        from_dict({**tables, "expect": {"gossip.reached_share": []}})
