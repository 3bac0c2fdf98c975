"""The Fabric pipeline: its path in delays, its rules one by one, any ordering underneath, and the price of running before ordering."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from worlds import DELAY_NS, agreeing

import sim
from sim.consensus.fabric.pipeline import Fabric
from sim.consensus.fabric.rules import CONFLICT, NEVER, UNENDORSED, VALID, Endorsed, Envelope, satisfies, validated
from sim.consensus.pbft import PBFT
from sim.kernel.errors import ScenarioError
from sim.ledger.block import GENESIS, Block, Transaction
from sim.net.topology import numbered
from sim.node.message import Certificate
from sim.study.report import Report
from sim.testing import check_consensus

RAFT = {"kind": "raft", "election_timeout": "10 s", "heartbeat": "2 s"}
ORDERINGS = [RAFT, {"kind": "pbft", "patience": "100 s"}, {"kind": "smartbft"}]
NAMES = ["raft", "pbft", "smartbft"]
QUICK = {"latency": {"kind": "constant", "value": "10 ms"}}


def verdict(report: Report, name: str) -> str:
    return next(str(one["verdict"]) for one in report.to_dict()["checks"] if one["name"] == name)


def played(n: int, ordering: dict[str, Any], duration: str = "60 s", seed: int = 1, **tables: Any) -> Report:
    consensus = {"ordering": ordering, "patience": "20 s", **tables.pop("consensus", {})}
    return sim.run(agreeing("fabric", n, duration, consensus=consensus, **tables), seed)


@pytest.mark.parametrize("ordering", ORDERINGS, ids=NAMES)
@pytest.mark.parametrize("orderers", [4, 7])
def test_any_protocol_orders_and_every_peer_takes_the_blocks(ordering: dict[str, Any], orderers: int) -> None:
    load = [{"kind": "synthetic", "rate": 2.0}]
    report = played(7, ordering, consensus={"orderers": orderers, "block_interval": "1 s"}, workload=load, link=QUICK)
    assert [verdict(report, name) for name in ("agreement", "prefix-order", "integrity", "validity", "termination")] == ["pass"] * 5
    (table,) = report.to_dict()["workload"]
    assert table["final"] >= 0.8 * table["submitted"] > 50
    seats = {row[2] for row in report.evidence.trace if row[1] == "decide"}
    assert seats == set(range(7))
    kinds = {kind: copies for kind, (copies, _) in report.evidence.by_kind.items()}
    assert ("Delivered" in kinds) == (orderers < 7)


def test_the_path_of_a_transaction() -> None:
    """Client to endorsers and back 2, to the orderers 1, PBFT 3 and to the peers 1: seven delays, from a peer that does not order."""
    report = played(
        7,
        {"kind": "pbft", "patience": "100 s"},
        consensus={"orderers": 4, "block_interval": "7 s"},
        workload=[{"kind": "counters", "keys": 1000, "every": "7 s", "first": "11 s"}],
        duration="80 s",
    )
    submitted = {row[3]: (row[0], row[2]) for row in report.evidence.trace if row[1] == "submit"}
    proposed = {row[3]: row[0] for row in report.evidence.trace if row[1] == "publish"}
    seen = set()
    for row in report.evidence.trace:
        if row[1] == "decide" and row[2] >= 4:
            for transaction in report.evidence.blocks[row[4]].transactions:
                at, client = submitted[transaction.id]
                assert proposed[row[4]] - at >= 3 * DELAY_NS if client else 2 * DELAY_NS
                assert row[0] - proposed[row[4]] == 4 * DELAY_NS
                seen.add((proposed[row[4]] - at) // DELAY_NS)
    assert 3 in seen


@pytest.mark.parametrize(("keys", "burst"), [(1, 6), (4, 8), (50, 10)])
def test_the_share_in_conflict_is_that_of_the_closed_form(keys: int, burst: int) -> None:
    """A burst is run on one state and stands in one block: k (1 - (1 - 1/k)^m) of m are valid."""
    fates = {"valid": 0, "conflict": 0}
    for seed in range(1, 4):
        report = played(
            6,
            RAFT,
            duration="220 s",
            seed=seed,
            consensus={"block_interval": "1 s"},
            workload=[{"kind": "counters", "keys": keys, "burst": burst, "every": "2 s", "first": "30100 ms"}],
            link=QUICK,
        )
        outcomes = report.to_dict()["workload"][0]["outcomes"]
        assert outcomes["unendorsed"] == 0
        for fate in fates:
            fates[fate] += outcomes[fate]
        for row in report.evidence.trace:
            if row[1] == "note" and row[3] == "validated":
                facts = dict(row[4])
                assert facts["valid"] + facts["conflict"] == burst
    judged = sum(fates.values())
    bursts = judged / burst
    expected = keys * (1 - (1 - 1 / keys) ** burst)
    spread = np.sqrt(np.var([len({*np.random.default_rng(draw).integers(0, keys, burst)}) for draw in range(4000)]))
    assert bursts > 200
    assert abs(fates["valid"] / bursts - expected) <= 4 * spread / np.sqrt(bursts) + 1e-9


def test_without_the_pipeline_nothing_is_in_conflict_and_nothing_is_claimed() -> None:
    load = [{"kind": "counters", "keys": 1, "burst": 5}]
    report = sim.run(agreeing("pbft", 4, "20 s", workload=load, link=QUICK))
    outcomes = report.to_dict()["workload"][0]["outcomes"]
    assert outcomes["conflict_share"] is None and outcomes["valid"] is None
    assert report.to_dict()["workload"][0]["final"] > 50


def transaction(number: int, key: str = "stock") -> Transaction:
    return Transaction("counter", 0, 100, (("key", key),), submitted_ns=number)


def envelope(one: Transaction, version: int, signers: int, key: str = "stock") -> Envelope:
    said = Endorsed(one.id, 0, key, version)
    return Envelope(one.id, key, version, Certificate(said, 0, signers))


def key_of(one: Transaction) -> str:
    return str(one.fact("key") or "")


def test_the_first_on_a_version_is_valid_and_the_rest_are_in_conflict() -> None:
    versions = {"stock": 3}
    ones = [transaction(number) for number in range(3)]
    seals = (envelope(ones[0], 2, 0b11), envelope(ones[1], 3, 0b11), envelope(ones[2], 3, 0b11))
    block = Block(GENESIS, 1, 0, 0, transactions=tuple(ones), seals=seals)
    assert validated(block, key_of, 7, versions, 3, 2) == [CONFLICT, VALID, CONFLICT]
    assert versions == {"stock": 7}


def test_endorsements_must_be_of_enough_organisations_and_about_this_very_result() -> None:
    one, other = transaction(1), transaction(2)
    assert satisfies(envelope(one, NEVER, 0b0011), one, "stock", 3, 2)
    assert not satisfies(envelope(one, NEVER, 0b1001), one, "stock", 3, 2), "seats 0 and 3 are of one organisation"
    assert not satisfies(envelope(one, NEVER, 0b0001), one, "stock", 3, 2)
    assert not satisfies(envelope(other, NEVER, 0b0011), one, "stock", 3, 2)
    assert not satisfies(envelope(one, NEVER, 0b0011), one, "bed", 3, 2)
    forged = Envelope(one.id, "stock", 5, envelope(one, NEVER, 0b0011).proof)
    assert not satisfies(forged, one, "stock", 3, 2), "the endorsers signed another version"
    block = Block(GENESIS, 1, 0, 0, transactions=(one, other), seals=(None,))
    assert validated(block, key_of, 0, {}, 3, 2) == [UNENDORSED, UNENDORSED]


def test_seals_are_part_of_a_blocks_name_and_weight() -> None:
    one = transaction(1)
    plain = Block.of(GENESIS, 1, 0, 0, (one,))
    sealed = Block(GENESIS, 1, 0, 0, plain.root, (one,), seals=(envelope(one, 3, 0b11),))
    other = Block(GENESIS, 1, 0, 0, plain.root, (one,), seals=(envelope(one, 4, 0b11),))
    assert len({plain.digest, sealed.digest, other.digest}) == 3
    assert sealed.size_bytes == plain.size_bytes + 168 and sealed.well_formed()


def test_a_peer_that_was_down_is_told_what_it_missed() -> None:
    down = [{"kind": "crash", "seats": [numbered("seat", 7)[6]], "at": "15 s", "lasts": "20 s"}]
    report = played(
        7,
        RAFT,
        duration="80 s",
        consensus={"orderers": 4, "patience": "2 s", "block_interval": "1 s"},
        fault=down,
        link=QUICK,
        heal="35 s",
    )
    assert verdict(report, "termination") == "pass"


def test_f_plus_one_lying_orderers_split_the_peers_and_f_do_not() -> None:
    def split(count: int) -> str:
        lying = [{"kind": "equivocate", "seats": list(numbered("seat", 4)[:count])}]
        return verdict(played(4, {"kind": "pbft", "patience": "8 s"}, adversary=lying, duration="100 s", heal="20 s"), "agreement")

    assert split(1) == "pass"
    assert split(2) == "fail"


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"endorsements": 4}, "endorsements"),
        ({"orderers": 0}, "orderers"),
        ({"ordering": {"kind": "fabric"}}, "ordering"),
        ({"orderers": 9}, "orderers"),
        ({"organisations": 9}, "organisations"),
    ],
)
def test_what_cannot_be_is_refused(table: dict[str, Any], key: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        sim.run(agreeing("fabric", 4, "5 s", consensus=table))
    assert key in str(refused.value)


@pytest.mark.parametrize("ordering", [None, PBFT()], ids=["raft", "pbft"])
def test_it_stands_the_conformance_scenes(ordering: Any) -> None:
    protocol = Fabric() if ordering is None else Fabric(ordering=ordering)
    check_consensus(protocol, seats=4, seeds=1)


@pytest.mark.thorough
@pytest.mark.parametrize("ordering", [None, PBFT()], ids=["raft", "pbft"])
def test_it_stands_them_among_seven(ordering: Any) -> None:
    check_consensus(Fabric(orderers=4) if ordering is None else Fabric(ordering=ordering), seats=7, seeds=2)
