"""The oldest random graph: every pair of seats is linked or not, each by its own toss of one coin."""

from __future__ import annotations

import math

import numpy as np

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count
from sim.net.random_graphs import coin_edges
from sim.net.topology import Topology, check_count, check_links, linked, numbered, reaches_all

_DRAWS = 100


@part
class ErdosRenyi:
    """Every pair of seats is linked with the same chance (Gilbert, 1959; Erdos and Renyi, 1960).

    Such a graph is in one piece with chance exp(-exp(-c)) where the mean degree is ln(seats) + c.
    """

    seats: Count
    """Number of seats."""
    degree: float | None = None
    """Mean number of neighbours; by default ln(seats) + 4, which is nearly always in one piece."""
    redraw: bool = True
    """Whether a graph in pieces is drawn again, up to 100 times; otherwise it is refused as it is."""

    def build(self, dice: Dice) -> Topology:
        """The topology drawn from `dice`."""
        seats = check_count(self.seats)
        usual = min(seats - 1.0, math.log(seats) + 4)
        wanted = usual if self.degree is None else self.degree
        if wanted > seats - 1:
            raise ScenarioError(f"{wanted:g} neighbours are impossible among {seats} seats: at most {seats - 1}", "degree")
        check_links(round(seats * wanted / 2), "degree")
        threshold = round(wanted / max(1, seats - 1) * 2**32)
        with np.errstate(over="ignore"):
            for draw in range(_DRAWS if self.redraw else 1):
                edges = coin_edges(np.uint64(dice.key("topology", draw)), seats, threshold)
                if reaches_all(seats, edges):
                    break
        return linked(numbered("seat", seats), edges, path="degree")
