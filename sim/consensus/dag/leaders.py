"""Which leaders' blocks an uncertified graph commits, skips or leaves open: the decision rule of Mysticeti (algorithms 2 and 3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sim.consensus.dag.graph import Graph

OPEN, SKIP = "open", "skip"
WAVE = 3  # rounds from a leader's block to the blocks that may certify it, both counted


@dataclass
class Candidate:
    """One block of a round's leader (a liar may have made several)."""

    block: Any
    votes: dict[str, int] = field(default_factory=dict)
    """Blocks of the next round that vote for it, and their authors."""
    voters: dict[int, None] = field(default_factory=dict)
    certifying: dict[str, int] = field(default_factory=dict)
    """Blocks of the round after that which point to a quorum of votes, and their authors."""


class Leaders:
    """What a graph says about each round's leader; survives a crash."""

    def __init__(self, graph: Graph, n: int, quorum_size: int) -> None:
        self.graph, self.n, self.quorum_size = graph, n, quorum_size
        self.candidates: dict[int, dict[str, Candidate]] = {}
        self.blames: dict[int, dict[int, None]] = {}
        """Per round the authors whose next block votes for no block of its leader."""
        self.next = 0
        """The first round whose leader is not settled."""

    def learn(self, block: Any) -> bool:
        """Count what a block that enters the graph says; whether it may have settled something."""
        number, news = block.height, False
        if block.proposer == leader(number, self.n):
            self.candidates.setdefault(number, {})[block.digest] = Candidate(block)
        if number > 0:
            chosen = vote_of(block, self.candidates.get(number - 1, {}))
            if chosen is None:
                blames = self.blames.setdefault(number - 1, {})
                blames[block.proposer] = None
                news = len(blames) >= self.quorum_size
            else:
                chosen.votes[block.digest] = block.proposer
                chosen.voters[block.proposer] = None
        for candidate in self.candidates.get(number - 2, {}).values():
            if certifies(block, candidate, self.quorum_size):
                candidate.certifying[block.digest] = block.proposer
                news |= len(dict.fromkeys(candidate.certifying.values())) >= self.quorum_size
        return news

    def direct(self, number: int) -> Any:
        """The block committed or SKIP by what the three rounds themselves say; else OPEN."""
        for candidate in self.candidates.get(number, {}).values():
            if len(dict.fromkeys(candidate.certifying.values())) >= self.quorum_size:
                return candidate.block
        return SKIP if len(self.blames.get(number, ())) >= self.quorum_size else OPEN

    def verdicts(self) -> list[Any]:
        """For each round from `next` on: a block to commit, SKIP or OPEN; later rounds settle what earlier ones leave open."""
        found: dict[int, Any] = {}
        for number in range(self.graph.top, self.next - 1, -1):
            verdict = self.direct(number)
            if verdict is OPEN:
                later = (found[after] for after in range(number + WAVE, self.graph.top + 1))
                anchor = next((one for one in later if one is not SKIP), OPEN)
                if anchor is not OPEN:
                    verdict = self.below(anchor, number)
            found[number] = verdict
        return [found[number] for number in sorted(found)]

    def below(self, anchor: Any, number: int) -> Any:
        """The block of a round's leader that has a certifying block below `anchor`, or SKIP."""
        for candidate in self.candidates.get(number, {}).values():
            if candidate.certifying and self.graph.reaches(anchor, candidate.certifying, number + WAVE - 1):
                return candidate.block
        return SKIP

    def settled(self) -> list[Any]:
        """The blocks to commit now, in order; moves on to the first round that is still open."""
        chosen = []
        for verdict in self.verdicts():
            if verdict is OPEN:
                break
            self.next += 1
            if verdict is not SKIP:
                chosen.append(verdict)
        return chosen


def leader(number: int, n: int) -> int:
    """Whose block leads a round: in turn."""
    return number % n


def vote_of(block: Any, candidates: dict[str, Candidate]) -> Candidate | None:
    """The block of the last round's leader that a block votes for: the first it points to."""
    named = [digest for digest in candidates if digest in block.edges]
    return candidates[min(named, key=block.edges.index)] if named else None


def certifies(block: Any, candidate: Candidate, quorum_size: int) -> bool:
    """Whether a block points to votes of a quorum of authors."""
    votes = candidate.votes
    if len(candidate.voters) < quorum_size or len(votes.keys() & frozenset(block.edges)) < quorum_size:
        return False
    return len(candidate.voters) == len(votes) or len({votes[edge]: None for edge in block.edges if edge in votes}) >= quorum_size
