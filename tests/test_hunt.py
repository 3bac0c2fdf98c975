"""The hunter: correct protocols outlast it within their bound, one liar too many is found, and so is each rule left out."""

from __future__ import annotations

from typing import Any

import pytest

from sim.consensus.aura import Aura
from sim.consensus.clique import Clique
from sim.consensus.nakamoto import GHOST, Nakamoto
from sim.consensus.pbft import PBFT
from sim.consensus.praos import Praos
from sim.consensus.qbft import QBFT
from sim.consensus.raft import Raft
from sim.consensus.simplex import Simplex
from sim.consensus.streamlet import Streamlet
from sim.consensus.tendermint import Tendermint
from sim.kernel.dice import Dice
from sim.kernel.part import part
from sim.node.node import Node
from sim.study import drawing
from sim.study import hunt as hunting
from sim.study.hunt import hunt
from sim.study.shrink import shrunk

MS = 1_000_000
SHORT: dict[str, Any] = {
    "pbft": PBFT(patience=500 * MS),
    "qbft": QBFT(patience=500 * MS),
    "streamlet": Streamlet(delta=100 * MS),
    "tendermint": Tendermint(),
    "simplex": Simplex(),
    "raft": Raft(),
}
LYING = sorted(set(SHORT) - {"raft"})


@pytest.mark.parametrize("name", sorted(SHORT))
def test_within_the_bound_nothing_is_found(name: str) -> None:
    found = hunt(SHORT[name], 40)
    assert found is None, found


@pytest.mark.parametrize("name", LYING)
def test_one_liar_more_than_the_bound_is_found(name: str) -> None:
    found = hunt(SHORT[name], 600, liars=2)
    assert found is not None
    assert hunting.first_break(found.scenario, found.seed) == found.verdict  # what it names, it shows again
    known = {type(protocol).__name__: type(protocol) for protocol in SHORT.values()}
    assert eval(found.again, {"hunt": hunt} | known).verdict == found.verdict


def test_raft_under_one_lying_leader_is_found() -> None:
    assert hunt(Raft(), 600, liars=1, lies=("equivocate", "mutate")) is not None


@part
class ForgetfulLeader(Raft):
    """Raft whose new leader builds on what it has decided and not on its log: found by this hunter in an earlier version."""

    async def run(self, node: Node) -> None:
        """As before, with the fault."""
        genuine = node.next_batch
        node.next_batch = lambda parent=None, wanted=None: genuine(None, wanted)  # type: ignore[method-assign]
        await super().run(node)


def test_a_leader_that_forgets_its_log_is_found() -> None:
    found = hunt(ForgetfulLeader(), 200)
    assert found is not None
    assert found.verdict.name == "integrity"
    least = found.smallest()  # of the many crashes that were drawn, few are needed
    assert len(found.scenario.fault) > 3 >= len(least.scenario.fault)
    assert least.verdict.name == "integrity"
    assert hunting.first_break(least.scenario, least.seed) is not None


def test_shrinking_takes_away_what_is_not_needed() -> None:
    """The simplest scenario on the way down, found within the tries allowed, and the given one where everything is needed."""
    crowd = hunting.scene(Raft(), 7, 4, 1, drawing.CRASHES, "6 s", 200 * MS, 0)
    assert len(crowd.fault) > 2
    assert crowd.adversary

    def fails(one: Any) -> bool:
        return any(entry.at == crowd.fault[1].at for entry in one.fault) and one.duration > 2_000 * MS

    least = shrunk(crowd, fails)
    assert fails(least)
    assert (len(least.fault), len(least.adversary), least.link.loss, least.link.latency.is_constant) == (1, 0, 0, True)
    assert least.duration < crowd.duration
    tries: list[Any] = []
    assert shrunk(crowd, lambda one: bool(tries.append(one)), 3) == crowd
    assert len(tries) == 3


@part
class SmallQuorum(PBFT):
    """PBFT that is content with 2f."""

    async def run(self, node: Node) -> None:
        """With a smaller quorum."""
        node.quorum_size -= 1
        await super().run(node)


def test_a_quorum_of_two_f_is_found() -> None:
    assert hunt(SmallQuorum(patience=500 * MS), 400) is not None


@part
class OnePrepareFewer(QBFT):
    """QBFT that locks as PBFT does, though its leader's proposal stands for no PREPARE."""

    def prepares(self, node: Node) -> int:
        """One too few."""
        return int(node.quorum_size) - 1


def test_a_lock_on_one_prepare_fewer_is_found() -> None:
    found = hunt(OnePrepareFewer(patience=500 * MS), 200)
    assert found is not None
    assert found.verdict.name == "certificate-soundness"


def test_runs_are_drawn_apart() -> None:
    """The same number gives the same run, another number another one; every lie and weather comes up."""
    drawn = [drawing.drawn(Dice(0), number, 4, 1, drawing.LIES, "6 s") for number in range(200)]
    assert drawn[7] == drawing.drawn(Dice(0), 7, 4, 1, drawing.LIES, "6 s")
    assert len({repr(tables) for tables in drawn}) > 180
    assert {one["kind"] for tables in drawn for one in tables["adversary"]} == set(drawing.LIES)
    assert {tables["link"]["latency"]["kind"] for tables in drawn} == {weather["kind"] for weather in drawing.WEATHERS}
    assert {tables["consensus"]["route"] for tables in drawn} == {"direct"}
    by_all = [drawing.drawn(Dice(0), number, 4, 1, drawing.LIES, "6 s", ("direct", "gossip", "star")) for number in range(60)]
    assert {tables["consensus"]["route"] for tables in by_all} == {"direct", "gossip", "star"}
    faults = [fault for tables in drawn for fault in tables.get("fault", ())]
    assert {fault["kind"] for fault in faults} == {"crash", "turmoil"}
    assert {fault.get("sides") for fault in faults} == {None, 1, 2, 3}
    assert any(len(fault["seats"]) == 4 for fault in faults if fault["kind"] == "crash")  # now and then everybody at once
    assert 0.6 < sum("fault" in tables for tables in drawn) / 200 < 0.95


FORKING: dict[str, Any] = {
    "nakamoto": Nakamoto(depth=8),
    "ghost": GHOST(depth=8),
    "praos": Praos(depth=8, slot=40 * MS, active=0.2),
    "clique": Clique(wiggle=20 * MS),
    "aura": Aura(step=200 * MS),
}


@pytest.mark.parametrize("name", FORKING)
def test_a_small_pool_takes_back_nothing_that_lies_deep(name: str) -> None:
    """One of six: an attempt to undo nine confirmations succeeds once in 750 (Rosenfeld 2014), and these runs see about ten."""
    found = hunt(FORKING[name], 20, seats=6, liars=1)
    assert found is None, found


def test_a_pool_with_most_of_the_power_takes_decisions_back() -> None:
    found = hunt(FORKING["nakamoto"], 100, seats=6, liars=4, duration="20 s")
    assert found is not None and found.verdict.name == "settled"
