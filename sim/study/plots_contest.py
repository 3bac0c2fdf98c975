"""Pictures of a contest: scenarios below each other, one metric a panel, with the 95 % intervals of the means."""

from __future__ import annotations

import io
from typing import Any

from sim.kernel.errors import ScenarioError
from sim.study.plots import PALETTE, finish, nothing, paper
from sim.study.plots_travel import unit_for
from sim.study.report_text import plain_of, unit_of

Axes = Any
SHOWN = (
    "gossip.coverage_s.p50", "gossip.coverage_s.p99", "gossip.reached_share", "gossip.redundancy", "gossip.bytes",
    "gossip.by_seat.longest_wait_s.max", "consensus.consensus_time_s.mean", "consensus.finality_s.mean",
    "consensus.bytes_per_decision", "consensus.decided",
)  # fmt: skip
"""What `contest_png` shows, as far as it was measured."""
MARKERS = "osD^vPX*"


def standings(contest: Any, metric: str, axes: Axes | None = None) -> Axes:
    """One metric: for each scenario the mean over seeds and its 95 % interval. ScenarioError if nobody measured it."""
    if metric not in contest.standings:
        raise ScenarioError(f"{metric!r} was not measured; there are {', '.join(contest.standings)}", "plot")
    axes = paper(axes, 7.0, 1.4 + 0.45 * len(contest.names))
    section, _, key = metric.partition(".")
    unit = next((found for word in reversed(key.split(".")) if (found := unit_of(word))), "")
    scale = 1.0
    if unit == "B":
        scale, unit = unit_for(max((one.mean for one in contest.standings[metric] if one.mean is not None), default=0.0))
    labels = []
    drawn = 0
    for place, one in enumerate(contest.standings[metric]):
        few = f" ({one.pairs} of {len(contest.seeds)} seeds)" if 0 < one.pairs < len(contest.seeds) else ""
        labels.append(f"{contest.names[place]}{few}")
        if one.mean is None:
            axes.annotate("  not measured", (0, place), xycoords=("axes fraction", "data"), va="center", color="0.4", fontsize=9)
            continue
        drawn += 1
        half = 0.0 if one.high is None else one.high - one.mean
        axes.errorbar(one.mean / scale, place, xerr=half / scale, fmt=MARKERS[place % len(MARKERS)], color=PALETTE[place % len(PALETTE)],
                      capsize=4, ms=7, lw=2)  # fmt: skip
    if not drawn:
        nothing(axes, "nothing was measured")
    axes.set_ylim(len(contest.names) - 0.5, -0.5)
    axes.set_yticks(range(len(labels)), labels)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    low, high = axes.get_xlim()
    if low > 0 and low < 0.6 * high:
        axes.set_xlim(0, None)
    name = ", ".join(plain_of(word) for word in key.split("."))
    return finish(axes, f"{section}: {name}", f"mean over {len(contest.seeds)} seeds and its 95 % interval" + (f" ({unit})" if unit else ""),
                  "", legend=False)  # fmt: skip


def contest_png(contest: Any) -> bytes:
    """All metrics of `SHOWN` that were measured, in one picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = [metric for metric in SHOWN if metric in contest.standings] or list(contest.standings)[:1]
    rows = -(-len(shown) // 2) or 1
    figure = Figure(figsize=(13, rows * (1.3 + 0.4 * len(contest.names))), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, 2, squeeze=False).ravel()
    for metric, axes in zip(shown, panels, strict=False):
        standings(contest, metric, axes)
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110, metadata={"Software": None})
    return stream.getvalue()
