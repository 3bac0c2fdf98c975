"""Who signed what and when, read from everything that was said: the ground on which quorums are judged without asking any node."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import repeat
from typing import Any

from sim.node.ballots import Ballots
from sim.study.evidence import Evidence

Place = tuple[int, ...]
GENESIS_PLACE: Place = (-1,)
WHATEVER = "*"
"""The digest of a kind that names none: it stands for what is certified in its place."""


@dataclass(slots=True)
class Vote:
    """One content that was voted for."""

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


Said = tuple[int, int, Any, Place]
"""When in ns, which identity, what, and in which place."""


class Signatures:
    """The votes of a run by kind, place and digest, each with the honest identities behind it."""

    def __init__(self, evidence: Evidence, ballots: Ballots) -> None:
        self.ballots = ballots
        self.identities = evidence.identities
        honest = evidence.honest[: evidence.identities].tolist()
        self.liars = evidence.identities - sum(honest)
        f = evidence.faulty_bound
        self.need = 2 * f + 1 if ballots.enough == "2f+1" else (evidence.identities + f) // 2 + 1
        """Signatures that a quorum must have so that any two share an honest one."""
        self.most = (evidence.identities + f) // 2 + 1
        self.first: dict[tuple[Place, int, str], Vote] = {}
        self.last: dict[tuple[Place, str], Vote] = {}
        self.proposals: dict[tuple[Place, str], dict[int, int]] = {}
        """Who proposed each block in each place, liars too, and when first."""
        self.rows: list[Said] = []
        """The votes and proposals of honest identities, each content once, in order of time."""
        self.proposed: list[Said] = []
        """The proposals among them."""
        self._read(evidence, honest)
        if ballots.leader_counts:
            self._count_leaders()

    def _read(self, evidence: Evidence, honest: list[bool]) -> None:
        """Go through all that was said, once; of what an identity says again only the first time counts."""
        contents, proposal = evidence.contents, self.ballots.proposal
        votes = [self._blank(said) for said in contents]
        heard: dict[int, None] = {}
        for time_ns, identity, _, number in evidence.spoken.tolist():
            vote = votes[number]
            key = number * self.identities + identity
            if vote is None or key in heard:
                continue
            heard[key] = None
            said = contents[number]
            proposes = type(said) is proposal
            if proposes:
                self.proposals.setdefault((vote.place, vote.digest), {}).setdefault(identity, time_ns)
            if honest[identity]:
                row = (time_ns, identity, said, vote.place)
                self.rows.append(row)
                vote.by.append(identity)
                vote.when_ns.append(time_ns)
                if proposes:
                    self.proposed.append(row)
        for said, vote in zip(contents, votes, strict=True):
            if vote is not None and vote.by and vote.digest:
                self._enter(vote, type(said))

    def _blank(self, said: Any) -> Vote | None:
        """A vote or proposal that nobody has signed yet; None for messages of other kinds."""
        ballots, kind = self.ballots, type(said)
        if kind is not ballots.first and kind is not ballots.last and kind is not ballots.proposal:
            return None
        step = int(getattr(said, ballots.step)) if ballots.step and kind is ballots.first is ballots.last else 0
        return Vote(place_of(said, ballots.place), step, getattr(said, "digest", WHATEVER), [], [])

    def _enter(self, vote: Vote, kind: type[Any]) -> None:
        ballots = self.ballots
        one_kind = ballots.first is ballots.last and bool(ballots.step)
        if kind is ballots.last and (not one_kind or vote.step == ballots.steps - 1):
            self.last[vote.place, vote.digest] = vote
        if kind is ballots.first:
            self.first[vote.place, vote.step, vote.digest] = vote

    def _count_leaders(self) -> None:
        """A proposal stands for its sender's vote."""
        for time_ns, identity, said, place in self.proposed:
            known = self.first.get((place, 0, said.digest))
            by, when_ns = ([], []) if known is None else (known.by.copy(), known.when_ns.copy())
            if identity not in by:
                at = bisect_right(when_ns, time_ns)
                by.insert(at, identity)
                when_ns.insert(at, time_ns)
                self.first[place, 0, said.digest] = Vote(place, 0, said.digest, by, when_ns)

    @cached_property
    def certified_in(self) -> dict[Place, list[tuple[int, Vote]]]:
        """The same by place."""
        found: dict[Place, list[tuple[int, Vote]]] = {}
        for when_ns, vote in self.certified():
            found.setdefault(vote.place, []).append((when_ns, vote))
        return found

    def certified(self) -> Iterator[tuple[int, Vote]]:
        """(when, vote) of each content of the first phase that a quorum with all liars could certify, places rising."""
        for _, vote in sorted(self.first.items(), key=lambda item: item[0][:2]):
            when_ns = vote.reached_ns(self.most - self.liars) if vote.step == 0 else None
            if when_ns is not None:
                yield when_ns, vote


def place_of(said: Any, names: tuple[str, ...]) -> Place:
    """Where a message speaks."""
    return tuple(map(int, map(getattr, repeat(said), names)))


def signatures(evidence: Evidence) -> Signatures | None:
    """The votes of a run; None where the protocol does not say which count. The last reading is kept."""
    return _read(evidence) if isinstance(evidence.ballots, Ballots) and evidence.identities else None


@lru_cache(maxsize=1)
def _read(evidence: Evidence) -> Signatures:
    assert isinstance(evidence.ballots, Ballots)
    return Signatures(evidence, evidence.ballots)
