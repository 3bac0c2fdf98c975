"""Slow: everything to and from some seats takes several times as long."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.net.costs import longest_latency_ns
from sim.net.latency import MOST_NS
from sim.node.surroundings import Surroundings


@part
class Slow:
    """Multiply the latency of every link of the chosen seats; between two slow seats it is multiplied twice."""

    seats: object = 1  # a count, a share, names, a role or a region
    factor: float = 10.0  # how many times slower, 1 to 1000

    def check(self) -> None:
        """The core keeps the factor in 1/1024."""
        if not 1 <= self.factor <= 1000:
            raise ScenarioError(f"{self.factor:g} is not a slowness; write a factor from 1 to 1000", "factor")

    def fits(self, world: Surroundings) -> None:
        """The slowest copy, between two slow seats, is still within what whole nanoseconds can count."""
        longest_ns = longest_latency_ns(world.society.network.world)
        if longest_ns * round(1024 * self.factor) ** 2 >> 20 > MOST_NS:
            latency = f"a latency of {longest_ns / 1e9:,.0f} s"
            raise ScenarioError(
                f"{latency} made {self.factor:g} times slower at both ends is more than {MOST_NS / 8.64e13:.0f} days; "
                "write a smaller factor or shorter latencies",
                "factor",
            )

    def strike(self, world: Surroundings) -> Callable[[], None]:
        """Slow them down."""
        chosen = list(world.choose(self.seats, "slow"))  # type: ignore[arg-type]
        slowness = np.zeros(world.topology.n, np.int64)
        slowness[chosen] = round(1024 * self.factor)
        lay = world.layer("slowness")
        lay(slowness)
        return lambda: lay(None)
