"""Enemies and faults of a scenario put into a world: who does not fit is refused before the run, the others act when they are due."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sim.kernel.errors import ScenarioError
from sim.kernel.loop import VirtualLoop
from sim.study.held import seats_held
from sim.study.plugins import kind_of

if TYPE_CHECKING:
    from sim.study.build import World


def add_trouble(world: World) -> None:
    """Put all of them in; ScenarioError for the first that does not fit, with its place in the scenario."""
    scenario = world.scenario
    world.surroundings.open_to = frozenset(deed for workload in scenario.workload for deed in getattr(workload, "open_to", ()))
    for name, entries, add in (("adversary", scenario.adversary, _add_enemy), ("fault", scenario.fault, _add_fault)):
        for place, entry in enumerate(entries):
            try:
                add(world, place, entry)
            except ScenarioError as error:
                raise error.under(f"{name}[{place}]") from None


def _add_enemy(world: World, place: int, entry: Any) -> None:
    scenario, loop, kind = world.scenario, world.loop, kind_of(entry.part)
    seats = seats_held(scenario, place, world.topology, world.society.dice)
    why = getattr(world.surroundings.protocol, "no_lie", {}).get(kind)
    if why is not None:
        raise ScenarioError(f"{kind_of(scenario.consensus.protocol)} has no lie of this kind: {why}", "kind")
    why = getattr(entry.part, "without_consensus", None)
    if why is not None and world.surroundings.program is None:
        raise ScenarioError(f"there is no consensus here: {why}", "kind")
    _ask_fits(world, entry.part)
    for seat in seats:
        world.corrupted[seat] = True

    def corrupt() -> None:
        for seat in seats:
            world.trace.record("corrupt", seat, kind)
        release = entry.part.corrupt(seats, world.surroundings)
        if entry.lasts:
            loop.call_at_ns(loop.now_ns + entry.lasts, release)

    _at(loop, entry.at, corrupt)


def _add_fault(world: World, place: int, entry: Any) -> None:
    loop, trace, kind = world.loop, world.trace, kind_of(entry.part)
    _ask_fits(world, entry.part)

    def strike() -> None:
        trace.record("fault", -1, kind, "begin", "")
        mend = entry.part.strike(world.surroundings)

        def heal() -> None:
            mend()
            trace.record("fault", -1, kind, "end", "")

        if entry.lasts:
            loop.call_at_ns(loop.now_ns + entry.lasts, heal)

    _at(loop, entry.at, strike)


def _ask_fits(world: World, part: Any) -> None:
    """Refuse what does not fit before the run begins and not in its middle."""
    fits = getattr(part, "fits", None)
    if fits is not None:
        fits(world.surroundings)


def _at(loop: VirtualLoop, time_ns: int, action: Callable[[], None]) -> None:
    if time_ns <= 0:
        action()
    else:
        loop.call_at_ns(time_ns, action)
