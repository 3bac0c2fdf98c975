"""Public health, immunisation and outbreaks (W10) as a part."""

from __future__ import annotations

from typing import Any, ClassVar

from sim.health.stories.public_health import PublicHealthStory
from sim.health.timetable import Timetable
from sim.kernel.part import part
from sim.kernel.units import Count, Share


@part
class PublicHealth(Timetable):
    """Visits, results, cases and doses are reported; the agency warns of clusters; hospitals tell each other their beds (W10).

    Touches: transactions of family `public_health`, notices to the agency, bed boards between hospitals. Outcomes: M16
    `public_health_completeness`, M22 `age_of_information` of bed boards, M19. How many cases make a cluster and how many reports come
    twice are assumptions.
    """

    workload: ClassVar[str] = "W10"
    kind: ClassVar[str] = "public-health"
    story: ClassVar[Any] = PublicHealthStory
    open_to: ClassVar[tuple[str, ...]] = ("forge-advisory",)

    cluster: Count = 10
    """Case reports after which an agency issues an advisory; 0: never."""
    reported_twice: Share = 0.05
    """Share of case reports that are filed a second time."""
