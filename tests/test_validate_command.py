"""`medgossip validate`: which cases it takes, how it judges, what it prints, and how it ends."""

from __future__ import annotations

import json
import math

import pytest

from sim.cli import main
from sim.kernel.errors import ScenarioError
from sim.study.validation import judge
from sim.study.validation.case import EQUAL, Case, Errors, Measured, Within, common, mean_of, share_of
from sim.study.validation.cases import GROUPS, all_cases
from sim.study.validation.theory import giant_share, harmonic, kolmogorov, pushed_share, residue

GIVEN = """1 2 3 5 7 12 13 14 15 17 18 20 21 22 23 25 27 28 31 32 33 36 38 41 42 43 45 46 53 54 55 56 57 58 59 60 64 65 67
70 71 74 75 77 78 79 82 84 86"""
OUR_OWN = {"E1"}


def case(expected: float, value: float, rule: object = EQUAL, error: float | None = None) -> Case:
    """A case that measures what we say."""
    return Case(
        id="V21",
        what="a made-up number",
        source="nobody",
        expected=expected,
        rule=rule,  # type: ignore[arg-type]
        measure=lambda runs: Measured(value, error, runs),
        runs=9,
        quick=3,
        group="B",
    )


def test_every_given_case_is_listed() -> None:
    assert {case.id for case in all_cases()} == {f"V{number}" for number in GIVEN.split()} | OUR_OWN
    assert {case.group for case in all_cases()} == set(GROUPS)


def test_no_number_stands_twice() -> None:
    names = [case.name for case in all_cases()]
    assert len(set(names)) == len(names)


def test_a_case_is_measured_or_says_what_is_missing() -> None:
    for measure, missing in ((None, ""), (lambda runs: Measured(1.0), "a part")):
        with pytest.raises(ValueError, match="measure"):
            Case(id="V1", what="x", source="y", measure=measure, missing=missing)


@pytest.mark.parametrize(
    ("rule", "value", "error", "verdict"),
    [
        (EQUAL, 100.0, None, "pass"),
        (EQUAL, 100.0 + 1e-6, None, "fail"),
        (EQUAL, math.nan, None, "fail"),
        (Errors(), 103.9, 1.0, "pass"),
        (Errors(), 104.1, 1.0, "fail"),
        (Errors(), math.nan, 1.0, "fail"),
        (Errors(), 100.0, math.nan, "unknown"),
        (Errors(printed=0.5), 104.4, 1.0, "pass"),
        (Errors(published=1.0), 105.6, 1.0, "pass"),
        (Errors(published=1.0), 105.7, 1.0, "fail"),
        (Within(0.02), 98.1, 9.0, "pass"),
        (Within(0.02), 97.9, 9.0, "fail"),
    ],
)
def test_rules(rule: object, value: float, error: float | None, verdict: str) -> None:
    assert judge.judged(case(100.0, value, rule, error)).verdict == verdict


def test_how_many_runs() -> None:
    one = case(1.0, 1.0)
    assert [judge.judged(one, *ask).measured.runs for ask in ((), (None, True), (5,))] == [9, 3, 5]  # type: ignore[union-attr]


def test_what_cannot_be_played_is_unknown() -> None:
    missing = Case(id="V1", what="x", source="y", missing="a part")
    row = judge.judged(missing)
    assert row.verdict == "unknown"
    assert missing.missing in row.text()
    assert row.to_dict()["measured"] is None


def test_numbers_of_samples() -> None:
    assert mean_of([1.0, 2.0, 3.0]) == Measured(2.0, pytest.approx(1 / math.sqrt(3)), 3)  # type: ignore[arg-type]
    assert share_of(1, 4, 0.5) == Measured(0.25, 0.25, 4)
    assert common([2, 2, 2]).value == 2
    assert math.isnan(common([2, 3]).value)
    assert math.isnan(common([]).value)


def test_closed_forms() -> None:
    """Against the numbers printed in the papers."""
    assert harmonic(4) == pytest.approx(25 / 12)
    assert [round(pushed_share(fanout), 6) for fanout in (2, 3, 5)] == [0.796812, 0.940480, 0.993023]
    assert [round(giant_share(8, alive), 5) for alive in (0.5, 0.3)] == [0.99583, 0.91515]
    assert [round(residue(k), 6) for k in (1, 2, 3, 4, 5)] == [0.203188, 0.059520, 0.019827, 0.006977, 0.002516]
    assert kolmogorov(1.3581 / math.sqrt(10_000), 10_000) == pytest.approx(0.05, abs=0.001)


def test_chosen() -> None:
    assert {case.id for case in judge.chosen(["v21", "V23"])} == {"V21", "V23"}
    assert {case.group for case in judge.chosen(["b"])} == {"B"}
    assert judge.chosen([]) == all_cases()
    for word in ("V210", "Z"):
        with pytest.raises(ScenarioError, match="there is no case or group"):
            judge.chosen([word])


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "V2", "V59"]) == 0
    out, err = capsys.readouterr()
    assert "740" in out
    assert "162" in out and "2nd smallest RTT" in out
    assert out.splitlines()[-1] == "5 numbers of 2 cases: 5 pass, 0 fail, 0 unknown"
    assert "100%" in err


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "V21", "--json", "--quiet", "--quick"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err == ""
    assert document["ok"] is True
    assert document["pass"] == len(document["rows"]) == 7
    assert main(["validate", "V59", "--json"]) == 0
    assert "japan-east" in capsys.readouterr().err, "each row as it comes, beside the one document"
    assert document["rows"][0]["expected"] == document["rows"][0]["measured"] == 301


def test_a_miss_ends_with_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(judge, "all_cases", lambda: (case(301.0, 302.0),))
    assert main(["validate", "--json", "--quiet"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False


@pytest.mark.parametrize("wrong", [["V999"], ["--seeds", "0"], ["--seeds", "3", "--quick"]])
def test_a_wrong_request_ends_with_2(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", *wrong]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.strip().splitlines()) == 1
