"""Slander: members of a failure detector that tell of others, who are well, that they are suspected or dead.

News of a membership are not signed by those whom they are about (Das, Gupta, Motivala, DSN 2002, trust all members), so one liar is
believed by all. What helps is that the victim hears of it like everybody else and refutes it under a higher incarnation (section
4.2): in time if there is a grace period for the suspected, and after the fact where there is none or the liar says dead at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Duration
from sim.node.surroundings import Surroundings

LEAST_NS = 1_000_000


@part
class Slander:
    """Tell of each of the `victims`, once every `every`, that it is suspected, or dead, under the incarnation known last."""

    victims: object = 1  # a count, a share, names, a role or a region; the liars themselves are left out
    says: Literal["suspect", "dead"] = "suspect"
    every: Duration = 1_000_000_000  # the lie rides on probes, so that telling it more often than those go helps little

    def check(self) -> None:
        """Time passes between two lies."""
        if self.every < LEAST_NS:
            raise ScenarioError("at least 1 ms must pass between two lies", "every")

    def fits(self, world: Surroundings) -> None:
        """There must be news of members."""
        membership = world.society.network.membership
        if membership is None or membership.accuse is None:
            raise ScenarioError('nobody tells who is alive here; write [membership] kind = "swim"', "kind")
        try:
            world.choose(self.victims, "slander")  # type: ignore[arg-type]
        except ScenarioError as error:
            raise ScenarioError(error.sentence, "victims") from None

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Begin."""
        over: list[bool] = []
        loop, network = world.society.loop, world.society.network
        victims = [seat for seat in world.choose(self.victims, "slander") if seat not in seats]  # type: ignore[arg-type]

        def lie(seat: int) -> None:
            if over:
                return
            for victim in victims:
                network.membership.accuse(network.world, seat, victim, self.says == "dead")
            loop.call_at_ns(loop.now_ns + self.every, lie, seat)

        for seat in seats:
            loop.call_at_ns(loop.now_ns + 1, lie, seat)
        return lambda: over.append(True)
