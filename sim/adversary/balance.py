"""Balancing: two branches of equal weight, each followed by half of the honest, so that neither is ever final.

Neu, Tas, Tse, "Two more attacks on proof-of-stake GHOST/Ethereum", 2022, section 2, after their "Ebb-and-flow protocols", IEEE S&P
2021, section 2.2. A colluder whose turn it is to propose makes two blocks and shows each to half of the honest. From then on the
colluders keep their votes back and give, towards the end of each slot, as many to the lighter branch as the other is ahead. Once
every honest validator has voted for its half's branch, both weigh the same by themselves. Proposer boost breaks the tie: all hear
the next honest block in time, and for that slot it outweighs any few votes.

Ties are kept and not broken by lot here: a validator stays on the branch it follows while the other one weighs no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Share
from sim.node.surroundings import Behaviour, Surroundings


@part
class Balance:
    """Split the honest over two branches, and keep both equally heavy with votes kept back."""

    act_at: Share = 0.75  # when in each slot votes are given: after those of the slot have come, before the next proposal

    def check(self) -> None:
        """Within the slot."""
        within_slot(self.act_at)

    def fits(self, world: Surroundings) -> None:
        """Branches must be chosen by votes."""
        weighed_by_votes(world)

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """One plot for all."""
        plot = Plot(self.act_at, seats, world)
        return world.bend({seat: plot.behaviour(seat) for seat in seats})


def within_slot(act_at: float) -> None:
    """Raises ScenarioError where colluders would act at a border of slots."""
    if not 0 < act_at < 1:
        raise ScenarioError("must lie within the slot, between 0 and 100 %", path="act_at")


def weighed_by_votes(world: Surroundings) -> None:
    """Raises ScenarioError where the protocol's branches are not chosen by everybody's latest votes."""
    if getattr(world.protocol, "follows", "") != "latest votes":
        raise ScenarioError("this protocol's branches are not weighed by votes; use it with gasper", "kind")


class Plot:
    """What the colluders share: the two branches, and what each half of the honest is told of them."""

    def __init__(self, act_at: float, seats: Sequence[int], world: Surroundings) -> None:
        protocol: Any = world.protocol
        honest = [seat for seat in range(world.topology.n) if seat not in seats]
        self.world, self.seats = world, tuple(seats)
        self.right = frozenset(honest[len(honest) // 2 :])
        self.slot_ns, self.act_ns = protocol.slot, int(act_at * protocol.slot)
        self.pair: tuple[str, str] = ("", "")
        """The two blocks, once they are made."""
        self.kept: dict[int, Any] = {}
        """By seat, its newest vote that nobody has heard."""
        self.given: dict[int, int] = {}
        """By seat, which branch its last vote was given to."""

    def behaviour(self, seat: int) -> Behaviour:
        """What becomes of what one colluder says."""

        def balancing(to: int, said: Any) -> Iterator[tuple[int, Any]]:
            if getattr(type(said), "is_vote", False):
                if self.pair[0]:
                    self.kept[seat] = said
                else:
                    yield to, said
                return
            yield from self.blocks(seat, to, said)

        return balancing

    def blocks(self, seat: int, to: int, said: Any) -> Iterator[tuple[int, Any]]:
        """Split the chain with a colluder's first block; of later ones nobody hears."""
        made = self._made_by(seat, said)
        if made is None or (not self.pair[0] and self._begin(seat, made)) or made.digest == self.pair[0]:
            yield to, self._half(seat, to, said, made)

    def _made_by(self, seat: int, said: Any) -> Any:
        """The seat's own block that a message tells of, or None."""
        carried = getattr(type(said), "carries", None)
        block = None if carried is None else self.world.society.blocks.get(getattr(said, carried))
        return block if block is not None and block.proposer == seat else None

    def _begin(self, seat: int, block: Any) -> bool:
        """A colluder proposes: here the chain is split."""
        society, twin = self.world.society, block.twin()
        society.blocks[twin.digest] = twin
        society.trace.record("publish", seat, twin.digest, twin.size_bytes, "block")
        society.network.publish(seat, society.block_item(twin), False)
        self.pair = block.digest, twin.digest
        self.begun()
        return True

    def begun(self) -> None:
        """From now on votes are given late in each slot."""
        now_ns = self.world.society.loop.now_ns
        self.world.society.loop.call_at_ns(now_ns - now_ns % self.slot_ns + self.act_ns, self._even_out)

    def _half(self, seat: int, to: int, said: Any, made: Any) -> Any:
        """The message as this receiver is to hear it."""
        if made is None or to not in self.right:
            return said
        society = self.world.society
        if society.bodies != "attached":
            society.network.hand_over(seat, to, society.block_item(society.blocks[self.pair[1]]))
        return replace(said, **{type(said).carries: self.pair[1]})

    # votes ----------------------------------------------------------------------------------------------------------

    def _even_out(self) -> None:
        """Give votes until both branches weigh the same; whoever has voted for one renews its vote when it can."""
        loop = self.world.society.loop
        loop.call_at_ns(loop.now_ns + self.slot_ns, self._even_out)
        if not self.kept:
            return
        ahead = self._ahead(loop.now_ns // self.slot_ns)
        for seat in sorted(self.kept, key=lambda seat: (seat not in self.given, seat)):
            before = self.given.get(seat)
            if ahead:
                side = 1 if ahead > 0 else 0
            elif before is not None:
                side = before
            else:
                continue  # a reserve
            ahead += (1 if side == 0 else -1) * (0 if before == side else 1 if before is None else 2)
            self._give(seat, side)

    def _give(self, seat: int, side: int) -> None:
        vote = replace(self.kept.pop(seat), head=self.pair[side])
        self.given[seat] = side
        for to in range(self.world.topology.n):
            self.world.society.send(seat, to, seat, vote)

    def _ahead(self, slot: int) -> int:
        """By how many validators' newest votes the first branch is ahead, as one colluder has heard them."""
        watcher = self.world.nodes[self.seats[0]]
        kind = type(next(iter(self.kept.values())))
        seen = ahead = 0
        for earlier in range(slot, max(-1, slot - self._memory()), -1):
            ballots = watcher.ballots(kind, slot=earlier)
            for ballot in ballots:
                side = self._side(ballot.message.head)
                fresh = (ballot.bits & ~seen).bit_count()
                ahead += fresh if side == 0 else -fresh if side == 1 else 0
            for ballot in ballots:
                seen |= ballot.bits
        return ahead

    def _memory(self) -> int:
        """Slots within which everybody has voted."""
        return 2 * int(getattr(self.world.protocol, "slots_per_epoch", 1))

    def _side(self, head: str) -> int:
        """0 or 1 for a block on one of the branches, -1 for one below the split."""
        blocks = self.world.society.blocks
        while head not in self.pair:
            if head not in blocks:
                return -1
            head = blocks[head].parent
        return self.pair.index(head)
