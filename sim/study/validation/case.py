"""One number a run must reproduce: where it is published, what is measured instead, and how far the two may differ.

A case owns a function that builds scenarios, runs them and reads their reports; it is given how many independent runs are
wanted. A case that nothing here can play yet names what is missing, is told as `unknown` and never counts as passed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

STANDARD_ERRORS = 4.0
ROUNDING = 1e-9
"""What floating-point arithmetic may do to a number without chance, as a share of it."""


@dataclass(frozen=True)
class Measured:
    """A number from runs. `error` is its standard error, None where no chance is in it; `runs` the independent values behind it."""

    value: float
    error: float | None = None
    runs: int = 1


class Rule(Protocol):
    """How far a measured number may lie from the expected one."""

    def tolerance(self, expected: float, measured: Measured) -> float:
        """The largest difference that is accepted, in the case's unit."""

    def told(self) -> str:
        """The rule in a few words."""


@dataclass(frozen=True)
class Equal:
    """No chance: equal to floating-point rounding."""

    def tolerance(self, expected: float, measured: Measured) -> float:
        """Nothing but rounding."""
        return ROUNDING * abs(expected)

    def told(self) -> str:
        """In words."""
        return "equal"


@dataclass(frozen=True)
class Errors:
    """Four standard errors of the measured number.

    `printed` is half a unit of the last digit in which the expected number is printed; `published` its own standard error
    where it was found by simulation too.
    """

    printed: float = 0.0
    published: float = 0.0

    def tolerance(self, expected: float, measured: Measured) -> float:
        """Four standard errors of the difference, and what rounding in print hides."""
        return STANDARD_ERRORS * math.hypot(measured.error or 0.0, self.published) + self.printed + ROUNDING * abs(expected)

    def told(self) -> str:
        """In words."""
        return "4 standard errors"


@dataclass(frozen=True)
class Within:
    """A share of the expected number, given by the source of the case."""

    share: float

    def tolerance(self, expected: float, measured: Measured) -> float:
        """That share."""
        return self.share * abs(expected)

    def told(self) -> str:
        """In words."""
        return f"within {self.share:.2g} of it"


EQUAL = Equal()
FOUR_ERRORS = Errors()


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row of the table. `measure(runs)` plays it; `runs` is the usual number of independent runs, `quick` a small one."""

    id: str
    what: str
    source: str
    expected: float = math.nan
    unit: str = ""
    rule: Rule = EQUAL
    measure: Callable[[int], Measured] | None = None
    missing: str = ""
    """What the simulator would need to play it; given exactly where `measure` is not."""
    runs: int = 1
    quick: int = 1
    group: str = ""
    """The letter of its group, filled in by the list of cases."""

    def __post_init__(self) -> None:
        if (self.measure is None) != bool(self.missing):
            raise ValueError(f"{self.id} {self.what}: give a measure, or what is missing")

    @property
    def name(self) -> str:
        """Number and title: unique among all cases."""
        return f"{self.id} {self.what}"


def mean_of(samples: ArrayLike) -> Measured:
    """The mean of independent values and its standard error."""
    values = np.asarray(samples, np.float64).ravel()
    error = float(values.std(ddof=1) / math.sqrt(values.size)) if values.size > 1 else math.nan
    return Measured(float(values.mean()), error, values.size)


def share_of(hits: int, runs: int, expected: float) -> Measured:
    """How often something happened; the standard error is that of the expected share."""
    return Measured(hits / runs, math.sqrt(expected * (1 - expected) / runs), runs)


def common(values: ArrayLike) -> Measured:
    """The one value that all are equal to; not a number, which nothing equals, where they differ or there are none."""
    found = np.unique(np.asarray(values, np.float64))
    return Measured(float(found[0]) if found.size == 1 else math.nan)
