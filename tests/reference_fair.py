"""Max-min fair rates, said again slowly: at every change all rates of the whole network are found anew, over all lines."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from reference_things import WINDOW_NS

Name = tuple[int, int, int]
"""Which line: 0 and a seat's uplink, 1 and a seat's downlink, 2 and the two ends of a link."""


@dataclass(eq=False)
class Flow:
    """One copy on its lines."""

    trip: Any
    lines: list[Name]
    left: float
    rests_ns: int
    rate: float = 0.0
    ends_ns: int = 2**62


@dataclass
class Line:
    """What a line is and what is on it."""

    ns_per_byte: float
    flows: list[Flow] = field(default_factory=list)
    lane_free_ns: int = 0
    since_ns: int = 0
    through_bytes: int = 0

    @property
    def capacity(self) -> float:
        """Bytes a nanosecond."""
        return 1 / self.ns_per_byte

    def begin(self, now_ns: int) -> None:
        """Something comes; if the line was idle it is busy from now on."""
        if not self.flows and self.lane_free_ns <= now_ns:
            self.since_ns, self.through_bytes = now_ns, 0

    def meter(self, now_ns: int, size_bytes: int) -> int:
        """Bytes that are through, a window, on average."""
        self.through_bytes += size_bytes
        windows = max(1024, (now_ns - self.since_ns) * 1024 // WINDOW_NS + 1)
        return self.through_bytes * 1024 // windows


def fill(lines: dict[Name, Line]) -> dict[Flow, float]:
    """The rate of every flow: the line with the least for each of its flows settles them, then the next."""
    rates: dict[Flow, float] = {}
    spare = {name: line.capacity for name, line in lines.items() if line.ns_per_byte}
    still = {name: len(lines[name].flows) for name in spare}
    while any(still.values()):
        share, name = min((spare[name] / count, name) for name, count in still.items() if count)
        for flow in lines[name].flows:
            if flow not in rates:
                rates[flow] = share
                for held in flow.lines:
                    if held in spare:
                        spare[held] = max(0.0, spare[held] - share)
                        still[held] -= 1
    return rates


class FairLines:
    """All lines of a `SlowWorld`."""

    def __init__(self, world: Any, links: dict[tuple[int, int], Any]) -> None:
        self.world = world
        self.lines: dict[Name, Line] = {}
        for seat, here in enumerate(world.seats):
            self.lines[0, seat, 0] = Line(here.up.ns_per_byte)
            self.lines[1, seat, 0] = Line(here.down.ns_per_byte)
        for (one, other), link in links.items():
            self.lines[2, one, other] = Line(link.ns_per_byte)
        self.next_ns = [-1] * len(world.seats)
        self.will_settle = False

    def set_out(self, trip: Any, is_heard: bool) -> bool:
        """A copy comes to its lines; False if none has a rate."""
        world, letter, size_bytes = self.world, trip.letter, trip.letter.size_bytes
        uplink = self.lines[0, letter.source, 0]
        trip.held_downlink = False
        if size_bytes <= world.costs.lane_bytes:
            if not uplink.ns_per_byte:
                return False
            work_ns = world.trips._work_ns(trip)
            self._pass((0, letter.source, 0), work_ns, world.now_ns)
            world._push(uplink.lane_free_ns, "passes", letter.source, trip)
            return True
        ways = [(0, letter.source, 0), (1, trip.target, 0), (2, letter.source, trip.target)]
        limited = [way for way in ways if way in self.lines and self.lines[way].ns_per_byte and (way[0] != 1 or is_heard)]
        if not limited:
            return False
        trip.held_downlink = (1, trip.target, 0) in limited
        rests_ns = max(world.now_ns, *(self.lines[way].lane_free_ns for way in limited))
        names = [(0, letter.source, 0), *(way for way in limited if way[0])]
        flow = Flow(trip, names, float(size_bytes), rests_ns)
        for name in names:
            self.lines[name].begin(world.now_ns)
            self.lines[name].flows.append(flow)
        self._settle_soon()
        return True

    def let_out(self, seat: int) -> None:
        """The seat's timer has run out: what is through leaves."""
        world = self.world
        if self.next_ns[seat] != world.now_ns:
            return
        self.next_ns[seat] = -1
        through = [flow for flow in self.lines[0, seat, 0].flows if flow.ends_ns <= world.now_ns]
        for flow in through[: len(world.seats)]:
            for name in flow.lines:
                self.lines[name].flows.remove(flow)
                self.meter(name, flow.trip.letter.size_bytes)
            self._settle_soon()
            slowest = max(self.lines[name].ns_per_byte for name in flow.lines)
            alone_ns = int(flow.trip.letter.size_bytes * slowest + 0.5)
            world.trips._leave(seat, flow.trip, flow.trip.joined_ns, alone_ns)
        self._set_timer(seat)

    def settle(self) -> None:
        """New rates for all. Whose rate stays is left as it is."""
        self.will_settle = False
        now_ns = self.world.now_ns
        changed = []
        for flow, rate in fill(self.lines).items():
            if rate == flow.rate:
                continue
            spent_ns = now_ns - flow.rests_ns
            if spent_ns > 0:
                flow.left = max(0.0, flow.left - flow.rate * spent_ns)
                flow.rests_ns = now_ns
            flow.rate = rate
            flow.ends_ns = flow.rests_ns + math.floor(min(flow.left / rate, 1e18) + 0.5)
            changed.append(flow.trip.letter.source)
        for seat in sorted(set(changed)):
            self._set_timer(seat)

    def come_in(self, seat: int, letter: Any, first_bit_ns: int) -> int:
        """When a copy is taken in; whoever has held the downlink is in."""
        now_ns: int = self.world.now_ns
        if letter.held_downlink:
            return now_ns
        work_ns = self.world.seats[seat].down.busy_ns(letter.size_bytes)
        self._pass((1, seat, 0), work_ns, first_bit_ns)
        self.meter((1, seat, 0), letter.size_bytes)
        return max(now_ns, first_bit_ns + work_ns)

    def meter(self, name: Name, size_bytes: int) -> None:
        """Enter bytes that are through into the books of the line's seat; links have none."""
        line, seat = self.lines[name], self.world.seats[name[1]]
        if name[0] < 2 and line.ns_per_byte:
            side = seat.down if name[0] else seat.up
            side.most_bytes = max(side.most_bytes, line.meter(self.world.now_ns, size_bytes))

    def _pass(self, name: Name, work_ns: int, from_ns: int) -> None:
        line = self.lines[name]
        line.begin(self.world.now_ns)
        line.lane_free_ns = max(from_ns, line.lane_free_ns) + work_ns
        for flow in line.flows:
            flow.rests_ns += work_ns
            if flow.ends_ns < 2**62:
                flow.ends_ns += work_ns

    def _settle_soon(self) -> None:
        if not self.will_settle:
            self.will_settle = True
            self.world._push(self.world.now_ns, "settles", 0, None)

    def _set_timer(self, seat: int) -> None:
        ends_ns = min((flow.ends_ns for flow in self.lines[0, seat, 0].flows), default=2**62)
        if ends_ns < 2**62 and (self.next_ns[seat] < 0 or ends_ns < self.next_ns[seat]):
            self.next_ns[seat] = max(ends_ns, self.world.now_ns)
            self.world._push(self.next_ns[seat], "leaves", seat, None)
