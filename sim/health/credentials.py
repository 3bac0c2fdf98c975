"""Credentials and provider directory (W7) as a part."""

from __future__ import annotations

from typing import Any, ClassVar

from sim.health.stories.credentials import CredentialsStory
from sim.health.timetable import Timetable
from sim.kernel.part import part
from sim.kernel.units import Count, Share


@part
class Credentials(Timetable):
    """Boards issue, list and revoke licences; hospitals and payers look at them before they let anybody work (W7).

    Touches: transactions of family `credentials`, status lists sent to every hospital. A revoked licence in use counts from 15 min after
    the board filed the revocation. Outcomes: M2 `revocation_latency`, M13 `revoked_credential_use`, M22 `age_of_information`, M19.
    How many clinicians there are and how many of the struck-off come to work all the same are assumptions.
    """

    workload: ClassVar[str] = "W7"
    kind: ClassVar[str] = "credentials"
    story: ClassVar[Any] = CredentialsStory
    open_to: ClassVar[tuple[str, ...]] = ("replay-credential",)

    clinicians: Count = 60
    """Clinicians at each hospital, all licensed at first."""
    persist: Share = 0.05
    """Share of shift-start checks at which a revoked licence is shown, as far as there are any."""
