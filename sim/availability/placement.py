"""Where the fragments of an object go: the policy as a function from what is known to an order of seats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sim.kernel.dice import Dice

Policy = Literal["spread", "random", "near"]


def ordered(policy: Policy, seats: Sequence[int], regions: Sequence[str], source: int, dice: Dice, *key: int | str) -> list[int]:
    """`seats` in the order in which they take fragments.

    random: any order; spread: regions in turn, so that no region holds more than its part while others have room; near: the
    source's own region first.
    """
    luck = {seat: place for place, seat in enumerate(dice.shuffled(len(regions), "placement", *key))}
    drawn = sorted(seats, key=lambda seat: luck[seat])
    if policy == "random":
        return drawn
    if policy == "near":
        return sorted(drawn, key=lambda seat: regions[seat] != regions[source])
    turn: dict[str, int] = {}
    rounds: dict[int, int] = {}
    for seat in drawn:
        rounds[seat] = turn[regions[seat]] = turn.get(regions[seat], -1) + 1
    return sorted(drawn, key=lambda seat: rounds[seat])


def replacement(
    policy: Policy, seats: Sequence[int], regions: Sequence[str], source: int, holding: Sequence[int], dice: Dice, *key: int | str
) -> int | None:
    """The seat that takes over a fragment: one that holds none; with `spread`, of the region that holds fewest. None without one."""
    taken = dict.fromkeys(holding)
    free = [seat for seat in ordered(policy, seats, regions, source, dice, *key) if seat not in taken]
    if not free:
        return None
    if policy != "spread":
        return free[0]
    held = [regions[seat] for seat in holding]
    return min(free, key=lambda seat: held.count(regions[seat]))
