"""Chase: an attacker floods off the network whoever is to propose next, and follows the rotation.

With a public order the next leader is known; with a secret one (Algorand, Praos) the attacker learns it when the block is out, which
is too late. So what is compared is `ahead = 1` against protocols in whose rotation it hits and in whose it does not.

Where the clock says whose turn it is (`turn_at` of Gasper, Streamlet, Aura; see `sim/node/terms.py`), lots included, an attacker who
looks ahead needs no block to go by: he cuts off everybody for the whole of his turn. Elsewhere he takes the seats to follow each
other in order, which is so in a rotation and wrong where a leader stays (Raft, SmartBFT), has several turns in a row (Alpenglow,
Jolteon's `turn`), or is drawn in secret.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Duration
from sim.node.surroundings import Surroundings


@part
class Chase:
    """At each new block, cut off the seat that stands `ahead` places behind its proposer, until the next block; or by the clock."""

    ahead: int = 1  # 0: the proposer itself; 1: the next one in order; where the clock tells, 1 or more: whose turn it is
    reaction: Duration = 0  # how long the attacker takes from the block to the attack, where there is no clock to go by
    most: Duration = 10_000_000_000  # an attack ends after this long even if no block comes

    def check(self) -> None:
        """Nobody stands before the proposer, and an attack must last."""
        if self.ahead < 0:
            raise ScenarioError("write 0 or more", "ahead")
        if self.most <= 0:
            raise ScenarioError("must be longer than nothing", "most")

    def strike(self, world: Surroundings) -> Callable[[], None]:
        """Watch for blocks, and cut."""
        loop, n = world.society.loop, world.topology.n
        lay = world.layer("island")
        state = {"turn": 0, "over": 0}
        turn_at: Any = getattr(world.protocol, "turn_at", None) if self.ahead else None

        def cut(seat: int) -> None:
            islands = np.zeros(n, np.int64)
            islands[seat] = 1
            lay(islands)

        def hit(seat: int, turn: int) -> None:
            if turn == state["turn"] and not state["over"]:
                cut(seat)
                loop.call_at_ns(loop.now_ns + self.most, let_go, turn)

        def follow(begins_ns: int) -> None:
            if not state["over"]:
                seat, ends_ns = turn_at(world.nodes[0], begins_ns)
                cut(seat)
                loop.call_at_ns(ends_ns - 1, follow, ends_ns)  # before it can say anything

        def let_go(turn: int) -> None:
            if turn == state["turn"]:
                lay(None)

        def published(time_ns: int, seat: int, digest: str, size_bytes: int, family: str) -> None:
            if family == "block" and not state["over"]:
                state["turn"] += 1
                loop.call_at_ns(time_ns + self.reaction, hit, (seat + self.ahead) % n, state["turn"])

        if turn_at is None:
            world.society.trace.subscribe("publish", published)
        else:
            follow(loop.now_ns)

        def mend() -> None:
            state["over"] = 1
            lay(None)

        return mend
