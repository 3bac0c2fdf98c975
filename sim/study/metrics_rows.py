"""The trace of a finished run, read once and laid out in columns that metrics, checks and plots share.

Only what the world wrote down is here; nothing is judged. Seats held by an adversary are kept out of every honest column.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from functools import cached_property
from itertools import compress, groupby, pairwise, repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.kernel.trace import Many, Row
from sim.study.evidence import Evidence, Spread, read_once
from sim.study.sequence import distinct, first_unlike

NEVER = -1
SECOND_NS = 1_000_000_000
_NONE = np.zeros(0, np.int64)
_MOST_ROWS = 1 << 16


class Decisions(NamedTuple):
    """Decisions of honest seats in the order of the trace; `code` is the place of the digest in `digests`."""

    time_ns: NDArray[np.int64]
    seat: NDArray[np.int64]
    slot: NDArray[np.int64]
    code: NDArray[np.int64]
    digests: tuple[str, ...]

    def of(self, which: NDArray[np.bool_]) -> Decisions:
        """Some of them, bool[decisions]."""
        return Decisions(self.time_ns[which], self.seat[which], self.slot[which], self.code[which], self.digests)


class _Columns:
    """Honest decisions on their way from rows to columns."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        """Those that are not laid out yet."""
        self._parts: list[tuple[NDArray[np.int64], ...]] = []
        self._code_of: dict[str, int] = {}
        self._laid_out = 0

    def __len__(self) -> int:
        return self._laid_out + len(self.rows)

    def lay_out(self) -> None:
        """Make columns of the rows."""
        if self.rows:
            times, _, seats, slots, digests = zip(*self.rows, strict=True)
            code_of = self._code_of
            codes = [code_of.setdefault(digest, len(code_of)) for digest in digests]
            self._add(times, seats, slots, codes)
            self.rows.clear()

    def add_many(self, many: Many, mine: NDArray[np.bool_]) -> None:
        """Decisions that were recorded together, of which `mine`, bool[decisions], are honest."""
        self.lay_out()
        told = many.digests if mine.all() else list(compress(many.digests, mine.tolist()))
        codes: list[int] = []
        for digest, same in groupby(told):
            codes.extend(repeat(self._code_of.setdefault(digest, len(self._code_of)), sum(1 for _ in same)))
        self._add(many.time_ns[mine], many.seat[mine], many.slot[mine], codes)

    def _add(self, *columns: Any) -> None:
        self._parts.append(tuple([np.array(column, np.int64) for column in columns]))
        self._laid_out += len(columns[0])

    def decisions(self) -> Decisions:
        """All of them."""
        self.lay_out()
        parts = self._parts or [(_NONE,) * 4]
        time_ns, seat, slot, code = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
        return Decisions(time_ns, seat, slot, code, tuple(self._code_of))


Revocation = tuple[int, int, int, int]
"""Time in ns, seat, slot, and how many honest decisions had gone before."""


def places_revoked(known: Decisions, revocations: list[Revocation]) -> NDArray[np.int64]:
    """For each revocation the place of the decision it takes back, -1 where there is none: the seat's last one at that slot before."""
    wanted: dict[tuple[int, int], list[int]] = {(seat, slot): [] for _, seat, slot, _ in revocations}
    near = np.flatnonzero(np.isin(known.slot, [slot for _, _, slot, _ in revocations]))
    for place in near.tolist():
        key = (int(known.seat[place]), int(known.slot[place]))
        if key in wanted:
            wanted[key].append(place)
    found = np.full(len(revocations), NEVER, dtype=np.int64)
    for number, (_, seat, slot, before) in enumerate(revocations):
        earlier = [place for place in wanted[seat, slot] if place < before]
        if earlier:
            found[number] = earlier[-1]
            wanted[seat, slot].remove(earlier[-1])
    return found


def transaction_name(transaction: Any) -> str:
    """The name under which `submit` rows know a block's transaction: itself if text, its `digest` otherwise."""
    return transaction if isinstance(transaction, str) else str(transaction.id)


class Reading:
    """One run's trace in columns. Build it with `read(evidence)`, which keeps it."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = weakref.ref(evidence)
        self.honest = np.asarray(evidence.honest, dtype=bool)
        self.seats = evidence.seats
        self.rows: dict[str, list[Row]] = {}
        self.submitted: dict[str, Row] = {}
        """The first `submit` row of each transaction."""
        self.turns: list[tuple[int, int, bool]] = []
        """(how many honest decisions had gone before, seat, whether it came up) of each crash and restart."""
        self.revocations: list[Revocation] = []
        self.decisions = self._read(evidence)
        """Those that stand when the run ends."""
        self.taken_back = Decisions(_NONE, _NONE, _NONE, _NONE, self.decisions.digests)
        """Those that were revoked by the seat that had made them."""
        if self.revocations:
            self._take_back(self.decisions)

    def _take_back(self, everything: Decisions) -> None:
        """Of all decisions leave those that stand."""
        taken_back = places_revoked(everything, self.revocations)
        stands = np.ones(everything.slot.size, np.bool_)
        stands[taken_back[taken_back != NEVER]] = False
        self.decisions, self.taken_back = everything.of(stands), everything.of(~stands)
        kept = np.concatenate([[0], np.cumsum(stands)])
        self.turns = [(int(kept[before]), seat, up) for before, seat, up in self.turns]

    def _read(self, evidence: Evidence) -> Decisions:
        columns = _Columns()
        honest, rows, mine = self.honest.tolist(), self.rows, columns.rows
        for row in evidence.trace.pieces():
            if isinstance(row, Many):
                columns.add_many(row, self.honest[row.seat])
                continue
            kind = row[1]
            if kind == "decide":
                if honest[row[2]]:
                    mine.append(row)
                    if len(mine) == _MOST_ROWS:
                        columns.lay_out()
            elif kind == "submit":
                self.submitted.setdefault(row[3], row)
            elif kind != "publish" or row[5] == "block":
                if kind == "revoke" and honest[row[2]]:
                    self.revocations.append((row[0], row[2], row[3], len(columns)))
                elif kind in ("restart", "crash"):
                    self.turns.append((len(columns), row[2], kind == "restart"))
                rows.setdefault(kind, []).append(row)
        return columns.decisions()

    def of(self, kind: str) -> list[Row]:
        """The rows of one kind other than `decide` and `submit`; of `publish` those of blocks."""
        return self.rows.get(kind, [])

    def honest_rows(self, kind: str) -> list[Row]:
        """The rows of one kind at honest seats."""
        return [row for row in self.of(kind) if self.honest[row[2]]]

    @cached_property
    def live(self) -> NDArray[np.bool_]:
        """bool[seats]: honest, and not lying crashed when the run ended."""
        live = self.honest.copy()
        for _, seat, up in self.turns:
            live[seat] = up and self.honest[seat]
        return live

    @cached_property
    def live_seats(self) -> NDArray[np.int64]:
        """The same seats by number, ascending."""
        return self.live.nonzero()[0]

    @cached_property
    def published(self) -> Mapping[str, Row]:
        """The first `publish` row of each block, by digest, in the order of publication."""
        first: dict[str, Row] = {}
        for row in self.of("publish"):
            first.setdefault(row[3], row)
        return first

    @cached_property
    def published_ns(self) -> NDArray[np.int64]:
        """int64[decided digests]: when each block was published; -1 where it never was."""
        rows = (self.published.get(digest) for digest in self.decisions.digests)
        return np.array([NEVER if row is None else row[0] for row in rows], dtype=np.int64)

    @cached_property
    def decided_ns(self) -> NDArray[np.int64]:
        """int64[decided digests, seats]: when each honest seat first decided each block; -1 never."""
        known = self.decisions
        table = np.full((len(known.digests), self.seats), NEVER, dtype=np.int64)
        # The last assignment to a cell stays, so going backwards leaves the first decision.
        table[known.code[::-1], known.seat[::-1]] = known.time_ns[::-1]
        return table

    @cached_property
    def firsts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Slots in ascending order, and for each the place among the decisions of its first honest one."""
        slots, places, _ = self.by_slot
        return slots, places

    @cached_property
    def by_slot(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """The slots in ascending order, the place of each one's first honest decision, and which slot each decision is for."""
        return distinct(self.decisions.slot)

    @cached_property
    def split(self) -> int:
        """The place of the first decision for a slot whose first decision is another block; -1 where no slot has two."""
        _, first, which = self.by_slot
        return int(first_unlike(self.decisions.code, first, which))

    @cached_property
    def first_decisions(self) -> list[tuple[int, int, int, str]]:
        """Time in ns, seat, slot and digest of each slot's first honest decision, slots ascending."""
        known, places = self.decisions, self.by_slot[1]
        columns = [column[places].tolist() for column in known[:4]]
        return list(zip(*columns[:3], map(known.digests.__getitem__, columns[3]), strict=True))

    @cached_property
    def chain(self) -> tuple[tuple[int, str], ...]:
        """(slot, digest) of each slot's first honest decision, slots ascending."""
        return tuple([(slot, digest) for _, _, slot, digest in self.first_decisions])

    @cached_property
    def flaws(self) -> dict[str, str]:
        """What is wrong with each decided block in itself, or ''; of those that somebody has published."""
        evidence = self._evidence()
        assert evidence is not None, "the evidence outlives its reading"
        blocks = ((digest, evidence.blocks.get(digest)) for _, _, _, digest in self.first_decisions)
        return {digest: block.flaw() for digest, block in blocks if block is not None}

    @cached_property
    def longest_wait_ns(self) -> int:
        """The longest from one slot's first decision to another's, both after healing."""
        evidence = self._evidence()
        assert evidence is not None, "the evidence outlives its reading"
        first = sorted([time_ns for time_ns, _, _, _ in self.first_decisions if time_ns >= evidence.heal_ns])
        return max([later - sooner for sooner, later in pairwise(first)], default=0)

    @cached_property
    def block_spreads(self) -> Mapping[str, Spread]:
        """How each block travelled, by digest; of one published twice, the first publication."""
        evidence = self._evidence()
        assert evidence is not None, "the evidence outlives its reading"
        first: dict[str, Spread] = {}
        for spread in evidence.spreads:
            if spread.family == "block":
                first.setdefault(spread.digest, spread)
        return first


@read_once
def read(evidence: Evidence) -> Reading:
    """The columns of `evidence`."""
    return Reading(evidence)
