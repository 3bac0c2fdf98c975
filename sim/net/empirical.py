"""A law of latency from measurements: drawn values, or the quantiles of a table someone published."""

from __future__ import annotations

import numpy as np

from sim.kernel.errors import ScenarioError
from sim.kernel.files import FileName, located, read_whole
from sim.kernel.part import part
from sim.kernel.units import Duration, parse_duration
from sim.net.latency import Floats

_MOST_VALUES = 10_000_000
_MOST_BYTES = 1 << 30


@part
class Empirical:
    """Delays as measured: give exactly one of `values`, `quantiles` or `path`."""

    values: tuple[Duration, ...] = ()
    """Measured delays; each is as likely as any other, and nothing in between happens."""
    quantiles: tuple[Duration, ...] = ()
    """Delays at equal steps of chance from the least to the largest, straight lines between; ["1 ms", "2 ms", "9 ms"]: median 2 ms."""
    path: FileName = ""
    """A text file of measured delays such as `12.5 ms`, one a line; lines that start with # are skipped. Looked for beside the
    scenario file, then in the working folder."""

    def check(self) -> None:
        """One source, of delays that make sense."""
        if sum(map(bool, (self.values, self.quantiles, self.path))) != 1:
            raise ScenarioError("give exactly one of values, quantiles and path", "values")
        if list(self.quantiles) != sorted(self.quantiles) or len(self.quantiles) == 1:
            raise ScenarioError("at least two quantiles are wanted, rising from the least delay to the largest", "quantiles")
        if self.path:
            object.__setattr__(self, "values", _read(self.path))
            object.__setattr__(self, "path", "")

    @property
    def is_constant(self) -> bool:
        """Whether all delays are equal."""
        return len(set(self.values or self.quantiles)) == 1

    def scaled(self) -> bool:
        """Always."""
        return True

    def mean_ns(self) -> float:
        """The mean of the values, or under the straight lines between the quantiles."""
        if self.values:
            return float(np.mean(np.array(self.values, dtype=np.float64)))
        points = np.array(self.quantiles, dtype=np.float64)
        return float(((points[1:] + points[:-1]) / 2).mean())

    def typical_ns(self) -> float:
        """The mean."""
        return self.mean_ns()

    def inverse(self, below: Floats, above: Floats) -> Floats:
        """Nearest rank among the values, or straight lines between the quantiles."""
        chance = np.where(above <= 2.0**-26, 1.0, below)
        if self.quantiles:
            points = np.array(self.quantiles, dtype=np.float64)
            return np.asarray(np.interp(chance, np.linspace(0.0, 1.0, len(points)), points))
        ranked = np.sort(np.array(self.values, dtype=np.float64))
        place = np.ceil(chance * len(ranked)).astype(np.int64) - 1
        return np.asarray(ranked[np.clip(place, 0, len(ranked) - 1)])


def _read(name: str) -> tuple[int, ...]:
    path = located(name)
    try:
        lines = read_whole(path, _MOST_BYTES).decode().splitlines()
    except ScenarioError as error:
        raise error.under("path") from None
    except (OSError, ValueError) as error:
        raise ScenarioError(f"{path} cannot be read as text: {getattr(error, 'strerror', None) or error}", "path") from None
    found: list[int] = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            found.append(parse_duration(line.strip()))
        except ScenarioError as error:
            raise ScenarioError(f"{path}, line {number}: {error.sentence}", "path") from None
    if not found:
        raise ScenarioError(f"{path} holds no delays", "path")
    if len(found) > _MOST_VALUES:
        raise ScenarioError(f"{path} holds {len(found):,} delays, more than the {_MOST_VALUES:,} that are taken", "path")
    return tuple(found)
