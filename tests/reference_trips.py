"""Copies one by one, said again slowly: shared uplinks, the lane, rates of links, retransmission, duplicates, stragglers, TCP."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from reference_fair import FairLines
from reference_things import CUT, LOST, WINDOW_NS, Letter

from sim.kernel.dice import draw

TWIN_APART = 0x5851F42D4C957F2D
BEHIND_APART = 0x14057B7EF767814F
FINE = 1024  # parts of a nanosecond in which shared service is counted


@dataclass(eq=False)
class Trip:
    """One copy, how often it was lost, when it came to its uplink and what is left to do there."""

    letter: Letter
    target: int
    losses: int = 0
    joined_ns: int = 0
    left: int = 0
    held_downlink: bool = False


@dataclass
class Queue:
    """The copies at one uplink, in the order in which they came."""

    trips: list[Trip] = field(default_factory=list)
    served_until_ns: int = 0
    next_ns: int = -1
    lane_free_ns: int = 0
    busy_since_ns: int = 0
    left_bytes: int = 0

    def serve(self, now_ns: int, fair: bool) -> None:
        """Work until now: all copies get the same, or the first one gets everything."""
        spent_ns = now_ns - self.served_until_ns
        if not self.trips or spent_ns <= 0:
            return
        for trip in self.trips if fair else self.trips[:1]:
            trip.left -= spent_ns * FINE // (len(self.trips) if fair else 1)
        self.served_until_ns = now_ns

    def first(self) -> Trip:
        """Who leaves first."""
        return min(self.trips, key=lambda trip: trip.left)


@dataclass
class Link:
    """What one direction of a link remembers."""

    ns_per_byte: float = 0.0
    free_ns: int = 0
    window: int = 0
    used_ns: int = 0
    arrived_ns: int = 0


class SlowTrips:
    """The trips of a `SlowWorld`."""

    def __init__(self, world: Any) -> None:
        self.world, self.costs = world, world.costs
        self.queues = [Queue() for _ in world.seats]
        topology = world.topology
        rates = np.broadcast_to(np.asarray(self.costs.link_bit_s), len(topology.neighbours)).tolist()
        self.links: dict[tuple[int, int], Link] = {}
        for source in range(topology.n):
            for place in range(topology.offsets[source], topology.offsets[source + 1]):
                rate = rates[place]
                self.links[source, int(topology.neighbours[place])] = Link(8e9 / rate if rate else 0.0)
        self.fair = FairLines(world, self.links)

    def begin(self, ready_ns: int, letter: Letter, target: int) -> None:
        """One copy sets out."""
        self.world.in_flight += 1
        self._go(ready_ns, Trip(letter, target))

    def happen(self, stage: str, seat: int, trip: Trip) -> None:
        """An event at the sender's end."""
        world = self.world
        if stage == "joins":
            self._join(seat, trip)
        elif stage == "passes":
            self._leave(seat, trip, world.now_ns - self._work_ns(trip), self._work_ns(trip))
        elif stage == "settles":
            self.fair.settle()
        elif stage == "leaves" and self.costs.max_min:
            self.fair.let_out(seat)
        elif stage == "leaves":
            self._look(seat)
        elif world.seats[seat].is_up:
            trip.losses += 1
            world.resent += 1
            world.in_flight += 1
            world._book(trip.letter)
            self._go(world.now_ns, trip)

    def _work_ns(self, trip: Trip) -> int:
        return int(self.world.seats[trip.letter.source].up.busy_ns(trip.letter.size_bytes))

    def _go(self, ready_ns: int, trip: Trip) -> None:
        world, source = self.world, self.world.seats[trip.letter.source]
        if self.costs.max_min or (source.up.ns_per_byte and (self.costs.fair or self.costs.lane_bytes >= 0)):
            if ready_ns > world.now_ns:
                world._push(ready_ns, "joins", trip.letter.source, trip)
            else:
                self._join(trip.letter.source, trip)
            return
        leaves_ns = ready_ns
        if source.up.ns_per_byte:
            source.longest_queue_ns = max(source.longest_queue_ns, source.up.free_ns - ready_ns)
            leaves_ns = source.up.carry(ready_ns, trip.letter.size_bytes)
        self._depart(trip, leaves_ns, leaves_ns - self._work_ns(trip))

    # a queue, event by event ------------------------------------------------------------------------------------------

    def _join(self, seat: int, trip: Trip) -> None:
        world, queue = self.world, self.queues[seat]
        if self.costs.max_min:
            trip.joined_ns = world.now_ns
            lost = world._goes_astray(self._key(trip), seat, trip.target)
            if not self.fair.set_out(trip, not lost and world.seats[seat].island == world.seats[trip.target].island):
                self._depart(trip, world.now_ns, world.now_ns)
            return
        queue.serve(world.now_ns, self.costs.fair)
        if not queue.trips and queue.lane_free_ns <= world.now_ns:
            queue.busy_since_ns, queue.left_bytes = world.now_ns, 0
        trip.joined_ns = world.now_ns
        if trip.letter.size_bytes <= self.costs.lane_bytes:
            queue.lane_free_ns = max(queue.lane_free_ns, world.now_ns) + self._work_ns(trip)
            queue.served_until_ns += self._work_ns(trip)  # the others stand still
            world._push(queue.lane_free_ns, "passes", seat, trip)
            return
        if not queue.trips:
            queue.served_until_ns = max(world.now_ns, queue.lane_free_ns)
        trip.left = self._work_ns(trip) * FINE
        queue.trips.append(trip)
        self._set_alarm(seat)

    def _look(self, seat: int) -> None:
        world, queue = self.world, self.queues[seat]
        if queue.next_ns == world.now_ns:
            queue.next_ns = -1
            if self._first_leaves_ns(queue) <= world.now_ns:
                queue.serve(world.now_ns, self.costs.fair)
                trip = self._first(queue)
                queue.trips.remove(trip)
                begun_ns = trip.joined_ns if self.costs.fair else world.now_ns - self._work_ns(trip)
                self._leave(seat, trip, begun_ns, self._work_ns(trip))
        self._set_alarm(seat)

    def _first(self, queue: Queue) -> Trip:
        return queue.first() if self.costs.fair else queue.trips[0]

    def _set_alarm(self, seat: int) -> None:
        queue = self.queues[seat]
        if not queue.trips:
            return
        time_ns = self._first_leaves_ns(queue)
        if queue.next_ns < 0 or time_ns < queue.next_ns:
            queue.next_ns = time_ns
            self.world._push(time_ns, "leaves", seat, None)

    def _first_leaves_ns(self, queue: Queue) -> int:
        sharers = len(queue.trips) if self.costs.fair else 1
        return queue.served_until_ns + -(-max(0, self._first(queue).left) * sharers // FINE)

    def _leave(self, seat: int, trip: Trip, begun_ns: int, alone_ns: int) -> None:
        world, queue, here = self.world, self.queues[seat], self.world.seats[seat]
        here.longest_queue_ns = max(here.longest_queue_ns, world.now_ns - trip.joined_ns - alone_ns)
        if self.costs.max_min:
            if trip.letter.size_bytes <= self.costs.lane_bytes:
                self.fair.meter((0, seat, 0), trip.letter.size_bytes)
            self._depart(trip, world.now_ns, begun_ns)
            return
        queue.left_bytes += trip.letter.size_bytes
        windows = max(1024, (world.now_ns - queue.busy_since_ns) * 1024 // WINDOW_NS + 1)
        here.up.most_bytes = max(here.up.most_bytes, queue.left_bytes * 1024 // windows)
        self._depart(trip, world.now_ns, begun_ns)

    # from the uplink on -----------------------------------------------------------------------------------------------

    def _depart(self, trip: Trip, leaves_ns: int, begun_ns: int) -> None:
        world, letter, costs = self.world, trip.letter, self.costs
        link = self.links.get((letter.source, trip.target))
        if link is not None and link.ns_per_byte and not costs.max_min:
            link.free_ns = max(begun_ns, link.free_ns) + int(letter.size_bytes * link.ns_per_byte + 0.5)
            leaves_ns = max(leaves_ns, link.free_ns)
        key = self._key(trip)
        if world.seats[letter.source].island != world.seats[trip.target].island:
            world.in_flight -= 1
            world._note(leaves_ns, CUT, trip.target, letter)
        elif world._goes_astray(key, letter.source, trip.target):
            world.in_flight -= 1
            world._note(leaves_ns, LOST, trip.target, letter)
            if link is not None:
                link.window = 0  # begins anew
            if costs.retransmit_ns:
                world._push(leaves_ns + costs.retransmit_ns, "goes again", letter.source, trip)
        else:
            self._travel(trip, key, link, leaves_ns, begun_ns)

    @staticmethod
    def _key(trip: Trip) -> int:
        return draw(trip.letter.key, trip.losses) if trip.losses else trip.letter.key

    def _travel(self, trip: Trip, key: int, link: Link | None, leaves_ns: int, begun_ns: int) -> None:
        world, letter, costs = self.world, trip.letter, self.costs
        way = letter.source << 32 | trip.target
        latency_ns = world._latency_ns(key, letter.source, trip.target)
        if costs.tcp_bytes:
            leaves_ns += self._stall_ns(letter, link, begun_ns, 2 * latency_ns)
        arrives_ns = leaves_ns + latency_ns
        if draw(key ^ BEHIND_APART, way) >> 32 < round(costs.reorder * 2**32):
            arrives_ns += costs.reorder_ns
        if link is not None and costs.tcp_bytes:
            arrives_ns = link.arrived_ns = max(arrives_ns, link.arrived_ns)
            link.used_ns = leaves_ns
        spread_ns = leaves_ns - begun_ns
        world.longest_ns = max(world.longest_ns, spread_ns)
        letter = replace(letter, spread_ns=spread_ns, held_downlink=trip.held_downlink)
        world._push(arrives_ns, "arrived", trip.target, letter)
        if draw(key ^ TWIN_APART, way) >> 32 < round(costs.duplicate * 2**32):
            world.duplicated += 1
            world.in_flight += 1
            again_ns = world._latency_ns(draw(key, TWIN_APART), letter.source, trip.target)
            world._push(leaves_ns + again_ns, "arrived", trip.target, replace(letter, held_downlink=False))

    def _stall_ns(self, letter: Letter, link: Link | None, begun_ns: int, round_trip_ns: int) -> int:
        """Round trips less the time in which a window is sent, for each window that is filled and too small for the line."""
        rates = [self.world.seats[letter.source].up.ns_per_byte, link.ns_per_byte if link else 0.0]
        window, left, waited_ns = self.costs.tcp_bytes, letter.size_bytes, 0
        if link is not None and link.window and begun_ns - link.used_ns <= self.costs.tcp_idle_ns:
            window = link.window
        while left > window and (sending_ns := int(window * max(rates) + 0.5)) < round_trip_ns:
            waited_ns += round_trip_ns - sending_ns
            left, window = left - window, 2 * window
        if link is not None:
            link.window = window
        return waited_ns
