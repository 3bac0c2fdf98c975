"""Withhold votes: the node proposes, relays and answers, and never helps a count to its end.

The quorum then waits for the slowest of the honest; with more such nodes than n - quorum it waits for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from sim.kernel.part import part
from sim.node.message import Certificate
from sim.node.surroundings import Behaviour, Surroundings


@part
class WithholdVotes:
    """Say everything but votes; certificates, which are others' votes, are kept back too if `proofs`."""

    proofs: bool = False  # whether certificates are kept back as well: a quorum's proof that its collector does not show
    without_consensus: ClassVar[str] = "nobody votes; use kind silent"

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Drop votes on their way out; the node's own count has them."""
        return world.bend({seat: self._behaviour(seat) for seat in seats})

    def _behaviour(self, seat: int) -> Behaviour:
        def unhelpful(to: int, said: Any) -> Iterator[tuple[int, Any]]:
            kind = type(said)
            is_vote = getattr(kind, "is_vote", False) or getattr(kind, "tallied", False)
            kept_back = is_vote or (self.proofs and isinstance(said, Certificate))
            if to == seat or not kept_back:
                yield to, said

        return unhelpful
