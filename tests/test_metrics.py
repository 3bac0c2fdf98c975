"""Each definition on a trace made by hand, its value worked out on paper."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from handmade import GOOD_ROWS, S, good, spread, trace_of, with_rows

from sim.study import metrics, metrics_consensus, metrics_spread
from sim.study.distribution import distribution, mean_interval, quantile, t_below, t_quantile


def test_distribution_uses_nearest_rank() -> None:
    table = distribution(range(100, 0, -1))
    assert list(table) == ["n", "mean", "sd", "min", "p50", "p90", "p95", "p99", "max"]
    assert (table["n"], table["min"], table["p50"], table["p90"], table["p95"], table["p99"], table["max"]) == (
        100, 1, 50, 90, 95, 99, 100,
    )  # fmt: skip
    assert table["mean"] == 50.5
    assert table["sd"] == pytest.approx(29.011491975882016)


def test_distribution_of_nothing_is_null_and_never_zero() -> None:
    table = distribution([])
    assert table.pop("n") == 0
    assert set(table.values()) == {None}
    assert distribution([3.0])["sd"] is None


def test_what_never_happened_is_infinite_in_quantiles_and_absent_from_means() -> None:
    table = distribution([1.0, 2.0, math.inf, math.inf])
    assert (table["n"], table["mean"], table["p50"], table["p90"], table["max"]) == (4, 1.5, 2.0, None, None)
    assert quantile([1, 2, 3, 4], 50) == 2


T_TABLE = [(1, 12.706205), (2, 4.302653), (5, 2.570582), (19, 2.093024), (200, 1.971896)]


@pytest.mark.parametrize(("freedom", "expected"), T_TABLE)
def test_t_quantile_agrees_with_the_tables(freedom: int, expected: float) -> None:
    assert t_quantile(0.975, freedom) == pytest.approx(expected, abs=1e-5)
    assert t_below(-expected, freedom) == pytest.approx(0.025, abs=1e-6)


def test_mean_interval() -> None:
    mean, low, high = mean_interval([1.0, 2.0, 3.0])
    assert mean == 2.0
    assert high - mean == pytest.approx(4.302653 / math.sqrt(3), abs=1e-5)
    assert mean - low == pytest.approx(high - mean)
    assert mean_interval([4.0]) == (4.0, -math.inf, math.inf)


def test_consensus_time_is_over_pairs_of_block_and_honest_node() -> None:
    assert sorted(metrics_consensus.consensus_time_s(good()).tolist()) == pytest.approx([0.2, 0.3, 0.4, 0.5, 0.5, 1.0])


def test_first_and_last_decide() -> None:
    assert metrics_consensus.first_decide_s(good()).tolist() == pytest.approx([0.2, 0.4])
    assert metrics_consensus.last_decide_s(good()).tolist() == pytest.approx([0.5, 1.0])
    unfinished = with_rows(GOOD_ROWS[:-1])
    assert metrics_consensus.last_decide_s(unfinished).tolist() == pytest.approx([0.5])
    crashed = with_rows([*GOOD_ROWS[:-1], (4.0, "crash", 2)])
    assert metrics_consensus.last_decide_s(crashed).tolist() == pytest.approx([0.3, 0.5])


def test_finality_is_at_the_submitter() -> None:
    assert sorted(metrics_consensus.finality_s(good()).tolist()) == pytest.approx([0.8, 2.4])


def test_block_interval_runs_between_first_decisions() -> None:
    assert metrics_consensus.block_interval_s(good()).tolist() == pytest.approx([1.2])


def test_view_changes_are_distinct_and_honest() -> None:
    assert metrics_consensus.view_changes(good()) == 2
    assert metrics_consensus.view_changes(good(trace=trace_of(GOOD_ROWS, "decisions"))) is None


def test_stale_and_reverted() -> None:
    assert metrics_consensus.stale_rate(good()) == pytest.approx(1 / 3)
    assert metrics_consensus.reverted(good()) == 0
    assert metrics_consensus.reverted(with_rows([*GOOD_ROWS, (4.0, "decide", 2, 2, "C"), (4.0, "decide", 3, 1, "A")])) == 1


def test_consensus_section() -> None:
    section = metrics_consensus.consensus(good())
    assert tuple(section) == ("kind", *metrics_consensus.UNMEASURED)
    assert (section["decided"], section["messages"], section["messages_per_decision"]) == (2, 22, 11.0)
    assert section["bytes_per_decision"] == 1000.0
    assert section["all_bytes_per_decision"] == 50.0, "10 + 20 + 30 + 40 bytes sent in all, two blocks"
    assert section["throughput_tx_s"] == pytest.approx(2 / 1.4)
    assert section["goodput_bytes_s"] == pytest.approx(4000 / 1.4)
    without = metrics_consensus.consensus(good(consensus_kind=None))
    assert set(without.values()) == {None}


def test_coverage_of_a_hundred_arrivals_is_their_percentiles() -> None:
    seats = 101
    hundred = good(
        names=tuple(map(str, range(seats))),
        honest=np.ones(seats, bool),
        spreads=(spread("A", 0, 0.0, [0.0, *map(float, range(1, 101))]),),
    )
    assert metrics_spread.coverage_s(hundred) == {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p100": 100.0}


def test_coverage_counts_never_as_infinity_and_takes_the_median_block() -> None:
    section = metrics_spread.gossip(good())
    assert section["coverage_s"]["p50"] == pytest.approx(0.1)
    assert section["coverage_s"]["p100"] == pytest.approx(0.3)
    lost = good(spreads=(spread("A", 0, 1.0, [1.0, 1.1, -1, -1]),))
    missing = dict.fromkeys(("p90", "p95", "p99", "p100"))
    assert metrics_spread.coverage_s(lost) == {"p50": pytest.approx(0.1), **missing}
    assert metrics_spread.reached_share(lost) == 0.5
    assert metrics_spread.reached_share(good(spreads=())) is None


def test_gossip_section() -> None:
    section = metrics_spread.gossip(good())
    names = ["kind", "coverage_s", "reached_share", "redundancy", "messages", "bytes", "bytes_per_seat"]
    assert list(section) == [*names, "rejected", "unread", "by_kind", "by_packet", "by_seat"]
    assert (section["reached_share"], section["redundancy"], section["messages"], section["bytes"]) == (1.0, 2.5, 8, 12064)
    assert section["bytes_per_seat"]["max"] == 40
    assert metrics_spread.gossip(good(by_packet={}, counters={}))["redundancy"] is None


def test_availability_and_reads() -> None:
    section = metrics_spread.availability(good())
    assert list(section) == ["kind", "available_share", "time_to_available_s", "sampling", "repair", "reads"]
    assert section["available_share"] == 1.0
    assert section["time_to_available_s"]["max"] == pytest.approx(0.4)
    assert section["sampling"] is None and section["reads"]["served_share"] is None
    lacking = good(spreads=(spread("A", 0, 1.0, [1.0, 1.1, -1, -1]), good().spreads[1]))
    assert metrics_spread.availability(lacking)["available_share"] == 0.5
    reads = [(4.0, "read", 0, "r", "ehr", "served", S), (5.0, "read", 1, "r", "ehr", "stale", 3 * S)]
    reads += [(5.0, "read", 1, "r", "ehr", "unavailable", 9 * S), (5.0, "read", 3, "r", "ehr", "served", 9 * S)]
    table = metrics_spread.reads(with_rows([*GOOD_ROWS, *reads]))
    assert table["served_share"] == table["stale_share"] == pytest.approx(1 / 3)
    assert (table["latency_s"]["n"], table["latency_s"]["mean"]) == (2, 2.0)


def test_recovery_waits_for_every_honest_live_seat() -> None:
    rows = [*GOOD_ROWS[:13], (2.2, "fault", -1, "cut", "begin", ""), (2.4, "fault", -1, "cut", "end", ""), *GOOD_ROWS[13:]]
    rows.append((9.0, "fault", -1, "storm", "begin", ""))
    table = metrics.recovery(with_rows(rows))
    assert [one["fault"] for one in table] == ["cut", "storm"]
    assert table[0]["healed_at_s"] == pytest.approx(2.4)
    # Seat 1 decided at 2.4, the very instant of healing, and never again.
    assert table[0]["recovered_after_s"] is None
    assert table[1] == {"fault": "storm", "healed_at_s": None, "recovered_after_s": None}
    moved = [(2.3, *row[1:]) if row[1] == "fault" and row[4] == "end" else row for row in rows]
    moved.sort(key=lambda row: row[0])
    assert metrics.recovery(with_rows(moved))[0]["recovered_after_s"] == pytest.approx(0.7)


def test_measure_has_the_sections_of_the_contract() -> None:
    run = replace(good(), workloads=({"kind": "ehr", "submitted": 2},))
    assert list(metrics.measure(run)) == ["consensus", "gossip", "availability", "load", "workload", "recovery"]
    assert metrics.measure(run)["workload"] == [{"kind": "ehr", "submitted": 2}]
