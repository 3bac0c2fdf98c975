"""The delivery core's one loop: obey Python's commands, then let events happen until somebody must be woken.

Everything between two wake-ups of Python happens here. `run` stops after the first instant at which a wait was fulfilled
or a listener got mail, at `until_ns`, when nothing is left, or when an array must grow first.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import draw64
from sim.kernel.jit import njit
from sim.net.core import relay
from sim.net.core.calendar import pop, push
from sim.net.core.checking import body_is_lost, body_is_new
from sim.net.core.downlink import take_downlink
from sim.net.core.fair import come_in
from sim.net.core.links import (
    checking_ns,
    new_envelope,
    record,
    release,
    signing_ns,
    take_core,
    word_of,
)
from sim.net.core.members import enter
from sim.net.core.packets import ask, say, send_item, spoil
from sim.net.core.relay import attach, hear, hear_again, hold, refuses, reject, request_is_lost
from sim.net.core.room import peek_with_room, room_left
from sim.net.core.send import transmit, transmit_all
from sim.net.core.state import (
    ALERT,
    ARRIVED,
    ASK,
    BLOB,
    BODY,
    BROADCAST,
    CERTIFICATE,
    COMMAND_AT,
    COMMAND_WORDS,
    CORES,
    DELIVERED,
    DOWN,
    ENTER,
    FATE_DELIVERED,
    FATE_DOWN,
    FIELDS,
    GROW,
    HAND_OVER,
    IDLE,
    IN_FLIGHT,
    INTERN,
    LISTEN,
    LOGGED,
    MAILED,
    MAX_MIN,
    MESSAGE,
    NOW,
    PUBLISH,
    REACHED,
    RECEIVED,
    ROTTEN,
    SAY,
    SCREENS,
    SEND,
    SERVED,
    SHARE,
    SPOIL,
    START,
    TELLS_COPIES,
    TICK,
    TOLD,
    UNREAD,
    UNWATCH,
    UP,
    WATCH,
    WIRED,
    WOKE,
    WOKEN,
    World,
)
from sim.net.core.trips import happen_at_sender
from sim.net.core.votes import deliver, intern, unhook, watch

FOREVER_NS = 2**62
_LOW_32 = 0xFFFFFFFF
_LOW_24 = 0xFFFFFF


@njit
def run(w: World, commands: np.ndarray, used: int, until_ns: int) -> int:
    """Obey `commands[:used]` at the present instant, then advance; returns IDLE, REACHED, WOKE or GROW, and TOLD beside it.

    After GROW it is to be called again with the same commands, after all else with new ones.
    """
    clock = w.clock
    outcome = _go(w, commands, used, until_ns)
    if outcome != GROW:
        clock[COMMAND_AT] = clock[ALERT] = 0
        if outcome != WOKE and clock[NOW] < until_ns and until_ns < FOREVER_NS:
            clock[NOW] = until_ns
    return outcome + TOLD if clock[MAILED] + clock[WIRED] + clock[LOGGED] > 0 else outcome


@njit
def _go(w: World, commands: np.ndarray, used: int, until_ns: int) -> int:
    clock = w.clock
    while clock[COMMAND_AT] < used:
        if room_left(w) < 1:
            return GROW
        at = clock[COMMAND_AT]
        _obey(w, commands, at)
        clock[COMMAND_AT] = at + COMMAND_WORDS[commands[at]]
    room = 0
    while True:
        time_ns = peek_with_room(w, until_ns)
        if time_ns == -2:
            return GROW
        if time_ns < 0:
            return WOKE if clock[WOKEN] > 0 or clock[ALERT] > 0 else IDLE
        if time_ns > clock[NOW] and (clock[WOKEN] > 0 or clock[ALERT] > 0):
            return WOKE
        if time_ns > until_ns:
            return REACHED
        if room < 1:
            room = room_left(w)
            if room < 1:
                return GROW
        room -= 1
        clock[NOW] = time_ns
        _happen(w, pop(w))


@njit
def _happen(w: World, word: int) -> None:
    """One event: a copy has arrived, has been taken in, or has been worked on."""
    stage = word >> 56
    seat = (word >> 32) & _LOW_24
    envelope = word & _LOW_32
    if stage > SERVED:
        happen_at_sender(w, stage, seat, envelope)
        return
    now_ns = w.clock[NOW]
    row = w.envelopes[envelope]
    packet = np.int64(row["packet"])
    item = np.int64(row["item"])
    if packet == TICK:
        if w.seats[seat]["flags"] & UP or item < 0 or w.items[item]["duty"] == SHARE:  # a keeper's waits outlast a crash
            hear(w, seat, envelope)
        else:
            request_is_lost(w, seat, item)
        release(w, envelope)
        return
    if not w.seats[seat]["flags"] & UP:
        w.clock[DOWN] += 1
        w.clock[IN_FLIGHT] -= 1
        if stage == SERVED and (packet == BODY or packet == BLOB) and row["signer"] != ROTTEN:
            body_is_lost(w, seat, item)
        record(w, now_ns, FATE_DOWN, envelope, seat)
        release(w, envelope)
        return
    if stage == ARRIVED and w.seats[seat]["down_ns_per_byte"] > 0:
        if w.setup[MAX_MIN] == 0:
            taken_ns = take_downlink(w, seat, row["size_bytes"], now_ns - row["up_busy_ns"], now_ns)
        else:
            taken_ns = come_in(w, seat, envelope, now_ns - row["up_busy_ns"])
        if taken_ns > now_ns:
            push(w, taken_ns, word_of(RECEIVED, seat, envelope))
            return
    if stage != SERVED:
        if packet == BODY or packet == BLOB:
            if w.setup[SCREENS] and packet == BODY and refuses(w, seat, np.int64(row["source"]), item):
                w.clock[UNREAD] += 1
                _finish(w, seat, envelope)
                return
            if row["signer"] != ROTTEN and not body_is_new(w, seat, item):
                if w.setup[TELLS_COPIES] and packet == BODY:
                    hear_again(w, seat, np.int64(row["source"]), item)
                _finish(w, seat, envelope)
                return
        if w.setup[CORES] > 0:
            signatures = np.int64(1)
            if packet == MESSAGE or packet == CERTIFICATE:
                signatures = w.messages[item]["checks"]
            done_ns = take_core(w, seat, now_ns, checking_ns(w, seat, envelope, signatures))
            if done_ns > now_ns:
                push(w, done_ns, word_of(SERVED, seat, envelope))
                return
    _accept(w, seat, envelope)
    _finish(w, seat, envelope)


@njit
def _finish(w: World, seat: int, envelope: int) -> None:
    w.clock[DELIVERED] += 1
    w.clock[IN_FLIGHT] -= 1
    w.seats[seat]["received_bytes"] += w.envelopes[envelope]["size_bytes"]
    record(w, w.clock[NOW], FATE_DELIVERED, envelope, seat)
    release(w, envelope)


@njit
def _accept(w: World, seat: int, envelope: int) -> None:
    """What a copy does once it is wholly there and checked."""
    row = w.envelopes[envelope]
    packet = row["packet"]
    item = np.int64(row["item"])
    if packet == MESSAGE or packet == CERTIFICATE:
        if w.messages[item]["attached"] >= 0:
            attach(w, seat, np.int64(w.messages[item]["attached"]))
        deliver(w, seat, np.int64(row["signer"]), item)
    elif packet == BODY or packet == BLOB:
        if row["signer"] == ROTTEN:
            reject(w, seat, np.int64(row["source"]), item)
        else:
            hold(w, seat, np.int64(row["source"]), item, packet == BODY)
    else:
        hear(w, seat, envelope)


@njit
def _obey(w: World, commands: np.ndarray, at: int) -> None:
    """Carry out one command of Python's."""
    code = commands[at]
    if code == SEND:
        source, target, signer = commands[at + 1], commands[at + 2], commands[at + 3]
        if source == target:
            deliver(w, source, signer, commands[at + 4])
            return
        envelope, ready_ns = _message_envelope(w, source, signer, commands[at + 4], commands[at + 5])
        transmit(w, ready_ns, envelope, target)
        release(w, envelope)
    elif code == BROADCAST:
        _broadcast(w, commands[at + 1], commands[at + 2], commands[at + 3], commands[at + 4])
    elif code == PUBLISH:
        relay.publish(w, commands[at + 1], commands[at + 2], commands[at + 3])
    elif code == WATCH:
        _hook(w, commands, at)
    elif code == INTERN:
        intern(w, commands, at)
    elif code == UNWATCH:
        unhook(w, commands[at + 1])
    elif code == LISTEN:
        w.seats[commands[at + 1]]["listening"] = commands[at + 2]
    elif code == ASK:
        ask(w, commands[at + 1], commands[at + 2], commands[at + 3], w.clock[NOW])
    elif code == HAND_OVER:
        send_item(w, commands[at + 1], commands[at + 2], commands[at + 3], BLOB, w.clock[NOW])
    elif code == START:
        relay.start(w, commands[at + 1])
    elif code == ENTER:
        enter(w, commands[at + 1])
    elif code == SPOIL:
        spoil(w, commands[at + 1], commands[at + 2], commands[at + 3])
    elif code == SAY:
        say(w, commands[at + 1], commands[at + 2], commands[at + 3], commands[at + 4])


@njit
def _broadcast(w: World, source: int, signer: int, message: int, packet: int) -> None:
    """To every other seat, the next one first; to itself at once."""
    deliver(w, source, signer, message)
    envelope, ready_ns = _message_envelope(w, source, signer, message, packet)
    transmit_all(w, ready_ns, envelope)
    release(w, envelope)


@njit
def _message_envelope(w: World, source: int, signer: int, message: int, packet: int) -> tuple[int, int]:
    """An envelope for a message, and when the seat's CPU has signed it."""
    row = w.messages[message]
    now_ns = w.clock[NOW]
    key = draw64(row["key"], np.uint64(now_ns))
    envelope = new_envelope(w, source, signer, message, packet, row["size_bytes"], key)
    if w.setup[CORES] > 0:
        return envelope, take_core(w, source, now_ns, signing_ns(w, row["size_bytes"]))
    return envelope, now_ns


@njit
def _hook(w: World, commands: np.ndarray, at: int) -> None:
    probe = commands[at + 1]
    row = w.probes[probe]
    row["seat"] = commands[at + 2]
    row["sort"] = commands[at + 3]
    row["kind"] = commands[at + 4]
    row["need"] = commands[at + 5]
    row["mask"] = commands[at + 6]
    for field in range(FIELDS):
        w.probe_fields[probe, field] = commands[at + 7 + field]
    watch(w, probe)
