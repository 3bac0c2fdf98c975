"""Partition: groups of seats that cannot reach each other."""

from __future__ import annotations

from collections.abc import Callable

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.node.surroundings import Surroundings


@part
class Partition:
    """Cut the network between groups; seats named in no group stay together in one of their own."""

    groups: object = ()  # lists of names, roles or regions, such as [["north"], ["south", "cloud"]]

    def check(self) -> None:
        """At least one group."""
        if not isinstance(self.groups, (list, tuple)) or not self.groups:
            raise ScenarioError('name at least one group, such as [["north"]]', "groups")

    def fits(self, world: Surroundings) -> None:
        """Nobody stands on two islands."""
        where: dict[int, int] = {}
        for place, group in enumerate(self.groups):  # type: ignore[arg-type, var-annotated]
            for seat in world.choose(group, "partition"):
                if where.setdefault(seat, place) != place:
                    name = world.topology.names[seat]
                    raise ScenarioError(f"{name!r} is in two groups, number {where[seat]} and number {place} (from 0)", "groups")

    def strike(self, world: Surroundings) -> Callable[[], None]:
        """Put each group on an island of its own."""
        network = world.society.network
        before = network.world.seats["island"].copy()
        islands = before.copy()
        island = int(before.max()) + 1
        for group in self.groups:  # type: ignore[attr-defined]
            islands[list(world.choose(group, "partition"))] = island
            island += 1
        network.set_apart("island", islands)
        return lambda: network.set_apart("island", before)
