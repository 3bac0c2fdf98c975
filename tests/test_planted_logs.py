"""Rules of logs and of broadcasts, each dropped in a scene written for it; the protocol as it is passes the very same scene."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from scripted import LOST, decided, play, verdict

from sim.consensus import common_subset, honeybadger, raft, raft_log, raft_replication, votor, votor_pool
from sim.consensus.honeybadger import HoneyBadger
from sim.consensus.raft import Raft
from sim.consensus.votor import Votor
from sim.ledger.mempool import Mempool
from sim.ledger.tree import BlockTree
from sim.node.surroundings import Surroundings
from sim.study.report import Report
from sim.testing import Stage

S = 1_000_000_000
SLOW = Raft(election_timeout="5 s", heartbeat="500 ms")
"""For copies that take a second."""


def broken(report: Report) -> set[str]:
    """The checks that fail."""
    return {str(check["name"]) for check in report.to_dict()["checks"] if check["verdict"] == "fail"}


# Raft ---------------------------------------------------------------------------------------------------------------------------


async def follow(self: Any) -> None:
    """As Raft's, but what the leader has committed counts though this append does not reach so far."""
    node, server = self.node, self.server
    while True:
        mail = await node.receive(raft.Append)
        append = mail.message
        if append.term < server.term:
            node.send(mail.sender, raft.Ack(server.term, 0, False))
            continue
        if append.term > server.term or server.role != raft_log.FOLLOWER:
            raft_log.step_down(node, server, append.term)
        server.leader, server.heard_ns = mail.sender, node.now
        if not raft_log.consistent(server.log, append.previous, append.previous_term):
            node.send(mail.sender, raft.Ack(server.term, min(len(server.log), append.previous - 1), False))
            continue
        raft_log.adopt(server.log, append.previous, append.entries)
        node.send(mail.sender, raft.Ack(server.term, append.previous + len(append.entries), True))
        server.commit = max(server.commit, append.commit)
        await self.apply()


@pytest.mark.parametrize("planted", [False, True])
def test_m42_a_commit_beyond_what_was_appended(monkeypatch: pytest.MonkeyPatch, planted: bool) -> None:
    """The first leader comes back with an entry that nobody else has, and hears of the new log from its beginning, piece by piece."""
    monkeypatch.setattr(raft_replication, "MOST_ENTRIES", 1)
    first = next(row[2] for row in play(SLOW, seats=3, duration="20 s").evidence.trace.of("note") if row[3] == "leader")
    if planted:
        monkeypatch.setattr(raft_replication.Replication, "follow", follow)
    cut = {"kind": "partition", "at": "19500 ms", "lasts": "25 s", "groups": [[f"seat-{first}"]]}
    report = play(SLOW, seats=3, duration="60 s", fault=[cut])
    assert len({row[2] for row in report.evidence.trace.of("note") if row[3] == "leader"}) > 1
    assert {"agreement", "certificate-soundness"} <= broken(report) if planted else not broken(report)


@pytest.mark.parametrize("prevote", [True, False])
def test_m47_one_that_hears_no_leader_and_disturbs_all(prevote: bool) -> None:
    """Seat 2 hears no appends; without PreVote it raises the term again and again, and each time the leader goes."""
    report = play(
        Raft(election_timeout="5 s", heartbeat="500 ms", prevote=prevote),
        fate=lambda from_, to, said: LOST if to == 2 and isinstance(said, raft.Append) else 0,
        seats=5,
        duration="200 s",
    )
    leaders = [row for row in report.evidence.trace.of("note") if row[3] == "leader"]
    times = sorted({row[0] for row in report.evidence.trace.of("decide") if row[2] == 4})
    longest_ns = max(late - early for early, late in itertools.pairwise(times))
    assert verdict(report, "agreement") == "pass"
    assert (len(leaders) == 1) == prevote
    assert (longest_ns < 5 * S) == prevote


@pytest.mark.parametrize("planted", [False, True])
def test_a_ballot_of_an_election_given_up(monkeypatch: pytest.MonkeyPatch, planted: bool) -> None:
    """One of five stands in term 1, then asks whether it should stand again; a late ballot of term 1 and an answer to that are no majority.

    Found by drawn run 2,920: the ballots of both counted together, and term 1 had two leaders.
    """
    stage = Stage(SLOW, seats=5)
    if planted:
        monkeypatch.setattr(raft_log.Server, "trial", property(lambda self: Either(), lambda self, trial: None), raising=False)

    def until(trial: bool, term: int) -> None:
        while not any(isinstance(said, raft.RequestVote) and (said.trial, said.term) == (trial, term) for _, said in stage.sent):
            stage.advance(S // 10)

    until(trial=True, term=1)
    for seat in (1, 2):
        stage.deliver(seat, raft.Ballot(1, granted=True, trial=True))
    until(trial=False, term=1)
    until(trial=True, term=2)
    stage.deliver(3, raft.Ballot(2, granted=True, trial=True))
    stage.deliver(1, raft.Ballot(1, granted=True, trial=False))
    assert any(row[1] == "note" and row[3] == "leader" for row in stage.trace) == planted


class Either:
    """Equal to whatever it is compared with."""

    def __ne__(self, other: object) -> bool:
        return False


# Alpenglow ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("planted", [False, True])
def test_final_after_a_fallback_vote(monkeypatch: pytest.MonkeyPatch, planted: bool) -> None:
    """Slot 0: seats 0 to 2 vote for b, 3 and 4 skip. Seats 1 and 2 help the skip, and hear of the liar's vote for b only then.

    Seat 1 builds slot 1 on nothing, since slot 0 is skipped.
    """
    if planted:
        rule = lambda self: self.notar is not None and self.notar == self.notarised and not self.over  # noqa: E731
        monkeypatch.setattr(votor_pool.Slot, "may_finalise", rule)
    shown: list[str] = []

    def fate(from_: int, to: int, said: Any) -> int:
        if getattr(said, "slot", 9) == 0 and to in (3, 4) and isinstance(said, (votor.Propose, votor.Notar)):
            return LOST
        return 0

    def lie(world: Surroundings, seat: int, to: int, said: Any) -> Iterator[tuple[int, Any]]:
        loop, society = world.society.loop, world.society
        if isinstance(said, votor.Notar) and said.slot == 0:
            if to in (0, seat):
                yield to, said
            if to == 0:
                loop.call_at_ns(8 * S, lambda: society.send(seat, to, seat, votor.Final(0)))
            elif to != seat:
                loop.call_at_ns(6 * S, lambda: society.send(seat, to, seat, votor.Skip(0)))
            if to in (1, 2):
                loop.call_at_ns(6_800_000_000, lambda: society.send(seat, to, seat, said))
            shown[:] = [said.digest]
        elif not isinstance(said, votor.Final) or said.slot != 0:
            yield to, said

    rules = Votor(delta="2 s", block_time="1 s", patience="5 s", window=1)
    report = play(rules, fate=fate, liar=5, lie=lie, seats=6, duration="30 s")
    assert shown
    if planted:
        assert "agreement" in broken(report)
    else:
        assert not broken(report)
        assert set(decided(report).values()) and shown[0] not in decided(report).values()


@pytest.mark.parametrize("planted", [False, True])
def test_m49_a_ledger_that_takes_a_transaction_twice(monkeypatch: pytest.MonkeyPatch, planted: bool) -> None:
    """A client that asks again has here a pool that offers again: neither it nor the ledger looks whether the chain holds a transaction."""
    if planted:
        monkeypatch.setattr(Mempool, "_known", lambda self, digest: [])
        monkeypatch.setattr(BlockTree, "includes", lambda self, tip, transaction_id: False)
    report = play(SLOW, seats=3, duration="30 s", workload=[{"kind": "synthetic"}])
    assert verdict(report, "agreement") == "pass" and len(decided(report, 3)) == 3
    assert verdict(report, "integrity") == ("fail" if planted else "pass")


# HoneyBadger's reliable broadcast -----------------------------------------------------------------------------------------------


async def unmoved(self: Any, proposer: int) -> None:
    """Bracha's broadcast without the rule that f + 1 READY make one more."""
    node, instance = self.node, self.number * self.node.n + proposer
    self.tasks.append(node.spawn(self.echo(proposer, instance)))
    proof = await node.quorum(common_subset.Echo, (node.n + node.f + 2) // 2, instance=instance)
    self.say(("ready", instance), common_subset.Ready(instance, proof.message.digest))
    proof = await node.quorum(common_subset.Ready, 2 * node.f + 1, instance=instance)
    await node.fetch(proof.message.digest)
    self.batches[proposer] = proof.message.digest
    self.agreements[proposer].start(1)
    self.look()


@pytest.mark.parametrize("planted", [False, True])
def test_m53_nobody_takes_up_a_ready(monkeypatch: pytest.MonkeyPatch, planted: bool) -> None:
    """Seat 3, the liar, hides its batches and ECHOs from seat 2 and its READYs from all but seat 0, which alone delivers."""
    if planted:
        monkeypatch.setattr(common_subset.CommonSubset, "broadcast", unmoved)

    def lie(world: Surroundings, seat: int, to: int, said: Any) -> Iterator[tuple[int, Any]]:
        hidden = isinstance(said, honeybadger.Result)
        if isinstance(said, common_subset.Propose):
            hidden = to == 2
        elif isinstance(said, (common_subset.Echo, common_subset.Ready)) and said.instance % 4 == 3:
            hidden = to == 2 or (to == 1 and isinstance(said, common_subset.Ready))
        if not hidden:
            yield to, said

    report = play(HoneyBadger(resend="5 s"), liar=3, lie=lie, duration="120 s", heal="60 s")
    assert verdict(report, "agreement") == "pass"
    assert verdict(report, "termination") == ("fail" if planted else "pass")
