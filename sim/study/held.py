"""Which seats an adversary holds: those that the scenario names, or so many drawn from all but those whom its part is after."""

from __future__ import annotations

from typing import Any

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.net.choose import choose
from sim.net.topology import Topology
from sim.study.scenario import Scenario


def seats_held(entry: Any, place: int, topology: Topology, dice: Dice) -> tuple[int, ...]:
    """The seats of the scenario's adversary number `place`, ascending.

    A part may say whom a count or a share `spares`: a victim that is drawn by chance is left out, one that is named is not.
    Raises ScenarioError where no seat is called so.
    """
    seats = choose(entry.seats, topology, dice, f"adversary-{place}")
    spares = getattr(entry.part, "spares", None)
    named = not isinstance(entry.seats, (int, float)) and not (isinstance(entry.seats, str) and entry.seats.strip().endswith("%"))
    if spares is None or named:
        return seats
    spared = spares(topology, dice)
    return tuple(seat for seat in seats if seat not in spared)


def check_seats(scenario: Scenario, topology: Topology, dice: Dice) -> None:
    """Refuse seats that nobody has before rules are compiled, which may take a minute."""
    for place, entry in enumerate(scenario.adversary):
        try:
            seats_held(entry, place, topology, dice)
        except ScenarioError as error:
            raise error.under(f"adversary[{place}]") from None
    for place, entry in enumerate(scenario.fault):
        groups = getattr(entry.part, "groups", None) or ()
        chosen = {f"groups[{number}]": group for number, group in enumerate(groups)} or {"seats": getattr(entry.part, "seats", 0)}
        for key, group in chosen.items():
            try:
                choose(group, topology, dice, "check")
            except ScenarioError as error:
                raise ScenarioError(error.sentence, f"fault[{place}].{key}") from None
