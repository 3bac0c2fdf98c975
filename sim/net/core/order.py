"""Putting events in order: a stable sort of one bucket, binary heaps of (time, serial, word), the lowest bit of a set."""

from __future__ import annotations

import numpy as np

from sim.kernel.jit import inlined, njit

_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)  # its 64 windows of 6 bits all differ: a lone bit times it names its place
_BIT = np.zeros(64, np.uint8)
for _place in range(64):
    _BIT[((0x03F79D71B4CB0A89 << _place) & 0xFFFF_FFFF_FFFF_FFFF) >> 58] = _place


@njit
def sort_by_time(rows: np.ndarray, room: np.ndarray, count: int) -> None:
    """Sort the first `count` rows by time, keeping the order of equal times: runs of 16 by insertion, then merging."""
    ordered = True
    for at in range(1, count):
        if rows[at, 0] < rows[at - 1, 0]:
            ordered = False
            break
    if ordered:
        return
    for start in range(0, count, 16):
        _insertion_sort(rows, start, min(start + 16, count))
    width = 16
    while width < count:
        for start in range(0, count - width, 2 * width):
            _merge(rows, room, start, start + width, min(start + 2 * width, count))
        width *= 2


@njit
def sort_within(rows: np.ndarray, room: np.ndarray, shares: np.ndarray, count: int, width_bits: int) -> None:
    """Sort rows whose times differ in their lowest `width_bits` only: dealt out by the first of these, then by insertion.

    Like `sort_by_time`, which does it where the times are few, or crowd so that dealing out would not help.
    """
    bits = 6 if count < 200 else 8
    if count < 40 or width_bits < bits:
        sort_by_time(rows, room, count)
        return
    shift = width_bits - bits
    last = (1 << bits) - 1
    for share in range(last + 1):
        shares[share] = 0
    for at in range(count):
        shares[(rows[at, 0] >> shift) & last] += 1
    begin = 0
    crowded = False
    for share in range(last + 1):
        size = shares[share]
        crowded |= size > 32
        shares[share] = begin
        begin += size
    if crowded:
        sort_by_time(rows, room, count)
        return
    for at in range(count):
        share = (rows[at, 0] >> shift) & last
        place = shares[share]
        shares[share] = place + 1
        room[place, 0] = rows[at, 0]
        room[place, 1] = rows[at, 1]
    for at in range(count):
        time_ns = room[at, 0]
        place = at
        while place > 0 and rows[place - 1, 0] > time_ns:
            rows[place, 0] = rows[place - 1, 0]
            rows[place, 1] = rows[place - 1, 1]
            place -= 1
        rows[place, 0] = time_ns
        rows[place, 1] = room[at, 1]


@inlined
def _insertion_sort(rows: np.ndarray, start: int, end: int) -> None:
    for at in range(start + 1, end):
        time_ns = rows[at, 0]
        word = rows[at, 1]
        place = at
        while place > start and rows[place - 1, 0] > time_ns:
            rows[place, 0] = rows[place - 1, 0]
            rows[place, 1] = rows[place - 1, 1]
            place -= 1
        rows[place, 0] = time_ns
        rows[place, 1] = word


@njit
def _merge(rows: np.ndarray, room: np.ndarray, start: int, middle: int, end: int) -> None:
    """Merge two sorted runs; the left one moves aside first. Equal times: left first."""
    if rows[middle - 1, 0] <= rows[middle, 0]:
        return
    length = middle - start
    for place in range(length):
        room[place, 0] = rows[start + place, 0]
        room[place, 1] = rows[start + place, 1]
    left = 0
    right = middle
    at = start
    while left < length:
        if right < end and rows[right, 0] < room[left, 0]:
            rows[at, 0] = rows[right, 0]
            rows[at, 1] = rows[right, 1]
            right += 1
        else:
            rows[at, 0] = room[left, 0]
            rows[at, 1] = room[left, 1]
            left += 1
        at += 1


@njit
def heap_push(heap: np.ndarray, size: int, time_ns: int, serial: int, word: int) -> int:
    """Binary heap of rows (time, serial, word); returns the new size."""
    at = size
    while at > 0:
        above = (at - 1) >> 1
        if heap[above, 0] < time_ns or (heap[above, 0] == time_ns and heap[above, 1] < serial):
            break
        heap[at, 0] = heap[above, 0]
        heap[at, 1] = heap[above, 1]
        heap[at, 2] = heap[above, 2]
        at = above
    heap[at, 0] = time_ns
    heap[at, 1] = serial
    heap[at, 2] = word
    return size + 1


@njit
def heap_pop(heap: np.ndarray, size: int) -> int:
    """Remove the top row; returns the new size."""
    size -= 1
    time_ns = heap[size, 0]
    serial = heap[size, 1]
    word = heap[size, 2]
    at = 0
    while True:
        below = 2 * at + 1
        if below >= size:
            break
        right = below + 1
        if right < size and (
            heap[right, 0] < heap[below, 0] or (heap[right, 0] == heap[below, 0] and heap[right, 1] < heap[below, 1])
        ):
            below = right
        if time_ns < heap[below, 0] or (time_ns == heap[below, 0] and serial < heap[below, 1]):
            break
        heap[at, 0] = heap[below, 0]
        heap[at, 1] = heap[below, 1]
        heap[at, 2] = heap[below, 2]
        at = below
    heap[at, 0] = time_ns
    heap[at, 1] = serial
    heap[at, 2] = word
    return size


@inlined
def lowest_bit(bits: np.uint64) -> int:
    """The place of the lowest bit that is set; some bit must be."""
    alone = bits & (~bits + np.uint64(1))
    return np.int64(_BIT[np.int64((alone * _DE_BRUIJN) >> np.uint64(58))])
