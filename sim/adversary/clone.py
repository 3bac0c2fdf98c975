"""Clone: one signing key runs in several places at once, so that each side of a cut network has a full voice of its own.

Ekparinya, Gramoli, Jourjon, "The attack of the clones against proof-of-authority", NDSS 2020. Every copy runs the honest program
and knows nothing of the others; nothing but the shared key is wrong. The lowest of the seats is the original; the others' own
keys fall silent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from sim.kernel.part import part
from sim.node.node import Node
from sim.node.surroundings import Surroundings


@part
class Clone:
    """Run the key of the lowest seat at all of these seats."""

    without_consensus: ClassVar[str] = "no key does anything that it could do twice"

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Put a second node of the first seat's identity into each of the other seats."""
        society = world.society
        original, *places = sorted(seats)
        before = {seat: society.nodes[seat] for seat in places}
        for seat in places:
            clone = Node(society, seat)
            clone.id = original
            self._takes_over(clone, before[seat], world)

        def release() -> None:
            for seat in places:
                honest = Node(society, seat)
                honest.keep = before[seat].keep
                self._takes_over(honest, society.nodes[seat], world)

        return release

    def _takes_over(self, fresh: Node, old: Node, world: Surroundings) -> None:
        assert world.program is not None
        old.crash()
        world.society.nodes[old.seat] = fresh
        world.society.loop.call_soon(fresh.restart, world.program)  # once the old program has let go of everything
