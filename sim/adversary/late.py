"""Late: everything the node says leaves it with a delay."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from sim.kernel.part import part
from sim.kernel.units import Lasting
from sim.node.surroundings import Behaviour, Surroundings


@part
class Late:
    """Hold every message back for `by`: a slow primary, a vote that comes after the count."""

    by: Lasting = 1_000_000_000  # how much later than an honest node
    without_consensus: ClassVar[str] = "no node says anything that could be late; use kind delay"

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Put a delay behind each seat's voice."""
        return world.bend({seat: self._behaviour(seat, world) for seat in seats})

    def _behaviour(self, seat: int, world: Surroundings) -> Behaviour:
        society = world.society

        def later(to: int, said: Any) -> Iterator[tuple[int, Any]]:
            if to == seat:
                yield to, said
                return
            society.loop.call_at_ns(society.loop.now_ns + self.by, society.send, seat, to, seat, said)

        return later
