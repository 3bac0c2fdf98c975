"""Pictures of where and when: the network on its coordinates, the run on its time line, and all pictures as files."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np

from sim.study import plots_shares
from sim.study.evidence import Evidence
from sim.study.metrics import fault_spans
from sim.study.metrics_rows import SECOND_NS, read
from sim.study.plots import (
    BLUE,
    GREEN,
    MOST_LINES,
    ORANGE,
    PALETTE,
    PINK,
    RED,
    YELLOW,
    consensus_time,
    coverage,
    finish,
    is_nothing,
    nothing,
    paper,
)
from sim.study.plots_spacetime import decision
from sim.study.plots_travel import PICTURES

Axes = Any


def network(evidence: Evidence, axes: Axes | None = None) -> Axes:
    """The seats on longitude and latitude: colour for region, cross for adversary.

    Where seats have no coordinates they stand on a circle, whose axes would mean nothing and are not drawn; a legend is drawn
    where there is something to tell apart.
    """
    axes = paper(axes, 8.0, 6.4)
    placed = evidence.latitude is not None and evidence.longitude is not None
    if evidence.latitude is not None and evidence.longitude is not None:
        x, y = np.asarray(evidence.longitude), np.asarray(evidence.latitude)
    else:
        turn = 2 * np.pi * np.arange(evidence.seats) / max(1, evidence.seats)
        x, y = np.cos(turn), np.sin(turn)
    degrees = np.diff(evidence.offsets)
    links = 0
    if len(degrees) == evidence.seats and len(evidence.neighbours):
        from matplotlib.collections import LineCollection

        source = np.repeat(np.arange(evidence.seats), degrees)
        once = np.flatnonzero(source < evidence.neighbours)
        links = once.size
        once = once[:: math.ceil(once.size / MOST_LINES) or 1]
        here, there = source[once], evidence.neighbours[once]
        ends = np.stack([x[here], y[here], x[there], y[there]], axis=1).reshape(-1, 2, 2)
        axes.add_collection(LineCollection(list(ends), colors="0.6", linewidths=0.5, alpha=0.5, zorder=1))
    regions = np.array(evidence.regions)
    size = 60 if evidence.seats <= 100 else 14
    for place, region in enumerate(dict.fromkeys(evidence.regions)):
        mine = regions == region
        axes.scatter(x[mine], y[mine], s=size, color=PALETTE[place % len(PALETTE)], edgecolor="white", linewidth=0.6,
                     marker="os^Dv"[place // len(PALETTE) % 5], zorder=2, label=region or "no region")  # fmt: skip
    held = ~np.asarray(evidence.honest, dtype=bool)
    if held.any():
        axes.scatter(x[held], y[held], s=size * 3, color="black", marker="x", linewidth=1.6, zorder=3,
                     label="held by adversary")  # fmt: skip
    axes.margins(0.08)
    legend = len(axes.get_legend_handles_labels()[0]) > 1
    title = f"Network ({evidence.seats} seats, {links} links)"
    if placed:
        # One degree of longitude is shorter by this much than one of latitude.
        axes.set_aspect(1 / max(0.2, math.cos(math.radians(float(np.mean(y))))), adjustable="datalim")
        return finish(axes, title, "longitude (degrees)", "latitude (degrees)", legend)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_axis_off()
    return finish(axes, title, "", "", legend)


def timeline(evidence: Evidence, axes: Axes | None = None) -> Axes:
    """Decided slots against time, for the first and last honest decision; faults as spans, healing as a line."""
    axes = paper(axes, 9.0, 4.8)
    reading = read(evidence)
    known = reading.decisions
    slots, places = reading.firsts
    end_s = evidence.duration_ns / SECOND_NS
    hatches, tints = ("", "//", "..", "xx"), (ORANGE, PINK, YELLOW)
    tint_of: dict[str, int] = {}
    for name, begin_ns, end_ns in fault_spans(evidence):
        fresh = name not in tint_of
        place = tint_of.setdefault(name, len(tint_of))
        stop = end_s if end_ns is None else end_ns / SECOND_NS
        axes.axvspan(begin_ns / SECOND_NS, stop, facecolor=tints[place % 3], edgecolor="0.5", lw=0, alpha=0.3,
                     hatch=hatches[place // 3 % 4], label=name if fresh else None)  # fmt: skip
    if slots.size:
        backwards = known.slot.size - 1 - np.unique(known.slot[::-1], return_index=True)[1]
        first, last = known.time_ns[places] / SECOND_NS, known.time_ns[backwards] / SECOND_NS
        axes.hlines(slots, first, last, color="0.6", lw=1)
        axes.plot(last, slots, "|", color=BLUE, ms=7, mew=1.5, label="last honest decision")
        axes.plot(first, slots, ".", color=GREEN, ms=6, label="first honest decision")
        axes.yaxis.get_major_locator().set_params(integer=True)
    else:
        nothing(axes, "nothing was decided")
    if evidence.heal_ns:
        axes.axvline(evidence.heal_ns / SECOND_NS, color=RED, ls="--", lw=1.2, label="liveness judged from here")
    axes.set_xlim(0, end_s or 1)
    return finish(axes, f"Decisions ({slots.size} slots)", "time (s)", "slot")


def plotters() -> dict[str, Any]:
    """Every picture of a run by name, as `Report.plot` draws it."""
    return {
        "coverage": coverage,
        "consensus_time": consensus_time,
        "decision": lambda evidence, axes=None: decision(evidence, axes=axes),
        "network": network,
        "timeline": timeline,
        **PICTURES,
        **plots_shares.PICTURES,
    }


def pictures_of(evidence: Evidence) -> dict[str, bytes]:
    """All pictures that the run has something for, as PNG by file name."""
    chosen: dict[str, Any] = {}
    if evidence.spreads:
        chosen["coverage.png"] = coverage
    if read(evidence).chain:
        chosen["consensus_time.png"] = consensus_time
        chosen["decision.png"] = decision
    if evidence.consensus_kind is not None:
        chosen["timeline.png"] = timeline
    chosen["network.png"] = network
    if evidence.travels is not None and evidence.travels.kinds:
        chosen |= {f"{name}.png": draw for name, draw in PICTURES.items()}
    chosen |= plots_shares.worth_drawing(evidence)
    pictures = {}
    for name, draw in chosen.items():
        axes = draw(evidence, axes=paper(None, 9.0, 5.4, windowless=True))
        if is_nothing(axes):
            continue
        stream = io.BytesIO()
        axes.figure.savefig(stream, format="png", dpi=120, metadata={"Software": None})
        pictures[name] = stream.getvalue()
    return pictures
