"""Where the data behind blocks must be there first, chains that fork ignore blocks whose data is not: what is built on, voted for, final."""

from __future__ import annotations

from typing import Any

import pytest

import sim
from sim.study.read import from_dict

LIARS = [f"seat-{number:02d}" for number in range(8)]
FORKING: dict[str, dict[str, Any]] = {
    "nakamoto": {"kind": "nakamoto", "block_interval": "12 s", "depth": 3},
    "ghost": {"kind": "ghost", "block_interval": "12 s", "depth": 3},
    "gasper": {"kind": "gasper", "slots_per_epoch": 8, "slot": "6 s"},
    "clique": {"kind": "clique", "block_interval": "6 s"},
    "praos": {"kind": "praos", "depth": 3},
}


def played(consensus: dict[str, Any], vote: str, duration: str = "10 min", seed: int = 1, **trick: Any) -> dict[str, Any]:
    """24 seats, eight of which keep back the least that nobody can rebuild."""
    tables = {
        "duration": duration,
        "topology": {"kind": "random-regular", "seats": 24, "degree": 6},
        "link": {"latency": {"kind": "lognormal", "median": "50 ms", "sigma": 0.4}},
        "gossip": {"kind": "flood"},
        "consensus": consensus,
        "availability": {
            "kind": "custody", "columns": 32, "enough": 16, "custody": 8, "blob": "200 kB", "vote": vote, "deadline": "4 s",
        },
        "workload": [{"kind": "synthetic", "rate": 0.2}],
        "adversary": [{"kind": "withhold-shares", "seats": LIARS, **trick}],
    }  # fmt: skip
    found = sim.run(from_dict(tables), seed).to_dict()
    assert all(check["verdict"] != "fail" for check in found["checks"])
    return found


@pytest.mark.parametrize("kind", FORKING)
def test_missing_data_is_final_or_ignored(kind: str) -> None:
    blind, careful = (played(FORKING[kind], vote) for vote in ("at-once", "when-available"))
    share = blind["availability"]["final_unavailable"]["share"]
    assert 0.2 < share < 0.5, "the liars' third of the blocks"
    assert blind["availability"]["available_share"] == pytest.approx(1 - share)
    assert careful["availability"]["final_unavailable"]["blocks"] == 0 and careful["availability"]["available_share"] == 1.0
    assert careful["consensus"]["decided"] > 10
    if kind not in (
        "clique",
        "praos",
    ):  # where somebody else seals in a liar's place, nothing is lost; praos may have several leaders
        lost = 1 - careful["consensus"]["decided"] / blind["consensus"]["decided"]
        assert lost == pytest.approx(share, abs=0.08), "the price: what liars find is nobody's"


def test_late_data_reorganises_only_where_it_is_waited_for() -> None:
    """Handed out two slots too late, a block competes with those built meanwhile; proposer boost ends that."""
    plain = {**FORKING["gasper"], "boost": 0.0}
    depth = {
        (vote, boost): played({**plain, "boost": boost}, vote, release="15 s")["consensus"]["reorganisation_depth"]["n"]
        for vote in ("at-once", "when-available")
        for boost in (0.0, 0.4)
    }
    assert depth["at-once", 0.0] == depth["at-once", 0.4] == 0
    assert depth["when-available", 0.0] > 10 > depth["when-available", 0.4]


def test_data_that_comes_soon_changes_nothing_and_late_data_is_there_in_the_end() -> None:
    soon = played(FORKING["nakamoto"], "when-available", release="1 s")
    assert soon["availability"]["available_share"] == 1.0 and soon["availability"]["final_unavailable"]["blocks"] == 0
    never = played(FORKING["nakamoto"], "when-available")
    assert soon["consensus"]["decided"] > 1.2 * never["consensus"]["decided"]
    late = played(FORKING["nakamoto"], "at-once", release="1 min")["availability"]
    assert 0 < late["final_unavailable"]["for_s"]["max"] < 60
    assert late["sampling"]["unavailable_blocks"] <= 3, "only those at the very end"


@pytest.mark.parametrize("kind", ["mysticeti", "bullshark"])
def test_a_withholder_does_not_stop_a_graph(kind: str) -> None:
    """What nobody can have is waited for aside; the others' blocks go on."""
    tables: dict[str, Any] = {
        "duration": "20 s",
        "topology": {"kind": "complete", "seats": 7},
        "link": {"latency": {"kind": "constant", "value": "20 ms"}},
        "gossip": {"kind": "flood"},
        "consensus": {"kind": kind},
        "availability": {"kind": "custody", "columns": 32, "enough": 16, "custody": 8, "blob": "50 kB", "vote": "when-available"},
        "workload": [{"kind": "synthetic", "rate": 5.0}],
        "adversary": [{"kind": "withhold-shares", "seats": ["seat-3"], "pattern": "all"}],
    }
    found = sim.run(from_dict(tables)).to_dict()
    assert found["consensus"]["decided"] > 20
    assert found["availability"]["final_unavailable"]["blocks"] == 0
