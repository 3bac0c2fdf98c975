"""The laws of latency that a scenario may name: constant, uniform, normal, lognormal, exponential, gamma, pareto, empirical.

As a link's `latency` a law gives the one-way delay. As a `jitter` it gives factors on the base delay between two places; then its
median or mean may be left out.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import MS, Duration
from sim.net.latency import Floats
from sim.net.quantiles import gamma_inverse, normal_inverse

_UNSCALED = 1_000_000
"""Stands in for a mean or median that was left out, in ns; cancels in a factor table."""


@part
class Constant:
    """Every copy takes exactly `value`."""

    value: Duration
    """The delay of every copy."""

    @property
    def is_constant(self) -> bool:
        """Always."""
        return True

    def scaled(self) -> bool:
        """Always."""
        return True

    def mean_ns(self) -> float:
        """The value."""
        return float(self.value)

    def typical_ns(self) -> float:
        """The value."""
        return float(self.value)

    def inverse(self, below: Floats, above: Floats) -> Floats:
        """The value everywhere."""
        return np.full(len(below), float(self.value))


@part
class Uniform:
    """Any delay between `low` and `high`, equally likely."""

    low: Duration
    """The shortest delay."""
    high: Duration
    """The longest delay."""

    def check(self) -> None:
        """The shortest is no longer than the longest."""
        if self.low > self.high:
            raise ScenarioError("the shortest delay is longer than `high`", "low")

    @property
    def is_constant(self) -> bool:
        """Whether both ends are one."""
        return self.low == self.high

    def scaled(self) -> bool:
        """Always."""
        return True

    def mean_ns(self) -> float:
        """The middle."""
        return (self.low + self.high) / 2

    def typical_ns(self) -> float:
        """The middle."""
        return self.mean_ns()

    def inverse(self, below: Floats, above: Floats) -> Floats:
        """A straight line; the top end is reached although chance 1 is cut at 1 - 2**-26."""
        return np.asarray(self.low + (self.high - self.low) * np.where(above <= 2.0**-26, 1.0, below))


@part
class Normal:
    """Gauss's bell, cut off at 0: draws below 0 do not happen (the cut raises the mean of a bell that reaches it)."""

    mean: Duration
    """The mean before the cut."""
    sd: Duration
    """The standard deviation before the cut."""

    @property
    def is_constant(self) -> bool:
        """Whether there is no spread."""
        return self.sd == 0

    def scaled(self) -> bool:
        """Always."""
        return True

    def mean_ns(self) -> float:
        """The mean after the cut."""
        if self.sd == 0:
            return float(self.mean)
        ratio = self.mean / self.sd
        return self.mean + self.sd * NormalDist().pdf(ratio) / NormalDist().cdf(ratio)

    def typical_ns(self) -> float:
        """The mean after the cut."""
        return self.mean_ns()

    def inverse(self, below: Floats, above: Floats) -> Floats:
        """Quantiles of the bell above its cut."""
        if self.sd == 0:
            return np.full(len(below), float(self.mean))
        cut, kept = NormalDist().cdf(-self.mean / self.sd), NormalDist().cdf(self.mean / self.sd)
        return np.asarray(np.maximum(self.mean + self.sd * normal_inverse(cut + kept * below, kept * above), 0.0))


@part
class Lognormal:
    """A delay whose logarithm is normal: the usual picture of jitter in wide-area networks, with a long right tail."""

    median: Duration | None = None
    """Half of the copies are faster; left out in a jitter, where it is 1."""
    sigma: float = 0.4
    """Standard deviation of the logarithm."""

    def check(self) -> None:
        """A spread beyond 4 means factors of a million, surely a mistake."""
        if self.sigma > 4:
            raise ScenarioError(f"sigma {self.sigma:g} scatters delays over more than a millionfold; at most 4", "sigma")

    @property
    def is_constant(self) -> bool:
        """Whether there is no spread."""
        return self.sigma == 0

    def scaled(self) -> bool:
        """Whether the median is given."""
        return self.median is not None

    def mean_ns(self) -> float:
        """median * exp(sigma**2 / 2)."""
        return self.typical_ns() * math.exp(self.sigma**2 / 2)

    def typical_ns(self) -> float:
        """The median."""
        return float(_UNSCALED if self.median is None else self.median)

    def inverse(self, below: Floats, above: Floats) -> Floats:
        """The exponential of normal quantiles."""
        if self.sigma == 0:
            return np.full(len(below), self.typical_ns())
        return np.asarray(self.typical_ns() * np.exp(self.sigma * normal_inverse(below, above)))


@part
class Exponential:
    """Delays without memory: many short ones, few long ones; the law of most textbook results."""

    mean: Duration | None = None
    """The mean; left out in a jitter, where it is 1."""

    @property
    def is_constant(self) -> bool:
        """Only where every delay is 0."""
        return self.mean == 0

    def scaled(self) -> bool:
        """Whether the mean is given."""
        return self.mean is not None

    def mean_ns(self) -> float:
        """The mean."""
        return float(_UNSCALED if self.mean is None else self.mean)

    def typical_ns(self) -> float:
        """The mean."""
        return self.mean_ns()

    def inverse(self, below: Floats, above: Floats) -> Floats:
        """-mean * log(above), by log1p in the lower half."""
        return np.asarray(-self.mean_ns() * np.where(below < 0.5, np.log1p(-np.minimum(below, 0.5)), np.log(above)))


@part
class Gamma:
    """A sum of exponential delays: `shape` hops of equal mean; smaller shapes scatter more."""

    mean: Duration | None = None
    """The mean; left out in a jitter, where it is 1."""
    shape: float
    """How many exponential delays it is like; the coefficient of variation is 1 / sqrt(shape)."""

    def check(self) -> None:
        """Shapes whose quantiles integers can hold."""
        if not 0.05 <= self.shape <= 10_000:
            raise ScenarioError(f"{self.shape:g} is no usable shape: from 0.05 to 10000", "shape")

    @property
    def is_constant(self) -> bool:
        """Only where every delay is 0."""
        return self.mean == 0

    def scaled(self) -> bool:
        """Whether the mean is given."""
        return self.mean is not None

    def mean_ns(self) -> float:
        """The mean."""
        return float(_UNSCALED if self.mean is None else self.mean)

    def typical_ns(self) -> float:
        """The mean."""
        return self.mean_ns()

    def inverse(self, below: Floats, above: Floats) -> Floats:
        """Gamma quantiles scaled to the mean."""
        return np.asarray(self.mean_ns() / self.shape * gamma_inverse(self.shape, below, above))


@part
class Pareto:
    """A heavy tail behind a least delay. Without `shape`: SimBlock's law (mean m, least m - 5 ms, shape 0.2 * m / 1 ms).

    As a jitter with neither shape nor mean: SimBlock's law with the base latency of each pair of places as its mean.
    Source: SimBlock, Network.java; Gervais et al., CCS 2016, whose simulator has shape = mean / 5.
    """

    mean: Duration | None = None
    """The mean; left out in a jitter, where it is 1."""
    shape: float | None = None
    """The tail's exponent, above 1; the variance is infinite up to 2."""

    def check(self) -> None:
        """A mean exists."""
        if self.shape is not None and not 1 < self.shape <= 1_000_000:
            raise ScenarioError(f"{self.shape:g} is no usable shape: above 1 (else there is no mean), at most 1000000", "shape")
        if self.shape is None and self.mean is not None and self.mean <= 5 * MS:
            raise ScenarioError("SimBlock's law needs a mean above 5 ms; give a shape for shorter ones", "mean")

    @property
    def per_pair(self) -> bool:
        """Whether its form follows the mean of each pair of places, so that no one table of factors serves all."""
        return self.mean is None and self.shape is None

    def of_mean(self, mean_ns: int) -> Pareto:
        """SimBlock's law with this mean; ScenarioError where that is 5 ms or less."""
        return Pareto(mean=mean_ns)

    @property
    def is_constant(self) -> bool:
        """Only where every delay is 0."""
        return self.mean == 0

    def scaled(self) -> bool:
        """Whether the mean is given."""
        return self.mean is not None

    def mean_ns(self) -> float:
        """The mean."""
        return float(_UNSCALED if self.mean is None else self.mean)

    def typical_ns(self) -> float:
        """The mean."""
        return self.mean_ns()

    def inverse(self, below: Floats, above: Floats) -> Floats:
        """least / above**(1 / shape)."""
        shape = self.mean_ns() / (5 * MS) if self.shape is None else self.shape
        return np.asarray(self.mean_ns() * (shape - 1) / shape * np.asarray(above) ** (-1 / shape))
