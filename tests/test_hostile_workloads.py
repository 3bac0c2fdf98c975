"""Workload tables and files of events as an enemy would write them: one sentence with line and column, exit 2, under a second of CPU."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from time import process_time
from typing import Any

import pytest

import sim
from sim.cli import main
from sim.health.workbook import chapters
from sim.kernel.errors import ScenarioError

SCENARIO = """
duration = "10 s"
[topology]
kind = "hospitals"
[consensus]
kind = "qbft"
[[workload]]
kind = "consent"
{key} = "{file}"
"""
TABLE = json.dumps(json.loads(files("sim.health").joinpath("tables", "workloads.json").read_text("utf-8")), indent=1)
HEAD = "time_s,row,organisation,size_bytes\n"
GOOD = '{"time_s": 1, "row": "consent_grant", "organisation": "hospital-00", "size_bytes": 5}\n'


def row(**changes: Any) -> str:
    """The shipped table with some values of the row consent_revoke changed; None takes the key away."""
    tree = json.loads(TABLE)
    entry = tree["workloads"][5]["tx"][1]
    for key, value in changes.items():
        if value is None:
            del entry[key]
        else:
            entry[key] = value
    return json.dumps(tree, indent=1)


def w6(**changes: Any) -> str:
    """The shipped table with some values of W6 changed."""
    tree = json.loads(TABLE)
    tree["workloads"][5].update(changes)
    return json.dumps(tree, indent=1)


def reference(network: Any) -> str:
    """The shipped table with another network in which its actors are counted."""
    return json.dumps({**json.loads(TABLE), "reference_network": network}, indent=1)


def twice() -> str:
    tree = json.loads(TABLE)
    tree["workloads"][5]["tx"].append(tree["workloads"][5]["tx"][1])
    return json.dumps(tree, indent=1)


HOSTILE: dict[str, tuple[str, str | bytes, str]] = {
    "table: hole": ("table", row(size_median_B=None), "size_median_B is missing"),
    "table: no profile": ("table", row(hour_profile=None), "hour_profile is missing"),
    "table: negative rate": ("table", row(rate_per_actor_per_day=-3), "rate_per_actor_per_day is -3"),
    "table: NaN": ("table", row(rate_per_actor_per_day=float("nan")), "rate_per_actor_per_day is nan"),
    "table: infinite": ("table", row(size_p95_B=float("inf")), "size_p95_B is inf"),
    "table: huge rate": ("table", row(rate_per_actor_per_day=1e14), "rate_per_actor_per_day is 100000000000000.0"),
    "table: a number of 5,000 digits": ("table", row(size_p95_B=7).replace(": 7,", f": {'7' * 5000},"), "too many digits"),
    "table: a number of 60 digits": ("table", row(size_p95_B=10**60), "size_p95_B is a number of too many digits"),
    "table: a text for a number": ("table", row(size_median_B="12"), "size_median_B is '12', a number is wanted"),
    "table: true for a number": ("table", row(size_median_B=True), "size_median_B is True"),
    "table: a list for a text": ("table", row(actor=["hospital"]), "actor is a list"),
    "table: unknown actor": ("table", row(actor="druid"), "nobody is called 'druid'"),
    "table: unknown hours": ("table", row(hour_profile="x" * 5000), "no hour_profile is called 'xxx"),
    "table: size of nothing": ("table", row(size_median_B=0.2), "there is no size"),
    "table: p95 below": ("table", row(size_p95_B=3), "lies below its median"),
    "table: neither R nor W": ("table", row(rw="X"), "not 'X'"),
    "table: on_chain is a text": ("table", row(on_chain="no"), "on_chain is true or false"),
    "table: two rows of a name": ("table", twice(), "two rows called 'consent_revoke'"),
    "table: two workloads of an id": ("table", w6(id="W5"), "two workloads of this id"),
    "table: actors are a list": ("table", w6(actors=["hospital"]), "'actors' is a table"),
    "table: half an actor": ("table", w6(actors={"hospital": 1.5}), "'actors' is a table"),
    "table: a million million actors": ("table", w6(actors={"hospital": 10**12}), "'actors' is a table"),
    "table: fewer than no actors": ("table", w6(actors={"hospital": -1}), "'actors' is a table"),
    "table: true actors": ("table", w6(actors={"hospital": True}), "'actors' is a table"),
    "table: nobody to act": ("table", w6(actors={"hospital": 0}), "the reference network has no hospital, or no seat"),
    "table: an actor without a seat": ("table", w6(actors={"hospital": 12, "druid": 3}), "no seat plays 'druid'; a role of your own"),
    "table: an actor misspelt": ("table", w6(actors={"hospital": 12, "hospitl": 3}), "no seat plays 'hospitl'; did you mean 'hospital'?"),
    "table: an actor of 5,000 letters": ("table", w6(actors={"hospital": 12, "x" * 5000: 3}), "no seat plays 'xxx"),
    "table: a network that is a number": ("table", reference(48), "it wants a table 'mix'"),
    "table: a network without a mix": ("table", reference({"nodes": 48}), "it wants a table 'mix'"),
    "table: a mix of nobody": ("table", reference({"mix": {}}), "it wants a table 'mix'"),
    "table: a mix with a hole": ("table", reference({"mix": {"hospital": 0}}), "it wants a table 'mix'"),
    "table: half a seat": ("table", reference({"mix": {"hospital": 1.5}}), "it wants a table 'mix'"),
    "table: a mix too small": ("table", reference({"mix": {"hospital": 12}}), "W1 protocol_or_amendment_anchor: the reference network has no sponsor_cro"),
    "table: a level of two": ("table", w6(slo=[["fast", 3]]), "is no service level"),
    "table: a level of NaN": ("table", w6(slo=[["fast", float("nan"), "x"]]), "is no service level"),
    "table: rows are a table": ("table", w6(tx={}), "a list 'tx'"),
    "table: a row is a number": ("table", w6(tx=[7]), "has no name"),
    "table: no workloads": ("table", "[]", "a list 'workloads' is wanted"),
    "table: empty": ("table", "", "line 1 column 1"),
    "table: cut off": ("table", TABLE[:5000], "line "),
    "table: nested": ("table", "[" * 100_000, "nested too deeply"),
    "table: UTF-16": ("table", TABLE.encode("utf-16"), "line 1 column 1: this is not UTF-8"),
    "table: Latin-1": ("table", TABLE.replace("W6", "W\u00f6").encode("latin-1"), "this is not UTF-8"),
    "events: UTF-16": ("events", (HEAD + "1,consent_grant,hospital-00,\n").encode("utf-16"), "line 1 column 1: this is not UTF-8"),
    "events: Latin-1": ("events", (HEAD + "1,consent_grant,h\u00f6pital,\n").encode("latin-1"), "line 2 column 18: this is not UTF-8"),
    "events: a line of 30 MB": ("events", HEAD + "1,consent_grant," + "x" * 30_000_000 + ",\n", "line 2 column 10001"),
    "events: byte 0": ("events", HEAD + "1,consent_\0grant,hospital-00,\n", "line 2 column 11: a byte 0"),
    "events: lines of an old Mac": ("events", HEAD.replace("\n", "\r") + "1,a,b,\r", "line 1 column 35: a carriage return"),
    "events: a return in a cell": ("events", HEAD + "1,consent_grant,hospital\r-00,\n", "line 2 column 25: a carriage return"),
    "events: open quotation": ("events", HEAD + '1,"consent_grant,hospital-00,\n2,a,b,c\n', "line 2 column 3"),
    "events: out of order": ("events", GOOD.replace("1,", "9,", 1) + GOOD, "line 2 column 2: 1 s lies before"),
    "events: NaN": ("events", GOOD.replace("1", "NaN", 1), "line 1 column 2: nan s is no time"),
    "events: never": ("events", HEAD + "1e999,consent_grant,hospital-00,\n", "line 2 column 1: 1e999 s is no time"),
    "events: yes for a time": ("events", GOOD.replace("1", "true", 1), "line 1 column 2: True is no time"),
    "events: 5,000 digits": ("events", GOOD.replace("1", "1" * 5000, 1), "too many digits"),
    "events: 400 digits": ("events", GOOD.replace("1", "1" * 400, 1), "is no time in seconds"),
    "events: no size": ("events", GOOD.replace(": 5", ": null"), "None is no number of bytes"),
    "events: half a byte": ("events", GOOD.replace(": 5", ": 5.5"), "5.5 is no number of bytes"),
    "events: endless size": ("events", GOOD.replace(": 5", ": Infinity"), "inf is no number of bytes"),
    "events: a row that is a list": ("events", GOOD.replace('"consent_grant"', "[1]"), "no row is called a list"),
    "events: nobody": ("events", GOOD.replace("hospital-00", " "), "no name of an organisation"),
    "events: a stranger": ("events", GOOD + GOOD.replace("hospital-00", "hospitl-00"), "line 2 column 39: no organisation"),
    "events: half a letter": ("events", GOOD.replace("hospital-00", "\\ud800"), "no organisation of this network is called '\\ud800'"),
    "events: nested": ("events", '{"a":' + "[" * 9_000, "line 1 column 1: it is nested too deeply"),
    "events: a column twice": ("events", "time_s,row,row,organisation\n", "the column row twice"),
    "events: two sizes": ("events", HEAD.replace("\n", ",size_bytes\n"), "line 1 column 1: the header has the column size_bytes twice"),
    "events: a size that nobody reads": ("events", HEAD.replace("bytes", "byte"), "'size_byte' is nothing that is read; did you mean size_bytes?"),
    "events: another that nobody reads": ("events", GOOD.replace("size_b", "siye_b"), "line 1 column 1: 'siye_bytes' is nothing"),
    "events: a name twice": ("events", GOOD + GOOD.replace('5}', '5, "row": "x"}'), "line 2 column 87: 'row' is given twice"),
    "events: a name twice, written in two ways": ("events", GOOD.replace('5}', '5, "\\u0072ow": {}}'), "line 1 column 87: 'row' is given twice"),
    "table: a name twice": ("table", TABLE.replace('"id": "W6"', '"id": "W6", "id": "W7"'), "column 16: 'id' is given twice"),
    "events: an array": ("events", GOOD + "[1, 2]\n", "line 2 column 1: an object"),
    "events: binary": ("events", bytes(range(256)), "line "),
}  # fmt: skip


def test_an_actor_without_a_seat_is_pointed_at(tmp_path: Path) -> None:
    """Where it stands among the actors, not at the beginning of the workload."""
    text = w6(actors={"hospital": 12, "druid": 3})
    with pytest.raises(ScenarioError) as caught:
        chapters(text, "own.json")
    line, column = map(int, re.findall(r"line (\d+) column (\d+)", caught.value.sentence)[0])
    assert text.splitlines()[line - 1][column - 1 :].startswith('"druid": 3')


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """Imports and compiling are paid for once, not by whichever case comes first."""
    sim.run(sim.loads('duration = "1 ms"\n[topology]\nkind = "complete"\nseats = 2\n'))


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_in_one_sentence_with_its_place(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key, content, words = HOSTILE[name]
    (tmp_path / "hostile").write_bytes(content if isinstance(content, bytes) else content.encode())
    scenario = tmp_path / "scenario.toml"
    scenario.write_text(SCENARIO.format(key=key, file="hostile"))
    begun = process_time()
    status = main(["run", str(scenario), "--quiet"])  # on a busy machine a line would tell that the network is being made
    spent_s = process_time() - begun
    told = capsys.readouterr()
    assert status == 2 and not told.out
    assert words in told.err, told.err
    assert told.err.count("\n") == 1 and len(told.err) < 600
    assert f"workload[0].{key}" in told.err and "line " in told.err and "column " in told.err
    assert spent_s < 1


def test_events_of_health_records_are_looked_through_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Anchors follow from encounters and are no events of their own; a stranger is told with its place."""
    scenario = tmp_path / "scenario.toml"
    scenario.write_text(SCENARIO.format(key="events", file="events").replace("consent", "ehr"))
    for row, organisation, words in (
        ("record_anchor", "hospital-00", "line 2 column 3: no row is called 'record_anchor'"),
        ("ed_visit_bundle", "hospitl-00", "line 2 column 19: no organisation of this network"),
    ):
        (tmp_path / "events").write_text(f"{HEAD}1,{row},{organisation},\n")
        assert main(["run", str(scenario)]) == 2
        assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("scale = 1e12", "workload[0].scale: there would be about"),
        ("scale = -1.0", "workload[0].scale: -1.0 is negative"),
        ("rates = { consent_grant = 1e12 }", "workload[0].scale: there would be about"),
        ("rates = { consent_grant = -1.0 }", "workload[0].rates: consent_grant: -1.0 is negative"),
        ("compression = 1e12", "workload[0].compression: the run would last"),
        ('burst = 1e12\nburst_lasts = "1 s"', "workload[0].scale: there would be about"),
    ],
)
def test_numbers_without_bound_are_refused(keys: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scenario = tmp_path / "scenario.toml"
    scenario.write_text(SCENARIO.replace('{key} = "{file}"', keys))
    begun = process_time()
    assert main(["run", str(scenario)]) == 2
    told = capsys.readouterr()
    assert words in told.err and told.err.count("\n") == 1
    assert process_time() - begun < 1
