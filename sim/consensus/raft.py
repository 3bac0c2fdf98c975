"""Raft: a leader is elected for a term and everybody's log follows its log. Tolerates crashes, not lies.

Ongaro, Ousterhout, "In search of an understandable consensus algorithm", USENIX ATC 2014, sections 5.1-5.4 and figure 2;
PreVote and CheckQuorum from Ongaro's thesis (2014), sections 9.6 and 6.2. An entry is one block. The leader proposes the
next block as soon as the last one is committed, and followers learn of a commit from the next append (or heartbeat).

Safety rests on `up_to_date`, `consistent` and `committed`. Left out: snapshots and membership changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from sim.consensus.raft_log import CANDIDATE, FOLLOWER, LEADER, Server, adopt, committed, consistent, up_to_date
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.presets import Preset
from sim.kernel.units import Duration
from sim.node.ballots import Logs
from sim.node.fetching import ask_for_all
from sim.node.message import message
from sim.node.node import Node
from sim.node.terms import must_last

MOST_ENTRIES = 256  # entries that one append carries


@message
class RequestVote:
    """May I lead this term? With `trial` (PreVote): would you say so?"""

    term: int
    last_index: int
    last_term: int
    trial: bool


@message
class Ballot:
    """The answer to a request for a vote."""

    term: int
    granted: bool
    trial: bool


@message
class Append:
    """AppendEntries: what follows entry `previous`; empty as a heartbeat. `digest` is the newest entry's."""

    carries: ClassVar[str] = "digest"
    term: int
    previous: int
    previous_term: int
    digest: str
    commit: int
    entries: tuple[tuple[int, str], ...]


@message
class Ack:
    """How far the follower's log agrees with the leader's; with `ok` false, where to look for agreement."""

    term: int
    index: int
    ok: bool


@part
class Raft:
    """Raft: leader, terms, one log; 2(n-1) messages a block, two delays to the leader's commit, three to the followers'."""

    election_timeout: Duration = 1_000_000_000  # T; each wait is drawn from [T, 2T)
    heartbeat: Duration = 100_000_000  # how often an idle leader shows that it lives
    prevote: bool = True  # ask before raising the term, so that a seat that was cut off disturbs nobody
    preset: str = ""  # figures somebody runs; they fill what is not given

    presets: ClassVar[Mapping[str, Preset]] = {
        "etcd": Preset("etcd's defaults", {"heartbeat": "100 ms", "election_timeout": "1 s"}, least_seats=3),
        "fabric-raft": Preset(
            "Fabric's etcdraft: ticks of 500 ms, ten to an election",
            {"heartbeat": "500 ms", "election_timeout": "5 s"},
            least_seats=3,
        ),
    }
    crash_tolerant: ClassVar[bool] = True
    ballots: ClassVar[Logs] = Logs(Append, Ack, RequestVote, Ballot)
    routes: ClassVar[tuple[str, ...]] = ("direct",)  # a leader speaks to each follower by itself, and nobody broadcasts

    def check(self) -> None:
        """A leader must be able to show itself in time."""
        must_last(self.heartbeat, "heartbeat")
        if self.heartbeat >= self.election_timeout:
            raise ScenarioError("must be shorter than election_timeout", "heartbeat")

    async def run(self, node: Node) -> None:
        """Start as a follower; everything else happens in answer to mail or to silence."""
        server = Server(term=node.keep.get("term", 0), voted_for=node.keep.get("voted_for"), log=node.keep.setdefault("log", []))
        server.applied = server.commit = node.keep.get("applied", 0)
        server.heard_ns = node.now
        for duty in (self.grant, self.follow, self.count_ballots, self.count_acks):
            node.spawn(duty(node, server))
        while True:
            await self.lead(node, server) if server.role == LEADER else await self.wait_for_leader(node, server)

    async def wait_for_leader(self, node: Node, server: Server) -> None:
        """Stand for election after a silence of [T, 2T) (5.2)."""
        server.elections += 1
        luck = node.dice.uniform("election", node.id, server.elections, server.term)
        patience_ns = self.election_timeout + int(luck * self.election_timeout)
        while server.role != LEADER:
            left_ns = server.heard_ns + patience_ns - node.now
            if left_ns <= 0:
                server.heard_ns = node.now
                stand(node, server, trial=self.prevote)
                return
            await node.sleep(min(left_ns, self.heartbeat // 4) if server.role == CANDIDATE else left_ns)

    async def lead(self, node: Node, server: Server) -> None:
        """Propose block after block, append them everywhere, commit what a majority holds (5.3)."""
        term = server.term
        server.match = dict.fromkeys(node.peers, 0)
        server.sent = {peer: len(server.log) for peer in node.peers}
        server.acked_ns = dict.fromkeys(node.peers, node.now)
        beat = node.spawn(self.beat(node, server, term))
        try:
            while server.role == LEADER and server.term == term:
                below = await tip(node, server)
                block = await node.next_batch(below)
                if server.role != LEADER or server.term != term:
                    return
                server.log.append((term, node.publish(block)))
                index = len(server.log)
                for peer in node.peers:
                    append_to(node, server, peer)
                await committing(server, index, term)
        finally:
            beat.cancel()

    async def beat(self, node: Node, server: Server, term: int) -> None:
        """Heartbeats; and step down when a majority has not answered within T (CheckQuorum)."""
        waiting = node.peers
        while server.role == LEADER and server.term == term:
            for peer in waiting:
                append_to(node, server, peer)
            await node.sleep(self.heartbeat)
            fresh = sum(node.now - at < self.election_timeout for at in server.acked_ns.values())
            if server.role == LEADER and server.term == term and fresh + 1 < node.n // 2 + 1:
                step_down(node, server, server.term)
            waiting = tuple(
                peer
                for peer in node.peers
                if server.sent[peer] <= server.match[peer] or node.now - server.acked_ns[peer] >= self.heartbeat
            )
            server.sent.update({peer: server.match[peer] for peer in waiting})

    async def grant(self, node: Node, server: Server) -> None:
        """Answer requests for votes (5.2, 5.4.1)."""
        while True:
            mail = await node.receive(RequestVote)
            ask = mail.message
            heard_lately = server.leader is not None and node.now - server.heard_ns < self.election_timeout
            if self.prevote and heard_lately:
                continue
            newer = up_to_date(ask.last_term, ask.last_index, server.last_term(), len(server.log))
            if ask.trial:
                node.send(mail.sender, Ballot(ask.term, newer and ask.term > server.term, True))
                continue
            if ask.term > server.term:
                step_down(node, server, ask.term)
            granted = ask.term == server.term and newer and server.voted_for in (None, mail.sender)
            if granted:
                server.voted_for = node.keep["voted_for"] = mail.sender
                server.heard_ns = node.now
            node.send(mail.sender, Ballot(ask.term, granted, False))

    async def count_ballots(self, node: Node, server: Server) -> None:
        """Become leader with a majority of ballots; after a won trial, stand in earnest."""
        while True:
            mail = await node.receive(Ballot)
            ballot = mail.message
            if server.role != CANDIDATE or not ballot.granted or ballot.trial != server.trial:
                continue  # a ballot of an election that this node has given up says nothing about the trial after it
            if ballot.term != server.term + ballot.trial:
                continue
            server.ballots.add(mail.sender)
            if len(server.ballots) + 1 < node.n // 2 + 1:
                continue
            if ballot.trial:
                stand(node, server, trial=False)
            else:
                server.role, server.leader = LEADER, node.id
                node.note("leader", term=server.term)

    async def follow(self, node: Node, server: Server) -> None:
        """Make the log like the leader's (5.3)."""
        while True:
            mail = await node.receive(Append)
            append = mail.message
            if append.term < server.term:
                node.send(mail.sender, Ack(server.term, 0, False))
                continue
            if append.term > server.term or server.role != FOLLOWER:
                step_down(node, server, append.term)
            server.leader, server.heard_ns = mail.sender, node.now
            if not consistent(server.log, append.previous, append.previous_term):
                node.send(mail.sender, Ack(server.term, min(len(server.log), append.previous - 1), False))
                continue
            adopt(server.log, append.previous, append.entries)
            ask_for_all(node, mail.sender, [digest for _, digest in append.entries[:-1]])  # the newest is on its way by itself
            node.send(mail.sender, Ack(server.term, append.previous + len(append.entries), True))
            server.commit = max(server.commit, min(append.commit, append.previous + len(append.entries)))
            await apply(node, server)

    async def count_acks(self, node: Node, server: Server) -> None:
        """Learn how far each follower has come."""
        while True:
            mail = await node.receive(Ack)
            ack, peer = mail.message, mail.sender
            if ack.term > server.term:
                step_down(node, server, ack.term)
            if server.role != LEADER or ack.term != server.term:
                continue
            server.acked_ns[peer] = node.now
            told = max(0, min(ack.index, len(server.log)))  # an index that this log does not have is no news
            if not ack.ok:
                server.sent[peer] = told
                append_to(node, server, peer)
                continue
            server.match[peer] = max(server.match[peer], told)
            reached = committed([*server.match.values(), len(server.log)], server.log, server.term, node.n // 2 + 1)
            if reached > server.commit:
                server.commit = reached
                await apply(node, server)
            leads_still = (
                server.role == LEADER and server.term == ack.term
            )  # while a body was fetched another may have been elected
            if leads_still and server.sent[peer] < len(server.log):
                append_to(node, server, peer)


async def tip(node: Node, server: Server) -> str:
    """What the next entry stands on: the log's newest, committed or not, for a leader never takes back what it has (5.3)."""
    if not server.log:
        return node.genesis
    digest = server.log[-1][1]
    await node.fetch(digest)
    return digest


def stand(node: Node, server: Server, trial: bool) -> None:
    """Ask everybody for their vote; a trial changes no term."""
    server.role, server.leader, server.ballots, server.trial = CANDIDATE, None, set(), trial
    if not trial:
        server.term += 1
        server.voted_for = node.id
        node.keep.update(term=server.term, voted_for=node.id)
        node.note("view-change", slot=len(server.log) + 1, view=server.term)
    for peer in node.peers:
        node.send(peer, RequestVote(server.term + trial, len(server.log), server.last_term(), trial))


def step_down(node: Node, server: Server, term: int) -> None:
    """Follow, in a term at least as new as one's own (5.1)."""
    if term > server.term:
        server.term, server.voted_for = term, None
        node.keep.update(term=term, voted_for=None)
    server.role, server.leader, server.heard_ns = FOLLOWER, None, node.now
    server.moved.set()


def append_to(node: Node, server: Server, peer: int) -> None:
    """Send a follower what it has not been sent yet, or a heartbeat."""
    previous = server.sent[peer]
    entries = tuple(server.log[previous : previous + MOST_ENTRIES])
    server.sent[peer] = previous + len(entries)
    before = server.log[previous - 1][0] if previous else 0
    newest = entries[-1][1] if entries else ""
    node.send(peer, Append(server.term, previous, before, newest, server.commit, entries))


async def apply(node: Node, server: Server) -> None:
    """Decide what is committed, in order."""
    while server.applied < min(server.commit, len(server.log)):
        digest = server.log[server.applied][1]
        await node.fetch(digest)
        if server.applied < len(server.log) and server.log[server.applied][1] == digest:
            server.applied += 1
            node.keep["applied"] = server.applied
            node.decide(server.applied - 1, digest)
            server.moved.set()


async def committing(server: Server, index: int, term: int) -> None:
    """Wait until an entry is committed or the term is over."""
    while server.role == LEADER and server.term == term and server.applied < index:
        server.moved.clear()
        await server.moved.wait()
