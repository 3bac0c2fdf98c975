"""How long a copy is under way: laws, and the integer tables from which the compiled core draws.

A law becomes the inverse of its distribution function at 3 x 4097 points: 4096 slices of equal chance, and the lowest and the
highest slice once more in 4096 parts each, so that tails and means come out right. Between points the delay runs straight. Chance
1 itself is taken at 1 - 2**-26. A draw is a few shifts and one product of integers: no floats, the same bits everywhere.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.kernel.errors import ScenarioError
from sim.kernel.jit import inlined

Floats = NDArray[np.float64]

SLICES = 4096
TABLE = 3 * (SLICES + 1)
FACTOR_BITS = 20
"""Factor tables hold factors times 2**20."""
MOST_NS = 2**53
MOST_FACTOR = 2**40

_KEPT_BITS = 30
_LOW, _HIGH = SLICES + 1, 2 * (SLICES + 1)
_LAST = SLICES - 1
_PART_MASK = np.uint64(SLICES - 1)
_FRACTION_MASK = np.uint64(2**20 - 1)
_U20, _U32, _U40, _U52 = np.uint64(20), np.uint64(32), np.uint64(40), np.uint64(52)
_MASK20 = 2**20 - 1


class Law(Protocol):
    """A distribution of one-way delays (or, through `factor_table`, of factors on a base delay)."""

    @property
    def is_constant(self) -> bool:
        """Whether every draw is the same."""

    def mean_ns(self) -> float:
        """The exact mean in nanoseconds."""

    def typical_ns(self) -> float:
        """The delay that counts as factor 1 when the law is a jitter: the median of a lognormal, else the mean."""

    def inverse(self, below: Floats, above: Floats) -> Floats:
        """The delay in ns that a draw stays under with chance `below`; `above` = 1 - below, exact in both tails."""

    def scaled(self) -> bool:
        """Whether the law says how long, not only how scattered."""


@inlined
def sample_delay_ns(base_ns: Any, table: Any, relative: Any, luck: Any) -> Any:
    """One delay in ns, int64, from 64 bits of luck (uint64).

    relative == 0: `base_ns` plus the table's delay. Otherwise: `base_ns` times the table's factor, rounded down.
    `base_ns` below 2**42. The top 12 bits choose the slice, then 12 more in an outermost slice, then 20 run along it.
    """
    slice_ = np.int64(luck >> _U52)
    if slice_ == 0 or slice_ == _LAST:
        place = np.int64((luck >> _U40) & _PART_MASK) + (_LOW if slice_ == 0 else _HIGH)
        fraction = np.int64((luck >> _U20) & _FRACTION_MASK)
    else:
        place = slice_
        fraction = np.int64((luck >> _U32) & _FRACTION_MASK)
    start = table[place]
    rise = table[place + 1] - start
    # rise may have 53 bits: multiplied in two halves so that nothing exceeds 63
    value = start + (rise >> 20) * fraction + (((rise & _MASK20) * fraction) >> 20)
    if relative == 0:
        return base_ns + value
    return (base_ns >> 20) * value + (((base_ns & _MASK20) * value) >> 20)


@lru_cache(maxsize=1)
def _chances() -> tuple[Floats, Floats]:
    """The chances `below` and `above` at the points of a table, both exact."""
    steps = np.arange(SLICES + 1) / SLICES
    below = np.concatenate((steps, steps / SLICES, 1 - (1 - steps) / SLICES))
    above = np.concatenate((1 - steps, 1 - steps / SLICES, (1 - steps) / SLICES))
    for place in (SLICES, TABLE - 1):
        below[place], above[place] = 1 - 2.0**-26, 2.0**-26
    return below, above


def law_table(law: Law) -> NDArray[np.int64]:
    """The law's delays in ns, int64[TABLE]; ScenarioError where it does not say how long or reaches beyond 2**53 ns."""
    if not law.scaled():
        raise ScenarioError("this law says how scattered delays are but not how long: give its mean or median")
    below, above = _chances()
    values = law.inverse(below, above)
    if values.max() > MOST_NS:
        raise ScenarioError("this law reaches beyond 2**53 ns, about 104 days: it is too heavy in the tail or too long")
    return _whole(values, MOST_NS)


def factor_table(law: Law) -> NDArray[np.int64]:
    """The law as factors times 2**20 on a base delay, int64[TABLE]; its typical delay becomes 1, factors end at 2**20."""
    below, above = _chances()
    typical = law.typical_ns()
    if typical <= 0:
        raise ScenarioError("a jitter needs a law whose delays are not all 0")
    return _whole(law.inverse(below, above) * (2**FACTOR_BITS / typical), MOST_FACTOR)


def table_mean(table: NDArray[np.int64]) -> float:
    """The mean of what `sample_delay_ns` draws from a table, as the table itself has it."""
    middles = (table[:-1] + table[1:]) / 2
    body = middles[1:_LAST].sum()
    return float((body + middles[_LOW : _LOW + SLICES].mean() + middles[_HIGH : _HIGH + SLICES].mean()) / SLICES)


def _whole(values: Floats, most: int) -> NDArray[np.int64]:
    """Whole numbers of at most 30 significant bits, rising; coarse enough that the last bits of a libm do not show."""
    values = np.minimum(np.maximum(values, 0.0), float(most))
    _, exponents = np.frexp(values)
    grain = np.ldexp(1.0, np.maximum(exponents - _KEPT_BITS, 0))
    whole = (np.rint(values / grain) * grain).astype(np.int64)
    return np.minimum(np.maximum.accumulate(whole.reshape(3, SLICES + 1), axis=1), most).reshape(-1)
