"""The network as Python sees it: orders go in, wake-ups come out, and time passes in the compiled core between them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel.dice import Dice
from sim.kernel.trace import Trace
from sim.net import arena, driver, orders
from sim.net.core import state as st
from sim.net.core.state import HELD, LOGGED, MAILED, NOW, WIRED, WOKE, WOKEN
from sim.net.costs import Costs
from sim.net.naming import Named
from sim.net.pieces import pieces_of
from sim.net.strategy import Strategy
from sim.net.topology import Topology

Wake = Callable[[int], object]


class Network(Named):
    """One run's network: a `Source` of the virtual loop."""

    __slots__ = (
        "_clock",
        "_core",
        "_cut",
        "_free_probes",
        "_mail",
        "_others",
        "_resting_probes",
        "_seats",
        "_waits",
        "_woken",
        "costs",
        "membership",
        "on_log",
        "on_mail",
        "on_moves",
        "topology",
        "trace",
    )

    def __init__(self, topology: Topology, costs: Costs, strategy: Strategy, dice: Dice, *, wire: bool = False) -> None:
        n = self._seats = topology.n
        self._others = n - 1
        self.topology, self.costs = topology, costs
        buckets = 64 if n <= 16 else 4096 if n <= 128 else 65536  # enough for n * n votes, 32 a bucket
        world = arena.make_world(topology, costs.cores, buckets, n, strategy.memory_words, *strategy.room)
        setup = world.setup
        setup[st.RECORD_WIRE], setup[st.TELLS_COPIES], setup[st.SCREENS] = wire, strategy.tells_copies, strategy.screens
        setup[st.CONTROL_KEY] = dice.key("control") >> 1
        if len(strategy.options):
            world.options[: len(strategy.options)] = strategy.options
        super().__init__(
            driver.with_rule(costs.write(world, dice.key("loss")), strategy.rule), dice, not costs.same_weather_everywhere
        )
        self._clock = memoryview(self.world.clock)  # read a word at a time, which NumPy takes five times as long for
        self._lay_open()
        driver.with_keeper(self.world, strategy.keeper, len(strategy.options))
        self._core = driver.compiled(self.world)
        self.trace: Trace | None = None
        self.on_mail: Callable[[int, int, int], object] = lambda *_: None
        self.on_moves: Callable[[NDArray[np.int64]], NDArray[np.int64]] | None = None  # returns the mail left: `sim.node.following`
        self.on_log: Callable[[int, int, int, int], object] | None = None  # the membership's reports: time, seat, about whom, what
        self.membership: Any = None  # what `sim.net.membership.enter` has put beside the gossip
        self._cut = strategy.cut
        if strategy.starts:
            self._commands.extend(word for seat in range(n) for word in (st.START, seat))
        self._waits: list[Wake | None] = []
        self._free_probes: list[int] = []
        self._resting_probes: list[int] = []

    # orders ---------------------------------------------------------------------------------------------------------

    def send(self, source: int, target: int, signer: int, message: int) -> None:
        """One copy of a message from seat to seat, outside the overlay."""
        self._copies[message] += source != target
        self._commands.frombytes(orders.send(source, target, signer, message, self.letters[message][2]))

    def broadcast(self, source: int, signer: int, message: int) -> None:
        """A copy to every other seat; to itself at once."""
        self._copies[message] += self._others
        self._commands.frombytes(orders.broadcast(source, signer, message, self.letters[message][2]))

    def publish(self, seat: int, item: int, relayed: bool = True) -> None:
        """A seat has made an item: it holds it, and gossips it if `relayed`."""
        publishers = self.world.items["publisher"]
        if publishers[item] < 0:
            publishers[item] = seat
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
            self._lay_open()
        self._commands.frombytes(orders.watch[len(fields)](probe, seat, sort, kind, need, mask, *fields))
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
        held: bool = self.world.held.item(self.row_of[item], seat) == HELD
        return held

    def has(self, seat: int, name: Hashable) -> bool:
        """The same of an item by its name, which nobody need have named yet."""
        number = self._items.get(name)
        return number is not None and self.world.held.item(self.row_of[number], seat) == HELD

    def signers(self, seat: int, message: int) -> int:
        """The identities whose votes for `message` have reached a seat, as a bit set: bit i stands for identity i."""
        row, words = self.letters[message][3] * self._seats + seat, self._words
        if words == 1:
            return self._tallies[row]
        return int.from_bytes(self._tallies[row * words : (row + 1) * words], "little")

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
        core = self._core
        if core is not None:
            place, used = commands.buffer_info()
            status = core(self.world.address, place, used, until_ns)
        else:
            status = driver.run(self.world, commands, until_ns)
        while status > WOKE:
            if status >= st.TOLD:
                self._empty_books()
                status -= st.TOLD
            if status == st.GROW:
                self.world = arena.grow(self.world)
                self._lay_open()
                status = driver.run(self.world, commands, until_ns)
        clock = self._clock
        if status == WOKE:
            until_ns = clock[NOW]
            end = 2 * clock[WOKEN]
            if end:
                clock[WOKEN] = at = 0
                waits, words = self._waits, self._woken
                while at < end:
                    probe = words[at]
                    wake = waits[probe]
                    if wake is not None:
                        waits[probe] = None
                        wake(words[at + 1])
                    at += 2
        if self._resting_probes:
            self._free_probes += self._resting_probes
            self._resting_probes.clear()
        return until_ns

    def _lay_open(self) -> None:
        """See the core's tables of wakes and mail as words in a row; again whenever one may have grown."""
        self._woken = memoryview(self.world.woken).cast("B").cast("q")
        self._mail = memoryview(self.world.mail).cast("B").cast("q")

    def _empty_books(self) -> None:
        """Hand on what the core has written for us: mail, the trace's wire level, the membership's log."""
        clock = self._clock
        count = clock[MAILED]
        if count:
            clock[MAILED] = 0
            on_mail, words = self.on_mail, self._mail
            if self.on_moves is not None:
                left = self.on_moves(self.world.mail[:count])
                count, words = len(left), left.ravel().data
            for at in range(0, 4 * count, 4):
                on_mail(words[at], words[at + 1], words[at + 2])
        written = clock[WIRED]
        if written and self.trace is not None:
            self.trace.add_wire(self.world.wire[:written].copy())
            clock[WIRED] = 0
        logged = clock[LOGGED]
        if logged:
            clock[LOGGED] = 0
            if self.on_log is not None:
                for row in self.world.member_log[:logged].tolist():
                    self.on_log(*row)
