"""A rumour: something spreads from one seat to all others, and nothing has to be agreed.

The workload of those who study gossip alone: coverage, redundancy and bytes follow from topology, strategy and costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from math import log1p
from typing import Any, Literal

from sim.kernel.errors import ScenarioError
from sim.kernel.files import shown
from sim.kernel.part import part
from sim.kernel.units import Count, Duration, Size

MOST = 1_000_000


@part
class Rumour:
    """Publish `count` bodies of `size`, one every `every`, from random seats or always from one. A seat that is down publishes nothing."""

    size: Size = 1000
    count: Count = 1
    every: Duration = 1_000_000_000
    first: Duration = 0  # when the first one starts
    sizes: Literal["equal", "exponential"] = "equal"  # exponential: drawn, with the mean `size`, and at least 1 byte
    arrivals: Literal["regular", "poisson"] = "regular"  # poisson: exponential gaps with the mean `every`
    origin: str = "random"  # the name of a seat, or 'random'

    def setup(self, world: Any) -> None:
        """Nothing to look around for."""

    def start(self, world: Any) -> None:
        """Schedule the publications."""
        if self.origin not in ("random", *world.names):
            near = get_close_matches(self.origin[:100], world.names, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"the first ones are {', '.join(world.names[:3])}"
            raise ScenarioError(f"no seat is called {shown(self.origin)}; {hint}", "origin")
        time_ns = self.first
        world.memory["begun"] = 0
        own = (world.number,) if world.number else ()  # a second workload has rumours and chance of its own
        for index in range(self.count):
            if time_ns > world.duration_ns:
                break
            world.memory["begun"] += 1
            seat = world.dice.below(len(world.names), "rumour", *own, index)
            if self.origin != "random":
                seat = world.names.index(self.origin)
            world.at(time_ns, world.publish, seat, "-".join(map(str, ("rumour", *own, index))), self._size_bytes(world, own, index))
            gap = 1.0 if self.arrivals == "regular" else -log1p(-world.dice.uniform("rumour-gap", *own, index))
            time_ns += round(gap * self.every)

    def _size_bytes(self, world: Any, own: tuple[int, ...], index: int) -> int:
        """The size of one of them."""
        if self.sizes == "equal":
            return self.size
        return max(1, round(-log1p(-world.dice.uniform("rumour-size", *own, index)) * self.size))

    def check(self) -> None:
        """As many as can be followed."""
        if self.size == 0:
            raise ScenarioError("a body of 0 bytes is none; give a size such as '1 kB'", "size")
        if self.count > MOST:
            raise ScenarioError(f"{self.count:,} bodies are more than the {MOST:,} that can be followed in one run", "count")

    def outcome(self, world: Any) -> Mapping[str, Any]:
        """What was published; how it spread stands in the report's gossip section."""
        return {
            "kind": "rumour",
            "submitted": world.memory.get("begun", 0),
            "final": None,
            "dropped": world.memory.get("dropped", 0),
            "finality_s": None,
            "slo": [],
            "outcomes": {},
        }
