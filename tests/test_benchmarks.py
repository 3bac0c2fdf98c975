"""The yardstick does the work it claims to do, and a benchmark's document has the keys it promises."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent))  # benchmarks are no part of the installed package

from benchmarks import __main__ as face
from benchmarks import plain, work

PROMISED = {"ratio", "per_cpu_s", "cpu_s", "rss_bytes", "deliveries", "baseline_per_cpu_s"}


def test_the_plain_flood_reaches_everybody_and_counts_every_copy() -> None:
    ring = [[1, 3], [0, 2], [1, 3], [0, 2]]
    deliveries, _ = plain.flood(ring, [10, 20, 30])
    assert deliveries == 1 + 2 + 3 * 1  # the seed, two from the origin, one each onwards


@pytest.mark.parametrize("n", [4, 7])
def test_the_plain_votes_are_as_many_as_ours(n: int) -> None:
    """Proposal n - 1, prepares (n - 1)^2, commits n (n - 1): every copy is delivered in both."""
    deliveries, _ = plain.votes(n, plain.lognormal_delays(64))
    ours = work.measured(work.vote_scenario(n), 1, lambda world: work.decisions(world) == n)
    assert deliveries == ours["deliveries"] == (n - 1) + (n - 1) ** 2 + n * (n - 1)


def test_the_document_has_what_it_promises(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(work.BENCHMARKS, "flood_10k", lambda: work.flood(50, 1))
    monkeypatch.setattr("sys.argv", ["benchmarks", "flood_10k", "--json"])
    assert face.main() == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document["flood_10k"]) >= PROMISED
    assert all(document["flood_10k"][key] > 0 for key in PROMISED)


def test_an_unknown_name_is_refused_with_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["benchmarks", "flod"])
    with pytest.raises(SystemExit) as stopped:
        face.main()
    assert stopped.value.code == 2
    assert "flood_10k" in capsys.readouterr().err
