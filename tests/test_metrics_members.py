"""Isolation and membership, on runs made by hand whose numbers anyone can work out on paper."""

from __future__ import annotations

import numpy as np
import pytest
from handmade import S, good, spread, with_rows

from sim.study.metrics import measure
from sim.study.metrics_isolation import isolation, isolation_s
from sim.study.metrics_members import absences, membership, view_of

NEVER = -1


def test_a_seat_is_behind_from_when_half_of_the_honest_know_until_it_does() -> None:
    """Three honest seats: two of them are half. Block A is known to a and b at 1.1, to c at 1.4; B to b and a at 2.2, to c at 2.3."""
    assert isolation_s(good()) == pytest.approx([0, 0, 0.3 + 0.1, 18.9], abs=1e-9)


def test_spells_that_overlap_count_once_and_news_that_few_have_not_at_all() -> None:
    """c misses A from 1.1 to 6, B from 2 to 5; X is held by its publisher alone, so nobody is behind for want of it."""
    spreads = (
        spread("A", 0, 1.0, [1.0, 1.1, 6.0, NEVER]),
        spread("B", 1, 2.0, [2.0, 1.9, 5.0, NEVER]),
        spread("X", 1, 3.0, [NEVER, 3.0, NEVER, NEVER]),
    )
    assert isolation_s(good(spreads=spreads))[:3] == pytest.approx([0, 0, 4.9])


def test_what_never_comes_is_missed_to_the_end() -> None:
    spreads = (spread("A", 0, 1.0, [1.0, 2.0, NEVER, NEVER]),)
    assert isolation_s(good(spreads=spreads))[2] == pytest.approx(18)


def test_victims_are_told_from_the_others_and_liars_are_neither() -> None:
    rows = [(0.0, "target", 2, "eclipse"), (0.0, "target", 3, "eclipse")]
    table = isolation(with_rows(rows))
    assert table is not None and table["victims"] == 1
    assert table["victims_s"]["mean"] == pytest.approx(0.4) and table["victims_s"]["n"] == 1
    assert table["others_s"]["max"] == 0 and table["others_s"]["n"] == 2
    assert isolation(good()) is None


ROWS = [
    (1.0, "crash", 2),
    (2.0, "member", 3, "suspect", 2, False),  # a liar's word counts for nothing
    (2.5, "member", 0, "suspect", 2, False),
    (3.0, "member", 1, "suspect", 0, True),
    (4.0, "member", 0, "confirm", 2, False),
    (4.5, "member", 1, "learn", 2, False),
    (5.0, "restart", 2),
    (6.0, "member", 1, "confirm", 0, True),
    (7.0, "crash", 1),
    (9.0, "member", 2, "suspect", 1, False),
]


def test_detections_and_false_ones() -> None:
    """One crash is known to all after 3.5 s, one is suspected after 2 s and then the run is over; seat 0 is wrongly given up once."""
    packets = {"membership": (400, 24000)}
    evidence = with_rows(ROWS, membership_kind="swim", membership_period_ns=S, membership_detects=True, by_packet=packets)
    assert absences(evidence) == [(2, 1 * S, 5 * S), (1, 7 * S, 20 * S)]
    table = membership(evidence)
    assert table["crashes"] == 2 and table["detected_share"] == 1.0
    assert (table["first_detection_s"]["min"], table["first_detection_s"]["max"]) == (1.5, 2.0)
    assert table["confirmed_s"]["n"] == 1 and table["confirmed_s"]["max"] == 3.0
    assert table["known_to_all_s"]["n"] == 1 and table["known_to_all_s"]["max"] == 3.5
    assert table["false_suspicions"] == table["false_deaths"] == 1
    assert table["messages_per_seat_and_period"] == 400 / (4 * 20)
    assert table["view"] is None


def test_a_crash_that_nobody_notices_is_counted() -> None:
    table = membership(with_rows([(1.0, "crash", 2)], membership_kind="swim", membership_period_ns=S, membership_detects=True))
    assert table["detected_share"] == 0.0 and table["first_detection_s"]["n"] == 0
    sampler = membership(with_rows([(1.0, "crash", 2)], membership_kind="cyclon", membership_period_ns=S))
    assert sampler["detected_share"] is None and sampler["false_suspicions"] is None, "it was not asked to notice anything"


def test_views() -> None:
    """Seat 2 is down, seat 3 lies: of the live ones a and b each knows the other; of their three entries one is dead."""
    views = np.array([[1, 2], [0, -1], [0, 1], [0, 1]])
    table = view_of(with_rows([(1.0, "crash", 2)], views=views))
    assert table is not None
    assert table["in_degree"]["n"] == 2 and table["in_degree"]["mean"] == 1
    assert table["dead_share"] == pytest.approx(1 / 3) and table["largest_share"] == 1.0
    apart = view_of(with_rows([(1.0, "crash", 2)], views=np.array([[2, -1], [2, -1], [0, 1], [0, 1]])))
    assert apart is not None and apart["largest_share"] == 0.5 and apart["dead_share"] == 1.0


def test_the_section_is_there_where_a_membership_is() -> None:
    assert "membership" not in measure(good())
    assert list(measure(good(membership_kind="swim"))).index("membership") == 2
