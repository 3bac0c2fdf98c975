"""Measured latencies by name and from a file, as copies meet them; jitter that is keyed by the copy and not by its turn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import sim
from sim.kernel.errors import ScenarioError
from sim.net.matrices import MATRICES, load_matrix
from sim.study.read import from_dict, load
from sim.study.report import Report

MS = 1_000_000


def flood(regions: tuple[str, ...], matrix: str, **more: Any) -> Report:
    """One seat in each region, all linked, one small rumour."""
    topology = {"kind": "regions", "seats": dict.fromkeys(regions, 1), "degree": len(regions) - 1, "matrix": matrix}
    tables: dict[str, Any] = {
        "duration": "10 s",
        "trace": "wire",
        "topology": topology,
        "gossip": {"kind": "flood"},
        "workload": [{"kind": "rumour"}],
    }
    return sim.run(from_dict(tables | more))


def taken_ns(report: Report) -> dict[tuple[int, int], int]:
    """How long each copy was under way, by source and target."""
    wire = report.evidence.trace.wire()
    rows: list[NDArray[np.int64]] = [wire["source"], wire["seat"], wire["time_ns"] - wire["sent_ns"]]
    return {(source, seat): time_ns for source, seat, time_ns in zip(*(row.tolist() for row in rows), strict=True)}


@pytest.mark.parametrize("name", MATRICES)
def test_each_table_by_name(name: str) -> None:
    """Every copy takes what the table says from its region to the other, and the two directions differ where it says so."""
    regions, one_way_ns = load_matrix(name)
    regions = regions[:8]
    found = taken_ns(flood(regions, name))
    assert len(found) >= len(regions) * (len(regions) - 1) - len(regions)
    assert all(time_ns == one_way_ns[way] for way, time_ns in found.items())
    directional = any(found[way] != found.get(way[::-1], found[way]) for way in found)
    assert directional == (name in ("aws-2025", "aws-2025-p90", "aws-relab", "azure-2024"))


def test_a_file_beside_the_scenario(tmp_path: Path) -> None:
    """Round trips of 20 ms there and 60 ms back; found beside the scenario from any working folder."""
    (tmp_path / "trips.csv").write_text("from,ward,lab\nward,0,20\nlab,60,0\n")
    for kind, links in (("regions", "degree"), ("outbound", "links")):
        (tmp_path / "trips.toml").write_text(
            f'duration = "1 s"\ntrace = "wire"\n[topology]\nkind = "{kind}"\nseats = {{ ward = 2, lab = 2 }}\n{links} = 2\n'
            'matrix = "trips.csv"\n[[workload]]\nkind = "rumour"\n'
        )
        report = sim.run(load(tmp_path / "trips.toml"))
        here = report.evidence.regions
        for (source, seat), time_ns in taken_ns(report).items():
            expected = {("ward", "lab"): 10, ("lab", "ward"): 30}.get((here[source], here[seat]), 0)
            assert time_ns == expected * MS


def test_jitter_is_drawn_for_each_copy() -> None:
    """Every copy its own factor, of median 1; none of a smaller mean than the law has."""
    regions = load_matrix("aws-2025")[0]
    one_way_ns = load_matrix("aws-2025")[1]
    found = taken_ns(flood(regions, "aws-2025", link={"jitter": {"kind": "lognormal", "sigma": 0.2}}))
    factors = np.array([time_ns / one_way_ns[way] for way, time_ns in found.items()])
    assert len(np.unique(factors.round(6))) > 0.95 * len(factors)
    assert abs(np.log(factors).mean()) < 4 * 0.2 / np.sqrt(len(factors))
    assert abs(np.log(factors).std() - 0.2) < 4 * 0.2 / np.sqrt(2 * len(factors))


def test_two_strategies_meet_the_same_weather() -> None:
    """The same rumour over the same link takes as long under flood and under push, though their copies leave in another order."""
    regions = load_matrix("aws-2025")[0]
    link = {"jitter": {"kind": "lognormal", "sigma": 0.2}}
    all_ways = taken_ns(flood(regions, "aws-2025", link=link))
    some_ways = taken_ns(flood(regions, "aws-2025", link=link, gossip={"kind": "push", "fanout": 4}))
    both = all_ways.keys() & some_ways.keys()
    assert len(both) > 80
    assert all(all_ways[way] == some_ways[way] for way in both)


def test_jitter_needs_latencies() -> None:
    """Without a matrix there is nothing to jitter."""
    with pytest.raises(ScenarioError, match=r"link\.jitter"):
        flood(("north", "south"), "", link={"jitter": {"kind": "lognormal", "sigma": 0.2}})
