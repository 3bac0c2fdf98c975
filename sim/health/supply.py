"""Supply chain (W2): cases are made, shipped, received and dispensed unit by unit; clones are offered, lots recalled, units traced."""

from __future__ import annotations

from typing import Any, ClassVar

from sim.health.stories.supply import SupplyStory
from sim.health.timetable import Timetable
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration


@part
class Supply(Timetable):
    """Makers, depots and pharmacies move drugs unit by unit; clones, recalls and traces test what the ledger knows (W2).

    Touches: transactions of family `supply`, papers and verifications over the network. A unit has one owner on the ledger; buyers
    take in only what their own node vouches for. Outcomes: M8 `counterfeit_or_double_transfer`, M9 `trace_and_recall`, M18-M20.
    Orders of 22 units: HDA Factbook; transit time and lots are assumptions.
    """

    workload: ClassVar[str] = "W2"
    kind: ClassVar[str] = "supply"
    story: ClassVar[Any] = SupplyStory
    open_to: ClassVar[tuple[str, ...]] = ("sell-twice", "tamper")

    transit: Duration = 21_600_000_000_000
    """How long goods are on the road, in hours of the clock."""
    on_the_road: Duration = 43_200_000_000_000
    """As many orders are on the road at the start as will be taken in during this much time of the clock."""
    doubtful: Duration = 21_600_000_000_000
    """How long goods wait at a buyer's door for the ledger to vouch for them before they go into quarantine, in hours of the clock."""
    lot: Count = 1
    """Cases taken back by one recall: those on pharmacies' shelves first, else the maker's newest."""

    def rules(self) -> None:
        """A recall recalls something."""
        if self.lot < 1:
            raise ScenarioError("a recall takes back at least 1 case", "lot")
