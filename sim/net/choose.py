"""Choosing seats the way people say it: a count, a share, names, a role or a region."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.units import parse_share
from sim.net.topology import Topology

Selector = int | float | str | Sequence[str]


def choose(selector: Selector, topology: Topology, dice: Dice, purpose: str) -> tuple[int, ...]:
    """The seats meant by `selector`, ascending; counts and shares are drawn. A share rounds down, but to at least one seat.

    Raises ScenarioError where no seat has that name, role or region, or more seats are wanted than there are.
    """
    n = topology.n
    words = (selector,) if isinstance(selector, str) else selector
    if isinstance(selector, bool) or not (
        isinstance(selector, (int, float)) or (isinstance(words, Sequence) and all(isinstance(word, str) for word in words))
    ):
        raise ScenarioError(f"{_shown(selector)} is no choice of seats; give a count, a share, names, a role or a region", "seats")
    if isinstance(selector, int):
        return _drawn(selector, n, dice, purpose)
    if isinstance(selector, float) or (isinstance(selector, str) and selector.strip().endswith("%")):
        share = parse_share(selector) if isinstance(selector, str) else selector
        if not 0 <= share <= 1:
            raise ScenarioError(f"{share} is no share; write a number from 0 to 1 or a text such as '20 %'", "seats")
        return _drawn(max(1, int(share * n + 1e-9)) if share > 0 else 0, n, dice, purpose)
    wanted = [selector] if isinstance(selector, str) else list(selector)
    chosen: dict[int, None] = {}
    for word in wanted:
        for seat in seats_called(word, topology):
            chosen[seat] = None
    return tuple(sorted(chosen))


def seats_called(word: str, topology: Topology) -> list[int]:
    """Seats by name, else by role, else by region."""
    for labels in (topology.names, topology.roles, topology.regions):
        found = [seat for seat, label in enumerate(labels) if label == word]
        if found:
            return found
    if not isinstance(word, str):
        raise ScenarioError(f"{_shown(word)} is no name, role or region; write a text", "seats")
    known = sorted({*topology.roles, *topology.regions})
    near = get_close_matches(word, [*known, *topology.names], 1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; roles and regions are {', '.join(known)}"
    raise ScenarioError(f"no seat is called {_shown(word)} or has that role or region{hint}", "seats")


def _shown(value: object) -> str:
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return text if len(text) <= 48 else f"{text[:45]}..."


def _drawn(count: int, n: int, dice: Dice, purpose: str) -> tuple[int, ...]:
    if count < 0 or count > n:
        raise ScenarioError(f"{count} seats were asked for, but there are only {n}", "seats")
    return tuple(dice.choice(count, n, purpose))
