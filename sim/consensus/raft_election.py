"""How Raft's servers choose a leader: terms, votes for whoever's log is new enough, and trial votes that disturb nobody.

Ongaro, Ousterhout, "In search of an understandable consensus algorithm", USENIX ATC 2014, sections 5.2 and 5.4.1; PreVote from
Ongaro's thesis (2014), section 9.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sim.consensus.raft_log import CANDIDATE, LEADER, Server, step_down, up_to_date
from sim.node.message import message
from sim.node.node import Node

if TYPE_CHECKING:
    from sim.consensus.raft import Raft


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

    tallied: ClassVar[bool] = True
    term: int
    granted: bool
    trial: bool


class Election:
    """One server's part in elections."""

    def __init__(self, rules: Raft, node: Node, server: Server) -> None:
        self.rules, self.node, self.server = rules, node, server

    async def wait_for_leader(self) -> None:
        """Stand for election after a silence of [T, 2T) (5.2)."""
        node, server, rules = self.node, self.server, self.rules
        server.elections += 1
        luck = node.dice.uniform("election", node.id, server.elections, server.term)
        patience_ns = rules.election_timeout + int(luck * rules.election_timeout)
        while server.role != LEADER:
            left_ns = server.heard_ns + patience_ns - node.now
            if left_ns <= 0:
                server.heard_ns = node.now
                self.stand(trial=rules.prevote)
                return
            await node.sleep(min(left_ns, rules.heartbeat // 4) if server.role == CANDIDATE else left_ns)

    def stand(self, trial: bool) -> None:
        """Ask everybody for their vote; a trial changes no term."""
        node, server = self.node, self.server
        server.role, server.leader, server.ballots, server.trial = CANDIDATE, None, set(), trial
        if not trial:
            server.term += 1
            server.voted_for = node.id
            node.keep.update(term=server.term, voted_for=node.id)
            node.note("view-change", slot=len(server.log) + 1, view=server.term)
        for peer in node.peers:
            node.send(peer, RequestVote(server.term + trial, len(server.log), server.last_term(), trial))

    async def grant(self) -> None:
        """Answer requests for votes (5.2, 5.4.1)."""
        node, server, rules = self.node, self.server, self.rules
        while True:
            mail = await node.receive(RequestVote)
            ask = mail.message
            heard_lately = server.leader is not None and node.now - server.heard_ns < rules.election_timeout
            if rules.prevote and heard_lately:
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

    async def count_ballots(self) -> None:
        """Become leader with a majority of ballots; after a won trial, stand in earnest."""
        node, server = self.node, self.server
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
                self.stand(trial=False)
            else:
                server.role, server.leader = LEADER, node.id
                node.note("leader", term=server.term)
