"""The plain objects of the slow network: seats with their queues, messages, items, waits, letters under way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MESSAGE, CERTIFICATE, BODY, ANNOUNCE, REQUEST, BLOB, TICK = range(7)
DELIVERED, LOST, CUT, DOWN = range(4)
QUORUM, COLLECT, HOLD = range(3)
WINDOW_NS = 2**30
LOSS_APART = 0x9E6C63D0876A9A47


@dataclass
class Pipe:
    """One direction of a seat's access line: a FIFO queue with a meter of bytes per window of time."""

    ps_per_byte: int
    free_ns: int = 0
    window: int = 0
    window_bytes: int = 0
    most_bytes: int = 0

    def busy_ns(self, size_bytes: int) -> int:
        """How long so many bytes occupy the line, rounded to the nearest nanosecond."""
        return (size_bytes * self.ps_per_byte + 500) // 1000

    def carry(self, ready_ns: int, size_bytes: int) -> int:
        """Queue from `ready_ns`; returns when the last bit is through."""
        self.free_ns = max(ready_ns, self.free_ns) + self.busy_ns(size_bytes)
        if self.free_ns // WINDOW_NS != self.window:
            self.window, self.window_bytes = self.free_ns // WINDOW_NS, 0
        self.window_bytes += size_bytes
        self.most_bytes = max(self.most_bytes, self.window_bytes)
        return self.free_ns


@dataclass
class Seat:
    """One place of the network."""

    up: Pipe
    down: Pipe
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
    senders: set[int] = field(default_factory=set)


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
