"""Who has how much of what decides: hash power or stake, by name, role or region, as shares of the whole."""

from __future__ import annotations

from collections.abc import Mapping

from sim.kernel.errors import ScenarioError
from sim.net.choose import seats_called
from sim.net.topology import Topology
from sim.node.node import Node


def shares_of(weights: Mapping[str, float], topology: Topology, key: str) -> list[float]:
    """The share of each seat, all together 1; a group's weight is divided among its seats, seats in none have none.

    Without weights all seats are equal. Raises ScenarioError for a name nobody has and for weights that come to nothing.
    """
    if not weights:
        return [1 / topology.n] * topology.n
    amounts = [0.0] * topology.n
    for word, weight in weights.items():
        try:
            seats = seats_called(word, topology)
        except ScenarioError as error:
            raise ScenarioError(error.sentence, f"{key}.{word}") from None
        for seat in seats:
            amounts[seat] += weight / len(seats)
    whole = sum(amounts)
    if whole <= 0:
        raise ScenarioError("comes to nothing; give at least one seat a share above 0", key)
    return [amount / whole for amount in amounts]


def share_of(node: Node, weights: Mapping[str, float], key: str) -> float:
    """This identity's share."""
    nature = node.society.nature
    if key not in nature:
        try:
            nature[key] = shares_of(weights, node.society.network.topology, key)
        except ScenarioError as error:
            raise error.under("consensus") from None
    share: float = nature[key][node.id]
    return share
