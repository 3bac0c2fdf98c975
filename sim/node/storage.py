"""What lies off the chain and how it is kept: the seam between a scheme of availability and all who store, read or spoil.

A part of group `availability` may have `store(world) -> Storage` for off-chain objects (records, images, genomes). Without one,
whoever stores hands whole copies to the seats it names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

OnDone = Callable[[str, int], None]
OnPlaced = Callable[[int, int, int], None]
"""Told of each fragment that has come to lie at a seat: number of the object, of the fragment, seat."""


@dataclass(frozen=True)
class Kept:
    """The truth about one stored object at the end of a run. Times in ns of virtual time, -1 for never."""

    digest: str
    source: int
    size_bytes: int
    stored_bytes: int
    """What all seats together keep for it."""
    pieces: int
    enough: int
    put_ns: int
    rebuildable_ns: int
    """When seats that were up first held enough sound fragments."""
    lost_ns: int
    """When fewer than enough sound fragments were left anywhere: nobody can ever have it again."""
    reachable: int
    """Sound fragments at seats that are up at the end."""
    unavailable_ns: int
    """How long, after it was first rebuildable, seats that were up held too few."""


@dataclass
class StorageBooks:
    """What a storage did, for the report. Times in ns."""

    repaired: int = 0
    repair_failed: int = 0
    repair_bytes: int = 0
    """Of fragments that came to those who repair, whatever became of the repair."""
    repair_cpu_ns: int = 0
    """The part of `cpu_ns` that repairs took."""
    lost_bytes: int = 0
    """Bytes of fragments that were given up: spoilt, gone, or made anew because their holder was down."""
    cpu_ns: int = 0
    """Encoding and decoding, as modelled."""
    repair_ns: list[int] = field(default_factory=list)
    """From the loss of each repaired fragment to its new place."""
    spoilt_found: int = 0
    """Altered or rotten fragments that a reader, a repairer or an audit found out."""
    audits: int = 0
    audits_failed: int = 0
    found: list[tuple[int, int]] = field(default_factory=list)
    """(Since when a holder had a fragment, when it was found not to hand it out sound): what `spoilt_found` and `audits_failed` count."""
    fetched_bytes: int = 0
    useful_bytes: int = 0


class Storage(Protocol):
    """One run's off-chain objects."""

    books: StorageBooks
    on_placed: list[OnPlaced]

    @property
    def code(self) -> tuple[int, int]:
        """(Pieces of each object, how many of them give it back)."""

    def put(self, seat: int, digest: str, size_bytes: int) -> None:
        """Store an object that `seat` has made."""

    def get(self, reader: int, digest: str, until_ns: int, on_done: OnDone) -> None:
        """Fetch and rebuild it until the instant `until_ns`; then on_done('served' | 'unavailable', waited_ns), once."""

    def knows(self, digest: str) -> bool:
        """Whether it was stored here."""

    def holders(self, digest: str) -> tuple[int, ...]:
        """The seats that should keep a part of it now."""

    def lose(self, number: int, fragment: int, noticed: bool) -> None:
        """A fragment is gone (`noticed`) or has rotted where it lies (not noticed)."""

    def placed(self) -> Sequence[tuple[int, int, int]]:
        """All fragments that lie somewhere: number of the object, of the fragment, seat."""

    def kept(self) -> tuple[Kept, ...]:
        """The truth about each object, in the order in which they were put."""
