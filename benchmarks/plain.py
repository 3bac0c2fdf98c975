"""The yardstick: the obvious event loop, with `heapq`, tuples and Python integers, doing the same work.

Latencies come from a list drawn beforehand, and there is no bandwidth, trace or check, so the yardstick does less than we do.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from heapq import heappop, heappush
from time import process_time


def flood(neighbours: Sequence[Sequence[int]], delays: Sequence[int]) -> tuple[int, float]:
    """Flood one message; returns deliveries and CPU seconds."""
    started = process_time()
    queue: list[tuple[int, int, int, int]] = []
    held = bytearray(len(neighbours))
    serial = deliveries = 0
    heappush(queue, (0, serial, 0, -1))
    many = len(delays)
    while queue:
        now, _, seat, sender = heappop(queue)
        deliveries += 1
        if held[seat]:
            continue
        held[seat] = 1
        for other in neighbours[seat]:
            if other != sender:
                serial += 1
                heappush(queue, (now + delays[serial % many], serial, other, seat))
    return deliveries, process_time() - started


def votes(n: int, delays: Sequence[int]) -> tuple[int, float]:
    """One PBFT decision, all to all: proposal, prepares, commits, counted in Python sets; deliveries and CPU seconds."""
    started = process_time()
    quorum = n - (n - 1) // 3
    queue: list[tuple[int, int, int, int, int]] = []
    seen: list[tuple[set[int], set[int]]] = [(set(), set()) for _ in range(n)]
    sent = [0] * n
    serial = deliveries = 0
    many = len(delays)

    def broadcast(now: int, sender: int, phase: int) -> None:
        nonlocal serial
        for other in range(n):
            if other != sender:
                serial += 1
                heappush(queue, (now + delays[serial % many], serial, other, sender, phase))

    broadcast(0, 0, 0)
    while queue:
        now, _, seat, sender, phase = heappop(queue)
        deliveries += 1
        if phase == 0:
            seen[seat][0].add(seat)
            broadcast(now, seat, 1)
            continue
        box = seen[seat][phase - 1]
        box.add(sender)
        if len(box) == quorum - 1 and sent[seat] < phase:
            sent[seat] = phase
            if phase == 1:
                broadcast(now, seat, 2)
    return deliveries, process_time() - started


def lognormal_delays(count: int = 65_536) -> list[int]:
    """Delays of 25 ms in the median, sigma 0.4, in nanoseconds."""
    luck = random.Random(1)
    return [int(25e6 * luck.lognormvariate(0.0, 0.4)) for _ in range(count)]
