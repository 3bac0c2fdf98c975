"""Pictures of a sweep: one metric against a numeric axis of it, a line for every combination of the other settings."""

from __future__ import annotations

import io
import json
from typing import Any

from sim.study.plots import PALETTE, finish, nothing, paper
from sim.study.report_text import unit_of

Axes = Any
MARKERS = "osD^vPX*"
LINES = ("-", "--", ":", "-.")
WIDE = 20
"""A metric whose largest value is so many times its smallest is drawn on a logarithmic axis."""


def measure_of(value: Any) -> float | None:
    """A setting as a number: itself, or how many seats a table of them comes to; None for a word."""
    if isinstance(value, dict):
        found = [measure_of(one) for one in value.values()]
        return None if None in found else float(sum(one for one in found if one is not None))
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def numeric_axis(sweep: Any) -> str:
    """The setting to be drawn along the x axis: the one with most values, all of them numbers; '' if there is none."""
    values: dict[str, dict[str, Any]] = {}
    for settings, _, _ in sweep.runs:
        for key, value in settings.items():
            values.setdefault(key, {})[json.dumps(value, sort_keys=True)] = value
    many = {
        key: len(each)
        for key, each in values.items()
        if len(each) > 1 and all(measure_of(one) is not None for one in each.values())
    }
    return max(many, key=lambda key: many[key], default="")


def trend(sweep: Any, metric: str, axes: Axes | None = None) -> Axes:
    """`metric` (a headline such as `consensus.consensus_time_s.p50`): median over seeds, and the range of all as a band."""
    axes = paper(axes)
    along = numeric_axis(sweep)
    curves: dict[str, list[tuple[float, Any]]] = {}
    for row in sweep.rows() if along else ():
        others = ", ".join(str(value) for key, value in row["settings"].items() if key != along) or metric
        at = measure_of(row["settings"][along])
        if row[metric]["n"] and at is not None:
            curves.setdefault(others, []).append((at, row[metric]))
    for place, (label, points) in enumerate(curves.items()):
        points.sort(key=lambda point: point[0])
        where = [at for at, _ in points]
        colour = PALETTE[place % len(PALETTE)]
        axes.fill_between(
            where, [one["min"] for _, one in points], [one["max"] for _, one in points], color=colour, alpha=0.15, lw=0
        )
        style = MARKERS[place % len(MARKERS)] + LINES[place // len(PALETTE) % len(LINES)]
        axes.plot(where, [one["p50"] for _, one in points], style, color=colour, ms=5, label=label)
    if not curves:
        nothing(axes, "nothing was measured along a numeric axis")
    drawn = [one["p50"] for points in curves.values() for _, one in points]
    if drawn and min(drawn) > 0 and max(drawn) > WIDE * min(drawn):
        axes.set_yscale("log")
    elif drawn:
        axes.set_ylim(0, None)
    unit = next((found for word in reversed(metric.split(".")) if (found := unit_of(word))), "")
    finish(axes, metric, along or "setting", f"median over seeds{f' ({unit})' if unit else ''}", legend=False)
    if curves:
        axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return axes


def sweep_png(sweep: Any) -> bytes:
    """Consensus time and messages a decision, or what else of the headlines was measured, against the numeric axis."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = [metric for metric in sweep.headlines() if any(row[metric]["n"] for row in sweep.rows())]
    figure = Figure(figsize=(9, 3.6 * max(1, len(shown))), layout="constrained")
    FigureCanvasAgg(figure)
    for metric, axes in zip(shown, figure.subplots(max(1, len(shown)), 1, squeeze=False).ravel(), strict=False):
        trend(sweep, metric, axes)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110, metadata={"Software": None})
    return stream.getvalue()
