"""What nodes say, in the numbers that the core counts by: kinds, values of fields, and whole contents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sim.kernel.errors import ProtocolError
from sim.net.core.state import FIELDS
from sim.net.network import Network
from sim.node.message import HEADER_BYTES, Certificate, places_of, reader_of, size_of, weight_of

_NOT_A_NUMBER = 1 << 40  # names get numbers from here on, so that they never equal a slot or a view


class _Numbers(dict[Any, int]):
    """What the core calls values that are no numbers, in the order in which they were first asked for."""

    def __missing__(self, value: Any) -> int:
        number = self[value] = _NOT_A_NUMBER + len(self)
        return number


class Sayings:
    """Everything that has been said in one run, each content once."""

    __slots__ = (
        "__weakref__",
        "_asked",
        "_kinds",
        "_natures",
        "_numbers",
        "_readers",
        "blocks",
        "bodies",
        "contents",
        "n",
        "network",
        "votes",
    )

    def __init__(self, network: Network, bodies: str) -> None:
        self.network, self.bodies = network, bodies
        self.n = network.topology.n
        self.blocks: dict[str, Any] = {}
        self.contents: list[Any] = []
        self.votes: dict[tuple[Any, ...], list[int]] = {}
        """The numbers of all votes' contents, by the number of their kind and the value of the first field, oldest first."""
        self._numbers = _Numbers()
        self._kinds: dict[type[Any], int] = {}
        self._readers: dict[type[Any], Callable[[Any], tuple[Any, ...]]] = {}
        """By kind of message, what reads a message's fields."""
        self._natures: dict[type[Any], tuple[int, bool, str]] = {}
        """By kind of message: what `_nature_of` has found."""
        self._asked: dict[tuple[Any, ...], tuple[int, int, list[int] | None]] = {}
        """By kind of message and names of fields: what `_ask` has found."""

    def value(self, value: Any) -> int:
        """A field's value as the core compares it."""
        return value if type(value) is int else self._numbers[value]

    def kind(self, kind: type[Any]) -> int:
        """The number of a kind of message."""
        number = self._kinds.get(kind)
        if number is None:
            key: Any = kind
            number = self._kinds[kind] = self.network.kind(key, kind.__name__)
        return number

    def claim(self, kind: type[Any], fields: Mapping[str, Any]) -> tuple[int, int, list[int]]:
        """The number of a kind of message, which of its fields are asked for (a bit set of their places), and their values."""
        asked = self._asked.get((kind, *fields)) or self._ask(kind, tuple(fields))
        number, mask, places = asked
        numbers = self._numbers
        values = [value if type(value) is int else numbers[value] for value in fields.values()]
        if places is not None:
            spread = [0] * FIELDS
            for place, value in zip(places, values, strict=True):
                spread[place] = value
            values = spread
        return number, mask, values

    def _ask(self, kind: type[Any], names: tuple[str, ...]) -> tuple[int, int, list[int] | None]:
        """For `claim`: number, mask, and the places of the fields; None where these are the first ones in their order."""
        message: Any = kind
        known = places_of(message)
        for name in names:
            if known.get(name, FIELDS) >= FIELDS:
                there = ", ".join(list(known)[:FIELDS])
                raise ProtocolError(f"{kind.__name__} has no field {name!r} to ask for; there are {there}")
        places = [known[name] for name in names]
        asked = self.kind(kind), sum(1 << place for place in places), None if places == list(range(len(places))) else places
        self._asked[kind, *names] = asked
        return asked

    def intern(self, said: Any) -> int:
        """The number of a message's content."""
        kind = type(said)
        reader = self._readers.get(kind)
        key = self._key_of(said) if reader is None else (kind, reader(said))
        number = self.network.messages.get(key)
        if number is None:
            number = self._intern_certificate(said, key) if kind is Certificate else self._intern_message(said, key)
            self.contents.append(said)
        return number

    def number_of(self, said: Any) -> int | None:
        """The number of a message's content if it has been said."""
        return self.network.messages.get(self._key_of(said))

    def _key_of(self, said: Any) -> tuple[type[Any], tuple[Any, ...]]:
        """What tells a content from all others: its kind and the values of its fields."""
        kind: Any = type(said)
        try:
            reader = self._readers[kind] = reader_of(kind)
            return kind, reader(said)
        except TypeError:
            raise ProtocolError(f"{said!r} is not a message: make its class one with @message or @vote") from None

    def _intern_certificate(self, said: Certificate, key: tuple[type[Any], tuple[Any, ...]]) -> int:
        size_bytes = HEADER_BYTES + size_of(said, self.n)
        return self.network.message(
            key, self.kind(Certificate), (said.number,), size_bytes, certified=said.number, signers=said.bits
        )

    def _intern_message(self, said: Any, key: tuple[type[Any], tuple[Any, ...]]) -> int:
        kind, contents = key
        numbers = self._numbers
        values = [value if type(value) is int else numbers[value] for value in contents[:FIELDS]]
        size_bytes, signatures = weight_of(contents, self.n)
        number, is_vote, carried = self._natures.get(kind) or self._nature_of(kind)
        attached = -1
        if carried and self.bodies == "attached":
            block = self.blocks.get(getattr(said, carried))
            if block is not None:
                attached = self.block_item(block)
                size_bytes += block.size_bytes
        message = self.network.message(key, number, values, size_bytes, vote=is_vote, attached=attached, checks=signatures)
        if is_vote:
            self.votes.setdefault((number, *contents[:1]), []).append(message)
        return message

    def _nature_of(self, kind: type[Any]) -> tuple[int, bool, str]:
        """Of a kind of message: its number, whether it is counted as a vote, and the field that names a block it may carry, or ''."""
        nature = self._natures[kind] = (self.kind(kind), getattr(kind, "is_vote", False), getattr(kind, "carries", ""))
        return nature

    def block_item(self, block: Any) -> int:
        """The network's number of a block."""
        item = self.network.item(block.digest, "block", block.size_bytes)
        if self.network.costs.execute_ns:
            self.network.world.items[item]["execute_ns"] = self.network.costs.execute_ns * len(block.transactions)
        return item
