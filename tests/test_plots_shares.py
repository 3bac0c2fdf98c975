"""Pictures of availability say what the run came to, and say so where there is nothing to show."""

from __future__ import annotations

from typing import Any

import pytest
from test_erasure import SOUTH_IS_LOST
from test_erasure import world as stored
from test_sampling import CUSTODY, SAMPLING, liar
from test_sampling import world as shared

import sim
from sim.study import plots, plots_shares
from sim.study.plots_world import pictures_of, plotters


def paper() -> Any:
    return plots.paper(None, windowless=True)


@pytest.mark.parametrize("scheme", [CUSTODY, SAMPLING])
def test_missing_shares_are_told_and_shown(scheme: dict[str, Any]) -> None:
    lost = sim.run(shared(scheme, adversary=liar("minimal"))).evidence
    axes = plots_shares.shares(lost, axes=paper())
    hidden = int((lost.shared[0].first_ns < 0).sum())
    assert hidden > 0 and axes.get_title(loc="left").startswith(f"{hidden} of ")
    assert "never" in axes.get_title(loc="left")
    curves = plots_shares.confidence(lost, axes=paper())
    assert "data lost" in curves.get_legend().get_texts()[0].get_text()


def test_fragments_are_counted() -> None:
    gone = sim.run(stored(fault=SOUTH_IS_LOST, availability={"seats": "south", "pieces": 5})).evidence
    axes = plots_shares.fragments(gone, axes=paper())
    heights = {bar.get_x() + bar.get_width() / 2: bar.get_height() for bar in axes.patches}
    assert heights[0] == len(gone.kept) and sum(heights.values()) == len(gone.kept)


@pytest.mark.parametrize("name", plots_shares.PICTURES)
def test_where_there_is_nothing_it_says_so(name: str) -> None:
    none = sim.run(shared(CUSTODY).but(availability=None)).evidence
    axes = plots_shares.PICTURES[name](none, axes=paper())
    assert "no" in axes.texts[0].get_text() and plots_shares.worth_drawing(none) == {}
    assert name in plotters()


def test_reports_come_with_them() -> None:
    drawn = set(pictures_of(sim.run(shared(CUSTODY)).evidence))
    assert {"shares.png", "confidence.png", "hops.png"} <= drawn
    assert "waiting_by_seat.png" not in drawn, "uplinks have no rates, and a picture that says only that is not filed"
    assert "fragments.png" in pictures_of(sim.run(stored()).evidence)
