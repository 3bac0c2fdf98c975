"""Remote monitoring, devices and telehealth (W8) as a part."""

from __future__ import annotations

from typing import Any, ClassVar

from sim.health.stories.monitoring import MonitoringStory
from sim.health.timetable import Timetable
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count


@part
class Monitoring(Timetable):
    """Devices stream readings and raise alarms, which are pushed to a clinician at once and receipted on the ledger after (W8).

    Touches: transactions of family `monitoring`, readings and alarms sent from site to site. Alarms are class C0: their delivery never
    waits for consensus. Outcomes: M21 `alarm_late_or_lost`, M22 `age_of_information`, share of readings lost, M19. Readings travel in
    stretches of 5 min of the clock; alarms of an intensive ward stay in the house.
    """

    workload: ClassVar[str] = "W8"
    kind: ClassVar[str] = "monitoring"
    story: ClassVar[Any] = MonitoringStory
    open_to: ClassVar[tuple[str, ...]] = ("replay-alarm",)

    devices: Count = 1000
    """Devices of each hospital's programme."""

    def rules(self) -> None:
        """Somebody has a device."""
        if self.devices < 1:
            raise ScenarioError("no device raises no alarm; write at least 1", "devices")
