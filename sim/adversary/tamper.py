"""Tamper: hand out altered copies of the records one holds; a reader who checks the anchor notices."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.node.surroundings import Surroundings


@part
class Tamper:
    """Serve altered copies of off-chain records."""

    def fits(self, world: Surroundings) -> None:
        """Somebody reads what others hold, and could be deceived."""
        if world.society.storage is None and "tamper" not in world.open_to:
            why = "nobody reads records that others hold for him and checks them"
            raise ScenarioError(
                f'{why}; write a [[workload]] such as "ehr", or kind corrupt, which spoils bodies under way', "kind"
            )

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Alter what is served from now on."""
        for seat in seats:
            world.alters[seat] = True

        def release() -> None:
            for seat in seats:
                world.alters[seat] = False

        return release
