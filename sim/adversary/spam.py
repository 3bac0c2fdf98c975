"""Spam: seats that flood their neighbours with bodies that are no valid item.

Every node checks before it forwards, so the flood goes one hop and no further; what it costs is the uplink of the spammer, and
the downlink and the CPU time of its neighbours, who hash and verify each copy before they can drop it (where these are modelled).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration, Size
from sim.net.bending import spoil
from sim.node.surroundings import Surroundings

LEAST_NS = 10_000


@part
class Spam:
    """Send an invalid body to every neighbour, or to `fanout` of them, every `every`. Honest traffic of the seat goes on."""

    every: Duration = 100_000_000  # time from one invalid body to the next, of each spammer
    size: Size = 1000
    fanout: Count = 0  # neighbours that get each one, in turn; 0: all

    def check(self) -> None:
        """Time passes between two of them."""
        if self.every < LEAST_NS:
            raise ScenarioError("at least 10 us must pass between two invalid bodies", "every")
        if self.size == 0:
            raise ScenarioError("an invalid body weighs something; give a size such as '1 kB'", "size")

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Begin, each spammer at a moment of its own."""
        over: list[bool] = []
        loop, network = world.society.loop, world.society.network

        def wave(seat: int, turn: int) -> None:
            if over:
                return
            near = world.topology.neighbours_of(seat)
            many = min(self.fanout or len(near), len(near))
            for step in range(many):
                spoil(network, seat, int(near[(turn * many + step) % len(near)]), self.size)
            loop.call_at_ns(loop.now_ns + self.every, wave, seat, turn + 1)

        for seat in seats:
            loop.call_at_ns(loop.now_ns + world.society.dice.below(self.every, "spam", seat), wave, seat, 0)
        return lambda: over.append(True)
