"""Chains that fork: the heaviest one and GHOST's, blocks out of order, partitions that heal, and the price of short intervals."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import sim
from sim.consensus.forking.forest import Forest, NewBlock
from sim.consensus.forking.ghost import ghost
from sim.consensus.nakamoto import GHOST, Nakamoto
from sim.kernel.errors import ScenarioError
from sim.ledger.block import GENESIS, Block
from sim.node.node import Node
from sim.study.read import from_dict
from sim.study.report import Report
from sim.testing import Stage, check_consensus

MS = 1_000_000


class Listening:
    """A node that only follows, with a rule and depth 2."""

    def __init__(self, **rules: Any) -> None:
        self.rules = rules

    async def run(self, node: Node) -> None:
        """Follow."""
        forest = Forest(node, 2, **self.rules)
        node.keep["forest"] = forest
        await forest.follow()


class Scene:
    """One listening node and blocks made by hand: `mine("b", "a")` puts b on a and tells the node."""

    def __init__(self, **rules: Any) -> None:
        self.stage = Stage(Listening(**rules))
        self.blocks: dict[str, Block] = {}

    @property
    def forest(self) -> Forest:
        """What the node knows."""
        forest: Forest = self.stage.node.keep["forest"]
        return forest

    def made(self, name: str, parent: str = "") -> Block:
        """A block nobody has heard of."""
        below = self.blocks.get(parent)
        place = (GENESIS, 1) if below is None else (below.digest, below.height + 1)
        self.blocks[name] = Block.of(*place, 1, len(self.blocks))
        return self.blocks[name]

    def tell(self, name: str) -> None:
        """The node comes to hold the block and hears of it."""
        self.stage.publish(1, self.blocks[name])
        self.stage.deliver(1, NewBlock(self.blocks[name].digest))

    def mine(self, *names: str) -> None:
        """A chain: each block on the one named before it."""
        for parent, name in itertools.pairwise(names):
            self.made(name, parent)
            self.tell(name)

    def head(self) -> str:
        """The name of the node's head."""
        return self.name(self.forest.head)

    def name(self, digest: str) -> str:
        """What a block was called."""
        return next(name for name, block in self.blocks.items() if block.digest == digest)

    def log(self) -> list[str]:
        """What the node decided and revoked: +name, -name."""
        rows = (row for row in self.stage.trace if row[1] in ("decide", "revoke"))
        return [("+" if row[1] == "decide" else "-") + self.name(row[4]) for row in rows]


def test_first_seen_wins_until_a_heavier_chain_comes() -> None:
    scene = Scene()
    scene.mine("", "a")
    scene.mine("", "b")
    assert scene.head() == "a"
    scene.mine("b", "c")
    assert scene.head() == "c"


def test_decided_with_depth_blocks_on_top_and_taken_back_in_reverse() -> None:
    scene = Scene()
    scene.mine("", "a", "b", "c", "d")
    assert scene.log() == ["+a", "+b"]
    scene.mine("a", "v", "w", "x", "y")
    assert scene.head() == "y"
    assert scene.log() == ["+a", "+b", "-b", "+v", "+w"]
    [note] = [row[4] for row in scene.stage.trace if row[1] == "note"]
    assert note == {"left": 3, "height": 5}


def test_a_block_that_comes_before_its_parent_waits_for_it() -> None:
    scene = Scene()
    for name, parent in (("a", ""), ("b", "a"), ("c", "b")):
        scene.made(name, parent)
    for name in ("c", "b"):
        scene.tell(name)
    assert scene.forest.height == 0
    scene.tell("a")
    assert scene.head() == "c" and scene.log() == ["+a"]


def test_ghost_counts_stale_blocks_for_what_they_stand_on() -> None:
    """Sompolinsky and Zohar's figure: a shorter branch with the heavier subtree is followed, the longest chain is not."""
    ends = {}
    for rule, rules in (("longest", {}), ("ghost", {"choose": ghost})):
        scene = Scene(**rules)
        scene.mine("", "a", "a1", "a2", "a3")
        scene.mine("", "b", "b1")
        scene.mine("b", "b2")
        assert scene.head() == "a3"
        scene.mine("b", "b3")
        assert scene.head() == "a3", "four blocks on each side: the branch followed wins the tie"
        scene.mine("b3", "b4")
        ends[rule] = scene.head()
    assert ends == {"longest": "a3", "ghost": "b4"}


def test_ghost_does_not_leave_for_a_longer_chain_of_less_weight() -> None:
    scene = Scene(choose=ghost)
    scene.mine("", "a", "a1")
    for name in ("a2", "a3", "a4"):
        scene.mine("a", name)
    scene.mine("", "b", "b1", "b2", "b3")
    assert scene.head() == "a1"
    scene.mine("b3", "b4", "b5")
    assert scene.head() == "b5"


def played(duration: str, interval: str, seed: int = 1, **more: Any) -> Report:
    """Nakamoto among twelve over a full mesh of one second."""
    consensus = {"kind": "nakamoto", "block_interval": interval, **more.pop("consensus", {})}
    tables = {
        "duration": duration,
        "topology": {"kind": "complete", "seats": 12},
        "gossip": {"kind": "flood"},
        "link": {"latency": {"kind": "constant", "value": "1 s"}},
        "consensus": consensus,
        **more,
    }
    return sim.run(from_dict(tables), seed)


def verdicts(report: Report) -> dict[str, str]:
    return {check["name"]: check["verdict"] for check in report.to_dict()["checks"]}


def test_an_ordinary_run_agrees_and_is_the_same_again() -> None:
    first, again = (played("4000 s", "20 s") for _ in range(2))
    assert first.to_dict()["medgossip"]["trace_digest"] == again.to_dict()["medgossip"]["trace_digest"]
    table = first.to_dict()["consensus"]
    assert 150 < table["decided"] < 250 and table["reverted"] == 0 and table["stale_rate"] < 0.1
    for name in ("agreement", "prefix-order", "validity", "integrity", "termination"):
        assert verdicts(first)[name] == "pass", name


def test_shorter_intervals_waste_more_work() -> None:
    rates = [played("3000 s", interval).to_dict()["consensus"]["stale_rate"] for interval in ("20 s", "4 s", "1 s")]
    assert rates[0] < rates[1] < rates[2] and rates[2] > 0.25


def test_a_partition_forks_the_chain_and_the_shorter_side_takes_back() -> None:
    seats = [f"seat-{number:02}" for number in range(4)]
    fault = [{"kind": "partition", "at": "500 s", "lasts": "1500 s", "groups": [seats]}]
    report = played("4000 s", "20 s", fault=fault)
    table = report.to_dict()["consensus"]
    assert verdicts(report)["agreement"] == verdicts(report)["integrity"] == "pass"
    assert table["reorganisation_depth"]["max"] > 10
    minority = {row[2] for row in report.evidence.trace if row[1] == "revoke"}
    assert minority == {0, 1, 2, 3}, "a third of the power loses what it had decided, the others lose nothing"
    cut = played("2000 s", "20 s", fault=fault)
    assert verdicts(cut)["agreement"] == "fail", "while the network is parted both sides hold their own for decided"


def test_power_is_shared_out_as_the_scenario_says() -> None:
    power = {"seat-00": 3.0, "seat-01": 1.0}
    report = played("8000 s", "10 s", consensus={"power": power})
    by_seat = [row[2] for row in report.evidence.trace if row[1] == "publish"]
    assert set(by_seat) == {0, 1}
    assert by_seat.count(0) / len(by_seat) == pytest.approx(0.75, abs=4 * (0.75 * 0.25 / len(by_seat)) ** 0.5)


def test_a_block_without_work_is_not_taken() -> None:
    stage = Stage(Nakamoto())
    forged = Block.of(GENESIS, 1, 1, 5)
    stage.publish(1, forged)
    stage.deliver(1, NewBlock(forged.digest))
    assert stage.node.keep["forest"].height == 0
    assert [row[4]["why"] for row in stage.trace if row[1] == "note"] == ["no work was done for it"]


def test_power_for_nobody_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"consensus\.power\.nobody"):
        played("100 s", "10 s", consensus={"power": {"nobody": 1.0}})
    with pytest.raises(ScenarioError, match="comes to nothing"):
        played("100 s", "10 s", consensus={"power": {"seat-00": 0.0}})


@pytest.mark.parametrize("protocol", [Nakamoto(), GHOST()])
def test_both_stand_what_every_protocol_has_to_stand(protocol: Any) -> None:
    check_consensus(protocol, seeds=1)
