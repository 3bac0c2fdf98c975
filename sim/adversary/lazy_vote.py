"""Lazy vote: the node votes for whatever is proposed, without looking into it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from sim.kernel.part import part
from sim.node.surroundings import Surroundings


@part
class LazyVote:
    """Hold every block for valid: a quorum with too many such nodes decides what no honest node would accept."""

    without_consensus: ClassVar[str] = "nobody votes"

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Exchange the node's judge for one who nods."""
        nodes = [world.nodes[seat] for seat in seats]
        for node in nodes:
            node.accepts = _nod  # type: ignore[method-assign]

        def release() -> None:
            for node in nodes:
                del node.accepts

        return release


def _nod(block: Any, parent: str | None = None) -> bool:
    return True
