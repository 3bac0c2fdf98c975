"""Reading an object that lies in fragments: the nearest holders first, every fragment checked, the others after a while."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sim.net.core.state import ABSENT
from sim.node.storage import OnDone

if TYPE_CHECKING:
    from sim.availability.store import Store, Thing


class Fetch:
    """One seat gathers enough sound fragments of one object."""

    def __init__(self, store: Store, thing: Thing, reader: int, until_ns: int, on_done: OnDone, without: int = -1) -> None:
        self.store, self.thing, self.reader, self.until_ns, self.on_done = store, thing, reader, until_ns, on_done
        self.begun_ns = store.loop.now_ns
        self.sound: dict[int, None] = {}
        self.bad: dict[int, None] = {}
        self.asked: dict[int, int] = {}
        """Which holder each fragment was asked of."""
        self._without = without
        self._probes: dict[int, int] = {}
        self._over = self._rebuilding = False

    def begin(self) -> None:
        """Ask as many as are needed; go on after the patience."""
        self._ask(self.store.scheme.enough + self.store.scheme.hedge)
        self._turn()

    def _turn(self) -> None:
        store = self.store
        if self._over or self._rebuilding:
            return
        if store.loop.now_ns >= self.until_ns or not store.is_up(self.reader):
            self._finish("unavailable")
            return
        wait_ns = store.scheme.patience + store.on_the_lines_ns(self.thing, self.reader)
        next_ns = min(self.until_ns, store.loop.now_ns + wait_ns)
        store.loop.call_at_ns(next_ns, self._again)

    def _again(self) -> None:
        if not self._over and not self._rebuilding:
            if self.store.loop.now_ns < self.until_ns:
                self._ask(self.store.scheme.pieces, again=True)
            self._turn()

    def _ask(self, most: int, again: bool = False) -> None:
        """Ask the holders of fragments that have not come, the own region first, until `most` are here or asked for."""
        thing, regions = self.thing, self.store.world.topology.regions
        near = regions[self.reader]
        places = [
            (regions[seat] != near, (seat - self.reader) % len(regions), fragment, seat)
            for fragment, seat in enumerate(thing.holder)
            if seat >= 0 and fragment != self._without and fragment not in self.sound and fragment not in self.bad
            if not self.store.repairs.is_missing(thing, fragment)
        ]
        wanted = most - len(self.sound) - (0 if again else len(self.asked))
        for _, _, fragment, seat in sorted(places):
            if wanted <= 0:
                return
            if fragment in self.asked and not again:
                continue
            wanted -= 1
            self.asked[fragment] = seat
            self._request(fragment, seat)

    def _request(self, fragment: int, seat: int) -> None:
        network, item = self.store.network, self.thing.items[fragment]
        if fragment not in self._probes:
            self._probes[fragment] = self.store.watch(self.reader, item, partial(self._came, fragment))
        if seat != self.reader:
            network.ask(self.reader, seat, item)

    def _came(self, fragment: int) -> None:
        """A fragment is here: check it against the object's root."""
        if self._over or fragment not in self._probes:
            return
        store, thing, seat = self.store, self.thing, self.asked[fragment]
        self._release(fragment)
        if seat != self.reader:
            if self._without < 0:
                store.books.fetched_bytes += thing.width_bytes
            else:
                store.books.repair_bytes += thing.width_bytes
        if not store.contents.is_sound(thing, fragment, store.world.alters[seat]):
            store.books.spoilt_found += 1
            self.bad[fragment] = None
            store.repairs.found_bad(thing, fragment)
            self._ask(store.scheme.enough + store.scheme.hedge)
            return
        self.sound[fragment] = None
        if len(self.sound) >= store.scheme.enough and not self._rebuilding:
            self._rebuilding = True
            store.later(self._decode(), self._rebuilt)

    def _decode(self) -> int:
        """Have the reader's CPU do what is missing, or a repairer's the one fragment it makes of the others; when it is done."""
        store, size_bytes = self.store, self.thing.size_bytes
        if self._without < 0:
            return store.work(self.reader, size_bytes, sum(number not in self.sound for number in range(store.scheme.enough)))
        before_ns = store.books.cpu_ns
        ready_ns = store.work(self.reader, size_bytes, 1)
        store.books.repair_cpu_ns += store.books.cpu_ns - before_ns
        return ready_ns

    def _rebuilt(self) -> None:
        store = self.store
        ok = store.is_up(self.reader) and store.contents.rebuilds(self.thing, self.sound)
        self._finish("served" if ok and store.loop.now_ns <= self.until_ns else "unavailable")

    def _finish(self, outcome: str) -> None:
        if self._over:
            return
        self._over = True
        for fragment in list(self._probes):
            self._release(fragment)
        world = self.store.network.world
        for fragment in self.asked:  # what was fetched to be read is not kept
            if self.thing.holder[fragment] != self.reader:
                world.held[world.items[self.thing.items[fragment]]["row"], self.reader] = ABSENT
        self.on_done(outcome, self.store.loop.now_ns - self.begun_ns)

    def _release(self, fragment: int) -> None:
        self.store.network.unwatch(self._probes.pop(fragment))
