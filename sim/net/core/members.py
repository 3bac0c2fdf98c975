"""Membership beside gossip: a second rule, with packets, ticks and memory of its own, which any gossip rule runs with.

The rule is one function, the same for all seats: `rule(w, event, seat, peer, word) -> count`. Its events are STARTED (time begins),
HEARD (a packet with that word came from `peer`) and TICKED (the tick with that word is due). It fills `count` rows of
`w.actions`: PACKET is MEMBER or TICK, then TARGET (of a packet), DELAY_NS, WORD, and SIZE_BYTES of a packet. It remembers in
`w.member_memory[seat, :]`, finds its parameters in `w.member_options`, and reports to the world outside by `tell_outside`.
Ticks run on at a seat that is down, which sends nothing.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import draw64
from sim.kernel.jit import COMPILED, njit
from sim.net.core.calendar import push
from sim.net.core.links import new_envelope, release, word_of
from sim.net.core.packets import clear
from sim.net.core.send import transmit
from sim.net.core.state import (
    ARRIVED,
    CONTROL_KEY,
    DELAY_NS,
    HEARD,
    LOGGED,
    MEMBER,
    MEMBER_TICK,
    MUTE,
    NOW,
    PACKET,
    SIZE_BYTES,
    STARTED,
    TARGET,
    TICK,
    TICKED,
    UP,
    WORD,
    World,
)

if COMPILED:
    from sim.net.core.compiled import call_member_rule
else:

    def call_member_rule(w: World, event: int, seat: int, peer: int, word: int) -> int:
        """Ask the membership rule; how many rows of `w.actions` it has filled."""
        count: int = w.member_rule(w, event, seat, peer, word)
        return count


LOG_ROWS = 40
"""Most reports of one event."""
REPORTS = ("suspect", "confirm", "learn", "refute", "meet")
"""What a report's lowest three bits say; the fourth is set if the one reported on was up then."""
_WEATHER = np.uint64(0x3E3B)


@njit
def enter(w: World, seat: int) -> None:
    """Time begins for the membership of a seat."""
    _ask_member_rule(w, STARTED, seat, -1, 0)


@njit
def hear_member(w: World, seat: int, peer: int, word: int) -> None:
    """A membership packet has reached `seat`."""
    _ask_member_rule(w, HEARD, seat, peer, word)


@njit
def tick_member(w: World, seat: int, word: int) -> None:
    """A membership tick is due."""
    _ask_member_rule(w, TICKED, seat, -1, word)


@njit
def tell_outside(w: World, seat: int, about: int, what: int) -> None:
    """Report something for the trace: now, at `seat`, about a seat."""
    row = w.member_log[w.clock[LOGGED]]
    w.clock[LOGGED] += 1
    row[0] = w.clock[NOW]
    row[1] = seat
    row[2] = about
    row[3] = what


@njit
def _ask_member_rule(w: World, event: int, seat: int, peer: int, word: int) -> None:
    count = call_member_rule(w, event, seat, peer, word)
    speaks = (w.seats[seat]["flags"] & (UP | MUTE)) == UP
    for at in range(count):
        action = w.actions[at]
        if action[PACKET] == TICK:
            envelope = new_envelope(w, seat, MEMBER_TICK, -1, TICK, 0, np.uint64(0))
            w.envelopes[envelope]["word"] = action[WORD]
            push(w, w.clock[NOW] + max(0, action[DELAY_NS]), word_of(ARRIVED, seat, envelope))
        elif speaks:
            key = draw64(np.uint64(w.setup[CONTROL_KEY]) ^ _WEATHER, np.uint64(w.clock[NOW]))
            key = draw64(key, np.uint64(action[WORD]))
            envelope = new_envelope(w, seat, MEMBER, -1, MEMBER, max(0, action[SIZE_BYTES]), key)
            w.envelopes[envelope]["word"] = action[WORD]
            transmit(w, w.clock[NOW] + action[DELAY_NS], envelope, action[TARGET])
            release(w, envelope)
        clear(w, at)
