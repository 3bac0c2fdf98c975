"""What a protocol may say of its votes, so that runs can be judged by signatures alone: which of them certify a block, which decide it.

    ballots: ClassVar[Ballots | Logs | Blocks | Checkpoints | None]     without it those checks say 'unknown'

Nothing in a run reads this. It states what the paper proves, in terms of what is signed: a node may go wrong, a signature stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Blocks:
    """What every author says once a place: its block there. Where blocks are votes nothing else is signed."""

    block: type[Any]
    """With a field `digest`."""
    place: tuple[str, ...]
    """The fields that name a place among the author's own: ("round",)."""


@dataclass(frozen=True)
class Ballots:
    """Kinds of votes and the fields by which they are told apart."""

    first: type[Any]
    """A quorum of these certifies a block in a place; an honest identity says it once a place."""
    place: tuple[str, ...]
    """The fields that name a place, the most weighty first: ("slot", "view")."""
    last: type[Any] | None = None
    """A quorum of these decides what they name, or what is certified in their place if they name nothing; None where a row of
    certificates decides."""
    proposal: type[Any] | None = None
    """What a place's only leader proposes with; None where several may propose."""
    leader_counts: bool = False
    """Whether the proposal stands for its sender's vote."""
    step: str = ""
    """The field that tells the phases of one kind of vote apart, where `first` and `last` are one kind."""
    steps: int = 1
    """How many phases; the last decides."""
    row: int = 0
    """So many certified blocks, each on the one before and in the next place, make one of them final."""
    final: int = 0
    """Which of the row, counted from the lowest."""
    rises: bool = True
    """Whether what is decided in one place binds all later ones; False where places stand beside each other."""
    in_order: bool = True
    """Whether an honest identity votes in rising places."""
    fast: int = 0
    """So many per cent of all identities decide by `first` alone; 0 where they never do."""
    excludes: tuple[tuple[type[Any], type[Any]], ...] = ()
    """Pairs of kinds of which an honest identity says one at most in a place, whatever they name."""
    blocks: Blocks | None = None
    """What every author says once a place, beside the votes."""
    enough: str = "most"
    """"most": any two quorums share an honest identity; "2f+1" where what was signed before makes that enough."""


@dataclass(frozen=True)
class Logs:
    """The same for protocols whose leader copies a log: the kinds of messages, with the field names of Raft's figure 2."""

    append: type[Any]
    """term, previous, previous_term, entries: a leader's log, piece by piece."""
    ack: type[Any]
    """term, index, ok: how far a log agrees with the leader's."""
    request: type[Any]
    """term, trial: a candidate, who votes for itself unless it is a trial."""
    ballot: type[Any]
    """term, granted, trial: a vote for whom it is sent to."""


@dataclass(frozen=True)
class Checkpoints:
    """The same for votes that link checkpoints (Casper FFG): an epoch's block is justified by two thirds, and final by the next link."""

    attestation: type[Any]
    """slot, source_epoch, source, target: once an epoch from every identity; blocks hold `votes` of it among their seals."""
    slot_ns: int
    slots_per_epoch: int
    inclusion_slots: int
    """Within how many slots a vote must lie in a block to count."""
