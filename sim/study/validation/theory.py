"""Closed forms in which several cases are expected to come out."""

from __future__ import annotations

import math
from collections.abc import Callable


def harmonic(terms: int) -> float:
    """1 + 1/2 + ... + 1/terms."""
    return math.fsum(1 / term for term in range(1, terms + 1))


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a continuous function whose signs at the two ends differ is 0, by halving."""
    falling = function(low) > 0
    for _ in range(200):
        middle = (low + high) / 2
        if (function(middle) > 0) == falling:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def pushed_share(fanout: float) -> float:
    """The share x = 1 - exp(-fanout x) > 0 that infect-and-die push reaches (Eugster et al. 2004)."""
    return root(lambda x: 1 - math.exp(-fanout * x) - x, 1e-6, 1.0)


def residue(k: int) -> float:
    """The share s = exp(-(k + 1)(1 - s)) < 1 that rumour mongering leaves out (Demers et al. 1987, section 1.4)."""
    return root(lambda s: math.exp(-(k + 1) * (1 - s)) - s, 0.0, 0.9)


def giant_share(degree: int, alive: float) -> float:
    """Share of the living seats of a random regular graph in its giant component when a share `alive` of seats lives.

    1 - u**degree, where u = 1 - alive + alive * u**(degree - 1) is the chance that a link leads to nowhere.
    """
    u = root(lambda v: 1 - alive + alive * v ** (degree - 1) - v, 0.0, 1 - 1e-6)
    return float(1 - u**degree)


def kolmogorov(largest: float, count: int) -> float:
    """P of a distance at least so large between a sample of `count` and its own law (Kolmogorov 1933, with Stephens' correction)."""
    scaled = (math.sqrt(count) + 0.12 + 0.11 / math.sqrt(count)) * largest
    terms = (2 * (-1) ** (term - 1) * math.exp(-2 * (term * scaled) ** 2) for term in range(1, 101))
    return min(1.0, max(0.0, math.fsum(terms)))
