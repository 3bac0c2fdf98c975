"""By kind, by packet, by seat: each definition on things whose ways are written down by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from handmade import GOOD_ROWS, S, good, spread, with_rows

import sim
from sim.study import metrics_spread, metrics_travel, plots, plots_travel
from sim.study.evidence import Evidence
from sim.study.read import from_dict
from sim.study.travels import Travelled, Travels, hops_of

MS = 1_000_000


def travels(*things: tuple[str, str, int, float, list[float], list[int]], **more: Any) -> Travels:
    """Things (kind, name, publisher, published s, arrivals s, came from); 4 packets of 1,000 bytes and 3 copies, 2 first, each."""
    count = len(things)
    kinds = tuple(dict.fromkeys(thing[0] for thing in things))

    def column(value: int) -> Any:
        return np.full(count, value, np.int64)

    columns: dict[str, Any] = {
        "kinds": kinds,
        "kind": np.array([kinds.index(thing[0]) for thing in things]),
        "names": tuple(thing[1] for thing in things),
        "publisher": np.array([thing[2] for thing in things]),
        "published_ns": np.array([round(thing[3] * S) for thing in things]),
        "packets": column(4),
        "sent_bytes": column(4000),
        "waited_ns": column(8 * MS),
        "copies": column(3),
        "first_copies": column(2),
        "pieces": np.tile(np.array([-1, 0]), (count, 1)),
        "row": np.arange(count),
        "arrival_ns": np.array([[-1 if one < 0 else round(one * S) for one in thing[4]] for thing in things]),
        "came_from": np.array([thing[5] for thing in things], np.int32),
    }
    return Travels(**{**columns, **more})


BLOCK_A = ("block", "A", 0, 1.0, [1.0, 1.1, 1.4, 1.2], [-1, 0, 3, 0])
BLOCK_B = ("block", "B", 1, 2.0, [2.2, 2.0, 2.3, 2.1], [1, -1, 0, 1])
LIE = ("block", "lie", 3, 2.0, [2.9, -1, -1, 2.0], [3, -1, -1, -1])
TX = ("tx", "t1", 2, 3.0, [3.5, -1, 3.0, 3.1], [3, -1, -1, 2])


def travelled(*things: Any, **changes: Any) -> Evidence:
    """The run made by hand, with things that travelled, up- and downlinks of some rate."""
    wishes = {"up_bit_s": np.full(4, 8_000_000), "waited_ns": np.array([1, 2, 3, 4]) * S, "received_bytes": np.arange(4)}
    return good(
        travelled=Travelled(lambda: travels(*things)), **{**wishes, "longest_wait_ns": np.array([1, 2, 3, 4]) * MS, **changes}
    )


def test_a_liars_block_that_nobody_decides_is_not_judged() -> None:
    """Coverage speaks of A and B; a block of a liar that an honest seat decided counts, its twin does not."""
    lies = (*good().spreads, spread("lie", 3, 2.0, [2.9, -1, -1, 2.0]))
    with_lie = travelled(BLOCK_A, BLOCK_B, LIE, spreads=lies)
    assert metrics_spread.coverage_s(with_lie) == metrics_spread.coverage_s(good())
    assert metrics_spread.reached_share(with_lie) == 1.0
    assert metrics_travel.by_kind(with_lie)["block"]["published"] == 2
    believed = with_rows([*GOOD_ROWS, (4.0, "decide", 0, 3, "lie")], spreads=lies)
    assert metrics_spread.reached_share(believed) == pytest.approx(5 / 7)
    idle = travelled(BLOCK_A, BLOCK_B, LIE, spreads=lies, consensus_kind=None)
    assert metrics_spread.reached_share(idle) == pytest.approx(5 / 7), "with nothing to decide all are judged"
    assert metrics_travel.by_kind(idle)["block"]["published"] == 3
    only_lies = with_rows([], spreads=lies[2:])
    assert metrics_spread.reached_share(only_lies) is None
    assert set(metrics_spread.coverage_s(only_lies).values()) == {None}


def test_by_kind_agrees_with_coverage_and_counts_everything_else() -> None:
    """Blocks: as in the section above it. The transaction: seat 1 never held it, so half of the pairs."""
    run = travelled(BLOCK_A, BLOCK_B, TX)
    tables = metrics_travel.by_kind(run)
    assert list(tables) == ["block", "tx", "Prepare", "Commit"]
    block, tx, prepare = tables["block"], tables["tx"], tables["Prepare"]
    assert block["coverage_s"] == metrics_spread.coverage_s(run)
    assert (block["reached_share"], block["redundancy"], block["stranded_seats"]) == (1.0, 1.5, 0)
    assert (block["messages"], block["bytes"], block["wait_s"]) == (8, 8000, pytest.approx(0.002))
    assert tx["coverage_s"] == {"p50": pytest.approx(0.5), **dict.fromkeys(("p90", "p95", "p99", "p100"))}
    assert (tx["published"], tx["reached_share"], tx["stranded_seats"]) == (1, 0.5, 1)
    assert (prepare["published"], prepare["coverage_s"], prepare["messages"], prepare["bytes"]) == (None, None, 12, 1200)


def test_what_is_published_late_strands_nobody() -> None:
    """At 19 s of 20 it may still be on its way."""
    late = ("tx", "t1", 2, 19.0, [19.5, -1, 19.0, 19.1], [3, -1, -1, 2])
    assert metrics_travel.by_kind(travelled(late))["tx"]["stranded_seats"] == 0
    assert metrics_travel.by_seat(travelled(TX))["stranded_seats"] == 1
    assert metrics_travel.by_seat(travelled(late))["stranded_seats"] == 0


def test_last_hop_is_the_longest_first_way_to_an_honest_seat() -> None:
    """A came to seat 2 over the liar in two links; B to seat 2 over seat 0 in two; the transaction never reached seat 1."""
    tables = metrics_travel.by_kind(travelled(BLOCK_A, BLOCK_B, TX))
    assert (tables["block"]["last_hop"]["n"], tables["block"]["last_hop"]["mean"]) == (2, 2.0)
    assert tables["tx"]["last_hop"]["max"] is None


def test_hops_follow_the_way_back_to_the_publisher() -> None:
    """A chain of seven, a seat whose way is not known, and one that hangs on it."""
    came_from = np.array([[-1, 0, 1, 2, 3, 4, 5, -1, 7]])
    start = np.full((1, 9), -1)
    start[0, 0] = 0
    assert hops_of(came_from, start).tolist() == [[0, 1, 2, 3, 4, 5, 6, -1, -1]]


def test_a_circle_has_no_way() -> None:
    """Seats 1 and 2 name each other, as after a loss of what they held: no way is known, and the search ends."""
    start = np.array([[0, -1, -1]])
    assert hops_of(np.array([[-1, 2, 1]]), start).tolist() == [[0, -1, -1]]


def test_the_way_of_a_thing_in_pieces_is_that_of_the_piece_that_completed_it() -> None:
    """Row 0 is the whole, rows 1 and 2 its pieces; seat 2 was completed by piece 2, which came over seat 1, and handed it whole to 3."""
    came_from = np.array([[-1, -3, -4, 2], [-1, 0, 0, -1], [-1, 0, 1, -1]], np.int32)
    cut = travels(BLOCK_A, pieces=np.array([[1, 2]]), came_from=came_from)
    assert cut.hops(np.array([0])).tolist() == [[0, 1, 2, 3]]


def test_columns_by_seat() -> None:
    """Blocks only where there are blocks: seat 0 waited 0.2 s for B, seat 2 0.4 s and 0.3 s; the liar is left out."""
    columns = metrics_travel.seat_columns(travelled(BLOCK_A, BLOCK_B, TX))
    assert columns["delay_s"][:3].tolist() == pytest.approx([0.2, 0.1, 0.35])
    assert columns["hops"][:3].tolist() == [1.0, 1.0, 2.0]
    assert columns["missed"][:3].tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(columns["missed"][3]) and np.isnan(columns["delay_s"][3])
    assert columns["wait_s"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert columns["received_bytes"].tolist() == [0, 1, 2, 3]
    table = metrics_travel.by_seat(travelled(TX))
    assert (table["missed"]["n"], table["missed"]["max"], table["longest_wait_s"]["max"]) == (2, 1.0, pytest.approx(0.004))


def test_without_a_rate_nothing_waits_and_nothing_is_claimed() -> None:
    """Null, never 0."""
    off = travelled(BLOCK_A, up_bit_s=np.zeros(4, np.int64))
    assert metrics_travel.by_kind(off)["block"]["wait_s"] is None
    assert metrics_travel.by_seat(off)["wait_s"]["n"] == 0
    assert {one["wait_s"] for one in metrics_travel.by_packet(off).values()} == {None}


def test_records_are_not_meant_for_all() -> None:
    """No coverage of what only its keepers shall hold."""
    table = metrics_travel.by_kind(travelled(("record", *TX[1:])))["record"]
    assert (table["published"], table["redundancy"], table["coverage_s"], table["stranded_seats"]) == (1, 1.5, None, None)


def played(**tables: Any) -> Any:
    """A run over a line of five, publisher in its middle."""
    scenario = {
        "duration": "20 s",
        "topology": {"kind": "line", "seats": 5},
        "link": {"latency": {"kind": "constant", "value": "10 ms"}},
        "seat": {"up": "8 Mbit/s", "down": "1 Gbit/s"},
        "gossip": {"kind": "flood"},
        "workload": [{"kind": "rumour", "size": "100 kB", "origin": "seat-2"}],
    }
    return sim.run(from_dict({**scenario, **tables}), 1)


@pytest.mark.parametrize("chunk", [None, "10 kB"])
def test_a_line_takes_two_hops_whole_or_in_chunks(chunk: str | None) -> None:
    """From the middle of five; the second copy of the publisher waits for the first: 0.1 s."""
    report = played(**({} if chunk is None else {"chunk": chunk}))
    gossip = report.to_dict()["gossip"]
    block = gossip["by_kind"]["block"]
    assert (block["last_hop"]["max"], block["redundancy"], block["stranded_seats"]) == (2.0, 1.0, 0)
    assert block["coverage_s"] == gossip["coverage_s"]
    assert report.columns()["seats"]["hops"] == [2.0, 1.0, None, 1.0, 2.0]
    assert block["messages"] == gossip["messages"] and block["bytes"] == gossip["bytes"]
    if chunk is None:
        assert gossip["by_seat"]["wait_s"]["max"] == pytest.approx(0.1)
        assert block["wait_s"] == pytest.approx(0.1 / 4)


def test_a_cut_strands_whom_it_cuts_off() -> None:
    """The line is cut for good between the third and the fourth seat."""
    cut = {"kind": "partition", "at": "0 s", "groups": [["seat-0", "seat-1", "seat-2"], ["seat-3", "seat-4"]]}
    report = played(fault=[cut])
    assert report.to_dict()["gossip"]["by_seat"]["stranded_seats"] == 2
    assert report.columns()["seats"]["missed"] == [0.0, 0.0, None, 1.0, 1.0]


def test_votes_by_gossip_count_under_their_class() -> None:
    """PBFT over the overlay: Prepare and Commit are gossiped; each has coverage of its own, and coverage_s stays that of blocks."""
    tables = {
        "duration": "3 s",
        "topology": {"kind": "complete", "seats": 4},
        "link": {"latency": {"kind": "constant", "value": "10 ms"}},
        "gossip": {"kind": "flood"},
        "consensus": {"kind": "pbft", "route": "gossip", "block_interval": "500 ms"},
    }
    gossip = sim.run(from_dict(tables), 1).to_dict()["gossip"]
    kinds = gossip["by_kind"]
    assert {"block", "Prepare", "Commit"} <= set(kinds)
    assert kinds["Commit"]["coverage_s"]["p50"] == pytest.approx(0.01)
    assert kinds["Commit"]["published"] > kinds["block"]["published"]
    assert kinds["block"]["coverage_s"] == gossip["coverage_s"]
    assert sum(one["messages"] for one in kinds.values()) == sum(one["messages"] for one in gossip["by_packet"].values())


@pytest.mark.parametrize("name", plots_travel.PICTURES)
def test_pictures_bear_every_run(name: str) -> None:
    """With votes, without anything, and as it is."""
    for run in (travelled(BLOCK_A, BLOCK_B, TX), good(), travelled(TX, up_bit_s=np.zeros(4, np.int64))):
        axes = plots_travel.PICTURES[name](run, axes=plots.paper(None, windowless=True))
        assert axes.get_title(loc="left") and axes.get_xlabel()
        axes.figure.canvas.draw()


def test_a_report_draws_by_name() -> None:
    """And says which names there are."""
    from sim.kernel.errors import ScenarioError

    report = played()
    assert report.plot("hops", plots.paper(None, windowless=True)).get_title(loc="left") == "Hops"
    with pytest.raises(ScenarioError, match="coverage, consensus_time"):
        report.plot("weather")


def test_few_stragglers_do_not_squeeze_the_curve() -> None:
    """The time axis becomes logarithmic where the last of a hundred took ninety seconds."""
    seats = 101
    usual = [0.0, *(0.1 + one / 1000 for one in range(99))]

    def scale(last: float) -> str:
        run = good(names=tuple(map(str, range(seats))), honest=np.ones(seats, bool), spreads=(spread("A", 0, 0.0, [*usual, last]),))
        return str(plots.coverage(run, axes=plots.paper(None, windowless=True)).get_xscale())

    assert (scale(0.3), scale(90.0)) == ("linear", "log")
