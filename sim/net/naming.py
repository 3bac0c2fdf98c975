"""What the layers above name, by small numbers: message contents, items, kinds.

A content is interned once however many seats say it, so a vote by a thousand nodes is one message and a thousand signers.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Sequence
from struct import Struct

import numpy as np

from sim.kernel.dice import Dice
from sim.kernel.errors import TooMuch
from sim.net import arena
from sim.net.core import state as st
from sim.net.core.rows import ITEM
from sim.net.core.state import CERTIFICATE, MESSAGE
from sim.net.orders import intern

MOST_KINDS = 63
_LETTERS = {"u8": "Q", "i8": "q", "i4": "i"}
_item = Struct("=" + "".join([_LETTERS[ITEM[name].str[1:]] for name in ITEM.names or ()])).pack_into
"""Writes a row of `ITEM` as bytes, which takes a third of what NumPy takes for a record."""


class _Keys(dict[int | str, int]):
    """The keys of one purpose, each worked out when it is first asked for."""

    __slots__ = ("_dice", "_purpose")

    def __init__(self, dice: Dice, purpose: str) -> None:
        self._dice, self._purpose = dice, purpose

    def __missing__(self, part: int | str) -> int:
        key = self[part] = self._dice.key(self._purpose, part)
        return key


class Named:
    """The names of one run, and the core's rows behind them. With slots, for Python finds those fast in a run's first instants too."""

    __slots__ = (
        "__weakref__",
        "_commands",
        "_copies",
        "_draws",
        "_item_key",
        "_items",
        "_key_of",
        "_kinds",
        "_room_for_items",
        "_room_for_messages",
        "_room_for_rows",
        "_room_for_tallies",
        "_signer_rows",
        "_tallies",
        "_words",
        "dice",
        "families",
        "item_names",
        "kind_names",
        "largest_bytes",
        "letters",
        "messages",
        "row_of",
        "rows",
        "spare_rows",
        "tallies",
        "world",
    )

    def __init__(self, world: st.World, dice: Dice, draws: bool) -> None:
        self.world, self.dice = world, dice
        self._draws = draws
        self._commands = array("q")
        self._kinds: dict[Hashable, int] = {}
        self.kind_names: list[str] = []
        self._key_of = _Keys(dice, "message")
        self.messages: dict[Hashable, int] = {}
        """By content, its number."""
        self.letters: list[tuple[int, int, int, int]] = []  # kind, bytes, packet and tally of each message
        self._copies: list[int] = []  # how many of each message have been sent
        self._words: int = world.tally_bits.shape[1]  # of a bit set of identities
        self._tallies = memoryview(world.tally_bits).cast("B").cast("Q")  # read a word at a time, as NumPy does in thrice the time
        self.tallies = self._signer_rows = 0
        self._room_for_messages, self._room_for_tallies = len(world.messages), len(world.tally_count)
        self._room_for_items, self._room_for_rows = len(world.items), len(world.held)
        self._items: dict[Hashable, int] = {}
        self._item_key = _Keys(dice, "item")
        self.item_names: list[Hashable] = []
        self.families: list[str] = []
        self.rows = 0  # of the tables (item, seat) that are in use; see `sim.net.shelf`
        self.spare_rows: list[int] = []  # of these, given up and as good as new; see `sim.net.drawer`
        self.row_of = array("i")  # as `items` has it, for who looks at one cell
        self.largest_bytes = 0

    def kind(self, key: Hashable, name: str) -> int:
        """The number of a kind of message; new kinds are numbered as they come."""
        number = self._kinds.get(key)
        if number is None:
            number = len(self._kinds)
            if number >= MOST_KINDS:
                raise TooMuch(f"more than {MOST_KINDS} kinds of messages in one run")
            self._kinds[key] = number
            self.kind_names.append(name)
        return number

    def message(
        self,
        content: Hashable,
        kind: int,
        fields: Sequence[int],
        size_bytes: int,
        *,
        vote: bool = False,
        certified: int = -1,
        signers: int = 0,
        attached: int = -1,
        checks: int = 1,
    ) -> int:
        """Intern a content and return its number. `fields`: up to six numbers that waits may ask for; `signers`: a bit set."""
        letters = self.letters
        fresh = len(letters)
        number = self.messages.setdefault(content, fresh)
        if number < fresh:
            return number
        if fresh >= self._room_for_messages:
            self._ensure(("messages", "fields"), fresh + 1)
            self._room_for_messages = len(self.world.messages)
        tally = signer_row = -1
        packet = MESSAGE
        if certified >= 0:
            packet, signer_row = CERTIFICATE, self._new_signer_row(signers)
        if vote:
            tally = self.tallies
            self.tallies = tally + 1
            if tally >= self._room_for_tallies:
                self._ensure(("tally_count",), tally + 1)
                self._ensure(("tally_bits",), self.world.tally_count.size)
                self._room_for_tallies = len(self.world.tally_count)
                self._tallies = memoryview(self.world.tally_bits).cast("B").cast("Q")
        many = len(fields)
        key, folds = (self._key_of[kind], many) if self._draws else (0, 0)
        self._commands.frombytes(
            intern[many](number, key, folds, size_bytes, kind, tally, certified, signer_row, attached, checks, *fields)
        )
        letters.append((kind, size_bytes, packet, tally))
        self._copies.append(0)
        if size_bytes > self.largest_bytes:
            self.largest_bytes = size_bytes
        return number

    def _new_signer_row(self, signers: int) -> int:
        """Write a bit set of identities where the core finds it; returns its row."""
        row = self._signer_rows
        self._signer_rows = row + 1
        self._ensure(("certificates",), row + 1)
        self.world.certificates[row] = np.frombuffer(signers.to_bytes(8 * self._words, "little"), np.uint64)
        return row

    def item(self, name: Hashable, family: str, size_bytes: int, message: int = -1, signer: int = -1) -> int:
        """Intern something that can be held and relayed; a size of 0 means that nobody has published it yet."""
        number = self._items.get(name)
        if number is None:
            number = self._new_item(name, family, size_bytes, message, signer)
        elif size_bytes:
            self.world.items["size_bytes"][number] = size_bytes
        if size_bytes > self.largest_bytes:
            self.largest_bytes = size_bytes
        return number

    def _new_item(self, name: Hashable, family: str, size_bytes: int, message: int, signer: int) -> int:
        number = self._items[name] = len(self.item_names)
        self.item_names.append(name)
        self.families.append(family)
        if number >= self._room_for_items:
            self._ensure(("items", "item_books"), number + 1)
            self._room_for_items = len(self.world.items)
        row = self.new_row(family)
        self.row_of.append(row)
        key = self.dice.continued(self._item_key[family], number)  # also what a strategy draws from
        at = number * ITEM.itemsize
        _item(self.world.items, at, key, size_bytes, -1, -1, message, signer, 0, row, -1, -1, 0, 0, 0, 0)
        self.world.setup[st.ITEMS] = number + 1
        return number

    def new_row(self, family: str) -> int:
        """A row as nobody has used it; those of a whole's pieces come one after the other."""
        if self.spare_rows and family != "piece":
            return self.spare_rows.pop()
        row = self.rows
        self.rows = row + 1
        if row >= self._room_for_rows:
            self._ensure(("held", "arrival", "notes", "came_from"), self.rows)
            self._room_for_rows = len(self.world.held)
        return row

    @property
    def by_kind(self) -> dict[str, tuple[int, int]]:
        """Messages and bytes sent, by kind."""
        packets, sizes_bytes = [0] * len(self.kind_names), [0] * len(self.kind_names)
        for (kind, size_bytes, _, _), copies in zip(self.letters, self._copies, strict=True):
            packets[kind] += copies
            sizes_bytes[kind] += copies * size_bytes
        return dict(zip(self.kind_names, zip(packets, sizes_bytes, strict=True), strict=True))

    def size_of(self, message: int) -> int:
        """Bytes of a message."""
        return self.letters[message][1]

    def _ensure(self, names: Sequence[str], rows: int) -> None:
        if rows > getattr(self.world, names[0]).shape[0]:
            self.world = arena.enlarge(self.world, arena.roomier(self.world, names, rows))
