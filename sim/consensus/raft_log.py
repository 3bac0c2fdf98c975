"""Raft's state and the pure rules on which its safety rests: testable on three lines of data.

Ongaro, Ousterhout, "In search of an understandable consensus algorithm", USENIX ATC 2014, figure 2.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from sim.node.node import Node

FOLLOWER, CANDIDATE, LEADER = "follower", "candidate", "leader"


@dataclass
class Server:
    """One server's state, named as in figure 2. `log[i]` is entry i + 1: (term, digest)."""

    term: int = 0
    voted_for: int | None = None
    log: list[tuple[int, str]] = field(default_factory=list)
    role: str = FOLLOWER
    leader: int | None = None
    commit: int = 0
    applied: int = 0
    heard_ns: int = 0
    trial: bool = False
    """Whether a candidate has only asked what others would say."""
    ballots: set[int] = field(default_factory=set)
    match: dict[int, int] = field(default_factory=dict)
    sent: dict[int, int] = field(default_factory=dict)
    acked_ns: dict[int, int] = field(default_factory=dict)
    elections: int = 0
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def last_term(self) -> int:
        """The term of the newest entry."""
        return self.log[-1][0] if self.log else 0


def up_to_date(last_term: int, last_index: int, own_term: int, own_index: int) -> bool:
    """Whether a candidate's log is at least as new as one's own (5.4.1)."""
    return (last_term, last_index) >= (own_term, own_index)


def consistent(log: list[tuple[int, str]], previous: int, previous_term: int) -> bool:
    """Whether the log holds the entry on which an append builds (5.3)."""
    return previous == 0 or (len(log) >= previous and log[previous - 1][0] == previous_term)


def committed(matches: list[int], log: list[tuple[int, str]], term: int, majority: int) -> int:
    """The newest entry of this term that a majority holds, 0 if none (5.4.2: never count older terms)."""
    index = sorted(matches, reverse=True)[majority - 1]
    return index if index and log[index - 1][0] == term else 0


def adopt(log: list[tuple[int, str]], previous: int, entries: tuple[tuple[int, str], ...]) -> None:
    """Cut off what conflicts with the leader's entries and append the rest (figure 2, AppendEntries 3 and 4)."""
    for place, entry in enumerate(entries, previous):
        if place < len(log) and log[place][0] != entry[0]:
            del log[place:]
        if place >= len(log):
            log.append(entry)


def step_down(node: Node, server: Server, term: int) -> None:
    """Follow, in a term at least as new as one's own (5.1)."""
    if term > server.term:
        server.term, server.voted_for = term, None
        node.keep.update(term=term, voted_for=None)
    server.role, server.leader, server.heard_ns = FOLLOWER, None, node.now
    server.moved.set()
