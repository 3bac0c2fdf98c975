"""What a workload hands to the report: one table of a distribution, and shares that are None where nothing was measured.

Quantiles are nearest-rank, as everywhere in the report: a value that occurred.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any


def share(part: int, whole: int) -> float | None:
    """part / whole; None of nothing."""
    return part / whole if whole else None


def quantile(ordered: Sequence[float], percent: int) -> float:
    """The nearest-rank quantile of ascending values."""
    return ordered[max(0, -(-percent * len(ordered) // 100) - 1)]


def distribution(values: Sequence[float]) -> dict[str, Any]:
    """n, mean, sd, min, p50, p90, p95, p99 and max of finite values; all but n are None where there are none."""
    if not values:
        return {"n": 0, **dict.fromkeys(("mean", "sd", "min", "p50", "p90", "p95", "p99", "max"))}
    ordered = sorted(values)
    count = len(ordered)
    mean = math.fsum(ordered) / count
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in ordered) / (count - 1)) if count > 1 else None
    table: dict[str, Any] = {"n": count, "mean": mean, "sd": spread, "min": ordered[0]}
    table.update({f"p{percent}": quantile(ordered, percent) for percent in (50, 90, 95, 99)})
    return {**table, "max": ordered[-1]}
