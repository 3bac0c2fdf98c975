"""Light clients with proofs: served by honest nodes, not fooled by a lying home, fooled by a majority of liars, and by any without proofs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import sim
from sim.health.forgery import Forgery, altered
from sim.kernel.errors import ScenarioError
from sim.ledger.block import GENESIS, Block, Transaction
from sim.ledger.integrity import Tampered, Unlinked
from sim.ledger.light import Headers, header_of, show
from sim.study.read import from_dict


def chain(length: int = 3, entries: int = 5) -> list[Block]:
    blocks: list[Block] = []
    for height in range(1, length + 1):
        parent = blocks[-1].digest if blocks else GENESIS
        load = tuple(Transaction("load", 0, 100, (("number", 10 * height + place),)) for place in range(entries))
        blocks.append(Block.of(parent, height, 0, height, load))
    return blocks


def test_headers_prove_what_stands_where_it_stands_and_nothing_else() -> None:
    blocks, headers = chain(), Headers()
    for block in blocks:
        assert header_of(block).digest == block.digest
        headers.take(header_of(block))
    shown = show(blocks[1], 3)
    assert headers.proves(shown, 2, 3)
    assert shown.size_bytes == 100 + 8 + 32 * len(shown.proof.path)
    assert not headers.proves(shown, 2, 4) and not headers.proves(shown, 1, 3)
    assert not headers.proves(replace(shown, height=3), 3, 3)
    lie = altered(shown.transaction)
    assert not headers.proves(replace(shown, transaction=lie), 2, 3)
    assert not headers.proves(replace(shown, transaction=replace(lie, id=shown.transaction.id)), 2, 3)
    headers.rewind(1)
    assert not headers.proves(shown, 2, 3)


def test_headers_that_do_not_follow_or_were_altered_are_not_taken() -> None:
    blocks, headers = chain(), Headers()
    with pytest.raises(Unlinked):
        headers.take(header_of(blocks[1]))
    named = header_of(blocks[0])
    assert named.digest
    object.__setattr__(named, "root", "0" * 64)
    with pytest.raises(Tampered):
        headers.take(named)


def test_a_forgery_is_whole_in_itself() -> None:
    blocks, headers, forgery = chain(), Headers(), Forgery()
    told = [forgery.of(blocks[:height]) for height in (1, 2, 3)]
    for block in told:
        assert not block.flaw()
        headers.take(header_of(block))
    assert headers.proves(show(told[2], 0), 3, 0) and forgery.of(blocks) is told[2]
    assert not headers.proves(show(blocks[2], 0), 3, 0)


def reads(liars: Any = (), consensus: str = "qbft", duration: str = "60 s", fault: Any = (), **keys: Any) -> dict[str, Any]:
    tables: dict[str, Any] = {
        "duration": duration,
        "topology": {"kind": "complete", "seats": 7},
        "link": {"latency": {"kind": "constant", "value": "20 ms"}},
        "consensus": {"kind": consensus, "block_interval": "1 s"},
        "workload": [
            {"kind": "synthetic", "rate": 10.0, "arrivals": "steady"},
            {"kind": "proven-reads", "every": "1 s", **keys},
        ],
        "adversary": [{"kind": "tamper", "seats": list(liars)}] if liars else [],
        "fault": list(fault),
    }
    report = sim.run(from_dict(tables))
    verdicts = {one["name"]: one["verdict"] for one in report.to_dict()["checks"]}
    return {**report.to_dict()["workload"][1]["outcomes"], "verdict": verdicts["undetected-tampering"]}


def test_all_is_served_where_nobody_lies() -> None:
    found = reads()
    assert found["served"] == found["reads"] > 300
    assert found["lies_rejected"] == found["fooled"] == found["no_headers"] == 0
    # 60 blocks at 7 clients; a path of 3 or 4 hashes for some ten entries a block
    assert found["headers"] == pytest.approx(7 * 59, abs=14)
    assert (3 * 32 + 8) * found["reads"] < found["proof_bytes"] < (4 * 32 + 8) * found["reads"]
    assert found["waited_s"]["min"] >= 0.08  # headers and answer, 20 ms each way


def test_a_lying_home_is_found_out_and_the_next_one_asked() -> None:
    found = reads(["seat-3"], homes=["seat-3"], clients=5)
    assert found["fooled"] == 0 and found["served"] == found["reads"] > 150
    assert found["lies_rejected"] == found["reads"]
    assert found["verdict"] == "pass"


def test_without_proofs_and_against_a_majority_the_lie_is_believed() -> None:
    found = reads(["seat-3"], homes=["seat-3"], clients=5, proofs=False)
    assert found["fooled"] == found["reads"] > 150 and found["verdict"] == "fail"
    found = reads(["seat-0", "seat-1", "seat-2", "seat-3"], homes=["seat-3"], clients=5, witnesses=6)
    assert found["fooled"] == found["reads"] > 150 and found["verdict"] == "fail"


def test_a_silent_home_costs_a_trip_and_a_fork_a_few_headers() -> None:
    crash = [{"kind": "crash", "at": "10 s", "seats": ["seat-3"]}]
    found = reads(homes=["seat-3"], clients=5, fault=crash)
    assert found["served"] > 150 and found["waited_s"]["p99"] > 0.119 > found["waited_s"]["min"]
    cut = [{"kind": "partition", "at": "20 s", "lasts": "20 s", "groups": [["seat-0", "seat-1", "seat-2"]]}]
    forked = reads(consensus="clique", duration="60 s", fault=cut, witnesses=6, settled="0 s")
    assert forked["fooled"] == 0 and forked["served"] > 0.5 * forked["reads"]


def test_whoever_is_offline_now_and_then_reads_when_it_is_back_and_takes_the_headers_that_it_missed() -> None:
    """Online for half of the time, clients read about half as often; every proof holds, under a home that lies too."""
    steady, coming = reads(clients=20), reads(clients=20, online="5 s", offline="5 s")
    assert coming["served"] == coming["reads"] and 0.4 < coming["reads"] / steady["reads"] < 0.75
    assert coming["header_bytes"] > 0.8 * steady["header_bytes"], "a client that comes back catches up on all heights"
    lying = reads(["seat-3"], homes=["seat-3"], clients=20, online="5 s", offline="5 s")
    assert lying["fooled"] == 0 and lying["lies_rejected"] == lying["reads"] > 100


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ScenarioError, match="no effect while offline = 0"):
        reads(online="5 s")
    with pytest.raises(ScenarioError, match="no effect with proofs = false"):
        reads(proofs=False, witnesses=2)
    tables = {"duration": "1 s", "topology": {"kind": "complete", "seats": 4}, "workload": [{"kind": "proven-reads"}]}
    with pytest.raises(ScenarioError, match="name a consensus"):
        sim.run(from_dict(tables))
