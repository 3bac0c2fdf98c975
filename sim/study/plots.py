"""Pictures of a run: how blocks spread, how long deciding took, what one decision looked like, where, and when.

Every function takes evidence and, if wished, the Axes to draw on, and returns the Axes. Colours are Okabe and Ito's, which
readers who see colours differently can tell apart; what matters is also marked by shape or line. Matplotlib is loaded only
when a picture is drawn; pictures for files are drawn without a display.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.study import metrics_consensus
from sim.study.evidence import Evidence
from sim.study.metrics_spread import delays_s, judged_spreads

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, RED, PINK = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
PALETTE = (BLUE, ORANGE, GREEN, PINK, SKY, RED, YELLOW, BLACK)
STRAGGLING = 8
"""Times axes become logarithmic where the latest arrival took so many times as long as 95 % of all."""
MOST_LINES = 4000
"""More message lines or links than this make a picture a grey block; they are thinned evenly."""
Axes = Any


def paper(axes: Axes | None, width: float = 8.0, height: float = 4.8, windowless: bool = False) -> Axes:
    """The given Axes, or new ones (inches): pyplot's, so that a notebook shows them, or on a figure no window knows of."""
    if axes is not None:
        return axes
    if windowless:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        return figure.subplots()
    # Without a display pyplot falls back to Agg by itself, unless a backend was chosen.
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def finish(axes: Axes, title: str, x: str, y: str, legend: bool = True) -> Axes:
    """Title, axis names with units and a legend; returns the Axes."""
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if legend and axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=9)
    return axes


def nothing(axes: Axes, why: str) -> None:
    """Say on empty Axes why they are empty; `is_nothing` tells them from others."""
    axes.set(xticks=[], yticks=[], gid="nothing")
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", color="0.4")


def is_nothing(axes: Axes) -> bool:
    """Whether there was nothing to draw."""
    return bool(axes.get_gid() == "nothing")


def instants(axes: Axes, each: list[Any], latest: float) -> Any:
    """Seconds at which curves of shares are drawn, up to `latest`; the axis is logarithmic where a few stragglers would squeeze it.

    `each` are ascending delays, infinity for never.
    """
    finite = np.concatenate([delays[np.isfinite(delays) & (delays > 0)] for delays in each])
    usual = float(np.percentile(finite, 95)) if finite.size else 0.0
    if latest > STRAGGLING * usual > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        return np.geomspace(finite.min() * 0.8, latest, 400)
    axes.set_xlim(0, (latest or 1e-9) * 1.04)
    return np.linspace(0.0, latest or 1e-9, 400)


def coverage(evidence: Evidence, axes: Axes | None = None) -> Axes:
    """Share of honest seats that hold a block against seconds since its publication: median over blocks, and their band."""
    axes = paper(axes)
    honest = np.asarray(evidence.honest, dtype=bool)
    each = [delays for spread in judged_spreads(evidence) if (delays := delays_s(evidence, spread, honest)).size]
    finite = [delays[np.isfinite(delays)] for delays in each]
    latest = max((float(delays[-1]) for delays in finite if delays.size), default=None)
    if latest is None:
        nothing(axes, "nothing was received")
    else:
        times = instants(axes, each, latest)
        shares = np.array([np.searchsorted(delays, times, "right") / delays.size for delays in each]) * 100
        if len(each) > 1:
            axes.fill_between(times, shares.min(0), shares.max(0), color=SKY, alpha=0.25, lw=0, label="all blocks")
            low, high = np.percentile(shares, (25, 75), axis=0)
            axes.fill_between(times, low, high, color=SKY, alpha=0.55, lw=0, label="middle half")
        axes.plot(times, np.median(shares, axis=0), color=BLUE, lw=2, label="median block" if len(each) > 1 else "block")
        axes.set_ylim(0, 103)
    return finish(axes, f"Coverage ({len(each)} blocks, {int(honest.sum())} honest seats)", "time since publication (s)",
                   "honest seats that hold it (%)")  # fmt: skip


def consensus_time(evidence: Evidence, axes: Axes | None = None) -> Axes:
    """Cumulative shares of the time from proposal to decision: first node, all pairs of block and node, last node."""
    axes = paper(axes)
    curves: tuple[tuple[str, Any, str, str], ...] = (
        ("first honest node", metrics_consensus.first_decide_s(evidence), GREEN, "--"),
        ("every honest node", metrics_consensus.consensus_time_s(evidence), BLUE, "-"),
        ("last honest node", metrics_consensus.last_decide_s(evidence), RED, ":"),
    )
    for label, values, colour, line in curves:
        if values.size:
            ordered = np.sort(values)
            shares = np.arange(1, ordered.size + 1) / ordered.size * 100
            axes.step(np.r_[ordered[0], ordered], np.r_[0.0, shares], where="post", color=colour, ls=line, lw=2,
                      label=f"{label} (n = {ordered.size})")  # fmt: skip
    if not any(values.size for _, values, _, _ in curves):
        nothing(axes, "nothing was decided")
    axes.set_ylim(0, 103)
    return finish(axes, f"Time to decide ({evidence.consensus_kind or 'no consensus'})", "time since proposal (s)",
                   "share (%)")  # fmt: skip
