"""Selfish mining: keep found blocks to oneself, and show them only when others' blocks have caught up.

Eyal, Sirer, "Majority is not enough: Bitcoin mining is vulnerable", FC 2014, algorithm 1. The pool runs the protocol's own
code: being first to see its own blocks, it mines on them by the ordinary rule. What is bent is when they become known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.net.core.state import HOLD
from sim.node.surroundings import Surroundings


@part
class Selfish:
    """Mine in secret with the power of the seats together, and publish so that others' work is wasted."""

    def fits(self, world: Surroundings) -> None:
        """There must be a chain in which work can be wasted."""
        protocol = getattr(world.program, "__self__", None)
        if getattr(protocol, "finality", "certain") != "probable":
            raise ScenarioError("this protocol's blocks cannot be mined in secret; use it with nakamoto or ghost", "kind")

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """One pool of all the seats."""
        return Pool(seats, world).disband


class Pool:
    """The private branch of a pool and what it knows of the public one. The names of the states are the paper's."""

    def __init__(self, seats: Sequence[int], world: Surroundings) -> None:
        self.world, self.seats = world, tuple(seats)
        self.secret: list[tuple[int, Any, Any]] = []
        """(seat, block, message) of blocks nobody else knows, oldest first."""
        self.tip = self.public = 0
        """Heights of the pool's branch and of the highest block of others that it has heard of."""
        self.tied = False
        """State 0': two public branches of equal height, one of them the pool's."""
        self.at_work = True
        for seat in self.seats:
            world.society.withholds[seat] = self._keeps(seat)
        world.society.trace.subscribe("publish", self._listen_for)

    def disband(self) -> None:
        """Show everything and be honest."""
        self.at_work = False
        self._show(self.tip)
        for seat in self.seats:
            self.world.society.withholds.pop(seat, None)

    def _keeps(self, seat: int) -> Callable[[Any, Any], bool]:
        def keeps(block: Any, saying: Any) -> bool:
            """The pool has found a block: a tie is won by showing it, everything else stays secret."""
            self.tip = max(self.tip, block.height)
            if self.tied or not self.at_work:
                self.tied = False
                return False
            if all(known is not block for _, known, _ in self.secret):
                self.secret.append((seat, block, saying))
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
        """Algorithm 1, on a block of others: give up, race, win outright, or show just enough to keep pace."""
        if block.height <= self.public or not self.at_work:
            return
        self.public = block.height
        lead = self.tip - self.public
        self.tied = False
        if lead < 0:
            self.tip = self.public
            self.secret.clear()
        elif lead == 0:
            self.tied = bool(self.secret)
            self._show(self.tip)
        elif lead == 1:
            self._show(self.tip)
        else:
            self._show(self.public)

    def _show(self, height: int) -> None:
        society = self.world.society
        ready = [one for one in self.secret if one[1].height <= height]
        self.secret = [one for one in self.secret if one[1].height > height]
        for seat, block, saying in ready:
            keeps = society.withholds.pop(seat)
            society.publish(society.nodes[seat], block, saying)
            society.withholds[seat] = keeps
