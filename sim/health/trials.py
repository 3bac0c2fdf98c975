"""Clinical trials (W1) as a part."""

from __future__ import annotations

from typing import Any, ClassVar

from sim.health.stories.trials import TrialsStory
from sim.health.timetable import Timetable
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Share


@part
class Trials(Timetable):
    """Sites enrol, randomise and follow subjects under registered protocols; events and results are reported (W1).

    Touches: transactions of family `trials`, forms kept at their site and read by monitors. A site hands out a kit when its own node has
    the slot final. Outcomes: M10 `safety_report_deadline_miss`, M11 `tamper_undetected`, M12 `allocation_conflict`, M14, M18, M19.
    The number of trials, the share of fatal events (10 %) and of amendments that end a trial are assumptions.
    """

    workload: ClassVar[str] = "W1"
    kind: ClassVar[str] = "trials"
    story: ClassVar[Any] = TrialsStory
    open_to: ClassVar[tuple[str, ...]] = ("alter-protocol", "tamper")

    trials: Count = 40
    """Open trials; each has one sponsor."""
    followed: Count = 20
    """Subjects at each site from before the run, who have visits and forms."""
    published: Share = 0.3
    """Share of protocol filings that end a trial and publish its results."""

    def rules(self) -> None:
        """There is something to take part in."""
        if self.trials < 1:
            raise ScenarioError("nobody can take part in no trial; write at least 1", "trials")
