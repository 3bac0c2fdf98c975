"""Bugs planted in protocols, found by drawn runs: each by the check that is meant to see it, and never in the protocol as it is.

Where a bug is one of the usual list of seeded bugs its number stands beside it. Functions are exchanged by name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent.parent))  # benchmarks are no part of the installed package

from benchmarks.timers import SEATS, TIMED
from sim.consensus import (
    algorand,
    common_subset,
    pbft,
    raft,
    raft_election,
    raft_log,
    raft_replication,
    simplex,
    smartbft,
    streamlet,
    tendermint,
)
from sim.consensus.dag import narwhal
from sim.consensus.hotstuff import basic, chained, jolteon
from sim.study.hunt import breaks, hunt
from sim.testing import check_consensus

Patch = tuple[Any, str, Any]
BUGS: dict[str, tuple[str, str, Callable[[], list[Patch]]]] = {}
"""By name: the protocol, the check that must see it, and what is exchanged."""


def bug(protocol: str, check: str) -> Callable[[Callable[[], list[Patch]]], Callable[[], list[Patch]]]:
    def enter(patches: Callable[[], list[Patch]]) -> Callable[[], list[Patch]]:
        BUGS[f"{protocol}: {patches.__name__}"] = (protocol, check, patches)
        return patches

    return enter


def forgetting(known: Any, field: str = "voted") -> Any:
    """Promises in which one field is never kept."""
    return type("Forgetting", (known,), {field: property(lambda self: -1, lambda self, value: None)})


@bug("pbft", "certificate-soundness")
def quorum_of_two_f() -> list[Patch]:  # M01
    async def run(self: Any, node: Any, genuine: Any = pbft.PBFT.run) -> None:
        node.quorum_size -= 1
        await genuine(self, node)

    return [(pbft.PBFT, "run", run)]


@bug("pbft", "certificate-soundness")
def one_prepare_less() -> list[Patch]:
    return [(pbft.PBFT, "prepares", lambda self, node: node.quorum_size - 2)]


@bug("pbft", "certificate-soundness")
def decides_when_prepared() -> list[Patch]:  # M04
    async def run(self: Any, node: Any) -> None:
        for slot in count():
            voting = node.spawn(self.vote(node, slot))
            proof = await node.quorum(pbft.Prepare, self.prepares(node), slot=slot)
            await node.fetch(proof.message.digest)
            voting.cancel()
            node.decide(slot, proof.message.digest)

    return [(pbft.PBFT, "run", run)]


@bug("pbft", "lock-monotonicity")
def new_view_ignores_locks() -> list[Patch]:  # M05
    return [(pbft, "locked", lambda reports, slot, prepares: None)]


@bug("pbft", "lock-monotonicity")
def lock_lost_by_a_crash() -> list[Patch]:
    genuine = pbft.resume
    return [(pbft, "resume", lambda node, slot: (genuine(node, slot)[0], None))]


@bug("pbft", "leader-uniqueness")
def place_lost_by_a_crash() -> list[Patch]:
    return [(pbft, "resume", lambda node, slot: (0, None))]


@bug("pbft", "leader-uniqueness")
def two_think_they_lead() -> list[Patch]:
    return [(pbft, "leader", lambda node, slot, view: (slot + view + node.id // 3) % node.n)]


@bug("qbft", "certificate-soundness")
def prepares_counted_across_views() -> list[Patch]:
    async def talk(self: Any, node: Any, slot: int, view: int, lock: Any, genuine: Any = pbft.PBFT.talk) -> Any:
        voting = node.spawn(genuine(self, node, slot, view, lock))
        try:
            return await node.quorum(pbft.Prepare, self.prepares(node) - 1, slot=slot)
        finally:
            voting.cancel()

    return [(pbft.PBFT, "talk", talk)]


@bug("smartbft", "lock-monotonicity")
def any_proposal_is_justified() -> list[Patch]:
    return [(smartbft, "justified", lambda said, quorum_size: True)]


@bug("smartbft", "lock-monotonicity")
def view_data_binds_nobody() -> list[Patch]:
    return [(smartbft, "locked", lambda reports, slot, quorum_size: None)]


@bug("tendermint", "lock-monotonicity")
def no_lock() -> list[Patch]:  # M13
    return [(tendermint, "may_prevote", lambda digest, polka_round, locked, locked_round: True)]


@bug("tendermint", "one-vote")
def votes_lost_by_a_crash() -> list[Patch]:  # M17
    async def run(self: Any, node: Any, genuine: Any = tendermint.Tendermint.run) -> None:
        node.keep.pop("locks", None)
        await genuine(self, node)

    return [(tendermint.Tendermint, "run", run)]


@bug("hotstuff", "lock-monotonicity")
def no_safe_node() -> list[Patch]:  # M22
    return [(basic.HotStuff, "safe", lambda self, justify, lock, extends_lock: True)]


@bug("hotstuff", "one-vote")
def more_than_one_vote_a_view() -> list[Patch]:  # M23
    return [(basic, "Promises", forgetting(basic.Promises))]


@bug("chained-hotstuff", "certificate-soundness")
def three_not_in_a_row() -> list[Patch]:  # M24
    return [(chained, "three_in_a_row", lambda newest, middle: True)]


@bug("chained-hotstuff", "certificate-soundness")
def two_for_three() -> list[Patch]:
    return [(chained.ChainedHotStuff, "final", jolteon.Jolteon.final)]


@bug("jolteon", "certificate-soundness")
def two_not_in_a_row() -> list[Patch]:  # M24
    return [(jolteon, "two_in_a_row", lambda newest: True)]


@bug("jolteon", "one-vote")
def jolteon_votes_again() -> list[Patch]:  # M23
    return [(chained, "Promises", forgetting(chained.Promises))]


@bug("simplex", "lock-monotonicity")
def views_between_need_no_nullification() -> list[Patch]:
    return [(simplex, "connected", lambda parent_view, view, nulls: parent_view < view)]


@bug("simplex", "one-vote")
def notarises_again() -> list[Patch]:
    return [(simplex, "Known", forgetting(simplex.Known))]


@bug("streamlet", "lock-monotonicity")
def votes_for_shorter_chains() -> list[Patch]:
    return [(streamlet.Chains, "extends_a_longest", lambda self, block: True)]


@bug("algorand", "certificate-soundness")
def two_thirds_are_enough() -> list[Patch]:
    return [(algorand.Algorand, "need", lambda self, node, step: 2 * node.n // 3)]


@bug("algorand", "lock-monotonicity")
def goes_on_without_what_was_certified() -> list[Patch]:
    genuine = algorand.Algorand.say

    def say(self: Any, node: Any, ledger: Any, kind: Any, digest: str, *turn: int) -> None:
        genuine(self, node, ledger, kind, "" if kind is algorand.Next else digest, *turn)

    return [(algorand.Algorand, "say", say)]


@bug("honeybadger", "one-vote")
def echoes_everything() -> list[Patch]:  # M51
    async def echo(self: Any, proposer: int, instance: int) -> None:
        while True:
            mail = await self.node.receive(common_subset.Propose, sender=proposer, epoch=self.number)
            self.node.broadcast(common_subset.Echo(instance, mail.message.digest))

    return [(common_subset.CommonSubset, "echo", echo)]


@bug("bullshark", "one-vote")
def signs_every_header() -> list[Patch]:
    def judge(self: Any, mail: Any, block: Any) -> None:
        self.node.send(mail.sender, narwhal.Ack(mail.message.round, mail.sender, mail.message.digest))

    return [(narwhal.Narwhal, "judge", judge)]


@bug("raft", "certificate-soundness")
def a_majority_less_one() -> list[Patch]:
    return [(raft_replication, "committed", lambda held, log, term, majority: raft_log.committed(held, log, term, majority - 1))]


@bug("raft", "certificate-soundness")
def old_entries_committed_by_counting() -> list[Patch]:  # M37
    return [(raft_replication, "committed", lambda held, log, term, majority: sorted(held, reverse=True)[majority - 1])]


@bug("raft", "leader-uniqueness")
def vote_lost_by_a_crash() -> list[Patch]:  # M38
    async def run(self: Any, node: Any, genuine: Any = raft.Raft.run) -> None:
        node.keep.pop("voted_for", None)
        await genuine(self, node)

    return [(raft.Raft, "run", run)]


@bug("raft", "leader-completeness")
def acknowledges_before_it_is_written() -> list[Patch]:  # M40
    async def run(self: Any, node: Any, genuine: Any = raft.Raft.run) -> None:
        node.keep["log"] = list(node.keep.get("log", ())[:-1])
        node.keep["applied"] = min(node.keep.get("applied", 0), len(node.keep["log"]))
        await genuine(self, node)

    return [(raft.Raft, "run", run)]


@bug("raft", "leader-completeness")
def votes_for_shorter_logs() -> list[Patch]:
    return [(raft_election, "up_to_date", lambda last_term, last_index, own_term, own_index: True)]


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within 400 drawn runs; the check that is meant for it fails in that run, and without the bug none does."""
    protocol, check, patches = BUGS[name]
    with monkeypatch.context() as planted:
        for place, function, other in patches():
            planted.setattr(place, function, other)
        found = hunt(TIMED[protocol], 400, seats=SEATS.get(protocol, 4))
        assert found is not None
        assert check in [verdict.name for verdict in breaks(found.scenario, found.seed)], str(found)
    assert breaks(found.scenario, found.seed) == ()


@pytest.mark.parametrize("name", ["pbft: one_prepare_less", "tendermint: votes_lost_by_a_crash", "algorand: two_thirds_are_enough"])
def test_the_public_check_says_so_and_says_it_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the protocol's usual timers; the line that the failure prints shows the same run by itself."""
    protocol, _, patches = BUGS[name]
    usual = {
        "pbft": pbft.PBFT(),
        "tendermint": tendermint.Tendermint(),
        "algorand": algorand.Algorand(filter="500 ms", deadline="2 s"),
    }
    check_consensus(usual[protocol], seeds=1, scene="drawn runs")
    for place, function, other in patches():
        monkeypatch.setattr(place, function, other)
    with pytest.raises(AssertionError, match="drawn runs, run") as whole:
        check_consensus(usual[protocol], seeds=2)
    call = str(whole.value).partition("again: ")[2]
    with pytest.raises(AssertionError) as alone:
        eval(call, {type(known).__name__: type(known) for known in usual.values()} | {"check_consensus": check_consensus})
    assert str(alone.value) == str(whole.value)
