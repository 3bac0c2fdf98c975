"""A picture of a decision table: what each choice does to people, what it keeps of its promises in time, and what it costs."""

from __future__ import annotations

import io
from typing import Any

from sim.study.decision import COSTS, HARMS, Decision
from sim.study.plots import PALETTE, finish, paper

Axes = Any
MARKERS = "osD^vPX*"
LINEAR_TO = 1.0
"""Counts of harm are on a logarithmic axis above this, linear below, so that zero has a place."""


def harms(decision: Decision, axes: Axes | None = None) -> Axes:
    """Every harm that any choice has, one row each, with the 95 % interval of its mean."""
    rows = [(question, decision.lines[question]) for question in HARMS if question in decision.lines]
    rows = [(question, row) for question, row in rows if any(one.mean for one in row)]
    axes = paper(axes, 10.0, 1.6 + 0.42 * max(1, len(rows)))
    _draw(axes, rows, decision.names)
    axes.set_xscale("symlog", linthresh=LINEAR_TO)
    axes.set_xlim(left=-0.05)
    if not rows:
        axes.set_yticks([])
        axes.annotate("no choice harmed anybody", (0.5, 0.5), xycoords="axes fraction", ha="center", color="0.4")
    return finish(
        axes, "What goes wrong for people", f"how often in a run: mean of {len(decision.seeds)} seeds and its 95 % interval", ""
    )


def _draw(axes: Axes, rows: Any, names: tuple[str, ...]) -> None:
    spread = 0.5 / max(1, len(names))
    for place, name in enumerate(names):
        offset = (place - (len(names) - 1) / 2) * spread
        for height, (_, row) in enumerate(rows):
            one = row[place]
            if one.mean is not None:
                half = 0.0 if one.high is None else one.high - one.mean
                axes.errorbar(one.mean, height + offset, xerr=[[min(half, one.mean)], [half]], fmt=MARKERS[place % len(MARKERS)],
                              color=PALETTE[place % len(PALETTE)], capsize=3, ms=7, label=name if height == 0 else None)  # fmt: skip
    axes.set_yticks(range(len(rows)), [question for question, _ in rows])
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)


def decision_png(decision: Decision) -> bytes:
    """Harms on top; below, the share that was in time by class, and what it costs relative to the first choice."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shares = [(q, row) for q, row in decision.lines.items() if q.endswith("share in time")]
    hurt = sum(any(one.mean for one in decision.lines[q]) for q in HARMS if q in decision.lines)
    figure = Figure(figsize=(11.0, 3.6 + 0.42 * (hurt + len(shares))), layout="constrained")
    FigureCanvasAgg(figure)
    top, middle, bottom = figure.subplots(3, 1, height_ratios=[max(2, hurt), max(2, len(shares)), 2.2])
    harms(decision, top)
    _draw(middle, [(q.removesuffix(": share in time"), row) for q, row in shares], decision.names)
    middle.set_xlim(-0.02, 1.04)
    finish(middle, "What is done in time", "share of what had a deadline", "", legend=False)
    costs = [(q, decision.lines[q]) for q in COSTS if q in decision.lines]
    for place, name in enumerate(decision.names):
        for height, (_, row) in enumerate(costs):
            mine, first = row[place].mean, row[0].mean
            if mine is not None and first:
                bottom.plot(mine / first, height, MARKERS[place % len(MARKERS)], ms=8,
                            color=PALETTE[place % len(PALETTE)], label=name)  # fmt: skip
    bottom.set_yticks(range(len(costs)), [question for question, _ in costs])
    bottom.set_ylim(len(costs) - 0.5, -0.5)
    bottom.set_xlim(left=0)
    bottom.grid(axis="x", color="0.9")
    finish(bottom, "What it costs", f"times as much as {decision.names[0]}", "", legend=False)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110, metadata={"Software": None})
    return stream.getvalue()
