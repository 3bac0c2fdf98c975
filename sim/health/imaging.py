"""Genomics and imaging (W9) as a part."""

from __future__ import annotations

from typing import Any, ClassVar

from sim.health.stories.imaging import ImagingStory
from sim.health.timetable import Timetable
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count


@part
class Imaging(Timetable):
    """Studies and genomes of megabytes to gigabytes lie in shares at several sites, under manifests on the chain (W9).

    Touches: transactions of family `imaging`, shares sent, probed and collected over the network. Each study is fetched twice within some
    hours of the clock. Outcomes: M14 `payload_availability`, M15 `retrieval_and_repair_cost`, M19. A compressed day squeezes a day's
    bytes into less time while links stay as fast as they are; `size_scale` = 1 / `compression` keeps the load on the links what it is.
    """

    workload: ClassVar[str] = "W9"
    kind: ClassVar[str] = "imaging"
    story: ClassVar[Any] = ImagingStory

    pieces: Count = 3
    """Shares of each study, the one at its source included."""
    enough: Count = 2
    """How many of them give it back."""
    probes: Count = 1
    """Holders that are asked for their share once a manifest is final."""
    size_scale: float = 1.0
    """Multiplies every size."""

    def rules(self) -> None:
        """Enough is not more than there is."""
        if not 1 <= self.enough <= self.pieces:
            raise ScenarioError(f"{self.enough} of {self.pieces} shares cannot be collected", "enough")
        if self.size_scale <= 0:
            raise ScenarioError("an object of no size is none: more than 0 is wanted", "size_scale")
