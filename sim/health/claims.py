"""Claims, eligibility and payment (W3): a service is billed once, decided by a contract, paid once, or so one hopes."""

from __future__ import annotations

from typing import Any, ClassVar

from sim.health.stories.claims import ClaimsStory
from sim.health.timetable import Timetable
from sim.kernel.part import part
from sim.kernel.units import Duration, Share


@part
class Claims(Timetable):
    """Providers ask payers, bill them once (or twice by mistake), and payers' nodes decide and pay automatically (W3).

    Touches: transactions of family `claims`, questions and answers over the network. Rows `adjudication` and `remittance_835` follow
    from claims. Outcomes: M5 `double_paid_claims`, M6 `claim_chain_integrity`, M7 `payer_response_attainment`, M18, M19, M20.
    6 % duplicates: WPS Medicare; amounts and the share denied are assumptions.
    """

    workload: ClassVar[str] = "W3"
    kind: ClassVar[str] = "claims"
    story: ClassVar[Any] = ClaimsStory
    open_to: ClassVar[tuple[str, ...]] = ("bill-twice", "pay-and-deny", "tamper")

    duplicates: Share = 0.06
    """Share of claims that a billing service files again from another office, half of them to another payer."""
    resent_after: Duration = 60_000_000_000
    """Mean time until then; drawn between half and one and a half of it."""
    denied: Share = 0.1
    """Share of claims that payers deny (assumption)."""
    through_hub: bool = False
    """Whether questions and claims go through the clearinghouse (role hie); while it is down they pile up."""
    drained_per_s: int = 50
    """How many of those that piled up are filed each second once it is back."""
