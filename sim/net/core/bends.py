"""Traffic that an adversary bends from outside: what a seat's gossip rule wants sent is held back, left out or spoilt.

A seat with the flag BENT has a row in `w.bends`: SHUNS and SILENCES are sets of groups (bits), BELONGS the groups a seat belongs
to, so a seat leaves out whatever is about an item and goes to a seat of a group it shuns, and passes on nothing that a seat of a
group it silences has published. LATE_NS holds others' items back, ROT_BELOW (of 2 ** 32) is the share of others' bodies it spoils.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import draw64
from sim.kernel.jit import njit
from sim.net.core.calendar import push
from sim.net.core.links import new_envelope, release, word_of
from sim.net.core.packets import clear, item_envelope
from sim.net.core.send import transmit
from sim.net.core.state import (
    ABOUT,
    ANNOUNCE,
    ARRIVED,
    BELONGS,
    BODY,
    DELAY_NS,
    LATE,
    LATE_NS,
    NOW,
    PACKET,
    REQUEST,
    REQUESTED,
    ROT_BELOW,
    ROTTEN,
    SHUNS,
    SILENCES,
    TARGET,
    TICK,
    UP,
    WORD,
    World,
)

_ROT = np.uint64(0x5F0117)
_PACKET_AT = 32


@njit
def shunned(w: World, seat: int, target: int, item: int) -> bool:
    """Whether a bent seat keeps an item from a target."""
    if w.bends[seat, SHUNS] & w.bends[target, BELONGS]:
        return True
    publisher = np.int64(w.items[item]["publisher"])
    silenced: bool = publisher >= 0 and publisher != seat and w.bends[seat, SILENCES] & w.bends[publisher, BELONGS] != 0
    return silenced


@njit
def bend(w: World, event: int, seat: int, item: int, count: int) -> int:
    """Alter what the rule asks for; returns how many actions are left."""
    kept = 0
    for at in range(count):
        packet = w.actions[at, PACKET]
        about = item if w.actions[at, ABOUT] < 0 else w.actions[at, ABOUT]
        carries = packet == BODY or packet == ANNOUNCE
        tells = about >= 0 and packet != TICK and packet != REQUEST
        if tells and (
            w.bends[seat, SHUNS] & w.bends[w.actions[at, TARGET], BELONGS]
            or (carries and shunned(w, seat, w.actions[at, TARGET], about))
        ):
            clear(w, at)
            continue
        if carries and w.items[about]["publisher"] != seat:
            if packet == BODY and w.bends[seat, ROT_BELOW] > 0:
                luck = draw64(w.items[about]["key"] ^ _ROT, np.uint64(seat)) >> np.uint64(32)
                if np.int64(luck) < w.bends[seat, ROT_BELOW]:
                    w.actions[at, WORD] = ROTTEN
            if w.bends[seat, LATE_NS] > 0:
                _put_off(w, seat, about, at)
                clear(w, at)
                continue
        _move(w, at, kept)
        kept += 1
    return kept


@njit
def _move(w: World, at: int, kept: int) -> None:
    if at != kept:
        for column in range(w.actions.shape[1]):
            w.actions[kept, column] = w.actions[at, column]
        clear(w, at)


@njit
def _put_off(w: World, seat: int, item: int, at: int) -> None:
    """Send it later: a tick brings it up again, so that the uplink is free until then."""
    envelope = new_envelope(w, seat, LATE, item, TICK, 0, np.uint64(0))
    rotten = w.actions[at, WORD] == ROTTEN
    w.envelopes[envelope]["word"] = (
        w.actions[at, TARGET] | w.actions[at, PACKET] << _PACKET_AT | np.int64(rotten) << (_PACKET_AT + 8)
    )
    push(w, w.clock[NOW] + max(0, w.actions[at, DELAY_NS]) + w.bends[seat, LATE_NS], word_of(ARRIVED, seat, envelope))


@njit
def send_late(w: World, seat: int, item: int, word: int) -> None:
    """What was held back goes out now."""
    if w.seats[seat]["flags"] & UP:
        packet = word >> _PACKET_AT & 255
        envelope = item_envelope(w, seat, item, packet, REQUESTED, 0, ROTTEN if word >> (_PACKET_AT + 8) else 0)
        transmit(w, w.clock[NOW], envelope, word & 0xFFFFFFFF)
        release(w, envelope)
