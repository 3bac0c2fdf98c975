"""Favour: the node is an honest one to some and does not exist for the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from sim.kernel.part import part
from sim.node.surroundings import Behaviour, Surroundings


@part
class Favour:
    """Speak to some seats only; all corrupted seats favour the same ones."""

    towards: object = 0.5  # who is spoken to: a count, a share, names, a role or a region
    without_consensus: ClassVar[str] = "no node says anything that some could be spared; use kind selective"

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Drop what goes to anybody else."""
        favoured = frozenset(world.choose(self.towards, "favour"))  # type: ignore[arg-type]
        return world.bend({seat: _only_to(favoured | {seat}) for seat in seats})


def _only_to(favoured: frozenset[int]) -> Behaviour:
    def some(to: int, said: Any) -> Iterator[tuple[int, Any]]:
        if to in favoured:
            yield to, said

    return some
