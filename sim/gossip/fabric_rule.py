"""The rule of Fabric's block gossip: what an orderer does, and what a peer does at a body, a control packet or a tick."""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import draw64
from sim.kernel.jit import njit
from sim.net.core.state import (
    ABOUT,
    BODY,
    CHECKING,
    CONTROL,
    GOT,
    HEARD,
    HEARD_WORD,
    HELD,
    ITEMS,
    NOW,
    PUBLISHED,
    REQUEST,
    REQUESTED,
    SEATS,
    SIZE_BYTES,
    STARTED,
    TICK,
    TICKED,
    UP,
    WORD,
    World,
)

PUSH, BURST, PULL, PULL_EVERY, DIGEST_WAIT, STORED, STATE_EVERY, CHECK_EVERY = range(8)
BATCH, ALIVE, ELECTION, KEY, ORDERERS, PEERS, LIST = range(8, 15)
"""Words of `options`; then the orderers' seats [n, ORDERERS count], for each seat its place among them or -1 [n], the peers by
organisation [n], and where the organisation of each seat begins and ends among these [2 n]."""
LEADING, HEARD_NS, SMALLER, HEIGHT, BEST, BEST_PEER, ASKED, BEATS, DIGESTS, TABLE = range(10)
"""Words of `memory`: whether this seat leads; when a leader was last heard; whether a smaller seat proposed itself; blocks held;
the greatest height heard of and whose; the peer asked for state plus one; pulls so far; digests of this pull; then their senders
and times. An orderer's row keeps a bit for each subscribed peer instead, from TABLE on."""
ON_PULL, ON_REQUESTS, ON_STATE, ON_CHECK, ON_ALIVE, ON_DECIDE = range(6)  # numbers of ticks
OPEN, CLOSE, HELLO, DIGEST, STATE, LACKING, LEADER, PROPOSE = range(8)  # what a control packet says, below its number << 3
FRAME_BYTES, DIGEST_BYTES, STATE_BYTES = 48, 32, 300  # a digest is a hash a block; a told height is signed, with identity
MOST_DIGESTS = 16
_SHIFT = np.uint64(32)


@njit
def say(w: World, count: int, target: int, word: int, number: int, size_bytes: int) -> int:
    """One control packet; returns the new count of actions."""
    w.actions[count, 0] = CONTROL
    w.actions[count, 1] = target
    w.actions[count, 2] = 0
    w.actions[count, SIZE_BYTES] = size_bytes
    w.actions[count, WORD] = word + (number << 3)
    return count + 1


@njit
def send(w: World, count: int, packet: int, target: int, delay_ns: int, item: int) -> int:
    """One body, request or tick; returns the new count of actions."""
    w.actions[count, 0] = packet
    w.actions[count, 1] = target
    w.actions[count, 2] = delay_ns
    w.actions[count, ABOUT] = item
    return count + 1


@njit
def to_some(w: World, seat: int, count: int, wanted: int, key: np.uint64, packet: int, word: int, number: int) -> int:
    """The same to so many distinct peers of the organisation (heights: of any), each set as likely; bodies after `burst`."""
    n = w.setup[SEATS]
    begin = 0 if word == STATE else w.options[LIST + 3 * n + 2 * seat]
    end = w.options[PEERS] if word == STATE else w.options[LIST + 3 * n + 2 * seat + 1]
    left = end - begin - 1
    wanted = min(wanted, left)
    for place in range(begin, end):
        other = w.options[LIST + 2 * n + place]
        if other == seat:
            continue
        luck = np.int64(draw64(key, np.uint64(place)) >> _SHIFT)
        if luck * left >> 32 < wanted:
            wanted -= 1
            if packet == BODY:
                count = send(w, count, BODY, other, w.options[BURST], number)
            else:
                count = say(w, count, other, word, number, STATE_BYTES if word == STATE else FRAME_BYTES)
        left -= 1
    return count


@njit
def orderer_of(w: World, seat: int) -> int:
    """The orderer that a seat streams from, drawn once."""
    luck = np.int64(draw64(np.uint64(w.options[KEY]), np.uint64(seat)) >> _SHIFT)
    return w.options[LIST + (luck * w.options[ORDERERS] >> 32)]


@njit
def lacking(w: World, seat: int, peer: int, asked_ns: int, most: int) -> int:
    """Bodies that this seat holds and `peer` did not when it asked, the oldest first."""
    count = 0
    for item in range(w.setup[ITEMS]):
        row = w.items[item]["row"]
        theirs_ns = w.arrival[row, peer]
        if (
            (theirs_ns < 0 or theirs_ns > asked_ns)
            and w.held[row, seat] == HELD
            and w.items[item]["first_piece"] < 0
            and count < most
        ):
            count = send(w, count, BODY, peer, 0, item)
    return count


@njit
def order(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """An orderer: keep the list of streams, pass each new block to the other orderers and into the streams."""
    n = w.setup[SEATS]
    count = 0
    if event == HEARD:
        word = w.clock[HEARD_WORD]
        bit = np.int64(1) << (peer % 62)
        w.memory[seat, TABLE + peer // 62] &= ~bit
        if word & 7 == OPEN:
            w.memory[seat, TABLE + peer // 62] |= bit
            count = lacking(w, seat, peer, word >> 3, n)
        return count
    if event == REQUESTED:
        return send(w, 0, BODY, peer, 0, item)
    if event != GOT and event != PUBLISHED:
        return 0
    if event == PUBLISHED or w.options[LIST + n + peer] < 0:  # new to the ordering service
        for place in range(w.options[ORDERERS]):
            if w.options[LIST + place] != seat:
                count = send(w, count, BODY, w.options[LIST + place], 0, item)
    for other in range(n):
        if other != peer and w.memory[seat, TABLE + other // 62] >> (other % 62) & 1:
            count = send(w, count, BODY, other, 0, item)
    return count


@njit
def request_lacking(w: World, seat: int) -> int:
    """The digests are in: request each of the newest blocks that is not here from one of those that had it, drawn."""
    count = 0
    digests = w.memory[seat, DIGESTS]
    for item in range(max(0, w.setup[ITEMS] - w.options[STORED]), w.setup[ITEMS]):
        row = w.items[item]["row"]
        if w.held[row, seat] >= CHECKING or digests == 0 or w.items[item]["first_piece"] >= 0:
            continue
        luck = np.int64(draw64(w.items[item]["key"] ^ np.uint64(seat), np.uint64(w.memory[seat, BEATS])) >> _SHIFT)
        first = luck * digests >> 32
        for step in range(digests):
            at = TABLE + 2 * ((first + step) % digests)
            theirs_ns = w.arrival[row, w.memory[seat, at]]
            if 0 <= theirs_ns <= w.memory[seat, at + 1]:
                w.notes[row, seat] = 1  # pulled: not pushed on
                count = send(w, count, REQUEST, w.memory[seat, at], 0, item)
                break
    w.memory[seat, DIGESTS] = 0
    return count


@njit
def elect(w: World, seat: int, tick: int, key: np.uint64) -> int:
    """A leader says that it lives; the others, when it has been silent for too long, propose themselves and then decide."""
    now_ns = w.clock[NOW]
    silent = not w.memory[seat, LEADING] and now_ns - w.memory[seat, HEARD_NS] > w.options[ALIVE]
    n = w.setup[SEATS]
    if tick == ON_DECIDE:
        if not silent or w.memory[seat, SMALLER]:
            return 0
        w.memory[seat, LEADING] = 1
        count = say(w, 0, orderer_of(w, seat), OPEN, now_ns, FRAME_BYTES)
        return to_some(w, seat, count, n, key, CONTROL, LEADER, 0)
    count = send(w, 0, TICK, ON_ALIVE, w.options[ALIVE] // 2, -1)
    if w.memory[seat, LEADING]:
        return to_some(w, seat, count, n, key, CONTROL, LEADER, 0)
    if silent:
        count = to_some(w, seat, count, n, key, CONTROL, PROPOSE, 0)
        count = send(w, count, TICK, ON_DECIDE, w.options[ELECTION], -1)
    else:
        w.memory[seat, SMALLER] = 0
    return count


@njit
def beat(w: World, seat: int, tick: int) -> int:
    """A peer's tick; one that is down lets its clocks run and does nothing."""
    key = draw64(draw64(np.uint64(w.options[KEY]), np.uint64(w.clock[NOW])), np.uint64(seat * 8 + tick))
    every_ns = w.options[PULL_EVERY]
    if tick == ON_STATE:
        every_ns = w.options[STATE_EVERY]
    elif tick == ON_CHECK:
        every_ns = w.options[CHECK_EVERY]
    elif tick == ON_ALIVE:
        every_ns = w.options[ALIVE] // 2
    if not w.seats[seat]["flags"] & UP:
        return 0 if tick == ON_REQUESTS or tick == ON_DECIDE else send(w, 0, TICK, tick, every_ns, -1)
    if tick == ON_ALIVE or tick == ON_DECIDE:
        return elect(w, seat, tick, key)
    if tick == ON_REQUESTS:
        return request_lacking(w, seat)
    count = send(w, 0, TICK, tick, every_ns, -1)
    if tick == ON_PULL and w.options[PULL] > 0:
        w.memory[seat, BEATS] += 1
        w.memory[seat, DIGESTS] = 0
        count = send(w, count, TICK, ON_REQUESTS, w.options[DIGEST_WAIT], -1)
        count = to_some(w, seat, count, w.options[PULL], key, CONTROL, HELLO, 0)
    elif tick == ON_STATE:
        count = to_some(w, seat, count, w.options[PULL], key, CONTROL, STATE, w.memory[seat, HEIGHT])
    elif tick == ON_CHECK and w.memory[seat, BEST] > w.memory[seat, HEIGHT]:
        count = say(w, count, w.memory[seat, BEST_PEER], LACKING, w.clock[NOW], FRAME_BYTES)
        w.memory[seat, ASKED] = w.memory[seat, BEST_PEER] + 1
        w.memory[seat, BEST] = 0
    return count


@njit
def hear(w: World, seat: int, peer: int) -> int:
    """A control packet from another peer."""
    word = w.clock[HEARD_WORD] & 7
    number = w.clock[HEARD_WORD] >> 3
    if word == HELLO:
        blocks = min(w.options[STORED], w.memory[seat, HEIGHT])
        return say(w, 0, peer, DIGEST, w.clock[NOW], FRAME_BYTES + DIGEST_BYTES * blocks)
    if word == DIGEST and w.memory[seat, DIGESTS] < MOST_DIGESTS:
        at = TABLE + 2 * w.memory[seat, DIGESTS]
        w.memory[seat, at], w.memory[seat, at + 1] = peer, number
        w.memory[seat, DIGESTS] += 1
    elif word == STATE and number > w.memory[seat, BEST]:
        w.memory[seat, BEST], w.memory[seat, BEST_PEER] = number, peer
    elif word == LACKING:
        return lacking(w, seat, peer, number, w.options[BATCH])
    elif word == LEADER:
        w.memory[seat, HEARD_NS] = w.clock[NOW]
        if w.memory[seat, LEADING] and peer < seat:
            w.memory[seat, LEADING] = 0
            return say(w, 0, orderer_of(w, seat), CLOSE, 0, FRAME_BYTES)
    elif word == PROPOSE and peer < seat:
        w.memory[seat, SMALLER] = 1
    return 0


@njit
def begin(w: World, seat: int) -> int:
    """Time begins at a peer: its clocks start at moments of their own; the first peer of an organisation opens its stream."""
    n = w.setup[SEATS]
    count = 0
    for tick in (ON_PULL, ON_STATE, ON_CHECK):
        luck = np.int64(draw64(np.uint64(w.options[KEY]), np.uint64(n + seat * 8 + tick)) >> _SHIFT)
        every_ns = w.options[PULL_EVERY if tick == ON_PULL else STATE_EVERY if tick == ON_STATE else CHECK_EVERY]
        count = send(w, count, TICK, tick, luck * (every_ns // 1000) // 2**32 * 1000, -1)
    count = send(w, count, TICK, ON_ALIVE, w.options[ALIVE] // 2, -1)
    if w.options[LIST + 2 * n + w.options[LIST + 3 * n + 2 * seat]] == seat:
        w.memory[seat, LEADING] = 1
        count = say(w, count, orderer_of(w, seat), OPEN, 0, FRAME_BYTES)
    return count


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """`notes` is 1 for a block that was requested after a digest: it is not pushed on."""
    n = w.setup[SEATS]
    if w.options[LIST + n + seat] >= 0:
        return order(w, event, seat, peer, item)
    if event == STARTED:
        return begin(w, seat)
    if event == TICKED:
        return beat(w, seat, peer)
    if event == HEARD:
        return hear(w, seat, peer)
    if event == REQUESTED:
        return send(w, 0, BODY, peer, 0, item)
    if event != PUBLISHED and event != GOT:
        return 0
    w.memory[seat, HEIGHT] += 1
    if event == PUBLISHED:
        return send(w, 0, BODY, orderer_of(w, seat), 0, item)
    if w.notes[w.items[item]["row"], seat] == 1 or peer + 1 == w.memory[seat, ASKED]:
        return 0
    return to_some(w, seat, 0, w.options[PUSH], draw64(w.items[item]["key"], np.uint64(seat)), BODY, -1, item)
