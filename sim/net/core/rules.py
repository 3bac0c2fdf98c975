"""Asking a rule, gossip's or the keeper's, and carrying out what it asks for; `sim.net.core.relay` says how to write one."""

from __future__ import annotations

import numpy as np

from sim.kernel.jit import COMPILED, inlined, njit
from sim.net.core.bends import bend
from sim.net.core.calendar import push
from sim.net.core.links import new_envelope, release, word_of
from sim.net.core.packets import clear, item_envelope
from sim.net.core.send import transmit_actions
from sim.net.core.state import (
    ABOUT,
    ANNOUNCE,
    ARRIVED,
    BAD,
    BENT,
    BODY,
    DELAY_NS,
    KEEPER_TICK,
    MUTE,
    NOW,
    PACKET,
    PUBLISHED,
    RELAYS,
    REQUESTED,
    SHARE,
    SIZE_BYTES,
    TARGET,
    TICK,
    UP,
    WORD,
    World,
)

if COMPILED:
    from sim.net.core.compiled import call_keeper
    from sim.net.core.compiled import call_rule as call_rule
else:

    def call_keeper(w: World, event: int, seat: int, peer: int, item: int) -> int:
        """Ask the keeper; how many rows of `w.actions` it has filled."""
        rows: int = w.keeper(w, event, seat, peer, item)
        return rows

    def call_rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
        """Ask the gossip rule; how many rows of `w.actions` it has filled."""
        count: int = w.rule(w, event, seat, peer, item)
        return count


@njit
def ask_rule(w: World, event: int, seat: int, peer: int, item: int, ready_ns: int) -> None:
    """Ask the rule and send what it wants sent; like copies, one after the other, share an envelope."""
    if item >= 0 and (w.items[item]["duty"] == SHARE or w.items[item]["duty"] == BAD or peer == KEEPER_TICK):
        count = call_keeper(w, event, seat, peer, item)
    else:
        count = call_rule(w, event, seat, peer, item)
    flags = w.seats[seat]["flags"]
    if flags & BENT:
        count = bend(w, event, seat, item, count)
    spreads = flags & RELAYS or event == REQUESTED or event == PUBLISHED
    at = 0
    while at < count:
        action = w.actions[at]
        packet = action[PACKET]
        about = item if action[ABOUT] < 0 else action[ABOUT]
        if packet == TICK:
            envelope = new_envelope(w, seat, action[TARGET], about, TICK, 0, np.uint64(0))
            push(w, w.clock[NOW] + max(0, action[DELAY_NS]), word_of(ARRIVED, seat, envelope))
            clear(w, at)
            at += 1
            continue
        silent = (flags & (UP | MUTE)) != UP or (not spreads and (packet == BODY or packet == ANNOUNCE))
        envelope = item_envelope(w, seat, about, packet, event, action[SIZE_BYTES], action[WORD])
        first = at
        while at < count and _alike(w, first, at):
            at += 1
        if not silent:
            transmit_actions(w, ready_ns, envelope, first, at)
        for done in range(first, at):
            clear(w, done)
        release(w, envelope)


@inlined
def _alike(w: World, one: int, other: int) -> bool:
    """Whether two actions send copies of the same thing."""
    actions = w.actions
    return (
        actions[one, PACKET] == actions[other, PACKET]
        and actions[one, ABOUT] == actions[other, ABOUT]
        and actions[one, SIZE_BYTES] == actions[other, SIZE_BYTES]
        and actions[one, WORD] == actions[other, WORD]
    )
