"""Pictures of what travelled: by kind of thing and by seat. As in plots.py, every function returns the Axes it drew on."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.study.evidence import Evidence
from sim.study.metrics_rows import SECOND_NS
from sim.study.metrics_travel import NOT_FOR_ALL, by_kind, by_packet, judged_things, main_kinds, reach_of, seat_columns
from sim.study.plots import BLUE, GREEN, ORANGE, PALETTE, RED, SKY, finish, instants, nothing, paper

Axes = Any
LINES = ("-", "--", ":", "-.")
LEAST_BARS = 4
MOST_THINGS = 2000
"""Coverage curves look at no more things of a kind than this, evenly chosen."""
UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def unit_for(most: float) -> tuple[float, str]:
    """(bytes, name) of the unit in which up to `most` bytes read best."""
    return next(((size, name) for size, name in UNITS if most >= size), (1.0, "bytes"))


def coverage_by_kind(evidence: Evidence, axes: Axes | None = None) -> Axes:
    """For each kind of thing: share of pairs (thing, honest seat) that had met, against the time since publication."""
    axes = paper(axes)
    travels = evidence.travels
    honest = np.flatnonzero(np.asarray(evidence.honest, dtype=bool))
    curves: dict[str, tuple[Any, int]] = {}
    for kind in () if travels is None else travels.kinds:
        if kind in NOT_FOR_ALL or travels is None:
            continue
        things = judged_things(evidence, travels, kind)
        things = things[:: -(-len(things) // MOST_THINGS) or 1]
        arrival = travels.arrival_ns[np.ix_(travels.row[things], honest)]
        delays = np.where(arrival < 0, np.inf, (arrival - travels.published_ns[things][:, None]) / SECOND_NS)
        others = delays[travels.publisher[things][:, None] != honest[None, :]]
        if np.isfinite(others).any():
            curves[kind] = (np.sort(others), len(things))
    if curves:
        each = [delays for delays, _ in curves.values()]
        latest = max(float(delays[np.isfinite(delays)][-1]) for delays in each)
        times = instants(axes, each, latest)
        for place, (kind, (delays, count)) in enumerate(curves.items()):
            axes.plot(times, np.searchsorted(delays, times, "right") / delays.size * 100, color=PALETTE[place % len(PALETTE)],
                      ls=LINES[place % 4], lw=2, label=f"{kind} ({count})")  # fmt: skip
        axes.set_ylim(0, 103)
    else:
        nothing(axes, "nothing was received")
    return finish(axes, "Coverage by kind", "time since publication (s)", "pairs of thing and honest seat (%)")


def _bars(axes: Axes, names: list[str], values: list[float], colour: str, shown: str) -> None:
    """Horizontal bars, the first on top, with their numbers beside them."""
    places = np.arange(len(names))
    bars = axes.barh(places, values, color=colour, height=0.65)
    axes.bar_label(bars, [shown.format(value) for value in values], padding=4, fontsize=9)
    axes.set_yticks(places, names)
    axes.set_ylim(max(len(names), LEAST_BARS) - 0.5, -0.5)  # one bar alone is no wall
    axes.set_xlim(0, max(values, default=0) * 1.15 or 1)


def redundancy_by_kind(evidence: Evidence, axes: Axes | None = None) -> Axes:
    """Copies received per first copy for each kind that was gossiped; 1 means that nothing came twice."""
    axes = paper(axes)
    rows = [(kind, table["redundancy"]) for kind, table in by_kind(evidence).items() if table["redundancy"] is not None]
    if rows:
        _bars(axes, [kind for kind, _ in rows], [value for _, value in rows], BLUE, "{:.2f}")
        axes.axvline(1, color="0.4", ls="--", lw=1)
    else:
        nothing(axes, "nothing was gossiped")
    return finish(axes, "Redundancy by kind (dashed: nothing came twice)", "copies received per first copy", "")


def bytes_by_kind(evidence: Evidence, axes: Axes | None = None) -> Axes:
    """Bytes sent about each kind of thing, announcements and requests included, and by protocol messages of each class."""
    axes = paper(axes)
    rows = [(kind, table["bytes"]) for kind, table in by_kind(evidence).items() if table["bytes"]]
    rows.sort(key=lambda row: -row[1])
    size, unit = unit_for(max((value for _, value in rows), default=0))
    if rows:
        _bars(axes, [kind for kind, _ in rows], [value / size for _, value in rows], BLUE, "{:.3g}")
    else:
        nothing(axes, "nothing was sent")
    return finish(axes, "Bytes sent by kind", f"sent by all seats ({unit})", "")


def waiting_by_packet(evidence: Evidence, axes: Axes | None = None) -> Axes:
    """Mean time that a packet of each sort stood in its sender's uplink queue."""
    axes = paper(axes)
    rows = [(packet, table["wait_s"]) for packet, table in by_packet(evidence).items() if table["wait_s"] is not None]
    if rows:
        _bars(axes, [packet for packet, _ in rows], [value * 1e3 for _, value in rows], ORANGE, "{:.3g}")
    else:
        nothing(axes, "uplinks have no rate in this run")
    return finish(axes, "Queueing by packet", "mean wait in the uplink queue (ms)", "")


def _ranked(axes: Axes, columns: list[tuple[str, Any, str, str]]) -> int:
    """Each column descending, one point a seat; returns how many seats were measured at most."""
    most = 0
    for label, values, colour, line in columns:
        ordered = np.sort(values[~np.isnan(values)])[::-1]
        most = max(most, ordered.size)
        if ordered.size:
            axes.step(np.arange(1, ordered.size + 1), ordered, where="mid", color=colour, ls=line, lw=2, label=label)
    if most:
        axes.set_xlim(0.5, most + 0.5)
        axes.set_ylim(0, axes.get_ylim()[1] * 1.1)
        axes.xaxis.get_major_locator().set_params(integer=True)
    return most


def bytes_by_seat(evidence: Evidence, axes: Axes | None = None) -> Axes:
    """Bytes that each seat sent and received; each curve ranks the seats by itself, the busiest first."""
    axes = paper(axes)
    seats = seat_columns(evidence)
    size, unit = unit_for(float(max(np.nanmax(seats[name], initial=0) for name in ("sent_bytes", "received_bytes"))))
    if not _ranked(axes, [("up", seats["sent_bytes"] / size, BLUE, "-"), ("down", seats["received_bytes"] / size, ORANGE, "--")]):
        nothing(axes, "nothing was measured")
    return finish(axes, "Bytes by seat", "seats, the busiest first", f"bytes ({unit})")


def waiting_by_seat(evidence: Evidence, axes: Axes | None = None) -> Axes:
    """How long packets stood in each seat's uplink queue: the longest of them, the seats ranked by it."""
    axes = paper(axes)
    waits = seat_columns(evidence)["longest_wait_s"] * 1e3
    if not _ranked(axes, [("longest wait of one packet", waits, RED, "-")]):
        nothing(axes, "uplinks have no rate in this run")
    return finish(axes, "Queueing by seat", "seats, the longest wait first", "time in the uplink queue (ms)")


def hops(evidence: Evidence, axes: Axes | None = None) -> Axes:
    """Over how many links first copies came, and over how many the last one of each thing."""
    axes = paper(axes)
    travels = evidence.travels
    kinds = main_kinds(evidence)
    if travels is not None and kinds:
        reach = reach_of(evidence, travels, np.concatenate([judged_things(evidence, travels, kind) for kind in kinds]))
        last = reach.last_hop[np.isfinite(reach.last_hop)].astype(int)
        most = max(len(reach.depths), int(last.max(initial=0)) + 1)
        for label, counts, colour, shift in (
            ("every first copy", np.pad(reach.depths, (0, most - len(reach.depths))), BLUE, -0.2),
            ("the last of each thing", np.bincount(last, minlength=most), ORANGE, 0.2),
        ):
            if counts.sum():
                axes.bar(np.arange(most) + shift, counts / counts.sum() * 100, width=0.4, color=colour,
                         label=f"{label} (n = {counts.sum():,})")  # fmt: skip
        axes.set_xlim(0.4, most - 0.4)
        axes.xaxis.get_major_locator().set_params(integer=True)
    if not axes.patches:
        nothing(axes, "nothing was received")
    return finish(axes, "Hops", "links that a first copy came over", "share (%)")


def stranded(evidence: Evidence, axes: Axes | None = None) -> Axes:
    """Things that each honest seat never held, against the mean delay of those that it did."""
    axes = paper(axes)
    seats = seat_columns(evidence)
    known = ~np.isnan(seats["delay_s"]) & ~np.isnan(seats["missed"])
    without = np.isnan(seats["delay_s"]) & (seats["missed"] > 0)
    if known.any():
        whole = known & (seats["missed"] == 0)
        for mine, colour, marker, label in ((whole, GREEN, "o", "missed nothing"), (known & ~whole, RED, "X", "stranded")):
            if mine.any():
                axes.plot(seats["delay_s"][mine], seats["missed"][mine], marker, color=colour, alpha=0.7, ms=8, mec="white",
                          label=f"{label} ({int(mine.sum())})")  # fmt: skip
        axes.set_xlim(0, float(seats["delay_s"][known].max()) * 1.06 or 1)
        axes.set_ylim(-0.5, max(2.0, float(seats["missed"][known].max())) * 1.1)
        axes.yaxis.get_major_locator().set_params(integer=True)
    else:
        nothing(axes, "nothing was received")
    if without.any():
        axes.plot([], [], " ", color=SKY, label=f"never held anything ({int(without.sum())})")
    return finish(axes, "Stranded seats", "mean delay of what a seat held (s)", "things it never held")


PICTURES: dict[str, Any] = {
    "coverage_by_kind": coverage_by_kind,
    "redundancy_by_kind": redundancy_by_kind,
    "bytes_by_kind": bytes_by_kind,
    "waiting_by_packet": waiting_by_packet,
    "bytes_by_seat": bytes_by_seat,
    "waiting_by_seat": waiting_by_seat,
    "hops": hops,
    "stranded": stranded,
}
"""Every picture of this file by the name under which `Report.plot` draws and `Report.save` files it."""
