"""The decision table adds up what reports say, marks what differs, and draws it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sim.cli import main
from sim.study.decision import HARMS, decision_of


def report(stale: int, twice: int | None, in_time: float, mega: float) -> dict[str, Any]:
    consent = {
        "classes": {"C1": {"judged": 10, "attained_share": in_time}, "C4": {"judged": 0, "attained_share": None}},
        "stale_consent_reads": {"count": stale, "because": {"told_final": stale}},
        "time_to_final": {"C1": {"nodes_100_s": {"p95": 2.0}}},
    }
    other: dict[str, Any] = {
        "classes": {"C1": {"judged": 30, "attained_share": 1.0}},
        "time_to_final": {"C1": {"nodes_100_s": {"p95": 3.0}}},
    }
    if twice is not None:
        other["double_paid_claims"] = {"count": twice, "usd": 100.0 * twice}
    return {
        "workload": [{"outcomes": consent}, {"outcomes": other}],
        "gossip": {"bytes": mega * 1e6},
        "consensus": {"messages": 5, "decided": 7},
    }


def test_the_table_adds_up_and_tells_better_from_worse() -> None:
    good = [report(0, 0, 1.0, 10 + seed) for seed in range(4)]
    bad = [report(5 + seed, 2, 0.5, 10 + seed) for seed in range(4)]
    decision = decision_of(["quorum", "fork"], range(4), [good, bad])
    lines = decision.lines
    stale = lines["patients read although they have revoked (all causes)"]
    assert (stale[0].mean, stale[1].mean, stale[1].verdict) == (0, 6.5, "worse")
    assert lines["claims paid twice"][1].verdict == "worse"
    assert lines["money lost by double payment (USD)"][1].mean == 200
    shares = lines["C1 answers somebody waits for: share in time"]
    assert shares[0].mean == 1 and shares[1].mean == pytest.approx((10 * 0.5 + 30) / 40) and shares[1].verdict == "worse"
    assert lines["C1 answers somebody waits for: final for the last organisation (s, p95)"][0].mean == 3
    assert lines["megabytes sent, all organisations"][1].verdict == "cannot tell"
    assert not any(question.startswith("C4") for question in lines)
    assert "alarms late or lost" not in lines and "alarms late or lost" in HARMS
    assert "claims paid twice" in decision.text() and json.dumps(decision.to_dict())


def test_a_workload_that_is_missing_is_not_a_zero() -> None:
    decision = decision_of(["a", "b"], [0], [[report(0, None, 1.0, 1)], [report(0, None, 1.0, 1)]])
    assert "claims paid twice" not in decision.lines


def test_the_command_prints_writes_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "small.toml"
    file.write_text(
        'duration = "20 s"\n[topology]\nkind = "complete"\nseats = 4\n[consensus]\nkind = "qbft"\nblock_interval = "1 s"\n'
        '[[workload]]\nkind = "claims"\ncompression = 24\nscale = 0.2\n'
    )
    told = [
        "compare",
        str(file),
        "--vary",
        "consensus.kind=qbft,raft",
        "--decision",
        "--seeds",
        "2",
        "--quiet",
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(told) == 0
    assert "claims paid twice" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["decision.json", "decision.png", "decision.txt"]
    assert (tmp_path / "out" / "decision.png").read_bytes().startswith(b"\x89PNG")
