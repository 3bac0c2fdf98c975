"""Repair: what was found missing is rebuilt elsewhere from enough other fragments; audits find what nobody would notice.

A loss is noticed at once where a disk tells of it, after `notice` where a seat is down, at an audit or a read where a holder lies
or a fragment has rotted. Then the time of the law `repair` passes, and the fragment's new holder gathers what it needs. What lies at a
seat that is down still lies there: it counts as missing until the seat is back or the fragment has been made anew elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.availability.fetching import Fetch
from sim.availability.placement import replacement
from sim.net.core.state import SERVES

if TYPE_CHECKING:
    from sim.availability.store import Store, Thing

NOWHERE = -1
LIFE_NS = 600_000_000_000  # a repair that has not gathered its fragments by then has failed, and is tried again


class Repairs:
    """The repairs of one run."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._due: dict[int, dict[int, int]] = {}
        """By object, since when each fragment that awaits repair has been missing."""
        self._turn: dict[tuple[int, int], int] = {}
        if store.scheme.audit:
            store.loop.call_at_ns(store.scheme.audit, self._audit, 1)

    def missing(self, thing: Thing, fragment: int) -> None:
        """A fragment is known to be missing."""
        due = self._due.setdefault(thing.number, {})
        if self.store.scheme.repair is None or fragment in due:
            return
        due[fragment] = self.store.loop.now_ns
        self._plan(thing)

    def _plan(self, thing: Thing) -> None:
        """Begin the repairs of an object once so few fragments are left that the scheme wants it."""
        store, scheme = self.store, self.store.scheme
        due = self._due.get(thing.number, {})
        if scheme.repair_at is not None and scheme.pieces - len(due) > scheme.repair_at:
            return
        for fragment in due:
            if (thing.number, fragment) not in self._turn or self._turn[thing.number, fragment] % 2 == 0:
                turn = self._turn[thing.number, fragment] = self._turn.get((thing.number, fragment), 0) + 1
                luck = store.dice.uniform("repair", thing.digest, fragment, turn)
                delay = scheme.repair.inverse(np.array([luck]), np.array([1 - luck]))
                store.loop.call_at_ns(store.loop.now_ns + max(0, round(float(delay[0]))), self._repair, thing, fragment)

    def _repair(self, thing: Thing, fragment: int) -> None:
        """The time has come: choose a new holder and let it gather enough fragments."""
        store, key = self.store, (thing.number, fragment)
        due = self._due[thing.number]
        if fragment not in due or thing.lost_ns >= 0:
            self._turn[key] += 1
            return
        holding = [seat for number, seat in enumerate(thing.holder) if seat != NOWHERE and number not in due]
        if len(holding) < store.scheme.enough:  # nothing to make it of; planned anew when somebody comes back
            self._turn[key] += 1
            return
        up = [seat for seat in store.trusted() if store.is_up(seat)]
        regions = store.world.topology.regions
        seat = replacement(store.scheme.place, up, regions, thing.source, holding, store.dice, thing.digest, self._turn[key])
        if seat is None:
            self._failed(thing, fragment)
            return

        def done(outcome: str, _waited_ns: int) -> None:
            if fragment not in due:
                self._turn[key] += 1  # its holder has come back meanwhile
            elif outcome == "served" and store.is_up(seat):
                self._repaired(thing, fragment, seat)
            else:
                self._failed(thing, fragment)

        Fetch(store, thing, seat, store.loop.now_ns + LIFE_NS, done, without=fragment).begin()

    def _repaired(self, thing: Thing, fragment: int, seat: int) -> None:
        store, key = self.store, (thing.number, fragment)
        store.books.repaired += 1
        store.books.repair_ns.append(store.loop.now_ns - self._due[thing.number].pop(fragment))
        self._turn[key] += 1
        store.vacate(thing, fragment)
        store.contents.mend(thing, fragment)
        store.settle(thing, fragment, seat)

    def _failed(self, thing: Thing, fragment: int) -> None:
        """Try again after as long as any repair takes to begin."""
        self.store.books.repair_failed += 1
        self._turn[thing.number, fragment] += 1
        if fragment in self._due[thing.number] and thing.lost_ns < 0:
            self.store.later(self.store.loop.now_ns + self.store.scheme.patience, self._plan, thing)

    # noticing ---------------------------------------------------------------------------------------------------------

    def is_missing(self, thing: Thing, fragment: int) -> bool:
        """Whether a fragment is known to be missing, so that nobody asks for it."""
        return fragment in self._due.get(thing.number, ())

    def turned(self, seat: int) -> None:
        """A seat went down or came up."""
        store = self.store
        if store.scheme.repair is None:
            return
        if not store.is_up(seat):
            store.later(store.loop.now_ns + store.scheme.notice, self._notice, seat)
            return
        for number, fragment in list(store.at_seat.get(seat, ())):
            self._due.get(number, {}).pop(fragment, None)
            self._plan(store.things[number])

    def _notice(self, seat: int) -> None:
        store = self.store
        if store.is_up(seat):
            return
        for number, fragment in list(store.at_seat.get(seat, ())):
            self.missing(store.things[number], fragment)

    def found_bad(self, thing: Thing, fragment: int) -> None:
        """Somebody was sent a fragment that does not belong to the object, or was sent none: its holder is given up."""
        self.store.books.found.append((thing.settled_ns[fragment], self.store.loop.now_ns))
        self.store.vacate(thing, fragment)
        self.missing(thing, fragment)

    def _audit(self, turn: int) -> None:
        """Every holder that is up proves possession: only who has the sound fragment, and serves it, can."""
        store = self.store
        store.loop.call_at_ns((turn + 1) * store.scheme.audit, self._audit, turn + 1)
        for number, fragment, seat in store.placed():
            if not store.is_up(seat):
                continue
            thing = store.things[number]
            store.books.audits += 1
            serves = int(store.network.world.seats[seat]["flags"]) & SERVES
            if serves and store.contents.is_sound(thing, fragment, store.world.alters[seat]):
                continue
            store.books.audits_failed += 1
            if not serves or store.world.alters[seat]:
                store.distrusted[seat] = None
            self.found_bad(thing, fragment)
