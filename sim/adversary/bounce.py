"""Bouncing: votes kept back justify, in the middle of an epoch, a checkpoint beside the branch that everybody follows, again and again.

Nakamura, "Analysis of bouncing attack on FFG", ethresear.ch 6113, 2019. Who follows LMD GHOST from the newest justified checkpoint leaves
his branch when a later one is justified elsewhere. The colluders keep their votes back, so that checkpoints of the honest come close to
two thirds; when so many have voted in an epoch that the colluders could justify its checkpoint too, they justify that of another
branch from an epoch before, by a block of a past slot of theirs that nobody has seen. All turn to that branch, the checkpoint left
behind is the next one to be justified, and neither branch ever has two in a row. Nobody breaks a rule for which he could be slashed.

It begins in a network that is not yet whole: the colluders keep the honest in two halves for an epoch, until one half has voted for a
checkpoint that can be justified later and the other half's branch, with their votes, weighs more. From then on the network is
whole, and the attack lasts for as long as the lots give colluders a late slot in each epoch. If nodes turn to another branch in the first
slots of an epoch only (`safe_slots_to_update_justified` of gasper), those who have begun an epoch together justify its checkpoint
first, and the attack is over (Nakamura, "Prevention of bouncing attack on FFG", ethresear.ch 6114). Not played: a turn at the very end
of those slots, which some hear in time and others do not (fradamt, notes.ethereum.org/@fradamt/Sy6PzcRdt).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from sim.adversary.balance import weighed_by_votes, within_slot
from sim.adversary.checkpoint_votes import Gun, Reserve
from sim.kernel.part import part
from sim.kernel.units import AtLeastOne, Share
from sim.node.surroundings import Behaviour, Surroundings

SLOTS_APART = 4
"""So long before an epoch the halves are parted, for each must have a block of its own at the border."""


@part
class Bounce:
    """Part the honest for an epoch, then justify, anew in each epoch, the checkpoint of the branch that they do not follow."""

    turns: AtLeastOne = 3  # begin when the lots promise colluders a late slot in so many epochs in a row
    act_at: Share = 0.6  # when in a slot the colluders act: after its votes have come, long before the next proposal

    def check(self) -> None:
        """Within the slot."""
        within_slot(self.act_at)

    def fits(self, world: Surroundings) -> None:
        """Branches must be chosen by votes, from checkpoints."""
        weighed_by_votes(world)

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """One plot for all."""
        plot = Plot(self, seats, world)
        loosen = world.bend({seat: plot.behaviour(seat) for seat in seats})

        def release() -> None:
            plot.disband()
            loosen()

        return release


class Plot:
    """What the colluders share. One of them stays with the first half while the honest are parted, the others with the second."""

    def __init__(self, bounce: Bounce, seats: Sequence[int], world: Surroundings) -> None:
        protocol: Any = world.protocol
        self.world, self.seats, self.turns = world, tuple(seats), bounce.turns
        self.slot_ns, self.per_epoch = protocol.slot, protocol.slots_per_epoch
        self.act_ns = int(bounce.act_at * protocol.slot)
        self.reserve = Reserve(seats, world)
        self.begun = 0
        """The epoch in which the honest are parted; 0 before the colluders have found a good one."""
        self.parted, self.over = False, False
        self.fork = 0
        """Height of the last block that both halves have."""
        self.lay = world.layer("island")
        loop = world.society.loop
        loop.call_at_ns(-(-loop.now_ns // self.slot_ns) * self.slot_ns + self.act_ns, self._act)

    def behaviour(self, seat: int) -> Behaviour:
        """Votes are kept back once the attack has begun, but for those that make the second half's branch the heavier one."""

        def bouncing(to: int, said: Any) -> Iterator[tuple[int, Any]]:
            if not getattr(type(said), "is_vote", False) or self._lets_out(said.slot):
                self.reserve.spend(seat, said)
                yield to, said

        return bouncing

    def _lets_out(self, slot: int) -> bool:
        epoch = slot // self.per_epoch
        return not self.begun or epoch < self.begun or (self.parted and epoch == self.begun + 1)

    def disband(self) -> None:
        """Be honest from now on; the network is whole."""
        self.over = True
        self._join()
        self.reserve.disband()

    def _act(self) -> None:
        """Once a slot: part the honest, let them meet again, or turn them."""
        loop = self.world.society.loop
        if self.over:
            return
        loop.call_at_ns(loop.now_ns + self.slot_ns, self._act)
        slot = loop.now_ns // self.slot_ns
        if self.parted:
            if self._second_outweighs(slot) or slot >= (self.begun + 2) * self.per_epoch - 1:
                self._join()
        elif not self.begun:
            self._part(slot)
        else:
            self._turn(slot)

    # the network that is not yet whole ------------------------------------------------------------------------------

    def _part(self, slot: int) -> None:
        """Begin before an epoch that has a late slot of ours, as those have in which we want to turn the honest."""
        epoch = slot // self.per_epoch + 1
        late = self.reserve.late_slot(epoch)
        needed = (epoch, *range(epoch + 2, epoch + 2 + self.turns))
        if slot != epoch * self.per_epoch - 1 - SLOTS_APART or late is None or not all(map(self._has_late_slot, needed)):
            return
        first = self._first_half(epoch, late)
        if not first:
            return
        islands = np.zeros(self.world.topology.n, np.int64)
        islands[first] = 1
        self.lay(islands)
        self.begun, self.parted = epoch, True
        self.reserve.begin()
        self.fork = self._watcher(0).forest.height

    def _has_late_slot(self, epoch: int) -> bool:
        """Whether a block of ours can hold two thirds of an epoch's votes."""
        late = self.reserve.late_slot(epoch)
        return late is not None and 3 * (late % self.per_epoch) >= 2 * self.per_epoch

    def _first_half(self, epoch: int, late: int) -> list[int]:
        """Who is to vote for the checkpoint that waits: just enough of those who vote before our late slot, and a maker of a block."""
        n, ours = self.world.topology.n, sum(1 for _ in self.reserve.left(epoch, late))
        many = -(-2 * n // 3) - ours
        voters = [seat for seat in self.reserve.voters(epoch, late) if seat not in self.seats]
        border = epoch * self.per_epoch
        makers = dict.fromkeys(self.reserve.proposer(slot) for slot in range(border - SLOTS_APART, border))
        maker = next((seat for seat in makers if seat in voters), None)
        if maker is None or len(makers) < 2 or many > len(voters) or 2 * many + 4 > n:
            return []
        others = [seat for seat in voters if seat not in makers]
        return [maker, *others[: many - 1], self.seats[0]]

    def _watcher(self, place: int) -> Any:
        return self.world.nodes[self.seats[place]].keep["duty"]

    def _second_outweighs(self, slot: int) -> bool:
        """Whether the second half's branch will be the heavier one for everybody."""
        first, second = (self._weight(self._watcher(place), slot) for place in (0, 1))
        return second > first + 2

    def _weight(self, duty: Any, slot: int) -> int:
        votes = duty.choice.votes.latest(slot + 1).items()
        return sum(many for head, many in votes if duty.forest.height_of(head) > self.fork)

    def _join(self) -> None:
        if self.parted:
            self.parted = False
            self.lay(None)

    # the bounce -----------------------------------------------------------------------------------------------------

    def _turn(self, slot: int) -> None:
        """If the checkpoint of this epoch can be justified later on, justify the one that is waiting on the other branch."""
        duty = self._watcher(1)
        epoch, head = slot // self.per_epoch, duty.forest.head
        followed = duty.choice.branches.at(head, slot).border
        gun = self._loaded(duty, epoch, head)
        if gun is None or all(one.target != followed for one in self.reserve.justifiable(epoch)):
            return
        self.reserve.load(gun)
        loop = self.world.society.loop
        loop.call_at_ns(loop.now_ns + (self.slot_ns - self.act_ns) // 2, self.reserve.fire, gun)

    def _loaded(self, duty: Any, epoch: int, head: str) -> Gun | None:
        """The newest checkpoint that we can justify, later than the justified one and on another branch than the head."""
        for past in range(epoch - 1, duty.choice.justified.epoch, -1):
            for gun in self.reserve.justifiable(past):
                if not duty.choice.branches.stands_on(head, gun.target):
                    return gun
        return None
