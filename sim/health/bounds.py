"""What a workload may ask for: a run that would draw more arrivals than memory holds is refused before it begins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sim.health.actors import seats_of
from sim.kernel.errors import ScenarioError

if TYPE_CHECKING:
    from sim.health.timetable import Timetable

MOST_HOURS = 24 * 10_000
MOST_ARRIVALS = 20_000_000


def check_bounds(part: Timetable, rows: Iterable[str], roles: tuple[str, ...], duration_ns: int) -> None:
    """Refuse days without number and arrivals without number, of the `rows` that are played one by one."""
    hours = duration_ns / part.calendar.hour_ns
    if hours > MOST_HOURS:
        days = f"at most {MOST_HOURS // 24:,} can be drawn"
        raise ScenarioError(f"the run would last {hours / 24:.3g} days of the clock; {days}", "compression")
    arrivals = 0.0
    for row in rows:
        entry = part.chapter.entries.get(row)
        if entry is not None:
            arrivals += entry.rate_per_day * part.scale_of(entry) * len(seats_of(entry.role, roles)) * part.burst * hours / 24
    if arrivals > MOST_ARRIVALS:
        most = f"at most {MOST_ARRIVALS:,} can be drawn"
        raise ScenarioError(f"there would be about {arrivals:.3g} arrivals in this run; {most}", "scale")
