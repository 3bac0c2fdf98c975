"""What nodes say, in the numbers that the core counts by: kinds, values of fields, and whole contents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sim.kernel.errors import ProtocolError
from sim.net.core.state import FIELDS
from sim.net.network import Network
from sim.node.message import EMPTY_BYTES, HEADER_BYTES, Certificate, places_of, plain_weight, reader_of, signatures_in, size_of

_NOT_A_NUMBER = 1 << 40  # names get numbers from here on, so that they never equal a slot or a view


class _Numbers(dict[Any, int]):
    """What the core calls values that are no numbers, in the order in which they were first asked for."""

    def __missing__(self, value: Any) -> int:
        number = self[value] = _NOT_A_NUMBER + len(self)
        return number


_Asked = tuple[int, int, tuple[int, ...], list[int] | None]
"""What is alike in all claims that name the same fields of a kind, with values of the same types.

The number of the kind; a bit for each place of a field that is asked for; which of the values are no whole numbers, and go by the
numbers given to them; where the values belong, or None where that is where they are. (Python unpacks a named tuple the slow way.)
"""
_Form = tuple[int, bool, str, tuple[int, ...], int, tuple[int, ...]]
"""What is alike in all messages of a kind whose values have the same types.

The number of the kind; whether it is a vote; the field that names a block it may carry, or ''; which of the first values are no whole
numbers; what it weighs but for the heavy fields; the places of these, whose weight is in their values.
"""


def _named(values: Iterable[Any]) -> tuple[int, ...]:
    return tuple([place for place, value in enumerate(values) if type(value) is not int])


class Sayings:
    """Everything that has been said in one run, each content once."""

    __slots__ = (
        "__weakref__",
        "_asked",
        "_forms",
        "_kinds",
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
        self._forms: dict[tuple[type[Any], ...], _Form] = {}
        """By kind of message and the types of its values."""
        self._asked: dict[tuple[Any, ...], _Asked] = {}
        """By kind of message, names of fields, and the types of their values."""

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
        form = (kind, *fields, *map(type, fields.values()))
        number, mask, named, places = self._asked.get(form) or self._ask(form, kind, fields)
        values = list(fields.values())
        for place in named:
            values[place] = self._numbers[values[place]]
        if places is not None:
            spread = [0] * FIELDS
            for place, value in zip(places, values, strict=True):
                spread[place] = value
            values = spread
        return number, mask, values

    def _ask(self, form: tuple[Any, ...], kind: type[Any], fields: Mapping[str, Any]) -> _Asked:
        """For `claim`: what is alike in all claims of a form."""
        message: Any = kind
        known = places_of(message)
        for name in fields:
            if known.get(name, FIELDS) >= FIELDS:
                there = ", ".join(list(known)[:FIELDS])
                raise ProtocolError(f"{kind.__name__} has no field {name!r} to ask for; there are {there}")
        places = [known[name] for name in fields]
        in_order = places == list(range(len(places)))
        mask = sum(1 << place for place in places)
        asked = self._asked[form] = (self.kind(kind), mask, _named(fields.values()), None if in_order else places)
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
        form = (kind, *map(type, contents))
        number, is_vote, carried, named, size_bytes, heavy = self._forms.get(form) or self._form_of(form, contents)
        values = list(contents[:FIELDS])
        for place in named:
            values[place] = self._numbers[values[place]]
        attached, signatures = -1, 1
        for place in heavy:
            if contents[place] != ():
                size_bytes += size_of(contents[place], self.n)
                signatures += signatures_in(contents[place])
            else:  # as the fields of most proposals that could carry reports
                size_bytes += EMPTY_BYTES
        if carried and self.bodies == "attached":
            block = self.blocks.get(getattr(said, carried))
            if block is not None:
                attached = self.block_item(block)
                size_bytes += block.size_bytes
        message = self.network.message(key, number, values, size_bytes, vote=is_vote, attached=attached, checks=signatures)
        if is_vote:
            self.votes.setdefault((number, *contents[:1]), []).append(message)
        return message

    def _form_of(self, form: tuple[type[Any], ...], contents: tuple[Any, ...]) -> _Form:
        """What is alike in all messages of a kind whose fields have the same types."""
        kind = form[0]
        plain_bytes, heavy = plain_weight(form[1:])
        is_vote, carried = getattr(kind, "is_vote", False), getattr(kind, "carries", "")
        made = self._forms[form] = (self.kind(kind), is_vote, carried, _named(contents[:FIELDS]), plain_bytes, heavy)
        return made

    def block_item(self, block: Any) -> int:
        """The network's number of a block."""
        item = self.network.item(block.digest, "block", block.size_bytes)
        if self.network.costs.execute_ns:
            self.network.world.items[item]["execute_ns"] = self.network.costs.execute_ns * len(block.transactions)
        return item
