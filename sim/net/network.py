"""The network as Python sees it: orders go in, wake-ups come out, and time passes in the compiled core between them.

It gives small numbers to what the layers above name: message contents, items, kinds. A content is interned once however
many seats say it, so a vote by a thousand nodes is one message and a thousand signers.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Hashable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel.dice import Dice
from sim.kernel.errors import TooMuch
from sim.kernel.loop import FOREVER_NS
from sim.kernel.trace import Trace
from sim.net import arena, driver, orders
from sim.net.core import state as st
from sim.net.costs import Costs
from sim.net.pieces import pieces_of
from sim.net.strategy import Strategy
from sim.net.topology import Topology

Wake = Callable[[int], object]
MOST_KINDS = 63
_no_matter: Callable[..., Any] = lambda first, *_: first  # noqa: E731 - as short as what it does
_PADDING = [(0,) * (st.FIELDS - many) for many in range(st.FIELDS + 1)]


class Network:
    """One run's network: a `Source` of the virtual loop."""

    def __init__(self, topology: Topology, costs: Costs, strategy: Strategy, dice: Dice, *, wire: bool = False) -> None:
        n = self._seats = topology.n
        self.topology, self.costs, self.dice = topology, costs, dice
        buckets = 64 if n <= 16 else 4096 if n <= 128 else 65536  # enough for n * n votes, 32 a bucket
        world = arena.make_world(topology, costs.cores, buckets, n, strategy.memory_words, *strategy.room)
        world.setup[[st.RECORD_WIRE, st.TELLS_COPIES, st.SCREENS]] = wire, strategy.tells_copies, strategy.screens
        world.setup[st.CONTROL_KEY] = dice.key("control") >> 1
        world.options[: len(strategy.options)] = strategy.options
        self.world = driver.with_rule(costs.write(world, dice.key("loss")), strategy.rule)
        self._clock = memoryview(self.world.clock)  # read a word at a time, which NumPy takes five times as long for
        driver.with_keeper(self.world, strategy.keeper, len(strategy.options))
        self.kind_names: list[str] = []
        self._key_of = cache(partial(dice.key, "message"))
        self._item_key = cache(partial(dice.key, "item"))
        self._draws = not costs.same_weather_everywhere
        self.by_kind = [[0, 0] for _ in range(MOST_KINDS + 1)]
        """Messages and bytes sent, by kind."""
        self.letters: list[tuple[int, int, int, int]] = []  # kind, bytes, packet and tally of each message
        self.trace: Trace | None = None
        self.on_mail: Callable[[int, int, int], object] = _no_matter
        self.on_moves: Callable[[NDArray[np.int64]], NDArray[np.int64]] = _no_matter  # returns the mail left: `sim.node.following`
        self.on_log: Callable[[int, int, int, int], object] = _no_matter  # the membership's reports: time, seat, about whom, what
        self.membership: Any = None  # what `sim.net.membership.enter` has put beside the gossip
        self._cut = strategy.cut
        self._commands = array("q")
        if strategy.starts:
            self._commands.extend(word for seat in range(n) for word in (st.START, seat))
        self._kinds: dict[Hashable, int] = {}
        self._messages: dict[Hashable, int] = {}
        self.message_of = self._messages.get
        """The number of a content that was interned before, or None."""
        self._items: dict[Hashable, int] = {}
        self.rows = 0  # of the tables (item, seat) that are in use; see `sim.net.shelf`
        self.spare_rows: list[int] = []  # of these, given up and as good as new; see `sim.net.drawer`
        self.row_of = array("i")  # as `items` has it, for who looks at one cell
        self.item_names: list[Hashable] = []
        self.families: list[str] = []
        self._waits: list[Wake | None] = []
        self._free_probes: list[int] = []
        self._resting_probes: list[int] = []
        self.tallies = self._signer_rows = self.largest_bytes = 0

    # naming ---------------------------------------------------------------------------------------------------------

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
        signers: NDArray[np.uint64] | None = None,
        attached: int = -1,
        checks: int = 1,
    ) -> int:
        """Intern a content and return its number. `fields`: up to six numbers that waits may ask for."""
        number = self._messages.get(content)
        if number is not None:
            return number
        number = self._messages[content] = len(self._messages)
        if number >= len(self.world.messages):
            self._ensure(("messages", "fields"), number + 1)
        tally = signer_row = -1
        if signers is not None:
            signer_row = self._signer_rows
            self._signer_rows += 1
            self._ensure(("certificates",), self._signer_rows)
            self.world.certificates[signer_row] = signers
        if vote:
            tally = self.tallies
            self.tallies += 1
            if tally >= len(self.world.tally_count):
                self._ensure(("tally_count",), self.tallies)
                self._ensure(("tally_bits",), self.world.tally_count.size)
        key, folds = (self._key_of(kind), len(fields)) if self._draws else (0, 0)
        row = (size_bytes, kind, tally, certified, signer_row, attached, checks)
        self._commands.frombytes(orders.intern(number, key, folds, *row, *fields, *_PADDING[len(fields)]))
        self.letters.append((kind, size_bytes, st.MESSAGE if certified < 0 else st.CERTIFICATE, tally))
        self.largest_bytes = max(self.largest_bytes, size_bytes)
        return number

    def item(self, name: Hashable, family: str, size_bytes: int, message: int = -1, signer: int = -1) -> int:
        """Intern something that can be held and relayed; a size of 0 means that nobody has published it yet."""
        number = self._items.get(name)
        if number is None:
            number = self._items[name] = len(self.item_names)
            self.item_names.append(name)
            self.families.append(family)
            self._ensure(("items", "item_books"), number + 1)
            row = self.new_row(family)
            self.row_of.append(row)
            key = self.dice.continued(self._item_key(family), number)  # also what a strategy draws from
            self.world.items[number] = (key, 0, -1, -1, message, signer, 0, row, -1, -1, 0, 0, 0, 0)
            self.world.setup[st.ITEMS] = number + 1
        if size_bytes:
            self.world.items[number]["size_bytes"] = size_bytes
            self.largest_bytes = max(self.largest_bytes, size_bytes)
        return number

    def new_row(self, family: str) -> int:
        """A row as nobody has used it; those of a whole's pieces come one after the other."""
        if self.spare_rows and family != "piece":
            return self.spare_rows.pop()
        self.rows += 1
        self._ensure(("held", "arrival", "notes", "came_from"), self.rows)
        return self.rows - 1

    # orders ---------------------------------------------------------------------------------------------------------

    def send(self, source: int, target: int, signer: int, message: int) -> None:
        """One copy of a message from seat to seat, outside the overlay."""
        self._commands.frombytes(orders.send(source, target, signer, message, self._count(message, int(source != target))))

    def broadcast(self, source: int, signer: int, message: int) -> None:
        """A copy to every other seat; to itself at once."""
        self._commands.frombytes(orders.broadcast(source, signer, message, self._count(message, self._seats - 1)))

    def _count(self, message: int, copies: int) -> int:
        """Enter copies of a message into the books; returns which packet it travels in."""
        kind, size_bytes, packet, _ = self.letters[message]
        counts = self.by_kind[kind]
        counts[0] += copies
        counts[1] += copies * size_bytes
        return packet

    def size_of(self, message: int) -> int:
        """Bytes of a message."""
        return self.letters[message][1]

    def publish(self, seat: int, item: int, relayed: bool = True) -> None:
        """A seat has made an item: it holds it, and gossips it if `relayed`."""
        row = self.world.items[item]
        if row["publisher"] < 0:
            row["publisher"] = seat
        pieces = pieces_of(self, item, self._cut) if relayed and self._cut is not None else range(0)
        self._commands.frombytes(orders.publish(seat, item, relayed and not pieces))
        for piece in pieces:
            self._commands.frombytes(orders.publish(seat, piece, True))

    def ask(self, seat: int, peer: int, item: int) -> None:
        """Request an item from one peer, which answers if it holds and serves it."""
        self._commands.frombytes(orders.ask(seat, peer, item))

    def hand_over(self, source: int, target: int, item: int) -> None:
        """Send an item to one seat."""
        self._commands.frombytes(orders.hand_over(source, target, item))

    def order(self, *words: int) -> None:
        """An order of the core's own, word by word: see `_obey` in `sim.net.core.engine`."""
        self._commands.extend(words)

    def listen(self, seat: int, kinds: int) -> None:
        """Stop the core whenever this seat gets mail of one of these kinds (a bit set)."""
        self._commands.frombytes(orders.listen(seat, kinds))

    def watch(self, seat: int, sort: int, kind: int, need: int, mask: int, fields: Sequence[int], wake: Wake) -> int:
        """Call `wake(message or item)` once what is asked for is there; returns the probe."""
        if self._free_probes:
            probe = self._free_probes.pop()
            self._waits[probe] = wake
        else:
            probe = len(self._waits)
            self._waits.append(wake)
            self._ensure(("probes", "probe_fields"), probe + 1)
            self._ensure(("woken",), 2 * self.world.probes.shape[0])
        self._commands.frombytes(orders.watch(probe, seat, sort, kind, need, mask, *fields, *_PADDING[len(fields)]))
        return probe

    def unwatch(self, probe: int) -> None:
        """Give a probe back, fired or not; whoever called `watch` must do so, once."""
        if self._waits[probe] is None:
            self._free_probes.append(probe)
        else:
            self._waits[probe] = None
            self._commands.frombytes(orders.unwatch(probe))
            self._resting_probes.append(probe)  # may fire before it is unhooked: not to be used again in this batch

    # looking --------------------------------------------------------------------------------------------------------

    def holds(self, seat: int, item: int) -> bool:
        """Whether a seat has the whole of an item."""
        return bool(self.world.held.item(self.row_of[item], seat) == st.HELD)

    def signers(self, seat: int, message: int) -> NDArray[np.uint64]:
        """The identities whose votes for `message` have reached a seat, as a bit set."""
        found: NDArray[np.uint64] = self.world.tally_bits[self.letters[message][3] * self._seats + seat].copy()
        return found

    def set_flag(self, seat: int, flag: int, on: bool) -> None:
        """Switch UP, RELAYS or SERVES of a seat."""
        flags = int(self.world.seats[seat]["flags"])
        self.world.seats[seat]["flags"] = flags | flag if on else flags & ~flag

    def set_apart(self, what: str, values: NDArray[np.int64]) -> None:
        """Give every seat its `island` (0: the mainland) or its `slowness` (in 1/1024 of the usual latency)."""
        seats = self.world.seats
        seats[what] = values
        self.world.setup[st.PARTED] = int(bool(seats["island"].any() or (seats["slowness"] != 1024).any()))

    # time -----------------------------------------------------------------------------------------------------------

    def advance(self, until_ns: int) -> int:
        """Let everything up to `until_ns` happen, but stop after the first instant that wakes somebody."""
        commands, self._commands = self._commands, array("q")
        clock = self._clock
        while True:
            status = driver.run(self.world, commands, until_ns)
            if clock[st.MAILED] or clock[st.WIRED] or clock[st.LOGGED]:
                self._empty_books(clock)
            if status != st.GROW:
                break
            self.world = arena.grow(self.world)
        clock[st.COMMAND_AT] = clock[st.ALERT] = 0
        woken = clock[st.WOKEN]
        if woken:
            clock[st.WOKEN] = 0
            for probe, what in self.world.woken[:woken].tolist():
                wake = self._waits[probe]
                if wake is not None:
                    self._waits[probe] = None
                    wake(what)
        if self._resting_probes:
            self._free_probes += self._resting_probes
            self._resting_probes.clear()
        if status == st.WOKE:
            return clock[st.NOW]
        if clock[st.NOW] < until_ns < FOREVER_NS:
            clock[st.NOW] = until_ns
        return until_ns

    def _empty_books(self, clock: memoryview) -> None:
        """Hand on what the core has written for us: mail, the trace's wire level, the membership's log."""
        count = clock[st.MAILED]
        if count:
            clock[st.MAILED] = 0
            for seat, signer, message, _ in self.on_moves(self.world.mail[:count]).tolist():
                self.on_mail(seat, signer, message)
        written = clock[st.WIRED]
        if written and self.trace is not None:
            self.trace.add_wire(self.world.wire[:written].copy())
            clock[st.WIRED] = 0
        logged = clock[st.LOGGED]
        if logged:
            clock[st.LOGGED] = 0
            for row in self.world.member_log[:logged].tolist():
                self.on_log(*row)

    def _ensure(self, names: Sequence[str], rows: int) -> None:
        if rows > getattr(self.world, names[0]).shape[0]:
            self.world = arena.enlarge(self.world, arena.roomier(self.world, names, rows))
