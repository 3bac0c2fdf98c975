"""Who signed what and when, read from everything that was said: the ground on which quorums are judged without asking any node."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.node.ballots import Ballots
from sim.study.evidence import Evidence, read_once
from sim.study.sequence import PROPOSES, VOTES, first_said

Place = tuple[int, ...]
GENESIS_PLACE: Place = (-1,)
WHATEVER = "*"
"""The digest of a kind that names none: it stands for what is certified in its place."""


@dataclass(slots=True)
class Vote:
    """One content that was voted for, or proposed."""

    kind: type[Any]
    place: Place
    step: int
    digest: str
    by: list[int]
    """Honest identities that signed it, in the order in which they did."""
    when_ns: list[int]
    """When each of them first did."""

    def reached_ns(self, need: int) -> int | None:
        """When so many honest identities had signed; None if they never did."""
        if need <= 0:
            return -1
        return self.when_ns[need - 1] if len(self.when_ns) >= need else None


Said = tuple[int, int, Vote]
"""When in ns, which identity, and what."""


class Signatures:
    """The votes of a run by kind, place and digest, each with the honest identities behind it."""

    def __init__(self, evidence: Evidence, ballots: Ballots) -> None:
        self.ballots = ballots
        self.identities = evidence.identities
        self.honest: list[bool] = evidence.honest[: evidence.identities].tolist()
        """By identity."""
        self.liars = evidence.identities - sum(self.honest)
        f = evidence.faulty_bound
        self.need = 2 * f + 1 if ballots.enough == "2f+1" else (evidence.identities + f) // 2 + 1
        """Signatures that a quorum must have so that any two share an honest one."""
        self.most = (evidence.identities + f) // 2 + 1
        self.first: dict[tuple[Place, int, str], Vote] = {}
        self.last: dict[tuple[Place, str], Vote] = {}
        self.proposals: dict[tuple[Place, str], dict[int, int]] = {}
        """Who proposed each block in each place, liars too, and when first."""
        self.votes: list[Any] = []
        """The `Vote` of each content, whether it is counted or proposed; None of what is neither."""
        self.cast: NDArray[np.int64]
        """int64[..., 3]: time in ns, identity and place in `votes` of what honest identities voted, each content once, in order of time."""
        self.proposed: list[Said] = []
        """Their proposals."""
        self._read(evidence)
        if ballots.leader_counts:
            self._count_leaders()

    def _read(self, evidence: Evidence) -> None:
        """Go through all that was said; of what an identity says again only the first time counts."""
        ballots, contents = self.ballots, evidence.contents
        role_of = {ballots.first: VOTES, ballots.last: VOTES}
        role_of[ballots.proposal] = role_of.get(ballots.proposal, 0) | PROPOSES
        roles = [role_of.get(type(said), 0) for said in contents]
        honest = evidence.honest[: self.identities]
        found = first_said(evidence.spoken, np.frombuffer(bytearray(roles), np.uint8), honest)
        self.cast, proposals = found[:2]
        offsets, by, when_ns = [column.tolist() for column in found[2:]]
        stepwise = bool(ballots.step) and ballots.first is ballots.last
        place_in, step_in = _reader(ballots.place), _reader((ballots.step,)) if stepwise else None
        first, last, deciding, votes = ballots.first, ballots.last, ballots.steps - 1 if stepwise else 0, self.votes
        for said, role, (begin, end) in zip(contents, roles, pairwise(offsets), strict=True):
            if not role:
                votes.append(None)
                continue
            kind, place, digest = type(said), place_in(said), getattr(said, "digest", WHATEVER)
            step = 0 if step_in is None or kind is not first else step_in(said)[0]
            vote = Vote(kind, place, step, digest, by[begin:end], when_ns[begin:end])
            votes.append(vote)
            if begin == end or not digest:
                continue
            if kind is last and step == deciding:
                self.last[place, digest] = vote
            if kind is first:
                self.first[place, step, digest] = vote
        for time_ns, identity, number in proposals.tolist():
            proposal = votes[number]
            self.proposals.setdefault((proposal.place, proposal.digest), {}).setdefault(identity, time_ns)
            if self.honest[identity]:
                self.proposed.append((time_ns, identity, proposal))

    def _count_leaders(self) -> None:
        """A proposal stands for its sender's vote."""
        for time_ns, identity, proposed in self.proposed:
            key = (proposed.place, 0, proposed.digest)
            known = self.first.get(key)
            if known is None:
                self.first[key] = Vote(self.ballots.first, *key, [identity], [time_ns])
            elif identity not in known.by:
                at = bisect_right(known.when_ns, time_ns)
                known.by.insert(at, identity)
                known.when_ns.insert(at, time_ns)

    @cached_property
    def certified(self) -> list[tuple[int, Vote]]:
        """(when, vote) of each content of the first phase that a quorum with all liars could certify, places rising."""
        need = self.most - self.liars
        votes = sorted([vote for vote in self.first.values() if not vote.step], key=attrgetter("place"))
        reached = ((vote.reached_ns(need), vote) for vote in votes)
        return [(when_ns, vote) for when_ns, vote in reached if when_ns is not None]

    @cached_property
    def certified_in(self) -> dict[Place, list[tuple[int, Vote]]]:
        """The same by place."""
        found: dict[Place, list[tuple[int, Vote]]] = {}
        for when_ns, vote in self.certified:
            found.setdefault(vote.place, []).append((when_ns, vote))
        return found


def place_of(said: Any, names: tuple[str, ...]) -> Place:
    """Where a message speaks."""
    return _reader(names)(said)


@lru_cache(maxsize=64)
def _reader(names: tuple[str, ...]) -> Callable[[Any], Place]:
    """A function from a message to the tuple of these of its fields."""
    read: Callable[[Any], Any] = attrgetter(*names)
    return read if len(names) > 1 else lambda said: (read(said),)


@read_once
def signatures(evidence: Evidence) -> Signatures | None:
    """The votes of a run; None where the protocol does not say which count."""
    ballots = evidence.ballots
    return Signatures(evidence, ballots) if isinstance(ballots, Ballots) and evidence.identities else None
