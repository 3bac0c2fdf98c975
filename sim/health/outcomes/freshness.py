"""Metrics of what is known late: M21 alarms late or lost, M22 age of information."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.health.registrar import Filing

Points = Sequence[tuple[int, int]]
"""(generated_ns, available_ns or -1) of each value that one reader was to get."""


@dataclass(eq=False, slots=True)
class Alarm:
    """One alarm and its ways: pushed to a clinician at once, receipted on the ledger after."""

    device: str
    number: int
    source: int
    receiver: int
    raised_ns: int
    receipt: Filing
    heard_ns: int = -1
    replays: int = 0
    """How often it was sent again as if it were new."""
    replays_accepted: int = 0


def alarm_late_or_lost(alarms: Sequence[Alarm], limit_ns: int, end_ns: int, readings: Mapping[int, Points]) -> dict[str, Any]:
    """M21: alarms that nobody heard in time or ever, replays that passed for new, and the longest silence of a stream of readings."""
    judged = [alarm for alarm in alarms if alarm.heard_ns >= 0 or end_ns - alarm.raised_ns > limit_ns]
    late = [alarm for alarm in judged if alarm.heard_ns - alarm.raised_ns > limit_ns]
    lost = [alarm for alarm in judged if alarm.heard_ns < 0]
    return {
        "count": len(late) + len(lost),
        "alarms": len(judged),
        "late": len(late),
        "lost": len(lost),
        "replayed": sum(alarm.replays for alarm in alarms),
        "replays_accepted": sum(alarm.replays_accepted for alarm in alarms),
        "longest_silence_s": max((_silence_ns(points, end_ns) for points in readings.values()), default=0) / 1e9,
    }


def _silence_ns(points: Points, end_ns: int) -> int:
    """The longest time in which a reader got nothing new, from the first value on."""
    times = sorted(available for _, available in points if available >= 0)
    return max((later - earlier for earlier, later in zip(times, [*times[1:], end_ns], strict=True)), default=0)


def age_of_information(readers: Mapping[int, Points], end_ns: int) -> dict[str, Any]:
    """M22: now minus the generation time of the newest value at a reader; mean over time and readers, and the peak (Kaul, Yates and
    Gruteser, INFOCOM 2012). A reader counts from its first value on; one that never had any is told apart."""
    area = spell = peak = 0.0
    never = 0
    for points in readers.values():
        got = sorted((available, made) for made, available in points if available >= 0)
        never += bool(points) and not got
        newest = -1
        for place, (available, made) in enumerate(got):
            newest = max(newest, made)
            until = got[place + 1][0] if place + 1 < len(got) else end_ns
            start_age, end_age = available - newest, until - newest
            area += (start_age + end_age) / 2 * (until - available)
            spell += until - available
            peak = max(peak, end_age)
    return {"mean_s": area / spell / 1e9 if spell else None, "peak_s": peak / 1e9 if spell else None, "readers_without_any": never}
