"""What many numbers come to: one table of n, mean, spread and nearest-rank quantiles, and intervals for means.

A quantile is a value that occurred (nearest rank: the smallest value with at least that share of the values at or below
it), never an interpolation. Something that never happened enters as infinity: it counts in the quantiles, where it is
shown as `None`, and is left out of mean and standard deviation. Sums are exact (`math.fsum`), so they do not depend on
the order of the values or on the Python version.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

KEYS = ("n", "mean", "sd", "min", "p50", "p90", "p95", "p99", "max")


def rank_of(percent: int, count: int) -> int:
    """The place, from 0, of the nearest-rank quantile among `count` ascending values. 100 % is the last one."""
    return max(0, -(-percent * count // 100) - 1)


def finite_or_none(value: float) -> float | None:
    """The number as a plain float; None where it is infinite or not a number, for these were not measured."""
    return float(value) if math.isfinite(value) else None


def quantile(values: ArrayLike, percent: int) -> float | None:
    """Nearest-rank quantile of `values` (any order, any unit); None where there are no values or it is infinite."""
    array = np.asarray(values, dtype=np.float64).ravel()
    if not array.size:
        return None
    place = rank_of(percent, array.size)
    return finite_or_none(float(np.partition(array, place)[place]))


def mean_and_sd(values: NDArray[np.float64]) -> tuple[float | None, float | None]:
    """Mean and sample standard deviation (n - 1) of finite values; None for what one value or none cannot tell."""
    count = values.size
    if not count:
        return None, None
    mean = math.fsum(values.tolist()) / count
    if count < 2:
        return mean, None
    return mean, math.sqrt(math.fsum(((values - mean) ** 2).tolist()) / (count - 1))


def distribution(values: ArrayLike) -> dict[str, Any]:
    """The report's table of a distribution, in the unit of `values` (any shape; infinity: it never happened).

    `n` counts all values, infinite ones too; mean and sd are those of the finite ones. No values: n 0, all else None.
    """
    array = np.asarray(values, dtype=np.float64).ravel()
    if not array.size:
        return {**dict.fromkeys(KEYS), "n": 0}
    ordered = np.sort(array)
    mean, sd = mean_and_sd(ordered[np.isfinite(ordered)])
    table: dict[str, Any] = {"n": int(ordered.size), "mean": mean, "sd": sd, "min": finite_or_none(ordered[0])}
    for percent in (50, 90, 95, 99):
        table[f"p{percent}"] = finite_or_none(ordered[rank_of(percent, ordered.size)])
    table["max"] = finite_or_none(ordered[-1])
    return table


def t_below(t: float, freedom: int) -> float:
    """P(T <= t) of Student's t with `freedom` degrees (whole number), by the finite series of A&S 26.7.3 and 26.7.4."""
    angle = math.atan2(abs(t), math.sqrt(freedom))
    cosine_squared = math.cos(angle) ** 2
    if freedom % 2:
        term = total = math.cos(angle) if freedom > 1 else 0.0
        for step in range(3, freedom - 1, 2):
            term *= cosine_squared * (step - 1) / step
            total += term
        within = (angle + math.sin(angle) * total) * 2 / math.pi
    else:
        term = total = 1.0
        for step in range(2, freedom - 1, 2):
            term *= cosine_squared * (step - 1) / step
            total += term
        within = math.sin(angle) * total
    return 0.5 + math.copysign(within / 2, t)


def t_quantile(share: float, freedom: int) -> float:
    """The t that `share` (above 0.5) of Student's distribution with `freedom` degrees lies below, by halving."""
    low, high = 0.0, 1.0
    while t_below(high, freedom) < share:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if t_below(middle, freedom) < share else (low, middle)
    return (low + high) / 2


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean and the ends of its t-interval. One value or none: the interval is everything (nan, -inf, inf for none)."""
    mean, sd = mean_and_sd(np.asarray(values, dtype=np.float64))
    if mean is None or sd is None:
        return (math.nan if mean is None else mean), -math.inf, math.inf
    half = t_quantile(0.5 + confidence / 2, len(values) - 1) * sd / math.sqrt(len(values))
    return mean, mean - half, mean + half
