"""Turmoil: before the network settles, an adversary schedules it: delays anew and anew, some links cut meanwhile.

Partial synchrony (Dwork, Lynch, Stockmeyer, JACM 1988): up to an unknown instant messages may take any time. Give the fault `lasts`,
and its end is that instant. No copy is lost for good by a delay; a copy to another island is, as in a partition.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration, Share
from sim.node.surroundings import Surroundings

_MOST_SIDES = 8
_ISLANDS = 16_384  # more seats than that share islands; the core counts them in 16 bits


@part
class Turmoil:
    """Every `every`, give each seat a new slowness between 1 and `factor`, and put some on islands of their own."""

    every: Duration = 500_000_000  # how long one state of the network lasts
    factor: float = 20.0  # the most by which a seat's latencies are multiplied; a link meets both its ends' factors
    islands: Share = 0.2  # the chance that a seat is cut off meanwhile
    sides: Count = 1  # into how many sides the others fall, each seat by lot; 1: they stay together

    def check(self) -> None:
        """The core keeps the factor in 1/1024; a state must last."""
        if not 1 <= self.factor <= 1000:
            raise ScenarioError(f"{self.factor:g} is not a slowness; write a factor from 1 to 1000", "factor")
        if self.every <= 0:
            raise ScenarioError("must be longer than nothing", "every")
        if not 1 <= self.sides <= _MOST_SIDES:
            raise ScenarioError(f"write a number from 1 to {_MOST_SIDES}", "sides")

    def strike(self, world: Surroundings) -> Callable[[], None]:
        """Begin the first state; each sets the next one's timer."""
        loop, dice = world.society.loop, world.society.dice
        slow, part = world.layer("slowness"), world.layer("island")
        over: list[bool] = []
        n = world.topology.n

        def another(turn: int) -> None:
            if over:
                return
            slowness = 1024 * self.factor ** dice.stream("turmoil", turn, count=n)  # as often between 1 and 2 as between 10 and 20
            cut = dice.stream("turmoil-islands", turn, count=n) < self.islands
            slow(np.rint(slowness).astype(np.int64))
            side = (dice.stream("turmoil-sides", turn, count=n) * self.sides).astype(np.int64)
            part(np.where(cut, self.sides + np.arange(n) % _ISLANDS, side))
            loop.call_at_ns(loop.now_ns + self.every, another, turn + 1)

        another(0)

        def mend() -> None:
            over.append(True)
            slow(None)
            part(None)

        return mend
