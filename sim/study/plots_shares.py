"""Pictures of availability: which shares came out, how soon nodes were satisfied, how many fragments of each object are left."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.study.evidence import Evidence
from sim.study.metrics_rows import NEVER, SECOND_NS
from sim.study.plots import BLUE, ORANGE, PALETTE, RED, finish, nothing, paper

Axes = Any
MOST_CURVES = 8


def shares(evidence: Evidence, block: int = 0, axes: Axes | None = None) -> Axes:
    """The shares of one block's data: dark where an honest seat had it early, red where none ever did."""
    axes = paper(axes, 6.4, 5.6)
    if not evidence.shared:
        nothing(axes, "no data lies behind blocks")
        return finish(axes, "Shares", "", "")
    from matplotlib.colors import ListedColormap

    one = evidence.shared[block]
    came = np.where(one.first_ns == NEVER, np.nan, (one.first_ns - one.published_ns) / SECOND_NS)
    missing = np.isnan(came)
    if came.shape[0] == 1:  # one dimension: wrapped, so that it can be seen
        width = int(np.ceil(np.sqrt(came.size)))
        room = (0, -came.size % width)
        missing = np.pad(missing[0], room).reshape(-1, width)
        came = np.pad(came[0], room, constant_values=np.nan).reshape(-1, width)
    drawn = axes.imshow(came, cmap="cividis", interpolation="nearest")
    axes.imshow(np.where(missing, 1.0, np.nan), cmap=ListedColormap([RED]), interpolation="nearest")
    if np.isfinite(came).any():
        axes.figure.colorbar(drawn, ax=axes, label="first at an honest seat after (s)", shrink=0.8)
    told = "can be rebuilt" if one.rebuildable_ns != NEVER else "can never be rebuilt"
    title = f"{int(missing.sum())} of {one.first_ns.size} shares never came (red): {told}"
    return finish(axes, title, "column", "row" if one.first_ns.shape[0] > 1 else "")


def confidence(evidence: Evidence, axes: Axes | None = None) -> Axes:
    """Share of honest seats that were satisfied with each block's data, by time since its publication."""
    axes = paper(axes)
    if not evidence.shared:
        nothing(axes, "no data lies behind blocks")
        return finish(axes, "Confidence", "", "")
    told = evidence.shared[:MOST_CURVES]
    each = [
        np.sort((one.accepted_ns[one.judged] - one.published_ns)[one.accepted_ns[one.judged] != NEVER] / SECOND_NS) for one in told
    ]
    latest = max((float(waited[-1]) for waited in each if waited.size), default=0.0)
    dotted = "its data can be rebuilt"
    for place, (one, waited) in enumerate(zip(told, each, strict=True)):
        accepted = one.accepted_ns[one.judged]
        heights = np.arange(1, waited.size + 1) / max(1, accepted.size) * 100
        colour = PALETTE[place % len(PALETTE)]
        lost = one.rebuildable_ns == NEVER
        style = "--" if lost else "-"
        axes.step([0.0, *waited, 2 * latest], [0.0, *heights, heights[-1] if waited.size else 0.0], where="post", color=colour, ls=style,
                  label=f"block {place + 1}" + (", data lost" if lost else ""))  # fmt: skip
        if not lost:
            axes.axvline((one.rebuildable_ns - one.published_ns) / SECOND_NS, color=colour, ls=":", lw=1.2, label=dotted)
            dotted = "_once is enough"
    if 0 < evidence.deadline_ns / SECOND_NS <= 3 * latest:
        latest = max(latest, evidence.deadline_ns / SECOND_NS)
        axes.axvline(evidence.deadline_ns / SECOND_NS, color="0.5", lw=1, label="deadline")
    axes.set_xlim(0, (latest or 1.0) * 1.04)
    axes.set_ylim(0, 103)
    title = "Who is satisfied, and since when"
    return finish(axes, title, "time since publication (s)", "honest seats that are satisfied (%)")


def fragments(evidence: Evidence, axes: Axes | None = None) -> Axes:
    """How many objects have how many fragments left that can be reached; those left of the line cannot be read."""
    axes = paper(axes)
    if not evidence.kept:
        nothing(axes, "nothing lies in fragments")
        return finish(axes, "Fragments", "", "")
    enough, pieces = evidence.kept[0].enough, evidence.kept[0].pieces
    counts = np.bincount([one.reachable for one in evidence.kept], minlength=pieces + 1)
    places = np.arange(counts.size)
    lost = places < enough
    axes.bar(places[~lost], counts[~lost], color=BLUE, label="can be read")
    axes.bar(places[lost], counts[lost], color=ORANGE, hatch="//", edgecolor="white", label="cannot be read")
    axes.axvline(enough - 0.5, color=RED, ls="--", lw=1.2, label=f"{enough} are enough")
    axes.set_xticks(places)
    return finish(axes, f"Fragments left at the end, {len(evidence.kept)} objects", "fragments that can be reached", "objects")


PICTURES: dict[str, Any] = {
    "shares": lambda evidence, axes=None: shares(evidence, axes=axes),
    "confidence": confidence,
    "fragments": fragments,
}


def worth_drawing(evidence: Evidence) -> dict[str, Any]:
    """The pictures that this run has something for, by file name."""
    names = (["shares", "confidence"] if evidence.shared else []) + (["fragments"] if evidence.kept else [])
    return {f"{name}.png": PICTURES[name] for name in names}
