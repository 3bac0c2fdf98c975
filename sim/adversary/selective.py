"""Selective: the relay that serves nearly everybody, and keeps some in the dark or some unheard."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.net.bending import bend, bent, mark
from sim.net.choose import choose
from sim.net.core.state import SHUNS, SILENCES
from sim.net.topology import Topology
from sim.node.surroundings import Surroundings


@part
class Selective:
    """Send nothing about any item to `victims`, and pass on nothing that `authors` have published."""

    victims: object = ()  # who is told nothing: a count, a share, names, a role or a region
    authors: object = ()  # whose publications end here

    def check(self) -> None:
        """Somebody is meant."""
        if self.victims == () and self.authors == ():
            raise ScenarioError('names nobody; write victims = ["seat-3"] or authors = ["seat-3"]', "victims")

    def fits(self, world: Surroundings) -> None:
        """The victims exist."""
        self.spares(world.topology, world.society.dice)

    def spares(self, topology: Topology, dice: Dice) -> tuple[int, ...]:
        """Whom a count or a share of seats leaves out: victims and authors are not drawn into the adversary's own ranks."""
        return (*self.meant("victims", topology, dice), *self.meant("authors", topology, dice))

    def meant(self, key: str, topology: Topology, dice: Dice) -> tuple[int, ...]:
        """The seats of a key; where a count or a share is written, the same ones whenever it is asked."""
        try:
            return choose(getattr(self, key), topology, dice, key)
        except ScenarioError as error:
            raise ScenarioError(error.sentence, key) from None

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Leave them out from now on."""
        network = world.society.network
        held = frozenset(seats)
        groups = []
        for column, key in ((SHUNS, "victims"), (SILENCES, "authors")):
            chosen = [seat for seat in self.meant(key, world.topology, world.society.dice) if seat not in held]
            if not chosen:
                continue
            group = mark(network, chosen)
            groups.append((column, group))
            for seat in chosen:
                world.society.trace.record("target", seat, "selective")
            for seat in seats:
                bend(network, seat, column, bent(network, seat, column) | group)

        def release() -> None:
            for column, group in groups:
                for seat in seats:
                    bend(network, seat, column, bent(network, seat, column) & ~group)

        return release
