"""Balancing by double votes: each half of the honest hears another vote first, and holds to it whatever proposer boost says.

Neu, Tas, Tse, "Two attacks on proof-of-stake GHOST/Ethereum", 2022 (arXiv 2203.01315), the second attack; first told as "Balancing attack:
LMD edition", ethresear.ch 11853. Once the chain is split, every colluder votes twice in its slot: for one branch to one half, for the
other branch to the other half. Each half then sees the colluders behind its own branch, by more votes than a boosted block has, and of
a validator's votes of one slot the one that came first counted. So a split that boost would heal lasts, without any timing.

It begins where colluders propose for so many slots in a row that their votes outweigh the boost by `lead`, for until then an honest
block would bring all together. Since 2022 who votes twice is not heard at all (`discount` of gasper): proposers pass all votes on, so
both halves learn of both, and the colluders have thrown their votes away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sim.adversary.balance import Plot, weighed_by_votes
from sim.kernel.part import part
from sim.kernel.units import Count
from sim.node.surroundings import Behaviour, Surroundings


@part
class BalanceTwice:
    """Split the honest over two branches, and vote for both, to each half first for its own."""

    lead: Count = 4  # by how many votes the colluders outweigh the boost when an honest seat proposes again

    def fits(self, world: Surroundings) -> None:
        """Branches must be chosen by votes."""
        weighed_by_votes(world)

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """One plot for all."""
        plot = TwoVoices(self.lead, seats, world)
        return world.bend({seat: plot.behaviour(seat) for seat in seats})


class TwoVoices(Plot):
    """What the colluders share: as for plain balancing, but votes are given to everybody at once, in two versions."""

    def __init__(self, lead: int, seats: Sequence[int], world: Surroundings) -> None:
        Plot.__init__(self, 0.0, seats, world)
        self.lead = lead

    def begun(self) -> None:
        """Nothing is kept for later."""

    def behaviour(self, seat: int) -> Behaviour:
        """Votes in two versions; blocks as in the plain plot, once the time has come."""

        def balancing(to: int, said: Any) -> Iterator[tuple[int, Any]]:
            if getattr(type(said), "is_vote", False):
                yield to, replace(said, head=self.pair[to in self.right]) if self.pair[0] else said
            elif self.pair[0] or self._is_time():
                yield from self.blocks(seat, to, said)
            else:
                yield to, said

        return balancing

    def _is_time(self) -> bool:
        """Whether colluders propose from this slot on until those of them who have voted by then outweigh the boost."""
        protocol: Any = self.world.protocol
        duty = self.world.nodes[self.seats[0]].keep["duty"]
        slot = self.world.society.loop.now_ns // self.slot_ns
        need = protocol.boost * self.world.topology.n / protocol.slots_per_epoch + self.lead
        votes = 0
        while duty.proposer(slot) in self.seats:
            votes += sum(member in self.seats for member in duty.committee(slot))
            if votes >= need:
                return True
            slot += 1
        return False
