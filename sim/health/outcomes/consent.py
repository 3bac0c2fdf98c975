"""Metrics of consent: M1 stale consent reads, M2 revocation latency, M17 exposed metadata, and contents if they were exposed too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sim.health.courier import Parcel
from sim.health.records import Record
from sim.health.registrar import Filing
from sim.health.tally import distribution, share

CAUSES = ("insider", "told_final", "lag", "undecided")


@dataclass(eq=False, slots=True)
class Grant:
    """What is true about one patient and one organisation, whatever any node believes."""

    patient: str
    home: int
    grantee: int
    granted: Filing | None = None
    """None: from before the run."""
    revoked: Filing | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """One routine read: who asked for what when, and what the reader's own node decided."""

    reader: int
    grant: Grant
    time_ns: int
    admitted: bool
    fresh: bool
    """Whether the node's newest block was young enough to decide by."""
    size_bytes: int
    insider: bool = False


def _revoked_for_ns(access: Access) -> int:
    """How long ago the patient had revoked when the read was decided; -1 where they had not."""
    revoked = access.grant.revoked
    return access.time_ns - revoked.submitted_ns if revoked is not None and revoked.submitted_ns < access.time_ns else -1


def _cause(access: Access, behind_ns: int) -> str:
    revoked = access.grant.revoked
    assert revoked is not None
    if access.insider:
        return "insider"
    if not 0 <= revoked.first_final_ns <= access.time_ns:
        return "undecided"
    return "lag" if access.time_ns - revoked.first_final_ns <= behind_ns else "told_final"


def stale_consent_reads(accesses: Sequence[Access], grace_ns: int, usable_ns: int, behind_ns: int) -> dict[str, Any]:
    """M1: reads admitted after the revocation was submitted and the grace period had passed; and its twin, grants refused.

    Causes: an insider admits everything; the patient had been told that the revocation is final (for longer than the `behind_ns` by
    which the policy lets a node's newest block be old; for less, it is honest lag); the ledger had not decided it. On one chain nobody
    who has been told for longer is read: a node that young has the block.
    A grant is wrongly refused when it was submitted `usable_ns` ago or more and nobody has revoked it.
    """
    stale = [access for access in accesses if access.admitted and _revoked_for_ns(access) > grace_ns]
    causes = dict.fromkeys(CAUSES, 0)
    for access in stale:
        causes[_cause(access, behind_ns)] += 1
    refused = [
        access
        for access in accesses
        if not access.admitted
        and (access.grant.revoked is None or access.grant.revoked.submitted_ns >= access.time_ns)
        and access.time_ns - (0 if access.grant.granted is None else access.grant.granted.submitted_ns) >= usable_ns
    ]
    return {
        "count": len(stale),
        "reads": len(accesses),
        "per_million_reads": 1e6 * len(stale) / len(accesses) if accesses else None,
        "exposed_bytes": sum(access.size_bytes for access in stale),
        "because": causes,
        "within_grace": sum(access.admitted and 0 <= _revoked_for_ns(access) <= grace_ns for access in accesses),
        "wrongly_refused": len(refused),
        "refused_as_out_of_date": sum(not access.fresh for access in refused),
    }


def revocation_latency(revocations: Sequence[Filing], everywhere_ns: Callable[[Filing], int], limit_ns: int) -> dict[str, Any]:
    """M2: seconds from submission until the last honest node denies; those that never reached all are counted, not averaged."""
    reached = [(everywhere_ns(filing), filing.submitted_ns) for filing in revocations]
    waits = [time_ns - begun_ns for time_ns, begun_ns in reached if time_ns >= 0]
    return {
        "until_every_node_s": distribution([wait / 1e9 for wait in waits]),
        "not_everywhere_by_the_end": len(reached) - len(waits),
        "in_time_share": share(sum(wait <= limit_ns for wait in waits), len(reached)),
    }


def metadata_exposure(filings: Sequence[Filing], patients_of: Callable[[int], int]) -> dict[str, Any]:
    """M17: what any node learns from the visible part: (pseudonym, organisation, time) triples, and how well they hide.

    `smallest_anonymity_set`: the fewest patients that one visible organisation stands for; 1 means that whoever knows that a
    patient went there knows the pseudonym. `volume_known`: organisations nine tenths of whose filings are on the chain.
    """
    final = [filing for filing in filings if filing.final_ns >= 0]
    by_organisation: dict[int, int] = {}
    filed: dict[int, int] = {}
    for filing in filings:
        filed[filing.seat] = filed.get(filing.seat, 0) + 1
    for filing in final:
        by_organisation[filing.seat] = by_organisation.get(filing.seat, 0) + 1
    return {
        "triples": len(final),
        "smallest_anonymity_set": min((patients_of(seat) for seat in by_organisation), default=None),
        "volume_known": sum(10 * count >= 9 * filed[seat] for seat, count in by_organisation.items()),
    }


def content_exposure(
    copies: Sequence[tuple[Parcel, Sequence[Record]]], can_read: Callable[[Parcel, Sequence[Record]], bool]
) -> dict[str, int]:
    """M17 holds "although payloads are encrypted": how many copies lie with keepers who were never granted them, and can be read there.

    `copies` are (body, records whose keys its keeper has); `can_read` really tries them.
    """
    return {
        "contents_kept": len(copies),
        "contents_readable": sum(can_read(parcel, keys) for parcel, keys in copies),
    }
