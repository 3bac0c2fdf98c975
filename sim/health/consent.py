"""Consent, access and break-glass (W6): patients grant and revoke, every organisation's node enforces what it knows."""

from __future__ import annotations

from typing import Any, ClassVar

from sim.health.stories.consent import ConsentStory
from sim.health.timetable import Timetable
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration, Share


@part
class Consent(Timetable):
    """Patients grant and revoke access, organisations read by what their node knows, emergencies break the glass (W6).

    Touches: transactions of family `consent`, summaries fetched over the network. Every organisation's node enforces by the state of
    its own chain. A read of a revoked grant counts as stale from 60 s after the patient submitted the revocation. Outcomes: M1
    `stale_consent_reads`, M2 `revocation_latency`, M3 `emergency_read_unavailable`, M4 `audit_gap`, M17 `metadata_exposure`, M18, M19.
    Patients, grants and who insists are assumptions; rates and sizes are the tables'.
    """

    workload: ClassVar[str] = "W6"
    kind: ClassVar[str] = "consent"
    story: ClassVar[Any] = ConsentStory
    open_to: ClassVar[tuple[str, ...]] = ("ignore-revocation", "leak-keys", "tamper")

    patients: Count = 2000
    """Patients, each at home in one hospital."""
    grants: Count = 3
    """Grants of each from before the run."""
    freshness: Duration = 30_000_000_000
    """A node whose newest block is older refuses routine reads; 0: it decides by whatever it has."""
    insist: Share = 0.1
    """Share of reads that ask for a record whose grant was taken back, as far as there are any (assumption)."""
    copies: Count = 3
    """Holders of each patient's emergency summary."""

    def rules(self) -> None:
        """Somebody must be there to revoke."""
        if self.patients < 1:
            raise ScenarioError("nobody can grant or revoke; write at least 1", "patients")
        if self.copies < 1:
            raise ScenarioError("at least the home keeps the summary: 1 or more", "copies")
