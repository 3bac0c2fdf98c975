"""The report's section `load`: shares of links and CPUs that can be reckoned by hand, and what counts as saturated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from handmade import good

import sim
from sim.study.load_watch import LoadWatch
from sim.study.metrics_load import load
from sim.study.read import from_dict


def played(**tables: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "duration": "10 s",
        "topology": {"kind": "star", "seats": 5},
        "link": {"latency": {"kind": "constant", "value": "10 ms"}},
        "workload": [{"kind": "rumour", "size": "1 MB", "count": 8, "every": "1 s", "origin": "seat-0"}],
    }
    found: dict[str, Any] = sim.run(from_dict({**usual, **tables})).to_dict()["load"]
    return found


def test_what_is_not_modelled_is_not_idle() -> None:
    assert played() == {"uplink": None, "downlink": None, "cpu": None, "block_space": None, "mempool": None, "saturated": []}
    assert load(good())["saturated"] == []


@pytest.mark.parametrize(("rate", "share", "saturated"), [("1 Gbit/s", 0.0256, []), ("25 Mbit/s", 1.024, ["uplink"])])
def test_the_hub_of_a_star_sends_eight_bodies_to_four_seats(rate: str, share: float, saturated: list[str]) -> None:
    """8 MB x 4 x 8 bit in 10 s: 25.6 Mbit/s at the hub, nothing at the leaves, which have heard from it alone."""
    found = played(seat={"up": rate, "down": "1 Gbit/s"}, gossip={"kind": "flood"})
    assert found["uplink"]["busiest"] == pytest.approx(share, rel=0.01)
    assert found["uplink"]["mean"] == pytest.approx(share / 5, rel=0.01)
    assert found["downlink"]["busiest"] == pytest.approx(0.0064, rel=0.2)
    assert found["saturated"] == saturated and found["uplink"]["saturated_seats"] == len(saturated)


def test_what_stands_in_line_is_told_with_its_amount_and_its_beginning() -> None:
    """Four copies of 1 MB each second at 25 Mbit/s take 1.28 s, so from the first on each second leaves 0.28 s more in line."""
    found = played(seat={"up": "25 Mbit/s", "down": "1 Gbit/s"}, gossip={"kind": "flood"})["uplink"]
    assert found["backlog_seat"] == "seat-0" and found["backlog_seats"] == 1
    assert found["backlog_s"] == pytest.approx(8 * 1.28 - (10 - found["backlog_since_s"]), abs=0.15)
    idle = played(seat={"up": "1 Gbit/s", "down": "1 Gbit/s"}, gossip={"kind": "flood"})["uplink"]
    assert (idle["backlog_s"], idle["backlog_seat"], idle["backlog_since_s"], idle["backlog_seats"]) == (0, None, None, 0)


def test_work_in_line_by_hand() -> None:
    """3 s of work at once, then nothing: a second later 2 s are left, since the look before; after 4 s nothing stands in line."""
    watch = LoadWatch.over(np.array([8_000_000_000, 8_000_000_000]), 0)
    left = []
    for second, sent in ((0, 0), (1, 0), (2, 3_000_000_000), (3, 3_000_000_000), (6, 3_000_000_000)):
        watch.look(np.array([sent, 0]), np.zeros(2), second * 1_000_000_000)
        assert watch.uplink is not None
        left.append((watch.uplink.work_ns[0] / 1e9, watch.uplink.since_ns[0] / 1e9))
    assert left == [(0, -1e-9), (0, -1e-9), (2, 1), (1, 1), (0, -1e-9)]
    assert not LoadWatch.over(np.zeros(2, np.int64), 0).wanted


@pytest.mark.parametrize(("each", "cores", "share"), [("500 ms", 1, 0.4), ("500 ms", 2, 0.2), ("1200 ms", 1, 0.96)])
def test_a_cpu_works_for_what_it_checks(each: str, cores: int, share: float) -> None:
    """Eight bodies of one signature each at every leaf; hashing and signing cost nothing here."""
    cpu = {"cores": cores, "verify": each, "sign": "0 s", "hash_per_kib": "0 s"}
    found = played(seat=cpu, gossip={"kind": "flood"})
    assert found["cpu"]["busiest"] == pytest.approx(share)
    assert found["saturated"] == (["cpu"] if share > 0.9 else [])


@pytest.mark.parametrize(
    ("rate", "pool", "saturated"),
    [(5.0, {}, []), (50.0, {}, ["block_space"]), (50.0, {"capacity": 60}, ["block_space", "mempool"])],
)
def test_room_in_blocks_and_room_to_wait(rate: float, pool: dict[str, Any], saturated: list[str]) -> None:
    found = played(
        topology={"kind": "complete", "seats": 4},
        consensus={"kind": "qbft", "block_interval": "500 ms", "max_block": "5 kB"},
        workload=[{"kind": "synthetic", "rate": rate, "size": "250 B", "arrivals": "steady"}],
        **({"mempool": pool} if pool else {}),
    )
    assert found["saturated"] == saturated
    if rate == 5.0:  # 5 a second of 250 bytes, a block of 5 kB each half second
        assert found["block_space"]["mean"] == pytest.approx(0.125, rel=0.15)
    if pool:
        assert found["mempool"]["most_waiting"] == 60 and found["mempool"]["refused"] > 0


def test_the_national_scenario_is_510_times_the_reference_network_over_4000_nodes() -> None:
    scenario = sim.load(Path(__file__).parent.parent / "scenarios" / "large" / "national-scale.toml")
    roles = scenario.topology.roles
    assert sum(roles.values()) == 4000 and scenario.duration == 60_000_000_000
    assert len({type(workload) for workload in scenario.workload}) == 10
    for workload in scenario.workload:
        assert workload.scale * roles["hospital"] / 12 == pytest.approx(510, rel=0.01)
