"""Who signed what and when, read from everything that was said: the ground on which quorums are judged without asking any node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.node.ballots import Ballots
from sim.study.evidence import Evidence

Place = tuple[int, ...]
GENESIS_PLACE: Place = (-1,)


@dataclass(frozen=True)
class Vote:
    """One content that was voted for."""

    place: Place
    step: int
    digest: str
    by: NDArray[np.int64]
    """Honest identities that signed it, in the order in which they did."""
    when_ns: NDArray[np.int64]
    """When each of them first did."""

    def reached_ns(self, need: int) -> int | None:
        """When so many honest identities had signed; None if they never did."""
        if need <= 0:
            return -1
        return int(self.when_ns[need - 1]) if len(self.when_ns) >= need else None


class Signatures:
    """The votes of a run by kind, place and digest, each with the honest identities behind it."""

    def __init__(self, evidence: Evidence, ballots: Ballots) -> None:
        self.ballots = ballots
        honest = evidence.honest[: evidence.identities]
        self.liars = int(evidence.identities - honest.sum())
        f = evidence.faulty_bound
        self.need = 2 * f + 1 if ballots.enough == "2f+1" else (evidence.identities + f) // 2 + 1
        """Signatures that a quorum must have so that any two share an honest one."""
        self.most = (evidence.identities + f) // 2 + 1
        self.first: dict[tuple[Place, int, str], Vote] = {}
        self.last: dict[tuple[Place, str], Vote] = {}
        kinds = (ballots.first, ballots.last, ballots.proposal)
        counts = np.array([type(said) in kinds for said in evidence.contents], np.bool_)
        spoken = evidence.spoken[counts[evidence.spoken[:, 3]]] if len(evidence.spoken) else evidence.spoken
        self.proposals = _proposals(spoken, evidence, ballots)
        heard = spoken[honest[spoken[:, 1]]] if len(spoken) else spoken
        first = _firsts(heard)
        self.rows = heard[first]
        """The votes and proposals of honest identities, each content once."""
        by_content = np.argsort(self.rows[:, 3], kind="stable")
        numbers, starts = np.unique(self.rows[by_content, 3], return_index=True)
        ends = [*starts[1:].tolist(), len(by_content)][: len(starts)]
        one_kind = ballots.first is ballots.last and bool(ballots.step)
        for number, start, end in zip(numbers.tolist(), starts.tolist(), ends, strict=True):
            said = evidence.contents[number]
            kind = type(said)
            if kind is ballots.first or kind is ballots.last:
                rows = self.rows[by_content[start:end]]
                self._enter(said, kind is ballots.last and not one_kind, one_kind, rows)
        if ballots.leader_counts:
            self._count_leaders(evidence)

    def _enter(self, said: Any, is_last: bool, one_kind: bool, rows: NDArray[np.int64]) -> None:
        place = place_of(said, self.ballots.place)
        step = getattr(said, self.ballots.step) if one_kind else 0
        if not said.digest:
            return
        made = Vote(place, step, said.digest, rows[:, 1], rows[:, 0])
        if is_last or (one_kind and step == self.ballots.steps - 1):
            self.last[place, said.digest] = made
        if not is_last or self.ballots.first is self.ballots.last:
            self.first[place, step, said.digest] = made

    def _count_leaders(self, evidence: Evidence) -> None:
        """A proposal stands for its sender's vote."""
        for row in self.rows:
            said = evidence.contents[row[3]]
            if type(said) is self.ballots.proposal:
                place = place_of(said, self.ballots.place)
                known = self.first.get((place, 0, said.digest))
                if known is None:
                    self.first[place, 0, said.digest] = Vote(place, 0, said.digest, row[1:2], row[:1])
                elif row[1] not in known.by:
                    by, when = np.append(known.by, row[1]), np.append(known.when_ns, row[0])
                    order = np.argsort(when, kind="stable")
                    self.first[place, 0, said.digest] = Vote(place, 0, said.digest, by[order], when[order])

    def certified(self) -> Iterator[tuple[int, Vote]]:
        """(when, vote) of each content of the first phase that a quorum with all liars could certify, places rising."""
        for _, vote in sorted(self.first.items(), key=lambda item: item[0][:2]):
            when_ns = vote.reached_ns(self.most - self.liars) if vote.step == 0 else None
            if when_ns is not None:
                yield when_ns, vote


def _proposals(spoken: NDArray[np.int64], evidence: Evidence, ballots: Ballots) -> dict[tuple[Place, str], dict[int, int]]:
    """Who proposed each block in each place, liars too, and when first."""
    found: dict[tuple[Place, str], dict[int, int]] = {}
    proposes = np.array([type(said) is ballots.proposal for said in evidence.contents], np.bool_)
    rows = spoken[proposes[spoken[:, 3]]] if len(spoken) else spoken
    for time_ns, identity, _, number in rows[_firsts(rows)].tolist():
        said = evidence.contents[number]
        found.setdefault((place_of(said, ballots.place), said.digest), {}).setdefault(identity, time_ns)
    return found


def place_of(said: Any, names: tuple[str, ...]) -> Place:
    """Where a message speaks."""
    return tuple([int(getattr(said, name)) for name in names])


def _firsts(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places of the rows in which an identity says a content for the first time, in order."""
    if not len(rows):
        return np.zeros(0, np.int64)
    key = rows[:, 3] << 21 | rows[:, 1]
    return np.sort(np.unique(key, return_index=True)[1])


def signatures(evidence: Evidence) -> Signatures | None:
    """The votes of a run; None where the protocol does not say which count. The last reading is kept."""
    return _read(evidence) if isinstance(evidence.ballots, Ballots) and evidence.identities else None


@lru_cache(maxsize=1)
def _read(evidence: Evidence) -> Signatures:
    assert isinstance(evidence.ballots, Ballots)
    return Signatures(evidence, evidence.ballots)
