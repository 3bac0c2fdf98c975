"""Amnesia: the node comes back from a crash without what it had written down, votes and locks included.

It is honest in every step it takes and may still vote twice; up to the fault bound a protocol must bear it (Tendermint's amnesia
attack; CometBFT's specification of accountability, flip-flopping). It counts as corrupted. The bodies it holds and the votes of
others that reached it are still there: what is forgotten is what it promised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Duration
from sim.node.surroundings import Surroundings


@part
class Amnesia:
    """Crash, forget everything, come back; again and again if `every` is given."""

    down: Duration = 100_000_000  # how long the node is away each time
    every: Duration = 0  # time from one crash to the next; 0: only once
    without_consensus: ClassVar[str] = "no node has anything to forget"

    def check(self) -> None:
        """A node that is to forget again must have come back."""
        if self.every and self.every <= self.down:
            raise ScenarioError("the next crash would come before the node is back; write more than `down`", "every")

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Make them forget."""
        loop, program = world.society.loop, world.program
        released: list[bool] = []

        def fall() -> None:
            if not released:
                for seat in seats:
                    world.nodes[seat].crash()
                    world.nodes[seat].keep.clear()
                loop.call_at_ns(loop.now_ns + self.down, rise)
                if self.every:
                    loop.call_at_ns(loop.now_ns + self.every, fall)

        def rise() -> None:
            assert program is not None
            for seat in seats:
                world.nodes[seat].restart(program)

        loop.call_soon(fall)  # once the programs have begun
        return lambda: released.append(True)
