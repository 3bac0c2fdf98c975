"""One run's stored objects: where each fragment lies, whether it is sound, and since when too few can be reached.

What is written here is the truth of the world; readers learn only what the network brings them. A fragment is an item of the
network that is handed over and asked for outside the gossip.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from sim.availability.contents import Contents
from sim.availability.fetching import Fetch
from sim.availability.placement import ordered
from sim.availability.repairing import Repairs
from sim.ledger.multiproof import HASH_BYTES
from sim.net.core.state import ABSENT, HOLD, STORED, UP
from sim.node.storage import Kept, OnDone, OnPlaced, StorageBooks
from sim.node.surroundings import Surroundings

if TYPE_CHECKING:
    from sim.availability.erasure import Erasure

MIB = 1 << 20
SECOND_NS = 1_000_000_000
NOWHERE = -1


class Thing:
    """One stored object."""

    __slots__ = (
        "counted", "digest", "holder", "items", "lost_ns", "number", "put_ns", "reachable", "rebuildable_ns", "settled_ns", "size_bytes",
        "sound", "source", "unavailable_ns", "unavailable_since_ns", "width_bytes",
    )  # fmt: skip

    def __init__(self, number: int, digest: str, source: int, size_bytes: int, pieces: int, width_bytes: int, put_ns: int) -> None:
        self.number, self.digest, self.source, self.size_bytes, self.put_ns = number, digest, source, size_bytes, put_ns
        self.width_bytes = width_bytes
        self.items: list[int] = []
        self.holder = [NOWHERE] * pieces
        self.sound = [True] * pieces
        self.settled_ns = [-1] * pieces
        """Since when each fragment has lain where it lies."""
        self.counted = [False] * pieces
        """Whether a fragment is sound and at a seat that is up: the ones that can be reached."""
        self.reachable = 0
        self.rebuildable_ns = self.lost_ns = self.unavailable_since_ns = -1
        self.unavailable_ns = 0


class Store:
    """The `Storage` of a run with k-of-n codes."""

    def __init__(self, scheme: Erasure, world: Surroundings, seats: Sequence[int]) -> None:
        self.scheme, self.world, self.seats = scheme, world, tuple(seats)
        self.society = world.society
        self.network, self.loop, self.dice = self.society.network, self.society.loop, self.society.dice
        self.books = StorageBooks()
        self.on_placed: list[OnPlaced] = []
        self.things: list[Thing] = []
        self.by_digest: dict[str, Thing] = {}
        self.at_seat: dict[int, dict[tuple[int, int], None]] = {}
        self.contents = Contents(scheme, self.dice)
        self.repairs = Repairs(self)
        self.distrusted: dict[int, None] = {}
        """Seats that an audit caught, which get no further fragments."""
        self._awaited: dict[tuple[int, int], int] = {}
        """The probe of each fragment on its way to its holder."""
        for turn in ("crash", "restart"):  # written down just before it happens
            self.society.trace.subscribe(turn, self._soon_turned)

    @property
    def code(self) -> tuple[int, int]:
        """(Pieces of each object, how many of them give it back)."""
        return self.scheme.pieces, self.scheme.enough

    # what workloads do ------------------------------------------------------------------------------------------------

    def put(self, seat: int, digest: str, size_bytes: int) -> None:
        """Code an object at `seat` and send each fragment to its holder."""
        scheme = self.scheme
        proof_bytes = HASH_BYTES * (scheme.pieces - 1).bit_length()
        width_bytes = max(1, -(-size_bytes // scheme.enough)) + proof_bytes
        thing = Thing(len(self.things), digest, seat, size_bytes, scheme.pieces, width_bytes, self.loop.now_ns)
        self.things.append(thing)
        self.by_digest[digest] = thing
        for fragment in range(scheme.pieces):
            item = self.network.item(("fragment", digest, fragment), "piece", width_bytes)
            self.network.world.items[item]["duty"] = STORED
            thing.items.append(item)
        self.contents.make(thing)
        regions = self.world.topology.regions
        places = ordered(scheme.place, self.trusted(), regions, seat, self.dice, digest)[: scheme.pieces]
        ready_ns = self.work(seat, size_bytes, scheme.pieces - scheme.enough)
        self.later(ready_ns, self._disperse, thing, places)

    def _disperse(self, thing: Thing, places: Sequence[int]) -> None:
        if not self.is_up(thing.source):
            return
        for fragment, seat in enumerate(places):
            thing.holder[fragment] = seat
            self._send(thing, fragment, seat, self.scheme.resend)

    def _send(self, thing: Thing, fragment: int, seat: int, tries: int) -> None:
        """Send a fragment to its holder, again after the patience, twice that and so on, where it has not come; then it is missing."""
        item, key = thing.items[fragment], (thing.number, fragment)
        if thing.holder[fragment] != seat or key in self.at_seat.get(seat, {}):
            return
        if tries < 0:
            self.network.unwatch(self._awaited.pop(key))
            self.vacate(thing, fragment)
            self.repairs.missing(thing, fragment)
            return
        if key not in self._awaited:
            self._awaited[key] = self.watch(seat, item, partial(self._came, thing, fragment, seat))
        if seat == thing.source:
            self.network.publish(seat, item, False)
        elif self.is_up(thing.source):
            self.network.hand_over(thing.source, seat, item)
        wait_ns = (self.scheme.patience << min(40, self.scheme.resend - tries)) + self.on_the_lines_ns(thing, thing.source)
        self.loop.call_at_ns(self.loop.now_ns + wait_ns, self._send, thing, fragment, seat, tries - 1)

    def _came(self, thing: Thing, fragment: int, seat: int) -> None:
        """A fragment has reached the seat that is to hold it."""
        probe = self._awaited.pop((thing.number, fragment), None)
        if probe is not None:
            self.network.unwatch(probe)
            self.settle(thing, fragment, seat)

    def settle(self, thing: Thing, fragment: int, seat: int) -> None:
        """A fragment lies, sound, at a seat that is to hold it from now on."""
        thing.holder[fragment], thing.sound[fragment] = seat, True
        thing.settled_ns[fragment] = self.loop.now_ns
        self.network.publish(seat, thing.items[fragment], False)
        self.at_seat.setdefault(seat, {})[thing.number, fragment] = None
        self.count(thing, fragment)
        for tell in self.on_placed:
            tell(thing.number, fragment, seat)

    def get(self, reader: int, digest: str, until_ns: int, on_done: OnDone) -> None:
        """Fetch and rebuild an object."""
        thing = self.by_digest[digest]

        def done(outcome: str, waited_ns: int) -> None:
            if outcome == "served":
                self.books.useful_bytes += thing.size_bytes
            on_done(outcome, waited_ns)

        Fetch(self, thing, reader, until_ns, done).begin()

    def knows(self, digest: str) -> bool:
        """Whether it was stored here."""
        return digest in self.by_digest

    def holders(self, digest: str) -> tuple[int, ...]:
        """The seats that should keep a fragment of it now."""
        return tuple(seat for seat in self.by_digest[digest].holder if seat != NOWHERE)

    # what trouble does ------------------------------------------------------------------------------------------------

    def lose(self, number: int, fragment: int, noticed: bool) -> None:
        """A fragment is gone, or has rotted where it lies."""
        thing = self.things[number]
        seat = thing.holder[fragment]
        if seat == NOWHERE or not thing.sound[fragment]:
            return
        thing.sound[fragment] = False
        if noticed:
            self.vacate(thing, fragment)
        else:
            self.contents.spoil(thing, fragment)
        self.count(thing, fragment)
        self._bury(thing)
        if noticed:
            self.repairs.missing(thing, fragment)

    def _bury(self, thing: Thing) -> None:
        """Write down when too few sound fragments are left anywhere."""
        left = sum(sound and seat != NOWHERE for sound, seat in zip(thing.sound, thing.holder, strict=True))
        if left < self.scheme.enough and thing.lost_ns < 0:
            thing.lost_ns = self.loop.now_ns

    def vacate(self, thing: Thing, fragment: int) -> None:
        """Nobody keeps this fragment any more."""
        seat = thing.holder[fragment]
        if seat != NOWHERE:
            self.books.lost_bytes += thing.width_bytes
            self.network.world.held[self.network.world.items[thing.items[fragment]]["row"], seat] = ABSENT
            self.at_seat.get(seat, {}).pop((thing.number, fragment), None)
            thing.holder[fragment] = NOWHERE
            self.count(thing, fragment)
            self._bury(thing)

    def placed(self) -> list[tuple[int, int, int]]:
        """All fragments that lie somewhere."""
        return [(number, fragment, seat) for seat, kept in self.at_seat.items() for number, fragment in kept]

    def _soon_turned(self, _time_ns: int, seat: int) -> None:
        self.loop.call_soon(self._turned, seat)

    def _turned(self, seat: int) -> None:
        """A seat went down or came up: what it keeps can be reached no more, or again."""
        for number, fragment in list(self.at_seat.get(seat, ())):
            self.count(self.things[number], fragment)
        self.repairs.turned(seat)

    # the truth --------------------------------------------------------------------------------------------------------

    def count(self, thing: Thing, fragment: int) -> None:
        """See anew whether a fragment can be reached, and since when the object could be had or could not."""
        seat = thing.holder[fragment]
        lies = seat != NOWHERE and (thing.number, fragment) in self.at_seat.get(seat, {})
        there = lies and thing.sound[fragment] and self.is_up(seat)
        if there == thing.counted[fragment]:
            return
        thing.counted[fragment] = there
        thing.reachable += 1 if there else -1
        enough, now_ns = self.scheme.enough, self.loop.now_ns
        if there and thing.reachable == enough:
            if thing.rebuildable_ns < 0:
                thing.rebuildable_ns = now_ns
            elif thing.unavailable_since_ns >= 0:
                thing.unavailable_ns += now_ns - thing.unavailable_since_ns
                thing.unavailable_since_ns = -1
        elif not there and thing.reachable == enough - 1 and thing.rebuildable_ns >= 0:
            thing.unavailable_since_ns = now_ns

    def kept(self) -> tuple[Kept, ...]:
        """The truth about each object."""
        end_ns = self.loop.now_ns
        return tuple(
            Kept(
                digest=thing.digest,
                source=thing.source,
                size_bytes=thing.size_bytes,
                stored_bytes=thing.width_bytes * sum(seat != NOWHERE for seat in thing.holder),
                pieces=self.scheme.pieces,
                enough=self.scheme.enough,
                put_ns=thing.put_ns,
                rebuildable_ns=thing.rebuildable_ns,
                lost_ns=thing.lost_ns,
                reachable=thing.reachable,
                unavailable_ns=thing.unavailable_ns
                + (end_ns - thing.unavailable_since_ns if thing.unavailable_since_ns >= 0 else 0),
            )
            for thing in self.things
        )

    # what fetching and repairing share ---------------------------------------------------------------------------------

    def is_up(self, seat: int) -> bool:
        """Whether a seat runs now."""
        return bool(self.network.world.seats[seat]["flags"] & UP)

    def trusted(self) -> list[int]:
        """The seats that may get fragments; all of them where too few would be left."""
        trusted = [seat for seat in self.seats if seat not in self.distrusted]
        return trusted if len(trusted) >= self.scheme.pieces else list(self.seats)

    def watch(self, seat: int, item: int, tell: partial[None]) -> int:
        """Call `tell` once a seat holds an item; returns the probe, which the caller takes off again."""
        return self.network.watch(seat, HOLD, 0, 1, 1, [item], lambda _: self.loop.call_soon(tell))

    def on_the_lines_ns(self, thing: Thing, seat: int) -> int:
        """How long all fragments of an object take on the slower of a seat's lines: no patience is lost before that; 0 without rates."""
        costs = self.network.costs
        rates = [int(np.broadcast_to(rate, self.network.topology.n)[seat]) for rate in (costs.up_bit_s, costs.down_bit_s)]
        slowest_bit_s = min((rate for rate in rates if rate), default=0)
        bits = 8 * thing.width_bytes * self.scheme.pieces
        return bits * SECOND_NS // slowest_bit_s if slowest_bit_s else 0

    def later(self, time_ns: int, function: object, *args: object) -> None:
        """Call it then; at once where that is now."""
        if time_ns <= self.loop.now_ns:
            function(*args)  # type: ignore[operator]
        else:
            self.loop.call_at_ns(time_ns, function, *args)  # type: ignore[arg-type]

    def work(self, seat: int, size_bytes: int, parts: int) -> int:
        """Have a seat's CPU code so many fragments of an object; when it is done."""
        cost_ns = size_bytes * parts * self.scheme.coding // MIB
        self.books.cpu_ns += cost_ns
        if not self.network.costs.cores or not cost_ns:
            return self.loop.now_ns
        cores = self.network.world.cores[seat]
        core = int(cores[: self.network.costs.cores].argmin())
        cores[core] = max(int(cores[core]), self.loop.now_ns) + cost_ns
        return int(cores[core])
