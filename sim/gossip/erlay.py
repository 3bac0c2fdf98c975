"""Erlay: announce to very few neighbours at once, and reconcile with each of the others now and then (BIP 330).

Naumenko et al., "Erlay: efficient transaction relay for Bitcoin", CCS 2019; BIP 330. For every link a seat keeps the set of items
that it has not announced there. Whoever opened a link (drawn) asks over it once an `interval` with the size a of its set; the other,
with b, answers with a PinSketch of capacity |a - b| + q min(a, b) + 1, 4 bytes each, taken of its set as it is then. A sketch tells the
difference of both sets if that is no larger than its capacity. If it is larger, an extension doubles it; if that fails too, both
announce their whole sets. What differs is asked for by 4-byte ids and announced, then requested and sent as by `announce`. So
announcements cost hardly more with more links, and the last seats wait for a reconciliation or two. Votes and items of `flooded`
bytes or more (blocks) are announced to everybody. At most 200 items are announced in one step; the rest stays in the set.
An announcement that crosses a sketch on its way takes the item out of that sketch; colliding 4-byte ids are left out.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import Dice, draw64
from sim.kernel.errors import ScenarioError
from sim.kernel.jit import njit
from sim.kernel.part import part
from sim.kernel.units import Count, Duration, Share, Size
from sim.net.core import state as st
from sim.net.core.state import World
from sim.net.rounds import KEY, OWN, PERIOD, beat_options, must_pass_time, until_beat_ns
from sim.net.strategy import Strategy
from sim.net.topology import Topology

FANOUT, INBOUND, Q, FLOODED, PATIENCE = range(OWN, OWN + 5)
ASK, SKETCH, EXTEND, EXTENSION, SOLVED, FAILED = range(6)  # lowest three bits of a control packet's word
MOST_ANNOUNCED, MOST_LINKS, MOST_CAPACITY = 200, 40, 4095
_ASKED, _GOSSIPED = 48, 56  # notes: a bit a link where the item is known to both; from bit 48 whom we asked; bit 56: in our sets
_INSTANT = (1 << 44) - 1  # a word has room for the last 44 bits of an instant, 4.9 hours
_OPENED, _LUCK = np.uint64(0x0E41), np.uint64(0xFA40)
_HEADER_BYTES = 24


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """Options: those of rounds, then as named above. `memory`: whose turn it was; for each link when the sketch was taken, and ours."""
    if event == st.STARTED:
        return _turn(w, seat, False)
    if event == st.TICKED and item < 0:
        return _turn(w, seat, True)
    if event == st.HEARD:
        return _reconcile(w, seat, peer, w.clock[st.HEARD_WORD])
    if event == st.PUBLISHED or event == st.GOT:
        return _spread(w, seat, peer, item)
    if event == st.REQUESTED:
        _act(w, 0, st.BODY, peer, -1)
        return 1
    if event == st.ANNOUNCED or event == st.TICKED:
        return _want(w, seat, peer, item, event == st.ANNOUNCED)
    return 0


@njit
def _act(w: World, at: int, packet: int, target: int, item: int) -> None:
    w.actions[at, st.PACKET] = packet
    w.actions[at, st.TARGET] = target
    w.actions[at, st.DELAY_NS] = 0
    w.actions[at, st.ABOUT] = item


@njit
def _say(w: World, target: int, word: int, size_bytes: int) -> None:
    """The first action: a control packet with so many bytes after its header."""
    _act(w, 0, st.CONTROL, target, -1)
    w.actions[0, st.WORD] = word
    w.actions[0, st.SIZE_BYTES] = _HEADER_BYTES + size_bytes


@njit
def _place_of(w: World, seat: int, peer: int) -> int:
    """Which of a seat's links leads to `peer`; every packet here comes over one."""
    start = w.offsets[seat]
    for place in range(start, w.offsets[seat + 1]):
        if w.neighbours[place] == peer:
            return np.int64(place - start)
    return np.int64(0)


@njit
def _opened(w: World, seat: int, peer: int) -> bool:
    """Whether the seat opened the link to `peer`; the other end did if it did not."""
    low = min(seat, peer)
    link = np.uint64(low) << np.uint64(32) | np.uint64(max(seat, peer))
    luck = draw64(np.uint64(w.options[KEY]) ^ _OPENED, link) & np.uint64(1)
    return (luck == np.uint64(1)) == (seat == low)


@njit
def _in_set(w: World, seat: int, place: int, item: int, until_ns: int) -> bool:
    """Whether an item stood in the seat's set for a link at that instant."""
    row = w.items[item]["row"]
    note = w.notes[row, seat]
    return note >> _GOSSIPED & 1 == 1 and note >> place & 1 == 0 and w.arrival[row, seat] <= until_ns


@njit
def _set_size(w: World, seat: int, place: int) -> int:
    size = 0
    for item in range(w.setup[st.ITEMS]):
        if _in_set(w, seat, place, item, w.clock[st.NOW]):
            size += 1
    return size


@njit
def _turn(w: World, seat: int, speaks: bool) -> int:
    """Ask the next of the peers whose links the seat opened; the gap makes every link's turn come once an interval."""
    start = w.offsets[seat]
    degree = np.int64(w.offsets[seat + 1] - start)
    opened = 0
    for place in range(degree):
        if _opened(w, seat, np.int64(w.neighbours[start + place])):
            opened += 1
    if opened == 0:
        return 0
    count = 0
    if speaks:
        place = w.memory[seat, 0]
        while not _opened(w, seat, np.int64(w.neighbours[start + place])):
            place = (place + 1) % degree
        w.memory[seat, 0] = (place + 1) % degree
        _say(w, w.neighbours[start + place], _set_size(w, seat, place) << 3 | ASK, 4)
        count = 1
    _act(w, count, st.TICK, 0, -1)
    w.actions[count, st.DELAY_NS] = until_beat_ns(w, seat, -1, max(1, w.options[PERIOD] // opened))
    return count + 1


@njit
def _spread(w: World, seat: int, peer: int, item: int) -> int:
    """A new item: announce it to few or, if it is a vote or large, to all; it enters the sets of the other links."""
    row = w.items[item]["row"]
    start = w.offsets[seat]
    degree = np.int64(w.offsets[seat + 1] - start)
    to_all = w.items[item]["message"] >= 0 or w.items[item]["size_bytes"] >= w.options[FLOODED]
    known = np.int64(w.notes[row, seat]) & ((np.int64(1) << MOST_LINKS) - 1)  # those who announced it to us
    left = 0
    for place in range(degree):
        if w.neighbours[start + place] == peer:
            known |= np.int64(1) << place
        elif known >> place & 1 == 0 and _opened(w, seat, np.int64(w.neighbours[start + place])):
            left += 1
    wanted = w.options[FANOUT]
    key = draw64(draw64(np.uint64(w.options[KEY]) ^ _LUCK, w.items[item]["key"]), np.uint64(seat))
    count = 0
    for place in range(degree):
        neighbour = np.int64(w.neighbours[start + place])
        if known >> place & 1:
            continue
        luck = np.int64(draw64(key, np.uint64(place)) >> np.uint64(32))
        chosen = luck < w.options[INBOUND]
        if _opened(w, seat, neighbour):
            chosen = luck * left >> 32 < wanted  # selection sampling: exactly so many, each set as likely
            left -= 1
            if chosen:
                wanted -= 1
        if chosen or to_all:
            known |= np.int64(1) << place
            _act(w, count, st.ANNOUNCE, neighbour, -1)
            count += 1
    w.notes[row, seat] = known if to_all else known | np.int64(1) << _GOSSIPED
    return count


@njit
def _want(w: World, seat: int, peer: int, item: int, announced: bool) -> int:
    """`peer` announces an item, or the patience for its body has ended: ask, in turn, those who announced it."""
    row = w.items[item]["row"]
    if announced:
        place = _place_of(w, seat, peer)
        w.notes[row, seat] |= np.int64(1) << place
        if w.held[row, seat] != st.ABSENT:
            return 0
    else:
        if w.held[row, seat] != st.WANTED:
            return 0
        place = (w.notes[row, seat] >> _ASKED & 63) + 1
        while w.notes[row, seat] >> (place % MOST_LINKS) & 1 == 0:
            place += 1
        place %= MOST_LINKS
    w.held[row, seat] = st.WANTED
    links = w.notes[row, seat] & ((np.int64(1) << MOST_LINKS) - 1)
    w.notes[row, seat] = links | np.int64(place) << _ASKED
    _act(w, 0, st.REQUEST, w.neighbours[w.offsets[seat] + place], -1)
    _act(w, 1, st.TICK, 0, -1)
    w.actions[1, st.DELAY_NS] = w.options[PATIENCE]
    return 2


@njit
def _reconcile(w: World, seat: int, peer: int, word: int) -> int:
    """One step of a reconciliation, at either end of the link."""
    step = word & 7
    place = _place_of(w, seat, peer)
    now_ns = w.clock[st.NOW]
    if step == ASK:
        here = _set_size(w, seat, place)
        there = word >> 3
        capacity = min(MOST_CAPACITY, abs(here - there) + (min(here, there) * w.options[Q] >> 20) + 1)
        w.memory[seat, 1 + 2 * place] = now_ns
        _say(w, peer, (now_ns & _INSTANT) << 15 | capacity << 3 | SKETCH, 4 * capacity)
        return 1
    if step == EXTEND:
        taken_ns = w.memory[seat, 1 + 2 * place]
        capacity = word >> 3
        _say(w, peer, (taken_ns & _INSTANT) << 15 | capacity << 3 | EXTENSION, 4 * capacity)
        return 1
    if step == SKETCH or step == EXTENSION:
        if step == SKETCH:
            w.memory[seat, 2 + 2 * place] = now_ns  # our own set is taken with the first sketch
        taken_ns = now_ns - ((now_ns - (word >> 15)) & _INSTANT)
        return _solve(w, seat, peer, word >> 3 & MOST_CAPACITY, taken_ns, step == EXTENSION)
    theirs_ns = now_ns - ((now_ns - (word >> 3)) & _INSTANT)
    return _announce_set(w, seat, peer, w.memory[seat, 1 + 2 * place], theirs_ns, step == FAILED, 0)


@njit
def _solve(w: World, seat: int, peer: int, capacity: int, taken_ns: int, extended: bool) -> int:
    """A sketch of the peer's set has come: what differs, if its capacity is enough; else more of it, or give up."""
    here, there = _place_of(w, seat, peer), _place_of(w, peer, seat)
    ours_ns = w.memory[seat, 2 + 2 * here]
    differing, lacking = 0, 0
    for item in range(w.setup[st.ITEMS]):
        listed = _in_set(w, peer, there, item, taken_ns)
        if listed != _in_set(w, seat, here, item, ours_ns):
            differing += 1
        if listed and not _had(w, seat, item, ours_ns):
            lacking += 1
    if differing > capacity * (2 if extended else 1):
        if not extended:
            _say(w, peer, capacity << 3 | EXTEND, 0)
            return 1
        _say(w, peer, (ours_ns & _INSTANT) << 3 | FAILED, 1)
        return _announce_set(w, seat, peer, ours_ns, taken_ns, True, 1)
    _say(w, peer, (ours_ns & _INSTANT) << 3 | SOLVED, 2 + 4 * lacking)
    count = 1
    for item in range(w.setup[st.ITEMS]):
        if _in_set(w, seat, here, item, ours_ns):
            listed = _in_set(w, peer, there, item, taken_ns)
            if listed or count <= MOST_ANNOUNCED:
                w.notes[w.items[item]["row"], seat] |= np.int64(1) << here
                if not listed:
                    _act(w, count, st.ANNOUNCE, peer, item)
                    count += 1
    return count


@njit
def _had(w: World, seat: int, item: int, at_ns: int) -> bool:
    """Whether a seat held an item at that instant."""
    arrived_ns = w.arrival[w.items[item]["row"], seat]
    return arrived_ns >= 0 and arrived_ns <= at_ns


@njit
def _announce_set(w: World, seat: int, peer: int, ours_ns: int, theirs_ns: int, whole: bool, count: int) -> int:
    """Empty a link's set as it was: announce all of it, or what the peer asked for because it did not hold it then."""
    place = _place_of(w, seat, peer)
    for item in range(w.setup[st.ITEMS]):
        if _in_set(w, seat, place, item, ours_ns):
            asked = whole or not _had(w, peer, item, theirs_ns)
            if not asked or count <= MOST_ANNOUNCED:
                w.notes[w.items[item]["row"], seat] |= np.int64(1) << place
                if asked:
                    _act(w, count, st.ANNOUNCE, peer, item)
                    count += 1
    return count


@part
class Erlay:
    """Announce to `fanout` neighbours at once, to the others by reconciling sets once an `interval`.

    Naumenko et al., "Erlay", CCS 2019; BIP 330. Announcements cost hardly more with more links; the last seats wait for an interval.
    """

    fanout: Count = 1  # neighbours, of those the seat connected to, that are told at once
    inbound: Share = 0.1  # chance of each neighbour that connected to the seat to be told at once
    interval: Duration = 8_000_000_000  # from one reconciliation of a link to its next
    q: Share = 0.25  # expected difference, as a share of the smaller set
    flooded: Size = 10_000  # items of that size or more are announced to all
    patience: Duration = 2_000_000_000  # how long to wait for a body before asking another announcer

    def check(self) -> None:
        """Rounds take time."""
        must_pass_time(self.interval, "interval")

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        degree = topology.largest_degree
        if degree > MOST_LINKS:
            raise ScenarioError(
                f"erlay keeps a set for each of at most {MOST_LINKS} links; a seat of this topology has {degree}", "gossip"
            )
        own = (self.fanout, round(self.inbound * 2**32), round(self.q * 2**20), self.flooded, self.patience)
        options = beat_options("own", self.interval, dice.key("erlay"), *own)
        return Strategy(rule, options, 1 + 2 * max(1, degree), MOST_ANNOUNCED + MOST_LINKS + 2, starts=True)
