"""The plain shapes of networks: complete, ring, line, star, grid, and four random ones.

Each is a part whose `build(dice)` gives the same topology for the same seed. Random shapes that come out in pieces are drawn again,
up to `_DRAWS` times.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Share
from sim.net.random_graphs import near_edges, regular_edges, scale_free_edges, shuffled, small_world_edges
from sim.net.topology import Topology, check_count, check_links, linked, numbered, reaches_all

Edges = NDArray[Any]
_DRAWS = 100
_wrapping = np.errstate(over="ignore")
"""Interpreted, NumPy warns where 64-bit products of the dice wrap around, as they should."""


@part
class Complete:
    """Everybody is linked to everybody."""

    seats: Count
    """Number of seats."""

    def build(self, dice: Dice) -> Topology:
        """The topology; no chance in it."""
        check_count(self.seats)
        return _full_mesh(self.seats)


@part
class Ring:
    """A circle: each seat is linked to the one before and the one behind."""

    seats: Count
    """Number of seats."""

    def build(self, dice: Dice) -> Topology:
        """The topology; no chance in it."""
        check_count(self.seats)
        return linked(numbered("seat", self.seats), _circle(np.arange(self.seats)), path="seats")


@part
class Line:
    """A chain with two ends."""

    seats: Count
    """Number of seats."""

    def build(self, dice: Dice) -> Topology:
        """The topology; no chance in it."""
        check_count(self.seats)
        order = np.arange(self.seats)
        return linked(numbered("seat", self.seats), np.stack((order[:-1], order[1:]), axis=1), path="seats")


@part
class Star:
    """One hub, seat 0, to which all others are linked and through which everything goes."""

    seats: Count
    """Number of seats, the hub included."""

    def build(self, dice: Dice) -> Topology:
        """The topology; no chance in it."""
        check_count(self.seats)
        leaves = np.arange(1, self.seats)
        roles = ["hub"] + ["member"] * (self.seats - 1)
        edges = np.stack((np.zeros_like(leaves), leaves), axis=1)
        return linked(numbered("seat", self.seats), edges, roles=roles, path="seats")


@part
class Grid:
    """Rows and columns; each seat is linked to those above, below, left and right."""

    rows: Count
    """Seats from top to bottom."""
    columns: Count
    """Seats from left to right."""
    wrap: bool = False
    """Whether opposite edges meet, which makes a torus."""

    def build(self, dice: Dice) -> Topology:
        """The topology; no chance in it."""
        seats = check_count(self.rows * self.columns, "rows")
        cells = np.arange(seats).reshape(self.rows, self.columns)
        pieces = [(cells[:, :-1], cells[:, 1:]), (cells[:-1], cells[1:])]
        if self.wrap and self.columns > 2:
            pieces.append((cells[:, -1], cells[:, 0]))
        if self.wrap and self.rows > 2:
            pieces.append((cells[-1], cells[0]))
        edges = np.concatenate([np.stack((one.ravel(), other.ravel()), axis=1) for one, other in pieces])
        return linked(numbered("seat", seats), edges, path="rows")


@part
class RandomRegular:
    """Every seat has the same number of random neighbours: the usual picture of an overlay that peers found by themselves."""

    seats: Count
    """Number of seats."""
    degree: Count = 8
    """Neighbours of each seat."""

    def build(self, dice: Dice) -> Topology:
        """The topology drawn from `dice`."""
        check_count(self.seats)
        return linked(numbered("seat", self.seats), random_regular(self.seats, self.degree, dice), path="degree")


@part
class SmallWorld:
    """A ring of near neighbours with some links thrown across (Watts and Strogatz, Nature 393, 1998)."""

    seats: Count
    """Number of seats."""
    degree: Count = 8
    """Mean number of neighbours, even."""
    probability: Share = 0.1
    """Share of the ring's links that are rewired to a random seat."""

    def build(self, dice: Dice) -> Topology:
        """The topology drawn from `dice`."""
        check_degree(self.seats, self.degree)
        if self.degree % 2:
            raise ScenarioError(f"a small world needs an even degree, not {self.degree}", "degree")
        threshold = round(self.probability * 2**32)
        edges = _first_whole(self.seats, dice, lambda key: small_world_edges(key, self.seats, self.degree, threshold))
        return linked(numbered("seat", self.seats), edges, path="degree")


@part
class ScaleFree:
    """A few seats have very many neighbours (Barabasi and Albert, Science 286, 1999): newcomers prefer the well linked."""

    seats: Count
    """Number of seats."""
    links: Count = 4
    """Links each newcomer makes; the mean degree is about twice that."""

    @_wrapping
    def build(self, dice: Dice) -> Topology:
        """The topology drawn from `dice`."""
        check_degree(self.seats, self.links, "links")
        if self.links < 1 < self.seats:
            raise ScenarioError("a newcomer that makes no links is never connected", "links")
        edges = scale_free_edges(np.uint64(dice.key("topology", 0)), self.seats, self.links)
        return linked(numbered("seat", self.seats), edges, path="links")


@part
class Geometric:
    """Points thrown on a square and linked to all that are near: what radio and city fibre look like."""

    seats: Count
    """Number of seats."""
    degree: Count | None = None
    """Mean number of neighbours far from the edge; by default twice what connects such a network, 2 ln(seats) + 4."""

    def build(self, dice: Dice) -> Topology:
        """The topology drawn from `dice`."""
        check_count(self.seats)
        wanted = self.degree if self.degree is not None else min(self.seats - 1, math.ceil(2 * math.log(self.seats) + 4))
        check_degree(self.seats, wanted)
        radius = min(math.sqrt(wanted / (math.pi * max(self.seats - 1, 1))), 1.5)
        for draw in range(_DRAWS):
            edges = _near(dice, draw, self.seats, radius)
            if reaches_all(self.seats, edges):
                break
        return linked(numbered("seat", self.seats), edges, path="degree")


@lru_cache(maxsize=2)
def _full_mesh(seats: int) -> Topology:
    """Everybody linked; kept for the next run, which changes nothing in it."""
    return linked(numbered("seat", seats), all_pairs(seats), path="seats")


def all_pairs(seats: int) -> Edges:
    """Every pair of seats once, int32[m, 2]."""
    check_links(seats * (seats - 1) // 2, "seats")
    one, other = np.triu_indices(seats, 1)
    return np.stack((one.astype(np.int32), other.astype(np.int32)), axis=1)


@_wrapping
def random_regular(seats: int, degree: int, dice: Dice, path: str = "degree") -> Edges:
    """Links of a connected random graph in which every seat has `degree` neighbours, int32[m, 2].

    Dense ones are the complement of a sparse one. Raises ScenarioError at `path` where no such graph is.
    """
    check_degree(seats, degree, path)
    if seats * degree % 2:
        raise ScenarioError(f"{seats} seats with {degree} neighbours each cannot be: the product must be even", path)
    if degree < 2 and seats > degree + 1:
        raise ScenarioError(f"{seats} seats with {degree} neighbours each are never connected; at least 2", path)
    if degree == 2:
        return _circle(shuffled(np.uint64(dice.key("topology", 0)), seats))
    if 2 * degree < seats:
        return _first_whole(seats, dice, lambda key: regular_edges(key, seats, degree))
    missing = _first_made(seats, seats - 1 - degree, dice)
    ones, others = np.minimum(missing[:, 0], missing[:, 1]), np.maximum(missing[:, 0], missing[:, 1])
    pairs = all_pairs(seats)
    names = pairs[:, 0].astype(np.int64) * seats + pairs[:, 1]
    return pairs[~np.isin(names, ones.astype(np.int64) * seats + others)]


def check_degree(seats: int, degree: int, path: str = "degree") -> None:
    """Raise ScenarioError where a seat cannot have `degree` distinct neighbours."""
    check_count(seats)
    if degree >= seats:
        most = f"at most {seats - 1}" if seats > 1 else "0"
        raise ScenarioError(f"{degree} neighbours are impossible among {seats} seats: {most}", path)
    check_links(seats * degree // 2, path)


def _circle(order: NDArray[Any]) -> Edges:
    if len(order) < 3:
        return np.stack((order[:-1], order[1:]), axis=1)
    return np.stack((order, np.roll(order, -1)), axis=1)


@_wrapping
def _first_made(seats: int, degree: int, dice: Dice) -> Edges:
    """A random regular graph that need not be connected, from the first draw whose repair succeeds."""
    for draw in range(_DRAWS):
        edges: Edges = regular_edges(np.uint64(dice.key("topology", draw)), seats, degree)
        if 2 * len(edges) == seats * degree:
            return edges
    raise ScenarioError(f"no random graph of {seats} seats with {degree} missing neighbours each was found", "degree")


@_wrapping
def _first_whole(seats: int, dice: Dice, make: Callable[[np.uint64], Edges]) -> Edges:
    """The first draw that is in one piece; the last one, for `linked` to refuse, if none is."""
    for draw in range(_DRAWS):
        edges = make(np.uint64(dice.key("topology", draw)))
        if reaches_all(seats, edges):
            break
    return edges


def _near(dice: Dice, draw: int, seats: int, radius: float) -> Edges:
    """Links between random points at most `radius` apart."""
    x = dice.stream("topology", "x", draw, count=seats)
    y = dice.stream("topology", "y", draw, count=seats)
    cells = max(1, min(int(1 / radius) if radius > 0 else 1, math.isqrt(seats) + 1))
    cell = np.minimum((y * cells).astype(np.int64), cells - 1) * cells + np.minimum((x * cells).astype(np.int64), cells - 1)
    order = np.argsort(cell, kind="stable")
    starts = np.concatenate(([0], np.cumsum(np.bincount(cell, minlength=cells * cells))))
    found = near_edges(x, y, order, starts, cells, radius, np.empty((0, 2), np.int32))
    check_links(found, "degree")
    edges: Edges = np.empty((found, 2), np.int32)
    near_edges(x, y, order, starts, cells, radius, edges)
    return edges
