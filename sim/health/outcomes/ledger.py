"""Metrics of everything that is on the chain: M18 clinical reorganisation, M19 time to final, M20 geographic fairness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sim.health.registrar import Filing
from sim.health.tally import distribution, quantile

SHARES = (0.5, 0.95, 0.99, 1.0)
MOST_FOLLOWED = 5_000
"""Of more filings than this, every k-th is followed to every node."""


def clinical_reorg(filings: Sequence[Filing]) -> dict[str, Any]:
    """M18: filings that were final to the user who filed them and were then taken back, and what became of them."""
    taken = [filing for filing in filings if filing.reverted]
    by_class: dict[str, int] = {}
    for filing in taken:
        urgency = filing.transaction.priority
        by_class[urgency] = by_class.get(urgency, 0) + 1
    return {
        "count": len(taken),
        "times": sum(filing.reverted for filing in taken),
        "never_final_again": sum(filing.final_ns < 0 for filing in taken),
        "longest_s": max((filing.lost_ns / 1e9 for filing in taken), default=0.0),
        "by_class": dict(sorted(by_class.items())),
    }


def time_to_final(filings: Sequence[Filing], everywhere_ns: Callable[[Filing, float], int]) -> dict[str, Any]:
    """M19, by class: seconds from submission to finality at the submitter, and until 50, 95, 99 and 100 % of honest nodes had it."""
    by_class: dict[str, list[Filing]] = {}
    for filing in filings:
        if filing.first_final_ns >= 0:
            by_class.setdefault(filing.transaction.priority, []).append(filing)
    table: dict[str, Any] = {}
    for urgency, mine in sorted(by_class.items()):
        waits = [(filing.first_final_ns - filing.submitted_ns) / 1e9 for filing in mine]
        table[urgency] = {"submitter_s": distribution(waits)}
        followed = mine[:: -(-len(mine) // MOST_FOLLOWED)]
        for part in SHARES:
            times = [(everywhere_ns(filing, part), filing.submitted_ns) for filing in followed]
            seen = [(time_ns - begun_ns) / 1e9 for time_ns, begun_ns in times if time_ns >= 0]
            table[urgency][f"nodes_{part:.0%}_s".replace("%", "")] = distribution(seen)
    return table


def geographic_fairness(filings: Sequence[Filing], regions: tuple[str, ...]) -> float | None:
    """M20: p95 of the time to final in the slowest region over that in the fastest; None where there is one region only."""
    by_region: dict[str, list[int]] = {}
    for filing in filings:
        if filing.first_final_ns >= 0:
            by_region.setdefault(regions[filing.seat], []).append(filing.first_final_ns - filing.submitted_ns)
    slowest = [quantile(sorted(waits), 95) for waits in by_region.values()]
    return max(slowest) / min(slowest) if len(slowest) > 1 and min(slowest) > 0 else None
