"""What a membership found out, and whether it was true: the report's section `membership`.

A detector's reports say what a seat believes; whether the one it speaks of was up then is the world's own knowledge, and so
are the absences: they are the crash and restart rows of the trace.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel.trace import Row
from sim.study.distribution import distribution
from sim.study.evidence import Evidence
from sim.study.metrics_rows import SECOND_NS, read

Absence = tuple[int, int, int]
"""Seat, from when, until when (the end of the run if it never came back), ns."""


def absences(evidence: Evidence) -> list[Absence]:
    """When which seat was down, in the order of going."""
    gone: dict[int, int] = {}
    spans: list[Absence] = []
    turns = sorted([*read(evidence).of("crash"), *read(evidence).of("restart")], key=lambda row: row[0])
    for time_ns, kind, seat in (row[:3] for row in turns):
        if kind == "crash":
            gone.setdefault(seat, time_ns)
        elif seat in gone:
            spans.append((seat, gone.pop(seat), time_ns))
    spans += [(seat, since_ns, evidence.duration_ns) for seat, since_ns in gone.items()]
    return sorted(spans, key=lambda span: (span[1], span[0]))


def first_s(rows: Sequence[Row], absence: Absence) -> float | None:
    """Seconds from the beginning of an absence to the first of these reports about its seat; None for none before its end."""
    seat, since_ns, until_ns = absence
    times = [row[0] for row in rows if row[4] == seat and since_ns <= row[0] < until_ns]
    return (min(times) - since_ns) / SECOND_NS if times else None


def known_to_all_s(evidence: Evidence, rows: Sequence[Row], absence: Absence, spans: Sequence[Absence]) -> float | None:
    """Seconds until every seat that was up and honest throughout an absence thought its seat dead; None if one never did."""
    seat, since_ns, until_ns = absence
    knew: dict[int, int] = {}
    for row in rows:
        if row[4] == seat and since_ns <= row[0] < until_ns:
            knew.setdefault(row[2], row[0])
    there = np.asarray(evidence.honest, dtype=bool).copy()
    there[[other for other, gone_ns, back_ns in spans if gone_ns < until_ns and since_ns < back_ns]] = False
    times = [knew.get(other) for other in np.flatnonzero(there).tolist()]
    told = [time_ns for time_ns in times if time_ns is not None]
    return (max(told) - since_ns) / SECOND_NS if told and len(told) == len(times) else None


def newcomers_s(evidence: Evidence, meetings: Sequence[Row]) -> list[float]:
    """For each member of which others have heard in a run with joins: seconds from its coming until the last of them heard of it."""
    came = {row[2]: row[0] for row in reversed(read(evidence).of("restart"))}
    last: dict[int, int] = {}
    for row in meetings:
        last[row[4]] = max(last.get(row[4], 0), row[0])
    return [(time_ns - came.get(seat, 0)) / SECOND_NS for seat, time_ns in sorted(last.items())]


def view_of(evidence: Evidence) -> dict[str, Any] | None:
    """What views were like when the run ended; None where nobody keeps one.

    `in_degree`: over the live honest seats, how many such seats have one in view. `dead_share`: of the entries of live seats, those
    about seats that were down. `largest_share`: of the live seats, those in the largest part of the network that views connect,
    read in both directions.
    """
    if evidence.views is None:
        return None
    live = read(evidence).live
    owner, slot = np.nonzero(evidence.views >= 0)
    known = evidence.views[owner, slot]
    owner, known = owner[live[owner]], known[live[owner]]
    sound = live[known]
    owner, linked = owner[sound], known[sound]
    counts = np.bincount(linked, minlength=evidence.seats)[live]
    parts = connected_components(evidence.seats, owner, linked)
    sizes = np.bincount(parts[live], minlength=1)
    return {
        "in_degree": distribution(counts),
        "dead_share": float(1 - sound.mean()) if sound.size else None,
        "largest_share": float(sizes.max() / live.sum()) if live.any() else None,
    }


def connected_components(seats: int, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64[seats]: the lowest seat of the part of the network in which each seat is, with links [m] to [m] in both directions."""
    lowest = np.arange(seats)
    while True:
        before = lowest.copy()
        np.minimum.at(lowest, one, before[other])
        np.minimum.at(lowest, other, before[one])
        lowest = lowest[lowest]
        if (lowest == before).all():
            return lowest


def membership(evidence: Evidence) -> dict[str, Any]:
    """The section of the report.

    `first_detection_s`: from a crash to the first suspicion by a probe; `confirmed_s`: to the first seat that gives it up;
    `known_to_all_s`: to the last one that learns it, over crashes where it came so far before the seat was back.
    `met_s`: from a newcomer's coming to the last seat that heard of it by news (only where members join). `detected_share`: of the crashes. False ones were about a seat that was up. Messages are the membership's packets, per seat and
    period over the whole run. `view` is that of a membership that samples peers.
    """
    rows: dict[str, list[Row]] = {}
    for row in read(evidence).honest_rows("member"):
        rows.setdefault(row[3], []).append(row)
    suspected, confirmed = rows.get("suspect", []), rows.get("confirm", [])
    deaths = [*confirmed, *rows.get("learn", [])]
    spans = absences(evidence)
    firsts = [first_s(suspected, span) for span in spans]
    sent, sent_bytes = evidence.by_packet.get("membership", (0, 0))
    periods = evidence.seats * evidence.duration_ns / evidence.membership_period_ns if evidence.membership_period_ns else 0
    detects = evidence.membership_detects
    return {
        "kind": evidence.membership_kind,
        "crashes": len(spans),
        "detected_share": sum(one is not None for one in firsts) / len(spans) if spans and detects else None,
        "first_detection_s": distribution([one for one in firsts if one is not None]),
        "confirmed_s": distribution([one for span in spans if (one := first_s(confirmed, span)) is not None]),
        "known_to_all_s": distribution(
            [one for span in spans if (one := known_to_all_s(evidence, deaths, span, spans)) is not None]
        ),
        "met_s": distribution(newcomers_s(evidence, rows.get("meet", []))),
        "false_suspicions": sum(row[5] for row in suspected) if detects else None,
        "false_deaths": sum(row[5] for row in confirmed) if detects else None,
        "view": view_of(evidence),
        "messages": sent,
        "bytes": sent_bytes,
        "messages_per_seat_and_period": sent / periods if periods else None,
    }
