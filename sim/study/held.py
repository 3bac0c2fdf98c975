"""Which seats an adversary holds: those that the scenario names, or so many drawn from all but those whom its part is after."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.units import parse_share, show_share
from sim.net.choose import choose
from sim.net.topology import Topology
from sim.study.scenario import Scenario

_OF_STAKE = re.compile(r"\s*(.*\S)\s+of\s+(?:stake|power)\s*")


def seats_held(scenario: Scenario, place: int, topology: Topology, dice: Dice) -> tuple[int, ...]:
    """The seats of the scenario's adversary number `place`, ascending.

    A part may say whom a count or a share `spares`: a victim that is drawn by chance is left out, one that is named is not.
    Raises ScenarioError where no seat is called so.
    """
    entry = scenario.adversary[place]
    weighed = _OF_STAKE.fullmatch(entry.seats) if isinstance(entry.seats, str) else None
    if weighed is not None:
        seats = _weighing(parse_share(weighed[1]), _stakes(scenario, topology), dice, f"adversary-{place}")
    else:
        seats = choose(entry.seats, topology, dice, f"adversary-{place}")
    spares = getattr(entry.part, "spares", None)
    drawn = isinstance(entry.seats, (int, float)) or (isinstance(entry.seats, str) and entry.seats.strip().endswith("%"))
    named = weighed is None and not drawn
    if spares is None or named:
        return seats
    spared = spares(topology, dice)
    return tuple(seat for seat in seats if seat not in spared)


def _stakes(scenario: Scenario, topology: Topology) -> Sequence[float]:
    """What each seat has at stake, or of the power to mine: by the consensus if that weighs seats, else by the gossip, else all alike."""
    for key, part in (("consensus", getattr(scenario.consensus, "protocol", None)), ("gossip", scenario.gossip)):
        stakes = getattr(part, "stakes", None)
        if stakes is not None:
            try:
                weights: Sequence[float] = stakes(topology)
            except ScenarioError as error:
                raise error.under(key) from None
            return weights
    return [1.0] * topology.n


def _weighing(share: float, weights: Sequence[float], dice: Dice, purpose: str) -> tuple[int, ...]:
    """Seats in a drawn order, each of which is taken if all that are taken then weigh no more than this share of the whole.

    Raises ScenarioError where the lightest seat alone weighs more.
    """
    left, least = share * sum(weights) * (1 + 1e-9), min(weight for weight in weights if weight)
    if 0 < left < least:
        raise ScenarioError(f"even the seat with least has {show_share(least / sum(weights))} of the whole; write more", "seats")
    taken = []
    for seat in dice.shuffled(len(weights), purpose):
        if weights[seat] and weights[seat] <= left:
            left -= weights[seat]
            taken.append(seat)
    return tuple(sorted(taken))


def check_seats(scenario: Scenario, topology: Topology, dice: Dice) -> None:
    """Refuse seats that nobody has before rules are compiled, which may take a minute."""
    for place in range(len(scenario.adversary)):
        try:
            seats_held(scenario, place, topology, dice)
        except ScenarioError as error:
            elsewhere = error.path.startswith(("consensus", "gossip"))  # who has what is wrong, not who is meant
            raise error if elsewhere else ScenarioError(error.sentence, f"adversary[{place}].{error.path or 'seats'}") from None
    for place, entry in enumerate(scenario.fault):
        groups = getattr(entry.part, "groups", None) or ()
        chosen = {f"groups[{number}]": group for number, group in enumerate(groups)} or {"seats": getattr(entry.part, "seats", 0)}
        for key, group in chosen.items():
            try:
                choose(group, topology, dice, "check")
            except ScenarioError as error:
                raise ScenarioError(error.sentence, f"fault[{place}].{key}") from None
