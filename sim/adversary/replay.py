"""Replay: what was true once is said again, later, to everybody. A signature does not say when it was made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Duration, Share
from sim.node.surroundings import Behaviour, Surroundings


@part
class Replay:
    """Beside each message send, with some chance, an old one of one's own again, drawn from the last ones."""

    chance: Share = 0.5  # how often
    remembers: int = 100  # how many of its last messages a seat can say again
    after: Duration = 0  # how old a message must be at least
    without_consensus: ClassVar[str] = "no node says anything that could be said again; use kind spam"

    def check(self) -> None:
        """Something must be remembered."""
        if self.remembers < 1:
            raise ScenarioError("write at least 1", "remembers")

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Remember, and repeat."""
        return world.bend({seat: self._behaviour(seat, world) for seat in seats})

    def _behaviour(self, seat: int, world: Surroundings) -> Behaviour:
        society = world.society
        said_before: list[tuple[int, Any]] = []

        def again(to: int, said: Any) -> Iterator[tuple[int, Any]]:
            yield to, said
            if (
                to == seat
            ):  # nobody deceives itself; and an answer to one's own old question would be one more message, at the same instant
                return
            now_ns = society.loop.now_ns
            if said_before and society.dice.uniform("replay", seat, to, now_ns, len(said_before)) < self.chance:
                time_ns, old = said_before[society.dice.below(len(said_before), "replay-which", seat, to, now_ns)]
                if time_ns + self.after <= now_ns:
                    yield to, old
            if not said_before or said_before[-1][1] is not said:
                said_before.append((now_ns, said))
                del said_before[: -self.remembers]

        return again
