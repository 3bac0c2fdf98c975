"""Raft: a leader is elected for a term and everybody's log follows its log. Tolerates crashes, not lies.

Ongaro, Ousterhout, "In search of an understandable consensus algorithm", USENIX ATC 2014, sections 5.1-5.4 and figure 2;
PreVote and CheckQuorum from Ongaro's thesis (2014), sections 9.6 and 6.2. An entry is one block. The leader proposes the
next block as soon as the last one is committed, and followers learn of a commit from the next append (or heartbeat).

Elections (5.2) are in `raft_election.py`, log replication (5.3) is in `raft_replication.py`. Safety rests on the rules `up_to_date`,
`consistent` and `committed` (`raft_log.py`). Left out: snapshots and membership changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from sim.consensus.raft_election import Ballot, Election, RequestVote
from sim.consensus.raft_log import LEADER, Server
from sim.consensus.raft_replication import Ack, Append, Replication
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.presets import Preset
from sim.kernel.units import Duration, Patience
from sim.node.ballots import Logs
from sim.node.node import Node


@part
class Raft:
    """Raft: leader, terms, one log; 2(n-1) messages a block, two delays to the leader's commit, three to the followers'."""

    election_timeout: Duration = 1_000_000_000  # T; each wait is drawn from [T, 2T)
    heartbeat: Patience = 100_000_000  # how often an idle leader shows that it lives
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
    least_seats: ClassVar[int] = 2  # a candidate alone would wait for ballots of others
    ballots: ClassVar[Logs] = Logs(Append, Ack, RequestVote, Ballot)
    no_lie: ClassVar[Mapping[str, str]] = {
        "lazy-vote": "followers take whatever their leader appends, so nobody can look less closely; use kind mutate or doctor"
    }
    routes: ClassVar[tuple[str, ...]] = ("direct",)  # a leader speaks to each follower by itself, and nobody broadcasts

    def check(self) -> None:
        """A leader must be able to show itself in time."""
        if self.heartbeat >= self.election_timeout:
            raise ScenarioError("must be shorter than election_timeout", "heartbeat")

    async def run(self, node: Node) -> None:
        """Start as a follower; everything else happens in answer to mail or to silence."""
        server = Server(term=node.keep.get("term", 0), voted_for=node.keep.get("voted_for"), log=node.keep.setdefault("log", []))
        server.applied = server.commit = node.keep.get("applied", 0)
        server.heard_ns = node.now
        election, replication = Election(self, node, server), Replication(self, node, server)
        for duty in (election.grant, replication.follow, election.count_ballots, replication.count_acks):
            node.spawn(duty())
        while True:
            await replication.lead() if server.role == LEADER else await election.wait_for_leader()
