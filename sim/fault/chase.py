"""Chase: an attacker floods off the network whoever is to propose next, and follows the rotation.

With a public order the next leader is known; with a secret one (Algorand, Praos) the attacker learns it when the block is out, which
is too late. So what is compared is `ahead = 1` against protocols in whose rotation it hits and in whose it does not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Duration
from sim.node.surroundings import Surroundings


@part
class Chase:
    """At each new block, cut off the seat that stands `ahead` places behind its proposer, until the next block."""

    ahead: int = 1  # 0: the proposer itself; 1: the next one in order
    reaction: Duration = 0  # how long the attacker takes from the block to the attack
    most: Duration = 10_000_000_000  # an attack ends after this long even if no block comes

    def check(self) -> None:
        """Nobody stands before the proposer, and an attack must last."""
        if self.ahead < 0:
            raise ScenarioError("write 0 or more", "ahead")
        if self.most <= 0:
            raise ScenarioError("must be longer than nothing", "most")

    def strike(self, world: Surroundings) -> Callable[[], None]:
        """Watch for blocks, and cut."""
        network, loop, n = world.society.network, world.society.loop, world.topology.n
        before = network.world.seats["island"].copy()
        state = {"turn": 0, "over": 0}

        def hit(seat: int, turn: int) -> None:
            if turn == state["turn"] and not state["over"]:
                islands = before.copy()
                islands[seat] = int(before.max()) + 1
                network.set_apart("island", np.asarray(islands))
                loop.call_at_ns(loop.now_ns + self.most, let_go, turn)

        def let_go(turn: int) -> None:
            if turn == state["turn"]:
                network.set_apart("island", before)

        def published(time_ns: int, seat: int, digest: str, size_bytes: int, family: str) -> None:
            if family == "block" and not state["over"]:
                state["turn"] += 1
                loop.call_at_ns(time_ns + self.reaction, hit, (seat + self.ahead) % n, state["turn"])

        world.society.trace.subscribe("publish", published)

        def mend() -> None:
            state["over"] = 1
            network.set_apart("island", before)

        return mend
