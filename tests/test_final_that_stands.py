"""What workloads call final is what stands at the end: under protocols that revoke, against each submitter's own chain."""

from __future__ import annotations

from typing import Any

import pytest

from sim.study.build import build, clear_up
from sim.study.read import from_dict
from sim.study.run import turn

FORKING: dict[str, dict[str, Any]] = {
    "nakamoto": {"kind": "nakamoto", "block_interval": "1 s", "depth": 1},
    "ghost": {"kind": "ghost", "block_interval": "1 s", "depth": 1},
    "clique": {"kind": "clique", "block_interval": "1 s", "depth": 1},
}
CUT = {"kind": "partition", "at": "5 s", "lasts": "10 s", "groups": [["seat-0", "seat-1", "seat-2"]]}
LOADS = {
    "synthetic": {"kind": "synthetic", "rate": 10.0},
    "counters": {"kind": "counters", "burst": 5},
    "ehr": {"kind": "ehr", "compression": 240, "scale": 0.1},
}


def played(consensus: dict[str, Any], load: dict[str, Any]) -> Any:
    world = build(
        from_dict(
            {
                "duration": "25 s",
                "topology": {"kind": "complete", "seats": 8},
                "link": {"latency": {"kind": "constant", "value": "200 ms"}},
                "consensus": consensus,
                "workload": [load],
                "fault": [CUT],
            }
        ),
        3,
    )
    turn(world)
    return world


@pytest.mark.parametrize("load", ["synthetic", "counters"])
@pytest.mark.parametrize("kind", [*FORKING, "qbft"])
def test_final_is_what_the_submitters_chain_holds_at_the_end(kind: str, load: str) -> None:
    world = played(FORKING.get(kind, {"kind": kind, "block_interval": "1 s"}), LOADS[load])
    [(_, market)] = world.markets
    books = market.memory["load"]
    seat_of = {one.id: one.submitter for block in world.society.blocks.values() for one in block.transactions}
    holds = {name for name, seat in seat_of.items() if name in books.submitted_ns and market.chain_of(seat).find(name)}
    assert set(books.waited_ns) == holds and holds
    assert (books.reverted > 0) is (kind != "qbft")
    clear_up(world)


@pytest.mark.parametrize("kind", [*FORKING, "qbft"])
def test_an_anchor_is_final_while_its_sources_chain_holds_it(kind: str) -> None:
    world = played(FORKING.get(kind, {"kind": kind, "block_interval": "1 s"}), LOADS["ehr"])
    [(workload, market)] = world.markets
    versions = [(record, version) for record in market.memory["writing"].records for version in record.versions]
    for record, version in versions:
        assert (version.final_ns >= 0) is (market.chain_of(record.source).find(version.tx_id) is not None)
    table = workload.outcome(market)
    assert table["final"] == sum(version.final_ns >= 0 for _, version in versions) > 5
    assert (table["outcomes"]["clinical_reorg"]["times"] > 0) is (kind != "qbft")
    clear_up(world)
