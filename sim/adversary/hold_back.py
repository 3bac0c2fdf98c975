"""Hold back: colluders share their blocks and votes at once among themselves and show them to others later, all together.

Against Gasper this is the ex-ante reorganisation (Schwarz-Schilling and others, "Three attacks on proof-of-stake Ethereum", FC
2022, section 4): a block and the colluders' votes for it, kept for a slot, overturn the honest block of the next slot, which
could not build on it. Proposer boost makes that cost more votes than a small group has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Duration
from sim.node.surroundings import Behaviour, Surroundings


@part
class HoldBack:
    """Whatever one of the seats says reaches the others of them at once and everybody else `by` after its slot began."""

    by: Duration = 13_000_000_000  # a little more than a slot, so that it comes just after the next proposal
    every: Duration = 12_000_000_000  # how long a slot lasts

    def check(self) -> None:
        """Slots last."""
        if self.every <= 0:
            raise ScenarioError("must be longer than nothing", path="every")

    def fits(self, world: Surroundings) -> None:
        """There are slots whose votes can come too late."""
        if not hasattr(world.protocol, "slots_per_epoch"):
            raise ScenarioError("this protocol has no slots to hold anything back from; use it with gasper, or kind late", "kind")

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Put the same delay behind every voice."""
        friends = frozenset(seats)
        behaviours = [(seat, self._behaviour(seat, friends, world)) for seat in seats]
        for seat, behaviour in behaviours:
            world.add_behaviour(seat, behaviour)

        def release() -> None:
            for seat, behaviour in behaviours:
                world.drop_behaviour(seat, behaviour)

        return release

    def _behaviour(self, seat: int, friends: frozenset[int], world: Surroundings) -> Behaviour:
        society = world.society

        def later(to: int, said: Any) -> Iterator[tuple[int, Any]]:
            if to in friends:
                yield to, said
                return
            now_ns = society.loop.now_ns
            due_ns = now_ns - now_ns % self.every + self.by
            society.loop.call_at_ns(max(now_ns, due_ns), society.send, seat, to, seat, said)

        return later
