"""The yardstick does the work it claims to do, and a benchmark's document has the keys it promises."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent))  # benchmarks are no part of the installed package

from benchmarks import __main__ as face
from benchmarks import data, overlay, plain, work

PROMISED = {"ratio", "per_cpu_s", "cpu_s", "rss_bytes", "deliveries", "baseline_per_cpu_s"}


def test_the_yardstick_does_the_very_same_work() -> None:
    """Same deliveries, same nanosecond at every seat: `work` refuses anything else, on which its ratio would mean little."""
    assert work.plain_flood(work.flood_scenario(200))()[0] == 200 * 7 + 1
    assert work.plain_votes(work.vote_scenario(31))()[0] == 2 * 31 * 30


def test_a_yardstick_that_does_other_work_is_refused() -> None:
    with pytest.raises(RuntimeError, match="other work"):
        work.agreed(plain.Outcome(10, 1.0, [5, 7]), 10, [5, 8])
    with pytest.raises(RuntimeError, match="other work"):
        work.agreed(plain.Outcome(9, 1.0, [5, 8]), 10, [5, 8])


def test_the_document_has_what_it_promises(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(work.BENCHMARKS, "flood_10k", lambda: work.flood(50, 1))
    monkeypatch.setattr("sys.argv", ["benchmarks", "flood_10k", "--json"])
    assert face.main() == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document["flood_10k"]) >= PROMISED
    assert all(document["flood_10k"][key] > 0 for key in PROMISED)


def test_all_costs_stand_beside_two() -> None:
    """The ratio is that of the two rates; with loss fewer copies arrive, none more."""
    found = work.flood_all_costs(50, 1)
    assert set(found) >= PROMISED
    assert found["ratio"] == pytest.approx(found["per_cpu_s"] / found["baseline_per_cpu_s"])
    assert 300 < found["deliveries"] <= 50 * 7 + 1


def test_an_unknown_name_is_refused_with_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["benchmarks", "flod"])
    with pytest.raises(SystemExit) as stopped:
        face.main()
    assert stopped.value.code == 2
    assert "flood_10k" in capsys.readouterr().err


def test_heavy_work_is_done_or_refused() -> None:
    """The same pieces with fewer seats; a run in which the bodies did not reach the seats is no measurement."""
    assert overlay.gossipsub(60, "500 ms", 4, 1)["deliveries"] > 4 * 59
    assert overlay.chunks(60)["deliveries"] > 16 * 59
    idle = overlay.idle(overlay.idle_gossipsub, 2000)
    assert idle["bytes_per_seat"] >= 0 and idle["set_up_cpu_s"] > 0
    with pytest.raises(RuntimeError, match="did not do its work"):
        overlay.once(overlay.gossipsub_scenario(60, "20 s", "1 kB", 1, "1 s"), overlay.all_reached(1, 61))


@pytest.mark.slow
def test_data_behind_blocks_is_measured_too() -> None:
    """The benchmark of 10,000 nodes, small: everybody is satisfied, or it refuses to give a figure."""
    small = data.columns_scenario(1, nodes=300, blob="1 MB")
    assert work.measured(small, 1, data.believed)["deliveries"] > 10_000
    with pytest.raises(RuntimeError, match="did not do its work"):
        work.measured(small.but(**{"link.loss": 0.95}), 1, data.believed)


def test_a_stretch_of_the_hospital_day_is_measured() -> None:
    found = work.hospital_day("10 s")
    assert found["filed"] > 50 and found["deliveries"] > 1000 and found["cpu_s"] > 0
