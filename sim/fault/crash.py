"""Crash: a node stops, forgets what it had not kept, and may come back."""

from __future__ import annotations

from collections.abc import Callable

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count
from sim.net.core.state import UP
from sim.node.surroundings import Surroundings


@part
class Crash:
    """Stop the chosen seats; they restart when the fault ends, with only what the protocol wrote down.

    Where crashes of one seat overlap it restarts at the end of each: the first brings it up, the second makes it begin anew.
    """

    seats: object = 1  # a count, a share, names, a role or a region
    custodians: Count = 0
    """Instead of `seats`, those who keep the first so many objects stored, or columns (first rows) of the data behind blocks."""
    spare: Count = 0
    """How many of the custodians of each object or column stay up."""

    def check(self) -> None:
        """One way of choosing."""
        if self.custodians and self.seats != 1:
            raise ScenarioError("has no effect beside `custodians`, who are chosen by what they keep; drop one of the two", "seats")
        if self.spare and not self.custodians:
            raise ScenarioError(
                "has no effect where nobody is chosen by what they keep; give `custodians`, or drop the key", "spare"
            )

    def fits(self, world: Surroundings) -> None:
        """Somebody must keep something."""
        if self.custodians and world.society.storage is None and world.society.behind is None:
            why = 'nobody keeps parts of anything; write [availability] kind = "erasure", or "custody"'
            raise ScenarioError(why, "custodians")

    def _chosen(self, world: Surroundings) -> tuple[int, ...]:
        if not self.custodians:
            return world.choose(self.seats, "crash")  # type: ignore[arg-type]
        storage, behind = world.society.storage, world.society.behind
        if storage is not None:
            groups = [storage.holders(one.digest) for one in storage.kept()[: self.custodians]]
        else:
            groups = [behind.custodians(line) for line in range(self.custodians)] if behind is not None else []
        return tuple(dict.fromkeys(seat for group in groups for seat in group[self.spare :]))

    def strike(self, world: Surroundings) -> Callable[[], None]:
        """Switch them off."""
        seats = self._chosen(world)
        for seat in seats:
            world.nodes[seat].crash()

        def mend() -> None:
            for seat in seats:
                revive(world, seat)

        return mend


def revive(world: Surroundings, seat: int) -> None:
    """Bring a seat up again; where there is no consensus it has no program to start, but it relays."""
    if world.program is not None:
        world.nodes[seat].restart(world.program)
    else:
        world.society.trace.record("restart", seat)
        world.society.network.set_flag(seat, UP, True)
