"""The plain objects of the slow network: seats with their queues, messages, items, waits, letters under way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MESSAGE, CERTIFICATE, BODY, ANNOUNCE, REQUEST, BLOB, TICK = range(7)
DELIVERED, LOST, CUT, DOWN = range(4)
QUORUM, HOLD = range(2)
WINDOW_NS = 2**30
LOSS_APART = 0x9E6C63D0876A9A47


@dataclass
class Pipe:
    """One direction of a seat's access line: a FIFO queue with a meter of bytes per window of time."""

    ns_per_byte: float
    free_ns: int = 0
    window: int = 0
    window_bytes: int = 0
    most_bytes: int = 0

    def busy_ns(self, size_bytes: int) -> int:
        """How long so many bytes occupy the line, rounded to the nearest nanosecond."""
        return int(size_bytes * self.ns_per_byte + 0.5)

    def carry(self, ready_ns: int, size_bytes: int) -> int:
        """Queue from `ready_ns`; returns when the last bit is through."""
        self.free_ns = max(ready_ns, self.free_ns) + self.busy_ns(size_bytes)
        self.meter(self.free_ns, size_bytes)
        return self.free_ns

    def meter(self, done_ns: int, size_bytes: int) -> None:
        """Enter bytes into the window in which the line was done with them."""
        if done_ns // WINDOW_NS != self.window:
            self.window, self.window_bytes = done_ns // WINDOW_NS, 0
        self.window_bytes += size_bytes
        self.most_bytes = max(self.most_bytes, self.window_bytes)


@dataclass
class Downlink(Pipe):
    """The other direction: works on a copy from its first bit on, in whatever time other copies have left idle.

    `marks` are instants at which there was nothing to do, with all the work given until then; idle time is known only
    between marks, and within one stretch all work counts as done at its end.
    """

    work_ns: int = 0
    marked_ns: int = 0
    marks: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)] * 8)

    def take(self, first_bit_ns: int, size_bytes: int, longest_ns: int) -> int:
        """Work on a copy whose last bit is here; returns when the line has done all that it was given."""
        work_ns = self.busy_ns(size_bytes)
        spare_ns = 0
        if first_bit_ns >= self.free_ns:
            if self.work_ns - self.marked_ns >= max(2**20, longest_ns // 4):
                self.marks = [*self.marks[1:], (first_bit_ns, self.work_ns)]
                self.marked_ns = self.work_ns
            self.free_ns = first_bit_ns + work_ns
        else:
            idle_ns = self._idle_ns(first_bit_ns)
            self._fill(idle_ns, min(work_ns, sum(idle_ns)))
            self.free_ns += max(0, work_ns - sum(idle_ns))
            spare_ns = max(0, sum(idle_ns) - work_ns)
        self.work_ns += work_ns
        self.meter(self.free_ns - spare_ns, size_bytes)
        return self.free_ns

    def _idle_ns(self, since_ns: int) -> list[int]:
        """Idle time after `since_ns` in each stretch that begins at a mark, the last of which ends with the present work."""
        ends = [*self.marks[1:], (self.free_ns, self.work_ns)]
        return [
            max(0, end_ns - max(begin_ns, since_ns) - (given_ns - before_ns))
            for (begin_ns, before_ns), (end_ns, given_ns) in zip(self.marks, ends, strict=True)
        ]

    def _fill(self, idle_ns: list[int], work_ns: int) -> None:
        """Work goes into the earliest idle time, so that later marks have seen more of it."""
        for stretch, idle in enumerate(idle_ns):
            used_ns = min(idle, work_ns)
            work_ns -= used_ns
            for later in range(stretch + 1, len(self.marks)):
                time_ns, given_ns = self.marks[later]
                self.marks[later] = time_ns, given_ns + used_ns


@dataclass
class Seat:
    """One place of the network."""

    up: Pipe
    down: Downlink
    cores: list[int]
    site: int = 0
    island: int = 0
    slowness: int = 1024
    is_up: bool = True
    relays: bool = True
    serves: bool = True
    listening: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    longest_queue_ns: int = 0
    probes: list[Probe] = field(default_factory=list)  # newest first
    state: dict[int, str] = field(default_factory=dict)  # item: wanted, checking or held
    other_announcer: dict[int, int] = field(default_factory=dict)

    def work(self, from_ns: int, work_ns: int) -> int:
        """Give work to the core that is free first; without cores it takes no time."""
        if not self.cores:
            return from_ns
        core = self.cores.index(min(self.cores))
        self.cores[core] = max(from_ns, self.cores[core]) + work_ns
        return self.cores[core]


@dataclass
class Message:
    """One content, whoever signs it."""

    key: int
    kind: int
    fields: tuple[int, ...]
    size_bytes: int
    vote: bool
    certified: int
    signers: frozenset[int]
    attached: int
    checks: int
    voters: dict[int, set[int]] = field(default_factory=dict)  # seat: whose votes have reached it


@dataclass
class Item:
    """Something that can be held."""

    key: int
    size_bytes: int
    message: int
    signer: int
    published_ns: int = -1
    execute_ns: int = 0


@dataclass(eq=False)
class Probe:
    """One wait of one seat."""

    seat: int
    sort: int
    kind: int
    need: int
    mask: int
    fields: tuple[int, ...]
    wake: Callable[[int], object] | None
    hooked: bool = False


@dataclass(frozen=True)
class Letter:
    """What all copies of one sending have in common."""

    key: int
    size_bytes: int
    sent_ns: int
    source: int
    signer: int
    item: int
    packet: int
    spread_ns: int = -1
    """From the first bit's leaving to the last bit's; -1: as long as the sender's uplink takes for it."""
    held_downlink: bool = False
    """Whether it has held the receiver's downlink all the way (`reference_fair`)."""


def delay_ns(base_ns: int, table: Any, relative: bool, luck: int) -> int:
    """The latency law restated on Python's integers: where on the inverse distribution function the luck points to."""
    slice_ = luck >> 52
    if slice_ in (0, 4095):
        place = (luck >> 40 & 4095) + (4097 if slice_ == 0 else 2 * 4097)
        along = luck >> 20 & 0xFFFFF
    else:
        place, along = slice_, luck >> 32 & 0xFFFFF
    start, end = int(table[place]), int(table[place + 1])
    value = start + ((end - start) * along >> 20)
    return base_ns * value >> 20 if relative else base_ns + value
