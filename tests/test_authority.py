"""Proof of authority: Clique's turns and waits, Aura's steps and majority, and the one key that runs twice."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import sim
from sim.consensus.aura import Aura
from sim.consensus.clique import Clique
from sim.kernel.errors import ScenarioError
from sim.ledger.block import GENESIS, Block
from sim.study.metrics_rows import read
from sim.study.read import from_dict
from sim.study.report import Report
from sim.testing import Stage, check_consensus

S = 1_000_000_000


def played(kind: str, seats: int = 5, duration: str = "1 h", delay: str = "100 ms", **more: Any) -> Report:
    """A protocol among a few over a full mesh."""
    tables = {
        "duration": duration,
        "topology": {"kind": "complete", "seats": seats},
        "link": {"latency": {"kind": "constant", "value": delay}},
        "consensus": {"kind": kind, "bodies": "attached", **more.pop("consensus", {})},
        **more,
    }
    return sim.run(from_dict(tables))


def chain(report: Report) -> list[Any]:
    """The decided blocks."""
    return [report.evidence.blocks[digest] for _, digest in read(report.evidence).chain]


def verdict(report: Report, name: str) -> str:
    return {check["name"]: check["verdict"] for check in report.to_dict()["checks"]}[name]


@pytest.mark.parametrize(("protocol", "seats"), [(Clique(), 5), (Aura(step="2 s"), 4)])
def test_both_stand_what_every_protocol_has_to_stand(protocol: Any, seats: int) -> None:
    check_consensus(protocol, seats=seats, seeds=1)


def test_clique_deadlocks_on_two_branches_of_equal_weight() -> None:
    """Four signers cut two and two: each side signs until both its signers have signed too recently, and nobody gives in."""
    ends = []
    for at in ("50 s", "65 s"):
        fault = [{"kind": "partition", "at": at, "lasts": "5 min", "groups": [["seat-0", "seat-1"]]}]
        report = played("clique", 4, consensus={"block_interval": "15 s"}, fault=fault)
        ends.append(max(block.time_ns for block in report.evidence.blocks.values()) / S)
    assert ends[0] == 75 and ends[1] > 3500, "cut a block later, one branch is heavier and all follow it"


def test_clique_with_everybody_there_is_a_chain_of_blocks_in_turn() -> None:
    """A block a period, each by the signer whose turn it is: difficulty 2 each."""
    blocks = chain(played("clique", consensus={"block_interval": "15 s"}))
    assert len(blocks) > 230
    assert all(block.proposer == block.height % 5 for block in blocks)
    assert {later.time_ns - earlier.time_ns for earlier, later in itertools.pairwise(blocks)} == {15 * S}


def test_clique_goes_on_without_a_signer_and_nobody_signs_twice_within_the_limit() -> None:
    report = played("clique", consensus={"block_interval": "15 s"}, fault=[{"kind": "crash", "seats": ["seat-2"]}])
    signers = [block.proposer for block in chain(report)]
    assert len(signers) > 200 and 2 not in signers
    assert all(len(set(signers[place : place + 3])) == 3 for place in range(len(signers) - 2))


def test_clique_stops_where_half_of_the_signers_are_away() -> None:
    report = played("clique", 4, consensus={"block_interval": "15 s"}, fault=[{"kind": "crash", "seats": ["seat-1", "seat-3"]}])
    assert max(block.height for block in report.evidence.blocks.values()) == 2


THREE = ("seat-0", "seat-1", "seat-2")


def flaws(protocol: Any, *blocks: Block) -> list[str]:
    """What a node says against blocks that it hears of, each from its proposer."""
    stage = Stage(protocol, seat=3)
    stage.advance(100 * S)
    for block in blocks:
        stage.publish(block.proposer, block)
        stage.deliver(block.proposer, sim.consensus.forking.forest.NewBlock(block.digest))
    return [row[4]["why"] for row in stage.trace if row[1] == "note" and row[3] == "bad-block"]


def test_clique_refuses_blocks_against_its_rules() -> None:
    first = Block.of(GENESIS, 1, 1, 0)
    assert flaws(Clique(signers=THREE), first, Block.of(first.digest, 2, 1, 20 * S)) == ["its signer has signed too recently"]
    assert flaws(Clique(signers=THREE), first, Block.of(first.digest, 2, 2, 14 * S)) == ["it comes too soon after its parent"]
    assert flaws(Clique(signers=THREE), Block.of(GENESIS, 1, 1, 200 * S)) == ["it comes from the future"]
    assert flaws(Clique(signers=["seat-0", "seat-2"]), first) == ["its signer is not authorised"]


def test_aura_refuses_blocks_against_its_rules() -> None:
    first = Block.of(GENESIS, 1, 1, 5 * S)
    assert flaws(Aura(signers=THREE), first, Block.of(first.digest, 2, 2, 15 * S)) == ["its step is not its signer's"]
    assert flaws(Aura(signers=THREE), first, Block.of(first.digest, 2, 1, 6 * S)) == ["its step is not after its parent's"]
    assert flaws(Aura(signers=THREE), Block.of(GENESIS, 1, 0, 105 * S)) == ["it comes from the future"]


def test_aura_is_final_under_a_majority_of_distinct_signers() -> None:
    """A block a step; with five authorities a block is final with the second one on it, or the third for two thirds."""
    for quorum, on_top in (("majority", 2), ("two-thirds", 3)):
        table = played("aura", consensus={"quorum": quorum}).to_dict()["consensus"]
        assert table["first_decide_s"]["max"] == pytest.approx(5 * on_top) and table["stale_rate"] == 0


def test_aura_of_equally_long_chains_follows_the_one_that_skipped_fewer_steps() -> None:
    stage = Stage(Aura(signers=THREE), seat=3)
    stage.advance(100 * S)
    late, early = Block.of(GENESIS, 1, 2, 10 * S), Block.of(GENESIS, 1, 1, 5 * S)
    for block in (late, early):
        stage.publish(block.proposer, block)
        stage.deliver(block.proposer, sim.consensus.forking.forest.NewBlock(block.digest))
    assert stage.node.keep["forest"].head == early.digest


def cloned(kind: str, duration: str = "10 min", seats: tuple[str, ...] = ("north-0", "spare-0"), **consensus: Any) -> Report:
    """Five signers against four, cut apart for six minutes; the spare seat on the smaller side runs the first one's key."""
    tables: dict[str, Any] = {
        "duration": duration,
        "topology": {"kind": "regions", "seats": {"north": 5, "south": 4, "spare": 1}},
        "link": {"latency": {"kind": "constant", "value": "50 ms"}},
        "consensus": {"kind": kind, "bodies": "attached", **consensus},
        "adversary": [{"kind": "clone", "seats": list(seats)}] if seats else [],
        "fault": [{"kind": "partition", "at": "1 min", "lasts": "6 min", "groups": [["south", "spare"]]}],
    }
    return sim.run(from_dict(tables))


@pytest.mark.parametrize("kind", ["aura", "clique"])
def test_one_key_in_two_places_gives_both_sides_a_majority(kind: str) -> None:
    """The same partition does nothing without the clone; with it both sides decide, and one history is taken back."""
    signers = ["north", "south"]
    assert verdict(cloned(kind, "7 min", signers=signers), "agreement") == "fail"
    healed = cloned(kind, signers=signers)
    assert healed.to_dict()["consensus"]["reverted"] > 20 and verdict(healed, "agreement") == "pass"
    assert cloned(kind, seats=(), signers=signers).to_dict()["consensus"]["reverted"] == 0


def conflict_s(report: Report) -> float | None:
    """Seconds from the cut, after a minute, until two nodes hold different blocks of one height for decided; None: never."""
    held: dict[int, str] = {}
    for row in report.evidence.trace:
        if row[1] == "decide" and held.setdefault(row[3], row[4]) != row[4]:
            return float(row[0] / S - 60)
    return None


def test_the_cloning_attack_is_faster_against_clique_than_against_aura_and_nothing_against_a_quorum() -> None:
    """Aura's majority takes a turn of all authorities, absent ones too; Clique's signers need not wait for theirs.

    Five of nine signers on each side: eight steps after the cut against five periods. The paper's "twice as fast" is what n against
    floor(n / 2) + 1 comes to as n grows.
    """
    signers = ["north", "south"]
    aura = conflict_s(cloned("aura", "3 min", signers=signers, step="5 s"))
    clique = conflict_s(cloned("clique", "3 min", signers=signers, block_interval="5 s"))
    assert aura is not None and clique is not None and aura == 8 * 5 and clique == pytest.approx(5 * 5, rel=0.03)
    assert conflict_s(cloned("qbft", "3 min", block_interval="5 s")) is None


def test_one_key_in_two_places_does_nothing_to_a_quorum_of_two_thirds() -> None:
    report = cloned("qbft", "7 min")
    assert report.to_dict()["consensus"]["reverted"] == 0 and verdict(report, "agreement") == "pass"
    assert verdict(cloned("aura", "7 min", signers=["north", "south"], quorum="two-thirds"), "agreement") == "pass"


def test_signers_whom_nobody_knows_are_refused() -> None:
    with pytest.raises(ScenarioError, match=r"consensus\.signers"):
        played("aura", consensus={"signers": ["ghosts"]})
