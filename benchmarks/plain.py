"""The yardstick: the obvious event loop, with `heapq`, tuples and Python integers, doing the same work.

The same means: the same copies, each with its keyed draw of latency and its place in the queues of both access lines, so
that everybody holds or decides at the very same nanosecond as in the simulator; `work` compares. What the simulator does
beyond that (trace, books of bytes, wake-ups of coroutines, safety checks) the yardstick leaves out.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from time import process_time
from typing import NamedTuple

MASK = 0xFFFF_FFFF_FFFF_FFFF
GOLDEN = 0x9E37_79B9_7F4A_7C15
FIRST = 0xBF58_476D_1CE4_E5B9
SECOND = 0x94D0_49BB_1331_11EB
LAST = 4095


class Outcome(NamedTuple):
    """What came of a run of the yardstick; `when_ns` says when each seat came to its end, -1 never."""

    deliveries: int
    cpu_s: float
    when_ns: list[int]


def flood(neighbours: Sequence[Sequence[int]], origin: int, key: int, table: Sequence[int], up_ns: int, down_ns: int) -> Outcome:
    """Flood one message from `origin`; a copy occupies an uplink for `up_ns` and a downlink for `down_ns`."""
    started = process_time()
    queue: list[tuple[int, int, int, int]] = []
    holds_ns = [-1] * len(neighbours)
    up_free_ns = [0] * len(neighbours)
    down_free_ns = [0] * len(neighbours)
    serial = deliveries = 0
    heappush(queue, (0, serial, origin, -1))
    while queue:
        now, _, seat, sender = heappop(queue)
        if sender >= 0:  # the last bit has arrived
            first_bit_ns = now - up_ns
            free_ns = down_free_ns[seat]
            down_free_ns[seat] = free_ns = (first_bit_ns if first_bit_ns > free_ns else free_ns) + down_ns
            if free_ns > now:
                serial += 1
                heappush(queue, (free_ns, serial, seat, ~sender))
                continue
        deliveries += 1
        if holds_ns[seat] >= 0:
            continue
        holds_ns[seat] = now
        if sender < 0:
            sender = ~sender if seat != origin else -1
        leaves_ns = max(now, up_free_ns[seat])
        for other in neighbours[seat]:
            if other != sender:
                leaves_ns += up_ns
                serial += 1
                heappush(queue, (leaves_ns + delay_ns(table, key ^ ((seat << 32 | other) * GOLDEN & MASK)), serial, other, seat))
        up_free_ns[seat] = leaves_ns
    return Outcome(deliveries - 1, process_time() - started, holds_ns)


def votes(n: int, quorum: int, keys: Sequence[int], table: Sequence[int]) -> Outcome:
    """One PBFT decision, all to all: proposal, prepares, commits, each identity counted once; `keys` are the messages' own."""
    started = process_time()
    queue: list[tuple[int, int, int, int, int]] = []
    seen: list[list[set[int]]] = [[set(), set(), set()] for _ in range(n)]
    decides_ns = [-1] * n
    committed = [False] * n
    serial = deliveries = 0

    def broadcast(now: int, sender: int, phase: int) -> None:
        nonlocal serial
        key = mixed(keys[phase] ^ (now * GOLDEN & MASK))
        for other in (*range(sender + 1, n), *range(sender)):
            serial += 1
            heappush(queue, (now + delay_ns(table, key ^ ((sender << 32 | other) * GOLDEN & MASK)), serial, other, sender, phase))
        count(now, sender, sender, phase)

    def count(now: int, seat: int, sender: int, phase: int) -> None:
        box = seen[seat][phase]
        if sender in box:
            return
        box.add(sender)
        if phase == 0 and seat != 0:  # the proposal is the leader's prepare
            broadcast(now, seat, 1)
        proposals, prepares, commits = seen[seat]
        if not proposals:  # nobody commits to or decides what is not there
            return
        enough = len(commits) >= quorum
        if not committed[seat] and (enough or len(prepares) >= quorum - 1):
            committed[seat] = True
            broadcast(now, seat, 2)
        if enough and decides_ns[seat] < 0:
            decides_ns[seat] = now

    broadcast(0, 0, 0)
    while queue:
        now, _, seat, sender, phase = heappop(queue)
        deliveries += 1
        count(now, seat, sender, phase)
    return Outcome(deliveries, process_time() - started, decides_ns)


def mixed(word: int) -> int:
    """The finaliser of SplitMix64."""
    word = ((word ^ (word >> 30)) * FIRST) & MASK
    word = ((word ^ (word >> 27)) * SECOND) & MASK
    return word ^ (word >> 31)


def delay_ns(table: Sequence[int], word: int) -> int:
    """The latency to which these bits lead: where on the inverse distribution function they point to, once mixed."""
    word = ((word ^ (word >> 30)) * FIRST) & MASK
    word = ((word ^ (word >> 27)) * SECOND) & MASK
    luck = word ^ (word >> 31)
    place = luck >> 52
    if place == 0 or place == LAST:
        place = (luck >> 40 & LAST) + (4097 if place == 0 else 8194)
        along = luck >> 20 & 0xFFFFF
    else:
        along = luck >> 32 & 0xFFFFF
    start = table[place]
    return start + ((table[place + 1] - start) * along >> 20)
