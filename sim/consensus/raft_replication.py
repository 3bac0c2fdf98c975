"""How Raft's leader makes everybody's log like its own, and commits what a majority holds.

Ongaro, Ousterhout, "In search of an understandable consensus algorithm", USENIX ATC 2014, sections 5.3 and 5.4.2; CheckQuorum from
Ongaro's thesis (2014), section 6.2. An entry is one block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sim.consensus.raft_log import FOLLOWER, LEADER, Server, adopt, committed, consistent, step_down
from sim.node.fetching import ask_for_all
from sim.node.message import message
from sim.node.node import Node

if TYPE_CHECKING:
    from sim.consensus.raft import Raft

MOST_ENTRIES = 256  # entries that one append carries


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

    tallied: ClassVar[bool] = True
    term: int
    index: int
    ok: bool


class Replication:
    """One server's part in making logs alike."""

    def __init__(self, rules: Raft, node: Node, server: Server) -> None:
        self.rules, self.node, self.server = rules, node, server

    async def lead(self) -> None:
        """Propose block after block, append them everywhere, commit what a majority holds (5.3)."""
        node, server = self.node, self.server
        term = server.term
        server.match = dict.fromkeys(node.peers, 0)
        server.sent = {peer: len(server.log) for peer in node.peers}
        server.acked_ns = dict.fromkeys(node.peers, node.now)
        beat = node.spawn(self.beat(term))
        try:
            while server.role == LEADER and server.term == term:
                below = await self.tip()
                block = await node.next_batch(below)
                if server.role != LEADER or server.term != term:
                    return
                server.log.append((term, node.publish(block)))
                index = len(server.log)
                for peer in node.peers:
                    self.append_to(peer)
                await self.committing(index, term)
        finally:
            beat.cancel()

    async def beat(self, term: int) -> None:
        """Heartbeats; and step down when a majority has not answered within T (CheckQuorum)."""
        node, server = self.node, self.server
        waiting = node.peers
        while server.role == LEADER and server.term == term:
            for peer in waiting:
                self.append_to(peer)
            await node.sleep(self.rules.heartbeat)
            fresh = sum(node.now - at < self.rules.election_timeout for at in server.acked_ns.values())
            if server.role == LEADER and server.term == term and fresh + 1 < node.n // 2 + 1:
                step_down(node, server, server.term)
            waiting = tuple(
                peer
                for peer in node.peers
                if server.sent[peer] <= server.match[peer] or node.now - server.acked_ns[peer] >= self.rules.heartbeat
            )
            server.sent.update({peer: server.match[peer] for peer in waiting})

    def append_to(self, peer: int) -> None:
        """Send a follower what it has not been sent yet, or a heartbeat."""
        node, server = self.node, self.server
        previous = server.sent[peer]
        entries = tuple(server.log[previous : previous + MOST_ENTRIES])
        server.sent[peer] = previous + len(entries)
        before = server.log[previous - 1][0] if previous else 0
        newest = entries[-1][1] if entries else ""
        node.send(peer, Append(server.term, previous, before, newest, server.commit, entries))

    async def follow(self) -> None:
        """Make the log like the leader's (5.3)."""
        node, server = self.node, self.server
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
            await self.apply()

    async def count_acks(self) -> None:
        """Learn how far each follower has come."""
        node, server = self.node, self.server
        while True:
            mail = await node.receive(Ack)
            ack, peer = mail.message, mail.sender
            if ack.term > server.term:
                step_down(node, server, ack.term)
            if server.role != LEADER or ack.term != server.term or peer == node.id:
                continue
            server.acked_ns[peer] = node.now
            told = max(0, min(ack.index, len(server.log)))  # an index that this log does not have is no news
            if not ack.ok:
                server.sent[peer] = told
                self.append_to(peer)
                continue
            server.match[peer] = max(server.match[peer], told)
            reached = committed([*server.match.values(), len(server.log)], server.log, server.term, node.n // 2 + 1)
            if reached > server.commit:
                server.commit = reached
                await self.apply()
            leads_still = (
                server.role == LEADER and server.term == ack.term
            )  # while a body was fetched another may have been elected
            if leads_still and server.sent[peer] < len(server.log):
                self.append_to(peer)

    async def apply(self) -> None:
        """Decide what is committed, in order."""
        node, server = self.node, self.server
        while server.applied < min(server.commit, len(server.log)):
            digest = server.log[server.applied][1]
            await node.fetch(digest)
            if server.applied < len(server.log) and server.log[server.applied][1] == digest:
                server.applied += 1
                node.keep["applied"] = server.applied
                node.decide(server.applied - 1, digest)
                server.moved.set()

    async def committing(self, index: int, term: int) -> None:
        """Wait until an entry is committed or the term is over."""
        server = self.server
        while server.role == LEADER and server.term == term and server.applied < index:
            server.moved.clear()
            await server.moved.wait()

    async def tip(self) -> str:
        """What the next entry stands on: the log's newest, committed or not, for a leader never takes back what it has (5.3)."""
        node, server = self.node, self.server
        if not server.log:
            return node.genesis
        digest = server.log[-1][1]
        await node.fetch(digest)
        return digest
