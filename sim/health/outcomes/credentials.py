"""Metric of who may work: M13 revoked credentials in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sim.health.registrar import Filing


@dataclass(eq=False, slots=True)
class Licence:
    """What is true about one clinician's licence."""

    name: str
    employer: int
    issuer: int
    revoked: Filing | None = None


@dataclass(frozen=True, slots=True)
class Presentation:
    """One look at a licence: who looked, and whether their node let it pass."""

    verifier: int
    licence: Licence
    time_ns: int
    accepted: bool
    forged: bool = False
    """It was never issued."""


def revoked_credential_use(shown: Sequence[Presentation], grace_ns: int) -> dict[str, Any]:
    """M13: shifts and enrolments accepted on a licence revoked more than `grace_ns` before, or forged; and honest staff blocked."""

    def for_ns(one: Presentation) -> int:
        revoked = one.licence.revoked
        return one.time_ns - revoked.submitted_ns if revoked is not None and revoked.submitted_ns < one.time_ns else -1

    stale = [one for one in shown if one.accepted and not one.forged and for_ns(one) > grace_ns]
    return {
        "count": len(stale) + sum(one.accepted and one.forged for one in shown),
        "checks": len(shown),
        "forged_accepted": sum(one.accepted and one.forged for one in shown),
        "forged": sum(one.forged for one in shown),
        "within_grace": sum(one.accepted and 0 <= for_ns(one) <= grace_ns for one in shown),
        "revoked_turned_away": sum(not one.accepted and for_ns(one) >= 0 for one in shown),
        "honest_blocked": sum(not one.accepted and not one.forged and for_ns(one) < 0 for one in shown),
    }
