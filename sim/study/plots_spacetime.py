"""The picture that papers draw of a protocol: seats as lines, time to the right, and every message from its sender to its receiver."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.net.core import state as st
from sim.study.evidence import Evidence
from sim.study.metrics_rows import SECOND_NS, read
from sim.study.plots import BLACK, GREEN, MOST_LINES, ORANGE, PALETTE, PINK, RED, SKY, YELLOW, finish, nothing, paper
from sim.study.verdict import short

Axes = Any
STYLES = ("-", "--", "-.", ":")
MOST_NAMED_SEATS = 24


def decision(evidence: Evidence, slot: int | None = None, axes: Axes | None = None) -> Axes:
    """Space-time diagram of one decision (the middle one unless told): seats upwards, time to the right.

    Lines are messages by kind, crosses copies that got lost or met a cut link, where the trace was kept at level 'wire'; marks are
    the proposal, the block's arrivals, notes and decisions.
    """
    axes = paper(axes, 9.0, 5.4)
    reading = read(evidence)
    known = reading.decisions
    chain = dict(reading.chain)
    if slot is None:
        slot = reading.chain[len(chain) // 2][0] if chain else 0
    if slot not in chain:
        nothing(axes, f"slot {slot} was not decided")
        return finish(axes, f"Decision of slot {slot}", "time (s)", "seat")
    digest = chain[slot]
    mine = known.slot == slot
    published = reading.published.get(digest)
    start = published[0] if published is not None else int(known.time_ns[mine].min())
    end = int(known.time_ns[mine].max())
    pad = max(1, (end - start) // 25)
    _messages(axes, evidence, start, end)
    _marks(axes, evidence, digest, start, end)
    if published is not None:
        axes.plot([0.0], [published[2]], "*", color=RED, ms=14, label="proposal", zorder=6)
    axes.plot((known.time_ns[mine] - start) / 1e6, known.seat[mine], "D", color=GREEN, ms=6, label="decide", zorder=5)
    axes.set_xlim(-pad / 1e6, (end + pad - start) / 1e6)
    axes.set_ylim(-0.7, reading.seats - 0.3)
    if reading.seats <= MOST_NAMED_SEATS:
        axes.hlines(range(reading.seats), -pad / 1e6, (end + pad - start) / 1e6, color="0.88", lw=0.8, zorder=0)
        axes.set_yticks(range(reading.seats), [name if honest else f"{name} (held by adversary)"
                        for name, honest in zip(evidence.names, reading.honest, strict=True)], fontsize=8)  # fmt: skip
    axes = finish(axes, f"Decision of slot {slot}: block {short(digest)} {start / SECOND_NS:.3f} s into the run",
                   "time since proposal (ms)", "seat", legend=False)  # fmt: skip
    axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return axes


def _messages(axes: Axes, evidence: Evidence, start: int, end: int) -> None:
    """A line for each copy that arrived, coloured and dashed by its kind, and a cross where one did not."""
    wire = evidence.trace.wire()
    between = (wire["sent_ns"] >= start) & (wire["sent_ns"] <= end) & (wire["time_ns"] <= end) & (wire["source"] != wire["seat"])
    arrived = np.flatnonzero(between & (wire["fate"] == st.FATE_DELIVERED))
    arrived = arrived[:: math.ceil(arrived.size / MOST_LINES) or 1]
    names = [_kind(evidence, int(wire["packet"][row]), int(wire["item"][row])) for row in arrived.tolist()]
    strength = min(0.8, max(0.04, 100 / max(1, arrived.size)))
    kinds = list(dict.fromkeys(names))
    for place, name in enumerate(kinds):  # for the legend, where a faint line could not be read
        axes.plot([], [], color=PALETTE[place % len(PALETTE)], ls=STYLES[place // len(PALETTE) % 4], lw=1.4, label=name)
    for place in range(len(kinds) - 1, -1, -1):  # what came first lies on top
        rows = arrived[np.array([one == kinds[place] for one in names])]
        _lines(axes, wire, rows, start, PALETTE[place % len(PALETTE)], STYLES[place // len(PALETTE) % 4], strength)
    fell = np.flatnonzero(between & ((wire["fate"] == st.FATE_LOST) | (wire["fate"] == st.FATE_CUT)))
    if fell.size:
        aside = 0.18 * np.sign(wire["seat"][fell] - wire["source"][fell])
        axes.plot((wire["time_ns"][fell] - start) / 1e6, wire["source"][fell] + aside, "x", color=RED, ms=5,
                  label="lost, or cut off", zorder=4)  # fmt: skip


def _kind(evidence: Evidence, packet: int, item: int) -> str:
    """What is written on a line: the class of a protocol's message, else what sort of packet it is."""
    if packet == st.MESSAGE and item < len(evidence.contents):
        return type(evidence.contents[item]).__name__
    return f"({st.PACKET_NAMES[packet]})"


def _lines(axes: Axes, wire: dict[str, NDArray[np.int64]], rows: Any, start: int, colour: str, style: str, strength: float) -> None:
    from matplotlib.collections import LineCollection

    sent, came = (wire["sent_ns"][rows] - start) / 1e6, (wire["time_ns"][rows] - start) / 1e6
    ends = np.stack([sent, wire["source"][rows], came, wire["seat"][rows]], axis=1).reshape(-1, 2, 2)
    thin = LineCollection(list(ends), colors=colour, linewidths=1.0, linestyles=style, alpha=strength, zorder=1)
    axes.add_collection(thin)


def _marks(axes: Axes, evidence: Evidence, digest: str, start: int, end: int) -> None:
    """When seats came to hold the block, and what nodes noted meanwhile."""
    reading = read(evidence)
    spread = reading.block_spreads.get(digest)
    if spread is not None:
        held = np.flatnonzero((spread.arrival_ns >= start) & (spread.arrival_ns <= end))
        axes.plot((spread.arrival_ns[held] - start) / 1e6, held, "|", color=SKY, ms=12, mew=2, label="holds the block", zorder=3)
    notes: dict[str, list[tuple[int, int]]] = {}
    for row in reading.of("note"):
        if start <= row[0] <= end:
            notes.setdefault(str(row[3]), []).append((row[0], row[2]))
    for place, (name, marks) in enumerate(notes.items()):
        axes.plot([(when - start) / 1e6 for when, _ in marks], [seat for _, seat in marks], ".", ms=7,
                  color=(ORANGE, PINK, YELLOW, BLACK)[place % 4], label=name, zorder=4)  # fmt: skip
