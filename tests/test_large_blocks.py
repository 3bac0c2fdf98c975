"""What it costs agreement to move a large block: whole, in coded shreds, in shares behind a certificate, beside what can be reckoned.

With n seats, f traitors, a quorum q, bodies of S bytes, uplinks of B, one-way delay d, votes in a lane of their own, and a protocol
that takes `delays` from its proposal to the first decision: whole, the quorum's last copy leaves after (q - 1) S / B. Dispersed in
shares of S / (n - 2 f), the certificate's last share leaves after (n - f - 1) S / ((n - 2 f) B); signature and certificate add two
delays, and HotStuff's leader has its own proposal's votes one delay later.
"""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Any

import pytest

import sim
from sim.study.read import from_dict

ROOT = Path(__file__).parent.parent
RATE = 100e6 / 8
DELAY_S = 0.02
FIRST = {"qbft": 3, "hotstuff": 6}
AFTER_CERTIFICATE = {"qbft": 2, "hotstuff": 5}


def scenario(way: str, size_bytes: int, kind: str, n: int, **more: Any) -> sim.Scenario:
    tables: dict[str, Any] = {
        "duration": "200 s",
        "topology": {"kind": "complete", "seats": n},
        "link": {"latency": {"kind": "constant", "value": "20 ms"}},
        "seat": {"up": "100 Mbit/s", "down": "10 Gbit/s", "lane": "2 kB", **more},
        "gossip": {"kind": "flood" if way in ("attached", "certificate") else way},
        "consensus": {"kind": kind, "block_interval": "60 s", "patience": "100 s", "filler": f"{size_bytes} B"},
        "workload": [{"kind": "synthetic", "rate": 0.03}],
    }
    if way == "attached":
        tables["consensus"]["bodies"] = "attached"
    if way == "certificate":
        tables["availability"] = {"kind": "certificate", "blob": f"{size_bytes} B", "vote": "when-available", "deadline": "90 s"}
        del tables["consensus"]["filler"]
    return from_dict(tables)


def times(way: str, size_bytes: int, kind: str, n: int, **more: Any) -> dict[str, float]:
    section = sim.run(scenario(way, size_bytes, kind, n, **more), 3).to_dict()
    assert section["consensus"]["decided"] >= 3
    return {key: section["consensus"][f"{key}_decide_s"]["mean"] for key in ("first", "last")}


@pytest.mark.parametrize("kind", FIRST)
@pytest.mark.parametrize(("n", "size_bytes"), [(7, 2_000_000), (16, 4_000_000), (10, 16_000_000)])
@pytest.mark.parametrize("way", ["attached", "flood"])
def test_a_whole_body_costs_a_copy_for_each_of_the_quorum(way: str, n: int, size_bytes: int, kind: str) -> None:
    found = times(way, size_bytes, kind, n)
    copy_s, quorum = size_bytes / RATE, ceil(2 * n / 3)
    assert found["first"] == pytest.approx((quorum - 1) * copy_s + FIRST[kind] * DELAY_S, rel=0.005)
    assert found["last"] == pytest.approx((n - 1) * copy_s + DELAY_S, rel=0.005)


@pytest.mark.parametrize("kind", FIRST)
@pytest.mark.parametrize(("n", "size_bytes"), [(7, 2_000_000), (16, 4_000_000), (10, 16_000_000)])
def test_shares_behind_a_certificate_cost_a_share_for_each_signer(n: int, size_bytes: int, kind: str) -> None:
    f = (n - 1) // 3
    share_s = size_bytes / (n - 2 * f) / RATE
    expected = (n - f - 1) * share_s + (3 + AFTER_CERTIFICATE[kind]) * DELAY_S
    assert times("certificate", size_bytes, kind, n)["first"] == pytest.approx(expected, rel=0.015)


@pytest.mark.parametrize("kind", FIRST)
def test_coded_bodies_stay_within_what_uplinks_allow(kind: str) -> None:
    """At least the body once through the publisher's uplink and two hops; AVID's shares twice through everybody's."""
    n, size_bytes = 16, 4_000_000
    body_s, f = size_bytes / RATE, 5
    rest_s = (FIRST[kind] - 1) * DELAY_S
    shreds = times("turbine", size_bytes, kind, n)
    assert body_s + 2 * DELAY_S < shreds["first"] < 2 * body_s + 2 * DELAY_S + rest_s
    avid = times("avid", size_bytes, kind, n)
    share_s = body_s / (n - 2 * f)
    assert (n - 1) * share_s < avid["first"] < 2.3 * (n - 1) * share_s + 3 * DELAY_S + rest_s
    whole = times("attached", size_bytes, kind, n)
    assert whole["first"] > 1.5 * avid["first"] > 3 * shreds["first"]


def test_the_reckoning_needs_the_lane() -> None:
    """Where votes wait behind bodies the leader's own come last, and one copy more must be through before a quorum is there."""
    n, size_bytes = 16, 4_000_000
    found = times("attached", size_bytes, "qbft", n, lane=0)
    copy_s = size_bytes / RATE
    assert found["first"] > 11 * copy_s > 1.05 * (10 * copy_s + 3 * DELAY_S)


def test_small_blocks_gain_nothing() -> None:
    """For 1 kB of data the certificate's own delays cost more than the bytes they save."""
    assert times("certificate", 1000, "qbft", 16)["first"] > times("attached", 1000, "qbft", 16)["first"] + DELAY_S


def test_the_scenarios_tell_the_same() -> None:
    whole, shreds, shares = (
        sim.run(sim.load(ROOT / f"scenarios/large-block-{way}.toml")).to_dict()["consensus"]["first_decide_s"]["mean"]
        for way in ("sent-whole", "in-shreds", "dispersed")
    )
    assert 5 < whole / shreds < 6 and 5 < whole / shares < 5.5
