"""What nodes say to each other: frozen records, and the proofs made of them.

`@message` makes a dataclass whose first six fields waits may ask for; `@vote` marks one that is counted in the core, so
that a quorum of it wakes a node once. Sizes follow from the fields: 12 bytes of header, 64 of signature, 8 a number, 32 a
digest; a certificate weighs 96 bytes and a bit per identity (BLS aggregate, Boneh, Drijvers, Neven 2018).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import lru_cache, reduce
from operator import attrgetter, or_
from typing import Any, Generic, TypeVar, dataclass_transform

T = TypeVar("T")
HEADER_BYTES, SIGNATURE_BYTES, AGGREGATE_BYTES, EMPTY_BYTES = 12, 64, 96, 4
_PLAIN_BYTES: dict[type[Any], int] = {type(None): 1, bool: 8, int: 8, str: 32}


@dataclass_transform(frozen_default=True)
def message(kind: type[T]) -> type[T]:
    """Make a class a kind of message: a frozen dataclass compared by value."""
    return dataclass(frozen=True)(kind)


@dataclass_transform(frozen_default=True)
def vote(kind: type[T]) -> type[T]:
    """Make a class a kind of message whose equal copies are counted by sender."""
    made = dataclass(frozen=True)(kind)
    made.is_vote = True  # type: ignore[attr-defined]
    return made


@dataclass(slots=True, unsafe_hash=True)  # not frozen, which makes it in half the time
class Signed(Generic[T]):
    """A message and who said it; made only by a node's own inbox."""

    sender: int
    message: T


class Certificate:
    """Proof that some identities signed one and the same message; made only by `node.quorum`."""

    __slots__ = ("bits", "message", "number")

    def __init__(self, content: Any, number: int, bits: int) -> None:
        self.message = content
        self.number = number
        self.bits = bits
        """The signers as a bit set: bit i stands for identity i."""

    @property
    def signers(self) -> tuple[int, ...]:
        """Identities, ascending."""
        return tuple([identity for identity, bit in enumerate(bin(self.bits)[:1:-1]) if bit == "1"])

    @property
    def count(self) -> int:
        """How many identities signed."""
        return self.bits.bit_count()

    def signed_by(self, identity: int) -> bool:
        """Whether this identity is among the signers."""
        return bool(self.bits >> identity & 1)

    def joined(self, other: Certificate) -> Certificate:
        """Proof of the signers of both, for one and the same message: aggregated signatures add up."""
        return self if self.bits | other.bits == self.bits else Certificate(self.message, self.number, self.bits | other.bits)

    def each(self) -> tuple[Certificate, ...]:
        """Its signatures one by one: for those who pass on single votes."""
        return tuple([Certificate(self.message, self.number, 1 << identity) for identity in self.signers])

    def proves(self, kind: type[Any], need: int, **claim: Any) -> bool:
        """Whether `need` identities signed a message of this kind with these very field values."""
        said = self.message
        if type(said) is not kind or self.bits.bit_count() < need:
            return False
        return not claim or all(getattr(said, name) == value for name, value in claim.items())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Certificate):
            return NotImplemented
        return self.number == other.number and self.bits == other.bits

    def __hash__(self) -> int:
        return self.number

    def __repr__(self) -> str:
        return f"Certificate({self.message!r}, {self.count} signers)"


def union(sets: Iterable[int]) -> int:
    """The identities in any of some bit sets, as a bit set."""
    return reduce(or_, sets, 0)


@lru_cache(maxsize=1024)
def field_names(kind: Any) -> tuple[str, ...]:
    """The fields of a kind of message, in order."""
    return tuple(field.name for field in fields(kind))


@lru_cache(maxsize=1024)
def places_of(kind: Any) -> dict[str, int]:
    """The place of each field of a kind of message, by name."""
    return {name: place for place, name in enumerate(field_names(kind))}


@lru_cache(maxsize=1024)
def reader_of(kind: Any) -> Callable[[Any], tuple[Any, ...]]:
    """A function from a message to the tuple of its field values."""
    names = field_names(kind) if kind is not Certificate else ("number", "bits")
    if len(names) < 2:  # attrgetter gives a tuple from two names on
        return lambda said: tuple([getattr(said, name) for name in names])
    return attrgetter(*names)


@lru_cache(maxsize=1024)
def plain_weight(kinds: tuple[type[Any], ...]) -> tuple[int, tuple[int, ...]]:
    """Of a whole signed message with fields of these types: its bytes without those fields that may weigh anything, and their places."""
    sizes = [_PLAIN_BYTES.get(kind) for kind in kinds]
    heavy = tuple([place for place, size_bytes in enumerate(sizes) if size_bytes is None])
    return HEADER_BYTES + SIGNATURE_BYTES + sum([size_bytes or 0 for size_bytes in sizes]), heavy


def size_of(value: Any, identities: int) -> int:
    """Bytes of a field's value on the wire."""
    plain = _PLAIN_BYTES.get(type(value))
    if plain is not None:
        return plain
    if isinstance(value, (int, str)):  # an enumeration
        return 8 if isinstance(value, int) else 32
    if isinstance(value, Certificate):
        return AGGREGATE_BYTES + (identities + 7) // 8 + size_of(value.message, identities)
    if isinstance(value, Signed):
        return SIGNATURE_BYTES + 8 + size_of(value.message, identities)
    if isinstance(value, (tuple, list)):
        return EMPTY_BYTES + sum([size_of(part, identities) for part in value])
    if hasattr(value, "size_bytes"):
        return int(value.size_bytes)
    return sum([size_of(getattr(value, name), identities) for name in _names_in(value)])


def _names_in(value: Any) -> tuple[str, ...]:
    kind: Any = type(value)
    return field_names(kind)


def signatures_in(value: Any) -> int:
    """How many signatures a receiver must check in a field's value (an aggregate counts as one)."""
    if type(value) in _PLAIN_BYTES:
        return 0
    if isinstance(value, Certificate):
        return 1
    if isinstance(value, Signed):
        return 1 + signatures_in(value.message)
    if isinstance(value, (tuple, list)):
        return sum([signatures_in(part) for part in value])
    if hasattr(value, "__dataclass_fields__"):
        return sum([signatures_in(getattr(value, name)) for name in _names_in(value)])
    return 0
