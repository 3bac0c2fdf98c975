"""Who keeps which lines, and the meshes in which they pass shares on, as the words that the shares' rule reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.availability import shares
from sim.availability.shares_rule import rule
from sim.kernel.dice import Dice
from sim.net.keeper import Keeper

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Shape:
    """The matrix of shares and how it is spread. Times in ns."""

    dimensions: int
    rows: int
    columns: int
    need: int
    """Shares of a row, in one dimension of the whole, that are enough for the rest."""
    need_down: int
    """Shares of a column that are; without meaning in one dimension."""
    degree: int
    copies: int
    samples: int
    patience_ns: int
    turns: int
    decode_ns: int
    check_ns: int
    committed: bool
    """Whether each share proves by itself that the code is right (a polynomial commitment)."""
    commit_ns: int = 0
    """CPU time of a publisher before anything goes out."""
    missing: int = 0
    """Shares that a seat wants and may lack all the same."""

    @classmethod
    def plain(cls, columns: int, need: int) -> Shape:
        """Shares in one dimension that no mesh spreads."""
        return cls(1, 1, columns, need, 1, 0, 0, 0, 0, 0, 0, 0, False)

    @property
    def shares(self) -> int:
        """How many there are."""
        return self.rows * self.columns

    @property
    def lines(self) -> int:
        """How many lines there are."""
        return self.columns if self.dimensions == 1 else self.rows + self.columns


def mesh_of(members: Ints, degree: int, dice: Dice, line: int) -> Ints:
    """int64[members, degree]: neighbours of each on a random ring or several, as seats, filled up with -1.

    Each ring adds one neighbour before and one behind; where there are few members everybody has everybody.
    """
    count = len(members)
    if count <= degree + 1:
        table = np.full((count, degree), -1, np.int64)
        for place in range(count):
            others = np.delete(members, place)
            table[place, : len(others)] = others
        return table
    table = np.full((count, degree), -1, np.int64)
    for ring in range((degree + 1) // 2):
        order = np.array(dice.shuffled(count, "line mesh", line, ring), np.int64)
        table[order, 2 * ring] = members[np.roll(order, 1)]
        if 2 * ring + 1 < degree:
            table[order, 2 * ring + 1] = members[np.roll(order, -1)]
    return table


def known_to(n: int, peers: int, dice: Dice) -> Ints:
    """int64[n, peers]: whom each seat is connected to, both ways and drawn evenly; -1 for a pair that was drawn twice."""
    table = np.sort(mesh_of(np.arange(n, dtype=np.int64), peers, dice, -1), axis=1)
    table[:, 1:][table[:, 1:] == table[:, :-1]] = -1
    order = np.argsort(dice.words("known", count=table.size).reshape(table.shape), axis=1)
    return np.take_along_axis(table, order, 1)


def mesh_among(members: Ints, known: Ints, keeps: NDArray[np.bool_], degree: int) -> Ints:
    """int64[members, degree]: of whom each knows, up to `degree` who keep the line (bool[n]), filled up with -1."""
    table = known[members]
    fits = (table >= 0) & keeps[table]
    order = np.argsort(~fits, axis=1, kind="stable")[:, :degree]
    found = np.where(np.take_along_axis(fits, order, 1), np.take_along_axis(table, order, 1), -1)
    return np.pad(found, ((0, 0), (0, degree - found.shape[1])), constant_values=-1)


def kept_shares(shape: Shape, lines: Ints) -> int:
    """How many different shares lie on these lines."""
    if shape.dimensions == 1:
        return len(lines)
    rows = int((lines < shape.rows).sum())
    columns = len(lines) - rows
    return rows * shape.columns + columns * shape.rows - rows * columns


def wanted_by(shape: Shape, keeps: Sequence[Ints]) -> Ints:
    """int64[seats]: how many shares satisfy each seat: all on its lines, or its samples where it keeps none, but for those that may miss."""
    samples = min(shape.samples, shape.shares) - shape.missing
    own = [kept_shares(shape, lines) for lines in keeps]
    return np.array(
        [samples if not count else count if count == shape.shares else count - shape.missing for count in own], np.int64
    )


def keeper_of(shape: Shape, keeps: Sequence[Ints], servers: Sequence[int], dice: Dice, peers: int = 0) -> Keeper:
    """The rule and its words. `keeps` lists each seat's lines, ascending; `servers` answer samplers; 0 `peers`: all know all."""
    n = len(keeps)
    slots = np.full((shape.lines, n), -1, np.int64)
    first_line = np.concatenate([[0], np.cumsum([len(lines) for lines in keeps])]).astype(np.int64)
    lines = np.concatenate(list(keeps)).astype(np.int64) if n else np.zeros(0, np.int64)
    owners = np.repeat(np.arange(n, dtype=np.int64), np.diff(first_line))
    order = np.argsort(lines, kind="stable")
    members = owners[order]
    first_member = np.searchsorted(lines[order], np.arange(shape.lines + 1)).astype(np.int64)
    slots[lines[order], members] = np.arange(len(members))
    known = known_to(n, peers, dice) if peers else np.zeros((n, 0), np.int64)
    each = [members[first_member[one] : first_member[one + 1]] for one in range(shape.lines)]
    meshes = [
        mesh_among(mine, known, slots[one] >= 0, shape.degree) if peers else mesh_of(mine, shape.degree, dice, one)
        for one, mine in enumerate(each)
    ]
    tables = {
        shares.SLOTS_AT: slots.ravel(),
        shares.MESH_AT: np.concatenate(meshes).ravel() if len(members) else np.zeros(0, np.int64),
        shares.FIRST_MEMBER_AT: first_member,
        shares.MEMBERS_AT: members,
        shares.FIRST_LINE_AT: first_line,
        shares.LINES_AT: lines,
        shares.WANTED_AT: wanted_by(shape, keeps),
        shares.SERVERS_AT: np.array(servers, np.int64),
        shares.KNOWN_AT: known.ravel(),
    }
    longest = max(shape.rows, shape.columns) if shape.dimensions == 2 else max(len(lines) for lines in keeps)
    most_asked = 256
    head = np.zeros(shares.OPTION_WORDS, np.int64)
    for place, value in {
        shares.DIMENSIONS: shape.dimensions,
        shares.ROWS: shape.rows,
        shares.COLUMNS: shape.columns,
        shares.NEED: shape.need,
        shares.NEED_DOWN: shape.need_down,
        shares.PATIENCE_NS: shape.patience_ns,
        shares.DECODE_NS: shape.decode_ns,
        shares.SAMPLES: shape.samples,
        shares.COPIES: shape.copies,
        shares.KEY: dice.key("shares") >> 1,
        shares.DEGREE: shape.degree,
        shares.TURNS: shape.turns,
        shares.CHECKS: int(shape.committed),
        shares.MOST_ASKED: most_asked,
        shares.SERVERS: len(servers),
        shares.KNOWN: known.shape[1],
    }.items():
        head[place] = value
    at = shares.OPTION_WORDS
    for place, table in tables.items():
        head[place] = at
        at += len(table)
    most = max(longest * shape.degree * shape.dimensions + shape.lines, most_asked, 2 * shape.copies, 4 * shape.samples) + 2
    return Keeper(rule, np.concatenate([head, *tables.values()]), most, shape.check_ns)
