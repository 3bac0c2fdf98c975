"""SimBlock's relay, rates by region and a law of latency for each pair: what its model needs, part by part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sim
from sim.gossip.simblock import SimBlock
from sim.kernel.errors import ScenarioError
from sim.net.core.state import ANNOUNCE, BODY, REQUEST
from sim.net.matrices import load_matrix
from sim.study.read import from_dict, loads
from sim.study.validation.simblock import scenario_text, seats_of
from sim.testing import check_gossip

MS = 1_000_000


def spread(**tables: Any) -> Any:
    """One run on the wire level, from tables of a scenario."""
    scenario = {"duration": "100 s", "trace": "wire", "gossip": {"kind": "simblock"}, **tables}
    return sim.run(from_dict(scenario)).evidence


def test_it_stands_the_public_check() -> None:
    check_gossip(SimBlock())


def test_one_hop() -> None:
    """INV and REC cost the latency and 10 ms each, the block 2 ms, its size over the rate, and the latency: 342 ms and 96 B."""
    found = spread(
        topology={"kind": "line", "seats": 2},
        link={"latency": {"kind": "constant", "value": "80 ms"}},
        seat={"up": "8 Mbit/s", "down": "16 Mbit/s"},
        workload=[{"kind": "rumour", "size": "80 kB", "origin": "seat-0"}],
    )
    small_ns = 2 * 48 * 1000  # an announcement and a request on an uplink of 8 Mbit/s
    assert found.spreads[0].arrival_ns.tolist() == [0, 3 * 80 * MS + 2 * 10 * MS + 2 * MS + 80 * MS + small_ns]


@pytest.mark.parametrize(("rates", "every"), [({}, "100 ms"), ({"up": "4 Mbit/s", "down": "3 Mbit/s"}, "10 s")])
def test_an_upload_begins_when_the_last_has_arrived(rates: dict[str, str], every: str) -> None:
    """Bodies of one sender never overlap; a hub whose leaves all ask at once sends without a pause in between.

    With rates the rumours keep apart: an announcement on the same downlink would delay the body beyond what its sender foresaw.
    """
    found = spread(
        topology={"kind": "star", "seats": 30},
        link={"latency": {"kind": "exponential", "mean": "50 ms"}},
        seat=rates,
        workload=[{"kind": "rumour", "size": "20 kB", "count": 3, "every": every, "origin": "seat-00"}],
    )
    wire = found.trace.wire()
    assert (found.spreads[0].arrival_ns >= 0).all()
    bodies = wire["packet"] == BODY
    begun, ended = np.sort(wire["sent_ns"][bodies]), np.sort(wire["time_ns"][bodies])
    assert len(begun) == 3 * 29
    assert (begun[1:] >= ended[:-1]).all(), "one at a time"
    assert (begun[1:] == ended[:-1]).mean() > 0.9, "and without a pause while somebody waits"
    assert {packet: int((wire["packet"] == packet).sum()) for packet in (ANNOUNCE, REQUEST)} == {ANNOUNCE: 87, REQUEST: 87}


def test_each_pair_has_the_law_of_its_mean() -> None:
    """Least delay m - 5 ms and mean m, for pairs as unlike as 12 and 350 ms."""
    regions, one_way_ns = load_matrix("simblock-2015")
    found = spread(
        topology={"kind": "outbound", "seats": dict.fromkeys(regions, 40), "links": 30, "matrix": "simblock-2015"},
        link={"jitter": {"kind": "pareto"}},
        gossip={"kind": "flood"},
        workload=[{"kind": "rumour", "size": "1 kB", "count": 30}],
    )
    wire = found.trace.wire()
    place = np.array([regions.index(region) for region in found.regions])
    took = wire["time_ns"] - wire["sent_ns"]
    for here in range(6):
        for there in range(6):
            mean_ns = one_way_ns[here, there]
            drawn = took[(place[wire["source"]] == here) & (place[wire["seat"]] == there)]
            assert drawn.min() >= mean_ns - 5 * MS - 1000
            if mean_ns > 10 * MS:  # below, the variance is infinite
                shape = mean_ns / (5 * MS)
                error = mean_ns / np.sqrt(shape * (shape - 2) * len(drawn))
                assert abs(drawn.mean() - mean_ns) <= 5 * error


@pytest.mark.parametrize(("origin", "last_ms"), [("north-0", 8000), ("south-0", 1000)])
def test_rates_by_region(origin: str, last_ms: int) -> None:
    """A copy takes the slower of its sender's uplink and its receiver's downlink."""
    found = spread(
        topology={"kind": "outbound", "seats": {"north": 1, "south": 1}, "links": 1},
        seat={"up": {"north": "8 Mbit/s", "south": "80 Mbit/s"}, "down": {"north": "8 Mbit/s", "south": "1 Mbit/s"}},
        gossip={"kind": "flood"},
        workload=[{"kind": "rumour", "size": "1 MB", "origin": origin}],
    )
    assert found.spreads[0].arrival_ns.max() == last_ms * MS
    assert found.up_bit_s.tolist() == [8_000_000, 80_000_000]
    assert "bandwidth" not in found.not_modelled


@pytest.mark.parametrize(
    ("seat", "link", "key", "why"),
    [
        ({"up": {"north": "8 Mbit/s"}}, {}, "seat.up", "says nothing of the region 'south'"),
        ({"down": {"north": "8 Mbit/s", "south": 0, "west": 0}}, {}, "seat.down", "no seat stands in a region 'west'"),
        ({"up": {"north": "8"}}, {}, "seat.up", "unit is missing"),
        ({}, {"jitter": {"kind": "pareto"}}, "link.jitter", "no latencies of its own"),
        ({}, {"latency": {"kind": "pareto"}}, "link.latency", "not how long"),
    ],
)
def test_refusals(seat: dict[str, Any], link: dict[str, Any], key: str, why: str) -> None:
    tables = {
        "duration": "1 s",
        "topology": {"kind": "regions", "seats": {"north": 3, "south": 3}},
        "link": link,
        "seat": seat,
    }
    with pytest.raises(ScenarioError, match=why) as caught:
        sim.run(from_dict(tables))
    assert caught.value.path == key


def test_short_pairs_have_no_such_law() -> None:
    regions = {"us-east-1": 3, "us-east-2": 3}
    tables = {"duration": "1 s", "topology": {"kind": "regions", "seats": regions, "matrix": "aws-2025"}}
    with pytest.raises(ScenarioError, match="above 5 ms"):
        sim.run(from_dict({**tables, "link": {"jitter": {"kind": "pareto"}}}))


def test_regions_are_dealt_as_simblock_deals_them() -> None:
    assert list(seats_of((0.3661, 0.4791, 0.0149, 0.1022, 0.0238, 0.0139), 800).values()) == [293, 384, 12, 81, 19, 11]
    assert loads(scenario_text("dogecoin", 600, 8000, 60)).topology.law == "dogecoin"
