"""Tail forking: a leader that was sent the votes for the block before its own keeps them, and builds on the block below.

Giridharan, Suri-Payer, Ding, Howard, Abraham, Crooks, "BeeGees: stayin' alive in chained BFT", PODC 2023, section 3. Where the votes for
a block go to the next leader alone, nobody else knows that the block was certified. This leader lets its view's time run out; then
it proposes on the newest certificate that a quorum reports, which is one older, and the last honest block is lost. Nothing that it says
is a lie, so there is no evidence. Colluders spare each other's blocks.

Protocols whose votes reach everybody (simplex, streamlet), or whose leader collects the votes for its own block (hotstuff, hotstuff-2),
have no such tail: the same seats then lose honest leaders nothing. With leaders that stay for several views (`turn`) only the last
block of a turn is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.node.message import Certificate
from sim.node.node import Node
from sim.node.surroundings import Surroundings


@part
class TailFork:
    """Never let the votes for another's block become a certificate; all else as an honest seat does it."""

    def fits(self, world: Surroundings) -> None:
        """Certified blocks must stand on each other."""
        ballots = getattr(world.protocol, "ballots", None)
        if ballots is None or getattr(ballots, "proposal", None) is None or "slot" in ballots.place:
            why = "this protocol's leaders do not build on blocks that are only certified"
            raise ScenarioError(f"{why}; use it with jolteon or chained-hotstuff", "kind")

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Put an ear that does not count between each seat and its votes."""
        blocks, friends = world.society.blocks, frozenset(seats)
        for seat in seats:
            _stop_counting(world.nodes[seat], lambda digest: digest in blocks and blocks[digest].proposer not in friends)

        def release() -> None:
            for seat in seats:
                world.nodes[seat].__dict__.pop("quorum", None)

        return release


def _stop_counting(node: Node, is_foreign: Callable[[str], bool]) -> None:
    counts = node.quorum

    async def quorum(kind: type[Any], need: int, **fields: Any) -> Certificate:
        proof = await counts(kind, need, **fields)
        if is_foreign(getattr(proof.message, "digest", "")):
            await node.forever()
        return proof

    node.quorum = quorum  # type: ignore[assignment, method-assign]
