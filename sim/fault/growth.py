"""Growth: a network that is small at first, and newcomers who join it one after the other."""

from __future__ import annotations

from collections.abc import Callable
from math import log1p
from typing import Literal

from sim.fault.timetable import switch
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration
from sim.node.surroundings import Surroundings


@part
class Growth:
    """The chosen seats are not there at first and join one after the other, in random order. When it ends all are there."""

    seats: object = 0.5  # a count, a share, names, a role or a region
    every: Duration = 10_000_000_000  # mean time from one newcomer to the next
    law: Literal["poisson", "regular"] = "poisson"  # how the times are spread
    at_once: Count = 1  # how many come together

    def check(self) -> None:
        """Newcomers come at times that can be told apart."""
        if self.every == 0 or self.at_once == 0:
            raise ScenarioError("0 was given, more is wanted", "every" if self.every == 0 else "at_once")

    def strike(self, world: Surroundings) -> Callable[[], None]:
        """Send them away and let them come."""
        seats = world.choose(self.seats, "growth")  # type: ignore[arg-type]
        dice, loop = world.society.dice, world.society.loop
        over: list[bool] = []

        def come(group: list[int]) -> None:
            for seat in group:
                if not over:
                    switch(world, seat, True)

        for seat in seats:
            switch(world, seat, False)
        order = [seats[place] for place in dice.shuffled(len(seats), "growth", "order")]
        time_ns = loop.now_ns
        for turn, first in enumerate(range(0, len(order), self.at_once)):
            gap = 1.0 if self.law == "regular" else -log1p(-dice.uniform("growth", turn))
            time_ns += max(1, round(gap * self.every))
            loop.call_at_ns(time_ns, come, order[first : first + self.at_once])

        def mend() -> None:
            over.append(True)
            for seat in seats:
                switch(world, seat, True)

        return mend
