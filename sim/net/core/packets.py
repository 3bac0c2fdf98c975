"""Packets about items as they are put into envelopes, and those that leave a seat outside the gossip rule."""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import draw64
from sim.kernel.jit import inlined, njit
from sim.net.core.links import new_envelope, release
from sim.net.core.send import transmit
from sim.net.core.state import (
    ABOUT,
    ANNOUNCE,
    ANNOUNCE_BYTES,
    BLOB,
    BODY,
    CONTROL,
    CONTROL_KEY,
    GOT,
    NOW,
    PUBLISHED,
    REQUEST,
    REQUEST_BYTES,
    REQUESTED,
    ROTTEN,
    SIZE_BYTES,
    STORED,
    UP,
    WORD,
    World,
)

_SPAM = np.uint64(0x59A3)  # sets the weather of invalid bodies apart


@inlined
def clear(w: World, at: int) -> None:
    """Leave the columns that a rule need not fill as it expects to find them."""
    w.actions[at, ABOUT] = -1
    w.actions[at, SIZE_BYTES] = -1
    w.actions[at, WORD] = 0


@njit
def item_envelope(w: World, seat: int, item: int, packet: int, event: int, size_bytes: int, word: int) -> int:
    """An envelope for a packet about an item. What is sent on first sight of an item meets the same weather whenever that is.

    A blob is sent on first sight at the instant of publication only: one that is asked for, or sent once more, is another try.
    The word of a body is 0, or ROTTEN where it is to fail its check.
    """
    if packet == CONTROL:
        key = draw64(draw64(np.uint64(w.setup[CONTROL_KEY]), np.uint64(w.clock[NOW])), np.uint64(word))
        envelope = new_envelope(w, seat, packet, item, packet, max(0, size_bytes), key)
        w.envelopes[envelope]["word"] = word
        return envelope
    size_bytes = w.items[item]["size_bytes"]
    if packet == ANNOUNCE:
        size_bytes = w.setup[ANNOUNCE_BYTES]
    elif packet == REQUEST:
        size_bytes = w.setup[REQUEST_BYTES]
    key = draw64(w.items[item]["key"], np.uint64(packet))
    again = packet == BLOB and w.clock[NOW] != w.items[item]["published_ns"]
    if (event != PUBLISHED and event != GOT) or again or w.items[item]["duty"] == STORED:
        key = draw64(key, np.uint64(w.clock[NOW]))
    return new_envelope(w, seat, ROTTEN if packet == BODY and word == ROTTEN else packet, item, packet, size_bytes, key)


@njit
def send_item(w: World, seat: int, target: int, item: int, packet: int, ready_ns: int) -> None:
    """One copy of an item, or of a packet about it, to one seat outside the gossip rule."""
    envelope = item_envelope(w, seat, item, packet, GOT, 0, 0)
    transmit(w, ready_ns, envelope, target)
    release(w, envelope)


@njit
def ask(w: World, seat: int, target: int, item: int, turn: int) -> None:
    """Request an item from one seat by name; `turn` sets repeated requests apart."""
    key = draw64(w.items[item]["key"], np.uint64(BODY + 64 + turn))
    envelope = new_envelope(w, seat, BLOB, item, REQUEST, w.setup[REQUEST_BYTES], key)
    transmit(w, w.clock[NOW], envelope, target)
    release(w, envelope)


@njit
def spoil(w: World, seat: int, target: int, size_bytes: int) -> None:
    """A body of no item, which will fail its check, to one seat; nothing from a seat that is down."""
    if w.seats[seat]["flags"] & UP:
        key = draw64(np.uint64(w.setup[CONTROL_KEY]) ^ _SPAM, np.uint64(w.clock[NOW]))
        envelope = new_envelope(w, seat, ROTTEN, -1, BODY, size_bytes, key)
        transmit(w, w.clock[NOW], envelope, target)
        release(w, envelope)


@njit
def say(w: World, seat: int, target: int, word: int, size_bytes: int) -> None:
    """A control packet about no item, to one seat, whatever the gossip rule of its sender wants; nothing from a seat that is down."""
    if w.seats[seat]["flags"] & UP:
        envelope = item_envelope(w, seat, -1, CONTROL, REQUESTED, size_bytes, word)
        transmit(w, w.clock[NOW], envelope, target)
        release(w, envelope)
