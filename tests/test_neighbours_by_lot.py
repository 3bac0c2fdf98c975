"""Cases beside V56, V57, V70 and V71 of `medgossip validate`: protocols without a clock, and blocks by lot, at other sizes and rates."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pytest
from neighbours import SECOND, agrees, constant, exponential, play
from numpy.typing import NDArray


def bracha(n: int, runs: int = 20_000) -> NDArray[np.float64]:
    """Times of delivery, float64[runs, n], under Exp(1): ECHO of a quorum or READY of f + 1 make READY, READY of 2f + 1 delivers."""
    rng, f, self = np.random.default_rng(3), (n - 1) // 3, np.arange(n)
    sent = rng.exponential(1, (runs, n))
    sent[:, 0] = 0
    echoes = sent[:, :, None] + rng.exponential(1, (runs, n, n))
    echoes[:, self, self] = sent
    echoed = ready = np.sort(echoes, axis=1)[:, math.ceil((n + f + 1) / 2) - 1]
    delays = rng.exponential(1, (runs, n, n))
    delays[:, self, self] = 0
    for _ in range(n):
        heard = np.sort(ready[:, :, None] + delays, axis=1)
        ready = np.minimum(echoed, heard[:, f])
    delivered: NDArray[np.float64] = np.sort(ready[:, :, None] + delays, axis=1)[:, 2 * f]
    return delivered


@pytest.mark.parametrize("n", [5, 7])
def test_reliable_broadcast_without_a_clock(n: int) -> None:
    """HoneyBadger's n broadcasts of an epoch: each run counts once."""
    expected = bracha(n)
    keys = {"resend": "99999 s", "block_interval": "99 s"}
    means, lasts = [], []
    for seed in range(1, 31):
        times: dict[int, list[float]] = defaultdict(list)
        for row in play("honeybadger", n, "60 s", keys, exponential("1 s"), seed).evidence.trace.of("note"):
            if row[3] == "broadcast" and dict(row[4])["epoch"] == 0:
                times[dict(row[4])["proposer"]].append(row[0] / SECOND)
        assert [len(each) for each in times.values()] == [n] * n
        means.append(np.mean(list(times.values())))
        lasts.append(np.mean([max(each) for each in times.values()]))
    for found, exact in ((means, expected.mean(axis=1)), (lasts, expected.max(axis=1))):
        assert agrees(found, exact.mean(), exact.std() / math.sqrt(len(exact)))


def test_rounds_of_a_common_coin() -> None:
    """The slowest of n agreements takes the largest of n geometric(1/2) rounds."""
    n = 7
    rounds: dict[int, int] = defaultdict(int)
    for row in play("honeybadger", n, "600 s", {"resend": "99999 s"}, constant()).evidence.trace.of("note"):
        if row[3] == "agreed":
            facts = dict(row[4])
            rounds[facts["epoch"]] = max(rounds[facts["epoch"]], facts["rounds"])
    *whole, _ = rounds.values()  # the last epoch is not over
    assert len(whole) > 25 and agrees(whole, sum(1 - (1 - 0.5**over) ** n for over in range(100)))


@pytest.mark.parametrize(("delay_s", "interval_s"), [(2, 10), (1, 1)])
def test_blocks_found_while_one_is_under_way(delay_s: int, interval_s: int) -> None:
    """Stale x / (1 + x), heights T + D apart, another block within D: 1 - exp(-x), for x = D / T."""
    x = delay_s / interval_s
    stale, apart, races = [], [], []
    for seed in range(1, 6):
        report = play(
            "nakamoto", 150, f"{150 * interval_s} s", {"block_interval": f"{interval_s} s"}, constant(f"{delay_s} s"), seed
        )
        told = report.to_dict()["consensus"]
        stale.append(told["stale_rate"])
        apart.append(told["block_interval_s"]["mean"])
        races += (np.diff([row[0] for row in report.evidence.trace.of("publish")]) <= delay_s * SECOND).tolist()
    assert agrees(stale, x / (1 + x))
    assert agrees(apart, interval_s + delay_s)
    assert agrees(races, 1 - math.exp(-x))
