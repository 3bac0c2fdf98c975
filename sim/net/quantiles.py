"""Inverse normal and inverse gamma distribution functions, so that no run needs SciPy.

The normal one is the standard library's. The gamma one integrates the density over the logarithm of x on a fine grid, from
both ends so that either tail keeps its digits (trapezoids with the Euler-Maclaurin correction, error of fourth order), and reads the
grid backwards.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_GRID = 32_768
_LEAST = 2.0**-27


def normal_inverse(below: Floats, above: Floats) -> Floats:
    """Standard normal quantiles; -inf where `below` is 0. `above` = 1 - below, used in the upper half."""
    inverse = NormalDist().inv_cdf
    return np.array(
        [
            -math.inf if low <= 0 else inverse(low) if low <= 0.5 else -inverse(high)
            for low, high in zip(below.tolist(), above.tolist(), strict=True)
        ]
    )


def gamma_inverse(shape: float, below: Floats, above: Floats) -> Floats:
    """Quantiles of a gamma distribution with mean `shape` and scale 1, for tails down to 2**-27; 0 where `below` is 0."""
    # P(a, x) <= x**a / Gamma(a + 1) bounds the lowest quantile wanted from below
    start = (math.log(_LEAST) + math.lgamma(shape + 1)) / shape
    end = math.log(shape + 10 * math.sqrt(shape) + 40)
    logs = np.linspace(start, end, _GRID)
    step = logs[1] - logs[0]
    xs = np.exp(logs)
    density = np.exp(shape * logs - xs - math.lgamma(shape))
    slope = density * (shape - xs)
    pieces = (density[1:] + density[:-1]) * (step / 2) - (slope[1:] - slope[:-1]) * (step * step / 12)
    pieces = np.maximum(pieces, 0.0)
    # what lies below the grid, by the series of the incomplete gamma function, which falls off fast there
    first, term = 0.0, density[0] / shape
    for number in range(1, 200):
        first += term
        term *= xs[0] / (shape + number)
    left = first + np.concatenate(([0.0], np.cumsum(pieces)))
    right = np.concatenate((np.cumsum(pieces[::-1])[::-1], [0.0]))
    tiny = 1e-300
    low = np.interp(np.log(np.maximum(below, tiny)), np.log(np.maximum(left, tiny)), logs)
    high = np.interp(-np.log(np.maximum(above, tiny)), -np.log(np.maximum(right, tiny)), logs)
    quantiles = np.exp(np.where(below <= 0.5, low, high))
    return np.where(below <= 0, 0.0, quantiles)
