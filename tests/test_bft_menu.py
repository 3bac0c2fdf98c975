"""The leader-based protocols: each stands the public check, works on every route it names, and comes back after outages."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from worlds import agreeing

import sim
import sim.study.read
from sim.consensus.hotstuff.basic import HotStuff
from sim.consensus.hotstuff.chained import ChainedHotStuff
from sim.consensus.hotstuff.jolteon import Jolteon
from sim.consensus.hotstuff.two_phases import HotStuff2
from sim.consensus.ibft import IBFT2
from sim.consensus.simplex import Simplex
from sim.consensus.smartbft import SmartBFT
from sim.consensus.tendermint import Tendermint
from sim.kernel.errors import ScenarioError
from sim.net.topology import numbered
from sim.study.plugins import find
from sim.testing import check_consensus

MENU = (
    IBFT2(),
    SmartBFT(complain="3 s", view_change="4 s"),
    HotStuff(),
    HotStuff2(),
    ChainedHotStuff(),
    Jolteon(),
    Tendermint(),
    Simplex(),
    Simplex(rebroadcast=False),
)


@pytest.mark.parametrize("seats", [4, 7])
@pytest.mark.parametrize("protocol", MENU, ids=lambda one: type(one).__name__)
def test_every_protocol_stands_the_public_check(protocol: Any, seats: int) -> None:
    check_consensus(protocol, seats=seats, seeds=1)


ROUTED = [
    (kind, route)
    for kind in ("ibft2", "smartbft", "tendermint", "simplex", "hotstuff", "hotstuff-2", "chained-hotstuff", "jolteon")
    for route in getattr(find("consensus", kind), "routes", ("direct", "gossip"))
]


@pytest.mark.parametrize(("kind", "route"), ROUTED)
def test_it_runs_on_every_route_it_names(kind: str, route: str) -> None:
    """Bodies gossip over a sparse overlay, and votes travel as the scenario says; agreed in the end, by all."""
    report = sim.run(
        sim.study.read.from_dict(
            {
                "duration": "20 s",
                "heal": "1 s",
                "topology": {"kind": "random-regular", "seats": 10, "degree": 4},
                "link": {"latency": {"kind": "lognormal", "median": "25 ms", "sigma": 0.4}},
                "consensus": {"kind": kind, "route": route, "block_interval": "500 ms"},
            }
        )
    )
    checks = {check["name"]: check["verdict"] for check in report.to_dict()["checks"]}
    assert checks["agreement"] == checks["termination"] == checks["prefix-order"] == "pass"
    assert report.to_dict()["consensus"]["decided"] >= 8


def test_a_star_needs_a_centre() -> None:
    with pytest.raises(ScenarioError, match="names no centre"):
        agreeing("jolteon", 4, consensus={"route": "star"})


def recovered_after_s(kind: str, keys: dict[str, Any], outage_s: int, begins_ms: int, n: int = 4) -> float:
    """From the end of an outage in which nobody has a quorum to the next decision of anybody."""
    groups = [["seat-0", "seat-1"], ["seat-2", "seat-3"]]
    report = sim.run(
        sim.study.read.from_dict(
            {
                "duration": f"{10 + 2 * outage_s + 30} s",
                "topology": {"kind": "complete", "seats": n},
                "link": {"latency": {"kind": "constant", "value": "20 ms"}},
                "consensus": {"kind": kind, "block_interval": "500 ms", **keys},
                "fault": [{"kind": "partition", "at": f"{begins_ms} ms", "lasts": f"{outage_s} s", "groups": groups}],
            }
        )
    )
    healed_ns = (begins_ms + outage_s * 1000) * 1_000_000
    assert not any(begins_ms * 1_000_000 + 10**9 < row[0] < healed_ns for row in report.evidence.trace.of("decide"))
    return float(min(row[0] for row in report.evidence.trace.of("decide") if row[0] > healed_ns) - healed_ns) / 1e9


@pytest.mark.parametrize(
    ("kind", "keys", "worst_s"),
    [
        ("qbft", {"patience": "4 s"}, 130 + 4),  # P + T: the timer that runs when it heals began at about half of P
        ("ibft2", {"patience": "4 s"}, 130 + 4),
        ("tendermint", {}, 3 + 0.5 * 17),  # 3 + 0.5 r, where 3 r + 0.25 r^2 = P
        ("jolteon", {"preset": "aptos"}, 4.48),  # 1.5 s * 1.2^6
        ("simplex", {"delta": "1 s"}, 3 + 0.2),  # 3 delta, and some delays
    ],
)
def test_how_long_it_takes_to_come_back_after_an_outage(kind: str, keys: dict[str, Any], worst_s: float) -> None:
    """Worst cases for an outage of P = 130 s; QBFT's patience alone goes with the length of the outage."""
    found = [recovered_after_s(kind, keys, 130, begins_ms) for begins_ms in (10_000, 10_700, 11_300)]
    assert max(found) <= worst_s
    assert (max(found) > 30) == (kind in ("qbft", "ibft2"))


def test_raft_comes_back_within_two_election_timeouts() -> None:
    assert max(recovered_after_s("raft", {}, 60, begins_ms, n=5) for begins_ms in (10_000, 10_700)) <= 2 + 0.2


@pytest.mark.parametrize("bad", [1, 2, 3])
def test_istanbul_after_bad_proposers(bad: int) -> None:
    """T (2^k - 1) + 4 d, T = 4 s: 4, 12, 28 s."""
    dead = {"fault": [{"kind": "crash", "seats": list(numbered("seat", 10)[:bad])}]}
    for kind in ("qbft", "ibft2"):
        report = sim.run(agreeing(kind, 10, "50 s", consensus={"patience": "4 s", "block_interval": "9999 s"}, **dead))
        assert {row[0] for row in report.evidence.trace.of("decide")} == {(4 * (2**bad - 1) + 4) * 10**9}


def test_smartbft_replaces_a_silent_leader_after_22_s_and_then_keeps_the_next() -> None:
    """Forward 2 s, complain 20 s; complaint, VIEW-DATA, proposal, PREPARE, COMMIT: five delays of 1 s. Then three a decision."""
    report = sim.run(
        agreeing(
            "smartbft", 4, "60 s", consensus={"preset": "fabric-smartbft"}, adversary=[{"kind": "silent", "seats": ["seat-0"]}]
        )
    )
    times = sorted({row[0] for row in report.evidence.trace.of("decide") if row[2] != 0})
    assert times[0] == (22 + 5) * 10**9
    assert {later - earlier for earlier, later in itertools.pairwise(times)} == {3 * 10**9}


@pytest.mark.parametrize(("dead", "sum_s"), [(1, 3.0), (2, 6.5), (3, 10.5), (4, 15.0)])
def test_tendermint_after_silent_proposers(dead: int, sum_s: float) -> None:
    quiet = {"adversary": [{"kind": "silent", "seats": list(numbered("seat", 13)[:dead])}]}
    report = sim.run(agreeing("tendermint", 13, "60 s", consensus={"commit": "9999 s"}, **quiet))
    late = min(row[0] for row in report.evidence.trace.of("decide")) / 1e9
    assert late == sum_s + 2 * dead + 3  # delays of 1 s: nil PREVOTE and PRECOMMIT a round, then proposal, PREVOTE, PRECOMMIT


def test_simplex_drops_no_block_of_an_honest_leader() -> None:
    """Tail forking: with one silent seat and a calm network, every block that an honest leader proposes becomes final."""
    report = sim.run(
        agreeing("simplex", 4, "200 s", consensus={"delta": "2 s"}, adversary=[{"kind": "silent", "seats": ["seat-2"]}])
    )
    decided = {row[4] for row in report.evidence.trace.of("decide")}
    proposed = [row[3] for row in report.evidence.trace.of("publish") if row[2] != 2 and row[0] < 180 * 10**9]
    assert len(proposed) > 20
    assert all(digest in decided for digest in proposed)


def test_jolteon_drops_blocks_whose_votes_go_to_a_silent_seat() -> None:
    """The contrast: votes for the view before the silent leader's are lost with it."""
    report = sim.run(
        agreeing("jolteon", 4, "200 s", consensus={"patience": "6 s"}, adversary=[{"kind": "silent", "seats": ["seat-2"]}])
    )
    decided = {row[4] for row in report.evidence.trace.of("decide")}
    proposed = [row[3] for row in report.evidence.trace.of("publish") if row[2] != 2 and row[0] < 180 * 10**9]
    assert 0 < sum(digest not in decided for digest in proposed) < len(proposed)
