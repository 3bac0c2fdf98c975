"""Partition: groups of seats that cannot reach each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

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
        """Nobody stands on two islands, and there are two."""
        where: dict[int, int] = {}
        for place, group in enumerate(self.groups):  # type: ignore[arg-type, var-annotated]
            for seat in world.choose(group, "partition"):
                if where.setdefault(seat, place) != place:
                    name = world.topology.names[seat]
                    raise ScenarioError(f"{name!r} is in two groups, number {where[seat]} and number {place} (from 0)", "groups")
        if not where or (len(where) == world.topology.n and len(set(where.values())) == 1):
            raise ScenarioError("all seats are on one side, so nobody is cut off; name fewer, or a second group", "groups")

    def strike(self, world: Surroundings) -> Callable[[], None]:
        """Put each group on an island of its own."""
        islands = np.zeros(world.topology.n, np.int64)
        for island, group in enumerate(self.groups, 1):  # type: ignore[arg-type, var-annotated]
            islands[list(world.choose(group, "partition"))] = island
        lay = world.layer("island")
        lay(islands)
        return lambda: lay(None)
