"""What is written and read, how large, how often and at which hour: the shipped tables, and how to draw from them.

Sizes are lognormal through median and 95th percentile, at least a quarter of the median and at most 20 medians or two p95. Arrivals are a Poisson process whose
rate follows hour of day and day of week, drawn by inverting the integrated rate at unit-exponential steps, so the i-th
arrival of one actor and kind depends on nothing but its own key (Cinlar, 1975, section 4.7).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from statistics import NormalDist

from sim.kernel.dice import Dice

HOUR_NS = 3_600_000_000_000
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NORMAL = NormalDist()
_P95_SCORE = 1.645
LEAST, MOST = 0.25, 20.0


@dataclass(frozen=True)
class Entry:
    """One row of the table of what happens: sizes in bytes, the rate per actor and day."""

    name: str
    role: str
    median_bytes: int
    p95_bytes: int
    rate_per_day: float
    hours: tuple[float, ...]
    """24 shares of a day."""
    weekdays: tuple[float, ...]
    """7 multipliers, Monday first."""
    use: str
    """encounter, anchor, message, routine_read or emergency_read; in the ten workloads chain, message or read."""
    actors_per_seat: float = 1.0
    """For how many actors a seat stands that plays them."""

    def size_bytes(self, chance: float) -> int:
        """The size at the quantile `chance` in [0, 1)."""
        if self.p95_bytes == self.median_bytes:
            return self.median_bytes
        score = _NORMAL.inv_cdf(min(max(chance, 2.0**-60), 1 - 2.0**-53))
        tail = self.p95_bytes / self.median_bytes
        factor = math.exp(math.log(tail) / _P95_SCORE * score)
        return round(self.median_bytes * min(max(factor, LEAST), max(MOST, 2 * tail)))  # a p95 beyond 20 medians is met too

    def weighing(self, size_bytes: int) -> Entry:
        """The same row with every body of one size, as an event of a user's own states it; 0 keeps the drawn sizes."""
        return replace(self, median_bytes=size_bytes, p95_bytes=size_bytes) if size_bytes else self


@cache
def mean_bytes(entry: Entry) -> float:
    """The mean size, by quantiles at 1,000 equal steps."""
    return math.fsum(entry.size_bytes((step + 0.5) / 1000) for step in range(1000)) / 1000


def poisson_quantile(mean: float, chance: float) -> int:
    """The count at quantile `chance` of a Poisson law: summed up to a mean of 30, by Cornish and Fisher's expansion above."""
    if mean <= 0:
        return 0
    if mean > 30:
        score = _NORMAL.inv_cdf(min(max(chance, 2.0**-60), 1 - 2.0**-53))
        return max(0, math.floor(mean + math.sqrt(mean) * score + (score * score - 1) / 6 + 0.5))
    count, term = 0, math.exp(-mean)
    total = term
    while total <= chance and count < 400:
        count += 1
        term *= mean / count
        total += term
    return count


def _rows(name: str) -> list[list[str]]:
    text = files("sim.health").joinpath("tables", name).read_text(encoding="utf-8")
    return [row for row in csv.reader(text.splitlines()) if row and not row[0].startswith("#")]


@cache
def profiles() -> tuple[dict[str, tuple[float, ...]], dict[str, tuple[float, ...]]]:
    """(hour profiles of 24 shares, weekday profiles of 7 multipliers), by name."""
    hours: dict[str, tuple[float, ...]] = {}
    weekdays: dict[str, tuple[float, ...]] = {}
    for name, *numbers in _rows("temporal_profiles.csv"):
        if name not in ("profile", "dow"):
            (hours if len(numbers) == 24 else weekdays)[name] = tuple(map(float, numbers))
    return hours, weekdays


@cache
def ehr_entries() -> tuple[Entry, ...]:
    """The table of the EHR workload."""
    hours, weekdays = profiles()
    entries = []
    for name, role, median, p95, rate, hour, weekday, use in _rows("ehr.csv")[1:]:
        entries.append(Entry(name, role, int(median), int(p95), float(rate), hours[hour], weekdays[weekday], use))
    return tuple(entries)


@dataclass(frozen=True)
class Calendar:
    """How the run's time maps to the clock on the wall: where it begins and how many times faster it goes."""

    start_hour: int
    start_day: int
    """0 is Monday."""
    compression: float

    @property
    def hour_ns(self) -> float:
        """Simulated nanoseconds in one hour of the clock."""
        return HOUR_NS / self.compression

    def expected(self, entry: Entry, scale: float, place: int) -> float:
        """Mean arrivals of one actor in the clock hour `place`, counted from the start of the run."""
        hour = self.start_hour + place
        multiplier = entry.weekdays[(self.start_day + hour // 24) % 7]
        return entry.rate_per_day * scale * entry.hours[hour % 24] * multiplier

    def arrivals_ns(self, entry: Entry, scale: float, duration_ns: int, dice: Dice, *key: int | str) -> list[int]:
        """The instants of one actor's arrivals below `duration_ns`, ascending."""
        hours = math.ceil(duration_ns / self.hour_ns)
        masses = [self.expected(entry, scale, place) for place in range(hours)]
        steps = exponential_sums(math.fsum(masses), dice, *key)
        found: list[int] = []
        before, index = 0.0, 0
        for place, mass in enumerate(masses):
            while index < len(steps) and steps[index] < before + mass:
                found.append(int((place + (steps[index] - before) / mass) * self.hour_ns))
                index += 1
            before += mass
        return [time_ns for time_ns in found if time_ns < duration_ns]


def exponential_sums(limit: float, dice: Dice, *key: int | str) -> list[float]:
    """Partial sums of unit-exponential steps, up to the first above `limit`; the i-th depends on key and i only."""
    wanted = int(limit + 6 * math.sqrt(limit) + 16)
    log: Callable[[float], float] = math.log  # NumPy's own differs in the last bit between processors
    while True:
        sums, total = [], 0.0
        for chance in dice.stream("arrival", *key, count=wanted).tolist():
            total -= log(1.0 - chance)
            sums.append(total)
            if total > limit:
                return sums
        wanted *= 2
