"""Timetable: who joins and who leaves when, as it was planned.

A seat that joins later is down until then and has missed what went before: to catch up is its protocol's and its gossip's task.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

from sim.fault.crash import revive
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Duration
from sim.net.core.state import UP
from sim.node.surroundings import Surroundings


@part
class Timetable:
    """Seats that join late, leave early, or both; times count from when the fault begins. When it ends all are up.

    Whoever has a time to join before any time to leave is not there at first.
    """

    joins: dict[str, Duration] = field(default_factory=dict)  # {name, role or region = when}
    leaves: dict[str, Duration] = field(default_factory=dict)  # likewise

    def check(self) -> None:
        """Somebody comes or goes, and nobody does both at once."""
        if not self.joins and not self.leaves:
            raise ScenarioError('nobody comes or goes; write joins = { clinic = "30 s" }', "joins")
        for name, time_ns in self.joins.items():
            if self.leaves.get(name) == time_ns:
                raise ScenarioError(f"{name!r} leaves and joins at the same instant", f"leaves.{name}")

    def fits(self, world: Surroundings) -> None:
        """All of them exist."""
        for key in ("joins", "leaves"):
            for name in getattr(self, key):
                try:
                    world.choose(name, "timetable")
                except ScenarioError as error:
                    raise ScenarioError(error.sentence, f"{key}.{name}") from None

    def strike(self, world: Surroundings) -> Callable[[], None]:
        """Those who are to come leave at once; the rest happens by the clock."""
        loop = world.society.loop
        start_ns = loop.now_ns
        comes, goes = self._by_seat(self.joins, world), self._by_seat(self.leaves, world)
        over: list[bool] = []

        def turn(seat: int, on: bool) -> None:
            if not over:
                switch(world, seat, on)

        for seat, time_ns in comes.items():
            if time_ns < goes.get(seat, time_ns + 1):
                switch(world, seat, False)
        for turns, on in ((comes, True), (goes, False)):
            for seat, time_ns in turns.items():
                loop.call_at_ns(start_ns + max(1, time_ns), turn, seat, on)

        def mend() -> None:
            over.append(True)
            for seat in sorted({*comes, *goes}):
                switch(world, seat, True)

        return mend

    def _by_seat(self, times: dict[str, int], world: Surroundings) -> dict[int, int]:
        return {seat: time_ns for name, time_ns in times.items() for seat in world.choose(name, "timetable")}


def switch(world: Surroundings, seat: int, on: bool) -> None:
    """Bring a seat up or down, unless it is so already."""
    up = bool(world.society.network.world.seats[seat]["flags"] & UP)
    if on and not up:
        revive(world, seat)
    elif up and not on:
        world.nodes[seat].crash()
