"""Lists that travel with membership packets: written once in a ring of the sender's memory, read there by whoever the packet reaches.

A packet's word names the list by its number. The ring keeps the last RING lists; one that has been written over by the time it
is read counts as empty, so a packet that is under way for longer than it takes its sender to send RING others brings no list.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import draw64
from sim.kernel.jit import inlined, njit
from sim.net.core.state import DELAY_NS, MEMBER, NOW, PACKET, SIZE_BYTES, TARGET, TICK, WORD, World

RING = 32
KIND_BITS, SEAT_BITS = 3, 24
SEAT_MASK = (1 << SEAT_BITS) - 1
NUMBER_AT = KIND_BITS + SEAT_BITS


@inlined
def word_of(kind: int, one: int, number: int) -> int:
    """Pack a packet's word: its kind, a seat, and the number of its list."""
    return kind | one << KIND_BITS | number << NUMBER_AT


@inlined
def list_at(start: int, width: int, number: int) -> int:
    """Where list `number` lies in its sender's memory: its number plus one, then `width` entries."""
    return start + (number % RING) * (1 + width)


@njit
def open_list(w: World, seat: int, start: int, width: int, number: int) -> int:
    """Begin list `number`, empty; returns where its entries go."""
    at = list_at(start, width, number)
    w.member_memory[seat, at] = number + 1
    for entry in range(width):
        w.member_memory[seat, at + 1 + entry] = 0
    return at + 1


@njit
def find_list(w: World, sender: int, start: int, width: int, word: int) -> int:
    """Where the entries of a packet's list lie in its sender's memory; -1 if it has been written over."""
    number = word >> NUMBER_AT
    at = list_at(start, width, number)
    return at + 1 if w.member_memory[sender, at] == number + 1 else -1


@njit
def tell(w: World, count: int, target: int, word: int, size_bytes: int) -> int:
    """Fill an action: a membership packet."""
    row = w.actions[count]
    row[PACKET] = MEMBER
    row[TARGET] = target
    row[DELAY_NS] = 0
    row[SIZE_BYTES] = size_bytes
    row[WORD] = word
    return count + 1


@njit
def wait(w: World, count: int, delay_ns: int, word: int) -> int:
    """Fill an action: a tick."""
    row = w.actions[count]
    row[PACKET] = TICK
    row[DELAY_NS] = delay_ns
    row[WORD] = word
    return count + 1


@njit
def below(w: World, key: int, seat: int, salt: int, bound: int) -> int:
    """A whole number below `bound`, drawn for this seat, instant and purpose."""
    luck = draw64(draw64(np.uint64(key) ^ np.uint64(w.clock[NOW]), np.uint64(seat)), np.uint64(salt))
    return np.int64(luck >> np.uint64(32)) * bound >> 32


@njit
def phase_ns(w: World, key: int, seat: int, period_ns: int) -> int:
    """A moment of a seat's own within a period, from 1 ns to the whole of it."""
    luck = draw64(np.uint64(key) ^ np.uint64(0x9A5E), np.uint64(seat)) >> np.uint64(1)
    return np.int64(luck) % period_ns + 1
