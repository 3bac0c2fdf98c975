"""What Fabric's peers check: endorsement policy and read versions, as pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sim.node.message import Certificate, message, vote

VALID, CONFLICT, UNENDORSED = "valid", "conflict", "unendorsed"
NEVER = -1
"""The version of a key that nobody has written."""


@message
class Proposal:
    """Please run this transaction on your state."""

    transaction: str
    attempt: int
    key: str


@vote
class Endorsed:
    """I have run it: it reads and writes `key`, which I have at this version."""

    may_differ: ClassVar[bool] = True  # each is about a transaction of its own, and a state moves on
    transaction: str
    attempt: int
    key: str
    version: int


@dataclass(frozen=True)
class Envelope:
    """What a client hands to the orderers for a transaction: who endorsed it, and on which version of its key."""

    transaction: str
    key: str
    version: int
    proof: Certificate

    @property
    def size_bytes(self) -> int:
        """A digest, a key, a version, and an aggregate of the endorsers' signatures."""
        return 32 + 32 + 8 + 96


@message
class Submit:
    """Please order it."""

    envelope: Envelope


@vote
class Delivered:
    """This block has been ordered at this slot."""

    carries: ClassVar[str] = "digest"
    slot: int
    digest: str


@message
class Pull:
    """Tell me of the blocks from this slot on."""

    slot: int


def organisation_of(seat: int, organisations: int) -> int:
    """Seats are dealt to organisations in turn."""
    return seat % organisations


def satisfies(envelope: Any, transaction: Any, key: str, organisations: int, endorsements: int) -> bool:
    """The endorsement policy: so many organisations' peers have signed this very result."""
    if not isinstance(envelope, Envelope):
        return False
    claim = {"transaction": transaction.id, "key": key, "version": envelope.version}
    signers = dict.fromkeys(organisation_of(seat, organisations) for seat in envelope.proof.signers)
    return envelope.proof.proves(Endorsed, endorsements, **claim) and len(signers) >= endorsements


def verdict_of(
    envelope: Any, transaction: Any, key: str, versions: Mapping[str, int], organisations: int, endorsements: int
) -> str:
    """A transaction's fate at commit: unendorsed, in conflict with what was written since it was run, or valid (MVCC)."""
    if not satisfies(envelope, transaction, key, organisations, endorsements):
        return UNENDORSED
    return VALID if not key or versions.get(key, NEVER) == envelope.version else CONFLICT


def validated(block: Any, key_of: Any, slot: int, versions: dict[str, int], organisations: int, endorsements: int) -> list[str]:
    """The verdicts on a block's transactions, in order; each valid one sets its key's version to the block's slot."""
    verdicts = []
    for place, transaction in enumerate(block.transactions):
        envelope = block.seals[place] if place < len(block.seals) else None
        key = key_of(transaction)
        verdict = verdict_of(envelope, transaction, key, versions, organisations, endorsements)
        if verdict == VALID and key:
            versions[key] = slot
        verdicts.append(verdict)
    return verdicts
