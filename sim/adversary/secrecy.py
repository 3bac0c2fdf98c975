"""Blocks that a pool of seats has found and shows to nobody else: what all attacks by a private branch have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sim.kernel.errors import ScenarioError
from sim.net.core.state import HOLD
from sim.node.surroundings import Surroundings


class Plan(Protocol):
    """What the pool makes of what happens."""

    def found(self, block: Any) -> bool:
        """The pool has found a block: whether it stays secret. Each seat of the pool that comes to publish it is asked once."""

    def others_found(self, block: Any) -> None:
        """A block of somebody else has come to the pool."""


def must_fork(world: Surroundings) -> None:
    """Raises ScenarioError where the protocol's blocks cannot be kept secret and win afterwards."""
    protocol = world.protocol
    if getattr(protocol, "finality", "certain") != "probable":
        raise ScenarioError("this protocol's blocks cannot be mined in secret; use it with nakamoto or ghost", "kind")


class Secrets:
    """The secret blocks of one pool. Its seats give them to each other at once, by the network."""

    def __init__(self, seats: Sequence[int], world: Surroundings, plan: Plan) -> None:
        self.world, self.seats, self.plan = world, tuple(seats), plan
        self.blocks: list[tuple[int, Any, Any]] = []
        """(seat, block, message), oldest first."""
        self.at_work = True
        for seat in self.seats:
            world.society.withholds[seat] = self._keeps(seat)
        world.society.trace.subscribe("publish", self._listen_for)

    def disband(self, height: int) -> None:
        """Show everything up to a height and be honest."""
        self.at_work = False
        self.show(height)
        for seat in self.seats:
            self.world.society.withholds.pop(seat, None)

    def show(self, height: int) -> None:
        """Publish the blocks up to a height."""
        society = self.world.society
        ready = [one for one in self.blocks if one[1].height <= height]
        self.blocks = [one for one in self.blocks if one[1].height > height]
        for seat, block, saying in ready:
            keeps = society.withholds.pop(seat)
            society.publish(society.nodes[seat], block, saying)
            society.withholds[seat] = keeps

    def _keeps(self, seat: int) -> Callable[[Any, Any], bool]:
        def keeps(block: Any, saying: Any) -> bool:
            if not self.plan.found(block) or not self.at_work:
                return False
            if all(known is not block for _, known, _ in self.blocks):
                self.blocks.append((seat, block, saying))
                society = self.world.society
                item = society.block_item(block)
                society.speaks(item, saying, seat)
                for other in self.seats:
                    if other != seat:
                        society.network.hand_over(seat, other, item)
            return True

        return keeps

    def _listen_for(self, time_ns: int, seat: int, digest: str, size_bytes: int, family: str) -> None:
        """Somebody else has made a block: be woken when it comes to the pool."""
        society = self.world.society
        if self.at_work and seat not in self.seats and digest in society.blocks:
            block = society.blocks[digest]
            probe = 0

            def heard(_: int) -> None:
                society.network.unwatch(probe)
                society.loop.call_soon(self._others_found, block)

            probe = society.network.watch(self.seats[0], HOLD, 0, 1, 1, [society.block_item(block)], heard)

    def _others_found(self, block: Any) -> None:
        if self.at_work:
            self.plan.others_found(block)
