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
    """Studies and genomes of megabytes to gigabytes lie off the chain at several sites, under manifests on it (W9).

    Touches: transactions of family `imaging`, objects off the chain, stored as `[availability]` says (`erasure`: in shares, k of n, audited
    and repaired there) or in whole copies without it. Each study is fetched twice within some hours of the clock. Outcomes: M14
    `payload_availability`, M15 `retrieval_and_repair_cost`, M19. A compressed day squeezes a day's bytes into less time while links stay
    as fast as they are; `size_scale` = 1 / `compression` keeps the load on the links what it is.
    """

    workload: ClassVar[str] = "W9"
    kind: ClassVar[str] = "imaging"
    story: ClassVar[Any] = ImagingStory
    open_to: ClassVar[tuple[str, ...]] = ("tamper",)

    copies: Count = 3
    """Whole copies of each study, the one at its source included; without effect where a scheme stores it in shares."""
    size_scale: float = 1.0
    """Multiplies every size."""

    def rules(self) -> None:
        """There is a copy, and it has a size."""
        if self.copies < 1:
            raise ScenarioError("at least the source keeps a copy: 1 or more", "copies")
        if self.size_scale <= 0:
            raise ScenarioError("an object of no size is none: more than 0 is wanted", "size_scale")
