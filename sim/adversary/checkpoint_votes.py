"""Votes that colluders have kept back, and blocks of past slots of theirs that bring them: what justifies a checkpoint late."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sim.node.message import Certificate
from sim.node.surroundings import Surroundings


@dataclass(frozen=True)
class Gun:
    """A checkpoint that is justified once the colluders want it."""

    epoch: int
    target: str
    tip: str
    """The block below the one that brings the votes."""
    slot: int
    """Of that block; a colluder's."""


class Reserve:
    """The colluders' votes and slots. Votes are genuine: each is signed by who had it left in its epoch, and once."""

    def __init__(self, seats: Sequence[int], world: Surroundings) -> None:
        self.world, self.seats = world, tuple(seats)
        self.per_epoch = int(getattr(world.protocol, "slots_per_epoch", 1))
        self.slot_ns = int(getattr(world.protocol, "slot", 1))
        self.spent: dict[int, dict[int, None]] = {}
        """By epoch, the colluders who have voted."""
        self.kind: Any = None
        """The kind of vote."""
        self.saying: Any = None
        """How a block is told of."""

    def begin(self) -> None:
        """From now on none of the colluders' own blocks leaves home."""
        for seat in self.seats:
            self.world.society.withholds[seat] = self._keeps()

    def disband(self) -> None:
        """Be honest again."""
        for seat in self.seats:
            self.world.society.withholds.pop(seat, None)

    def _keeps(self) -> Callable[[Any, Any], bool]:
        def keeps(block: Any, saying: Any) -> bool:
            self.saying = saying
            return True

        return keeps

    def spend(self, seat: int, said: Any) -> None:
        """A colluder's vote goes out."""
        if getattr(type(said), "is_vote", False):
            self.kind = type(said)
            self.spent.setdefault(said.slot // self.per_epoch, {})[seat] = None

    # lots -----------------------------------------------------------------------------------------------------------

    @property
    def _duties(self) -> list[Any]:
        """What two colluders know: one stayed with each half."""
        return [self.world.nodes[seat].keep["duty"] for seat in self.seats[:2]]

    def proposer(self, slot: int) -> int:
        """Whose slot it is."""
        return int(self._duties[0].proposer(slot))

    def late_slot(self, epoch: int) -> int | None:
        """The last slot of an epoch that is a colluder's."""
        slots = range((epoch + 1) * self.per_epoch - 1, epoch * self.per_epoch, -1)
        return next((slot for slot in slots if self.proposer(slot) in self.seats), None)

    def left(self, epoch: int, before: int) -> Iterator[tuple[int, int]]:
        """(seat, slot) of the votes in an epoch that colluders have not given, from slots before one."""
        for slot in range(epoch * self.per_epoch, before):
            for seat in self._duties[0].committee(slot):
                if seat in self.seats and seat not in self.spent.get(epoch, ()):
                    yield seat, slot

    def voters(self, epoch: int, before: int) -> list[int]:
        """Everybody whose turn to vote in an epoch comes before a slot."""
        return [seat for slot in range(epoch * self.per_epoch, before) for seat in self._duties[0].committee(slot)]

    # checkpoints ----------------------------------------------------------------------------------------------------

    def justifiable(self, epoch: int) -> list[Gun]:
        """The checkpoints of an epoch that would be justified with what is left of our votes."""
        late = self.late_slot(epoch)
        if late is None:
            return []
        given: dict[str, int] = {}
        for ballot in self._heard(epoch, late):
            given[ballot.message.target] = given.get(ballot.message.target, 0) | ballot.bits
        ours = sum(1 << seat for seat, _ in self.left(epoch, late))
        found = []
        for target, bits in given.items():
            tip = self._tip(target, late)
            if tip and 3 * (bits | ours).bit_count() >= 2 * self.world.topology.n:
                found.append(Gun(epoch, target, tip, late))
        return found

    def _heard(self, epoch: int, before: int) -> Iterator[Certificate]:
        for duty in self._duties:
            for slot in range(epoch * self.per_epoch, before):
                yield from duty.choice.votes.ballots(slot)

    def _tip(self, target: str, before: int) -> str:
        """The newest honest block on a checkpoint from slots before one; '' where the checkpoint is none of theirs."""
        branches = self._duties[0].choice.branches
        made = [block for block in self.world.society.blocks.values() if block.time_ns < before * self.slot_ns]
        newest = sorted((block for block in made if block.proposer not in self.seats), key=lambda block: -block.time_ns)
        return next((block.digest for block in newest if branches.stands_on(block.digest, target)), "")

    # the block that brings the votes --------------------------------------------------------------------------------

    def load(self, gun: Gun) -> None:
        """Who has a vote left in that epoch signs it for the checkpoint, and gives it to the block's maker."""
        branches = self._duties[0].choice.branches
        source = branches.at(gun.tip, gun.slot).justified
        for seat, slot in list(self.left(gun.epoch, gun.slot)):
            vote = self.kind(slot, gun.tip, *source, gun.target)
            self.spend(seat, vote)
            self.world.society.send(seat, self.proposer(gun.slot), seat, vote)

    def fire(self, gun: Gun) -> None:
        """Show everybody a block of that past slot with all votes for the checkpoint."""
        society, seat = self.world.society, self.proposer(gun.slot)
        node = self.world.nodes[seat]
        block = replace(node.keep["duty"].block(gun.slot, gun.tip), time_ns=gun.slot * self.slot_ns)
        keeps = society.withholds.pop(seat)
        society.publish(node, block, replace(self.saying, **{type(self.saying).carries: block.digest}))
        society.withholds[seat] = keeps
