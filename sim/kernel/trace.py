"""Everything that happened in a run, in order: the memory that checks, metrics and plots are judged from.

A row is a small tuple `(time_ns, kind, seat, *fields)`; `KINDS` names each kind's fields and the level from which it is
kept. What each copy on the wire did comes from the core as whole columns. Both feed one digest: same scenario, seed and
version give the same digest in any process. Rows beyond a bound are spilled to a temporary file.
"""

from __future__ import annotations

import pickle
import tempfile
import zlib
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import IO, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

DECISIONS, PROTOCOL, WIRE = 0, 1, 2
LEVELS = {"decisions": DECISIONS, "protocol": PROTOCOL, "wire": WIRE}


class Kind(NamedTuple):
    """What a row of one kind holds behind time, kind and seat, and from which level it is kept."""

    level: int
    fields: tuple[str, ...]


KINDS: dict[str, Kind] = {
    "publish": Kind(DECISIONS, ("digest", "size_bytes", "family")),
    "decide": Kind(DECISIONS, ("slot", "digest")),
    "revoke": Kind(DECISIONS, ("slot", "digest")),
    "submit": Kind(DECISIONS, ("tx", "family")),
    "fault": Kind(DECISIONS, ("name", "phase", "detail")),
    "corrupt": Kind(DECISIONS, ("behaviour",)),
    "crash": Kind(DECISIONS, ()),
    "restart": Kind(DECISIONS, ()),
    "read": Kind(DECISIONS, ("record", "family", "outcome", "waited_ns")),
    "tamper": Kind(DECISIONS, ("what", "digest")),
    "reject": Kind(DECISIONS, ("what", "digest", "why")),
    "member": Kind(DECISIONS, ("what", "about", "was_up")),
    "target": Kind(DECISIONS, ("behaviour",)),
    "note": Kind(PROTOCOL, ("name", "facts")),
    "send": Kind(PROTOCOL, ("kind", "to")),
    "invalid": Kind(PROTOCOL, ("kind", "sender", "why")),
    "overflow": Kind(PROTOCOL, ("what",)),
}

WIRE_FIELDS = ("time_ns", "fate", "packet", "source", "seat", "item", "size_bytes", "sent_ns")

Row = tuple[Any, ...]


class Many(NamedTuple):
    """Rows of one kind that came together, in columns: of `decide`, whose fields are a slot and a digest."""

    kind: str
    time_ns: NDArray[np.int64]
    seat: NDArray[np.int32]
    slot: NDArray[np.int32]
    digests: list[str]

    def rows(self) -> Iterator[Row]:
        """One by one."""
        places = zip(self.time_ns.tolist(), self.seat.tolist(), self.slot.tolist(), self.digests, strict=True)
        return ((time_ns, self.kind, seat, slot, digest) for time_ns, seat, slot, digest in places)

    def text(self) -> str:
        """What `repr` makes of the rows, a line each, without making them."""
        words: list[Any] = [None] * (4 * len(self.digests))
        words[0::4], words[1::4], words[2::4], words[3::4] = (
            self.time_ns.tolist(),
            self.seat.tolist(),
            self.slot.tolist(),
            self.digests,
        )
        return "\n".join([f"(%d, {self.kind!r}, %d, %d, %r)"] * len(self.digests)) % tuple(words)


_KEPT = [frozenset(name for name, kind in KINDS.items() if kind.level <= level) for level in LEVELS.values()]
"""The kinds of rows that are kept, by level."""
_CHUNK_ROWS = 4096
_KEPT_ROWS = 1_000_000


class Clock(Protocol):
    """Whatever knows the present instant."""

    now_ns: int


class Trace:
    """The record of one run. `record` is cheap; everything else is computed when asked for."""

    def __init__(self, clock: Clock, level: str = "protocol") -> None:
        self.level = LEVELS[level]
        self._kept = _KEPT[self.level]
        self._clock = clock
        self._rows: list[Row | Many] = []
        self._hashed = self._hashed_entries = 0
        self._full = _CHUNK_ROWS
        """How many entries there are when the next chunk of them is hashed."""
        self._beyond = 0
        """How many rows there are more than entries of `_rows`: those of each `Many` but one."""
        self._hash = blake2b(digest_size=16)
        self._wire_hash = blake2b(digest_size=16)
        self._subscribers: dict[str, tuple[Callable[..., None], ...]] = {}
        self._patient: dict[Callable[..., None], Callable[..., None]] = {}
        self.on_hurry: Callable[[], None] | None = None
        """Called when somebody subscribes who must be told of decisions at their instant."""
        self._wire: list[NDArray[np.int64]] = []
        self._spilled: IO[bytes] | None = None
        self._spilled_rows = 0

    def record(self, kind: str, seat: int, *fields: Any, at_ns: int | None = None) -> None:
        """Note that something of `kind` happened at `seat`, now or `at_ns`, which is not before the last row.

        Tells the subscribers whatever the level.
        """
        time_ns = self._clock.now_ns if at_ns is None else at_ns
        if kind in self._kept:
            rows = self._rows
            rows.append((time_ns, kind, seat, *fields))
            if len(rows) >= self._full:
                self._close_chunk()
        for tell in self._subscribers.get(kind, ()):
            tell(time_ns, seat, *fields)

    def record_many(
        self, kind: str, times: NDArray[np.int64], seats: NDArray[Any], slots: NDArray[Any], digests: list[str]
    ) -> None:
        """Note rows of `kind` in order of time, which is not before the last row and not after now."""
        if kind in self._kept:
            self._rows.append(Many(kind, times, seats.astype(np.int32), slots.astype(np.int32), digests))
            self._beyond += len(digests) - 1
            if len(self._rows) + self._beyond - self._hashed >= _CHUNK_ROWS:
                self._close_chunk()
        for tell in self._subscribers.get(kind, ()):
            if tell in self._patient:
                self._patient[tell](times, seats, slots, digests)
            else:
                for row in Many(kind, times, seats, slots, digests).rows():
                    tell(row[0], *row[2:])

    def subscribe(self, kind: str, tell: Callable[..., None], many: Callable[..., None] | None = None) -> None:
        """Call `tell(time_ns, seat, *fields)` at each row of `kind`, in order of subscription.

        Whoever need not act at that very instant gives `many` as well, which is called with columns of rows that came together.
        """
        if kind not in KINDS:
            raise KeyError(f"no trace rows of kind {kind!r}; there are {', '.join(KINDS)}")
        self._subscribers[kind] = (*self._subscribers.get(kind, ()), tell)
        if many is not None:
            self._patient[tell] = many
        elif kind == "decide" and self.on_hurry is not None:
            self.on_hurry()

    def is_hurried(self, kind: str) -> bool:
        """Whether somebody must be told of each row of `kind` at its instant."""
        return any(tell not in self._patient for tell in self._subscribers.get(kind, ()))

    def add_wire(self, columns: NDArray[np.int64]) -> None:
        """Append rows from the core, shape (rows, len(WIRE_FIELDS)); part of the digest like all others."""
        self._wire_hash.update(np.ascontiguousarray(columns, dtype="<i8").tobytes())
        self._wire.append(columns)

    def __iter__(self) -> Iterator[Row]:
        """All rows in order, spilled ones first."""
        for piece in self.pieces():
            if isinstance(piece, Many):
                yield from piece.rows()
            else:
                yield piece

    def pieces(self) -> Iterator[Row | Many]:
        """All rows in order, those that were recorded together as one `Many`."""
        if self._spilled is not None:
            self._spilled.seek(0)
            while header := self._spilled.read(8):
                yield from pickle.loads(zlib.decompress(self._spilled.read(int.from_bytes(header, "little"))))
            self._spilled.seek(0, 2)
        yield from self._rows

    def __len__(self) -> int:
        return self._spilled_rows + len(self._rows) + self._beyond

    @property
    def rows(self) -> list[Row]:
        """All rows as one list."""
        return list(self)

    def of(self, kind: str) -> list[Row]:
        """The rows of one kind."""
        return [row for row in self if row[1] == kind]

    def columns(self, kind: str) -> dict[str, NDArray[Any]]:
        """The rows of one kind as arrays: time_ns, seat and the kind's own fields."""
        rows = self.of(kind)
        names = ("time_ns", "seat", *KINDS[kind].fields)
        picked = [(row[0], *row[2:]) for row in rows]
        return {name: np.array([row[place] for row in picked]) for place, name in enumerate(names)}

    def wire(self) -> dict[str, NDArray[np.int64]]:
        """What every copy did, as columns named by `WIRE_FIELDS`; empty below level 'wire'."""
        table = np.concatenate(self._wire) if self._wire else np.zeros((0, len(WIRE_FIELDS)), np.int64)
        return {name: table[:, place] for place, name in enumerate(WIRE_FIELDS)}

    def digest(self) -> str:
        """32 hexadecimal digits that name these very rows in this very order."""
        self._close_chunk()
        whole = self._hash.copy()
        whole.update(self._wire_hash.digest())
        return whole.hexdigest()

    def _close_chunk(self) -> None:
        fresh = self._rows[self._hashed_entries :]
        if fresh:
            lines = [piece.text() if isinstance(piece, Many) else repr(piece) for piece in fresh]
            self._hash.update(("\n".join(lines) + "\n").encode())
        self._hashed_entries, self._hashed = len(self._rows), len(self._rows) + self._beyond
        self._full = self._hashed_entries + _CHUNK_ROWS
        if self._hashed >= _KEPT_ROWS:
            self._spill()

    def _spill(self) -> None:
        if self._spilled is None:
            self._spilled = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the trace
        block = zlib.compress(pickle.dumps(self._rows), 1)
        self._spilled.write(len(block).to_bytes(8, "little") + block)
        self._spilled_rows += self._hashed
        self._rows, self._hashed, self._hashed_entries, self._beyond, self._full = [], 0, 0, 0, _CHUNK_ROWS


def first_divergence(one: Trace, other: Trace) -> tuple[int, Row | None, Row | None] | None:
    """The first place where two traces differ: (index, row of one, row of other); None where they agree."""
    rows, others = iter(one), iter(other)
    index = 0
    while True:
        left, right = next(rows, None), next(others, None)
        if left != right:
            return index, left, right
        if left is None:
            break
        index += 1
    ours, theirs = one.wire(), other.wire()
    return None if all(np.array_equal(ours[name], theirs[name]) for name in WIRE_FIELDS) else (index, None, None)
