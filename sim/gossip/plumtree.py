"""Plumtree over HyParView: a broadcast tree that grows out of gossip, and mends itself by it.

Leitão, Pereira, Rodrigues, "Epidemic broadcast trees", SRDS 2007 (Plumtree), algorithms 1 to 3; "HyParView", DSN 2007, for
the views. Each link is eager or lazy. Bodies go over eager links, announcements (IHAVE) over lazy ones. Whoever gets a body
twice makes the second link lazy (PRUNE); whoever hears of a body that does not come makes that link eager (GRAFT).

Cost: in a stable tree n - 1 bodies and 2 (E - n + 1) announcements an item (validation V31), the first one floods. A silent
member of the tree delays its subtree by `graft_after`, at every item while the tree is not repaired.

What differs from the papers: connections are seen to break by silence (`keepalive`, `silent_after`), as no TCP is modelled.
The seven names of a shuffle travel in seven packets with a walk each, and each is answered by one, because a control packet
carries one word. Two announcers of a missing body are remembered. What was spread before a seat has joined never reaches it.
As in the papers links are taken to be reliable: under loss, who misses the body and all its announcements misses the item.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.jit import njit
from sim.kernel.part import part
from sim.kernel.units import Count, Duration, Size
from sim.net import hyparview as v
from sim.net.core.state import (
    ABSENT,
    BODY,
    CHECKING,
    DELAY_NS,
    GOT,
    HEARD,
    HEARD_WORD,
    HELD,
    NOW,
    PACKET,
    PUBLISHED,
    REPEATED,
    SERVES,
    STARTED,
    TARGET,
    TICK,
    TICKED,
    WANTED,
    World,
)
from sim.net.strategy import Strategy
from sim.net.topology import Topology

FIRST_NS, AGAIN_NS, DISPATCH_NS, SHORTER, JOIN_NS = range(v.VIEW_OPTIONS, v.VIEW_OPTIONS + 5)
IHAVE, GRAFT, PRUNE = range(v.VIEW_KINDS, v.VIEW_KINDS + 3)
BODY_WANTED = 1  # a GRAFT asks for the body, or only for the link
BEAT, ENTER, MISSING = range(3)  # ticks
# `notes` of an item: hops it came (the sender's body says its own), then two seats (plus one): announcers, or the parent
HOP_BITS = 8
MOST_HOPS = (1 << HOP_BITS) - 1
SEAT_MASK = (1 << v.SEAT_BITS) - 1


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """One event at one seat; the parts are below."""
    if event == PUBLISHED or event == GOT:
        return _spread(w, seat, peer, item)
    if event == TICKED:
        return _ticked(w, seat, peer, item)
    slot = v.slot_of(w, seat, peer) if peer >= 0 else -1
    if slot >= 0:
        w.memory[seat, v.slot_at(slot) + v.LAST_NS] = w.clock[NOW]
    if event == HEARD:
        word = w.clock[HEARD_WORD]
        return v.hear_view(w, seat, peer, word) if word & 15 < v.VIEW_KINDS else _hear(w, seat, peer, item, slot, word)
    if event == REPEATED and slot >= 0:
        w.memory[seat, v.slot_at(slot) + v.LAZY] = 1
        return v.tell(w, 0, peer, v.word_of(PRUNE, 0, 0, 0), 0)
    if event == STARTED:
        if w.options[v.LINKS] == 0:
            return _tick(w, 0, ENTER, seat * w.options[JOIN_NS])
        for place in range(w.offsets[seat], w.offsets[seat + 1]):
            v.add_active(w, seat, np.int64(w.neighbours[place]), 0)
    return 0


@njit
def _tick(w: World, count: int, number: int, delay_ns: int) -> int:
    w.actions[count, PACKET] = TICK
    w.actions[count, TARGET] = number
    w.actions[count, DELAY_NS] = delay_ns
    return count + 1


@njit
def _spread(w: World, seat: int, peer: int, item: int) -> int:
    """Bodies over eager links, announcements over lazy ones; the link over which it came is eager from now on."""
    row = w.items[item]["row"]
    memory = w.memory[seat]
    hops = 0
    if peer >= 0:
        hops = min(MOST_HOPS, (w.notes[row, peer] & MOST_HOPS) + 1)  # the body says how far it has come
        slot = v.slot_of(w, seat, peer)
        if slot >= 0:
            memory[v.slot_at(slot) + v.LAZY] = 0
            memory[v.slot_at(slot) + v.LAST_NS] = w.clock[NOW]
    w.notes[row, seat] = hops | (peer + 1) << HOP_BITS
    count = 0
    for lazy in range(2):
        for slot in range(w.options[v.MOST_ACTIVE]):
            near = memory[v.slot_at(slot) + v.PEER] - 1
            if near < 0 or near == peer or memory[v.slot_at(slot) + v.LAZY] != lazy:
                continue
            if lazy:
                count = v.tell(w, count, near, v.word_of(IHAVE, hops, 0, 0), 1)
                w.actions[count - 1, DELAY_NS] = w.options[DISPATCH_NS]
            else:
                w.actions[count, PACKET] = BODY
                w.actions[count, TARGET] = near
                w.actions[count, DELAY_NS] = 0
                count += 1
    return count


@njit
def _ticked(w: World, seat: int, number: int, item: int) -> int:
    if number == ENTER:
        count = v.join(w, seat, seat, 0) if seat > 0 else 0
        phase_ns = v.below(w, seat, 1, w.options[v.BEAT_NS]) if w.options[v.BEAT_NS] < 1 << 31 else 0
        return _tick(w, count, BEAT, phase_ns + 1)
    if number == BEAT:
        return v.view_beat(w, seat, _tick(w, 0, BEAT, w.options[v.BEAT_NS]))
    row = w.items[item]["row"]  # a body that was announced has not come
    if w.held[row, seat] >= CHECKING:
        return 0
    note = w.notes[row, seat] >> HOP_BITS
    announcer = (note & SEAT_MASK) - 1
    w.notes[row, seat] = note >> v.SEAT_BITS << HOP_BITS
    if announcer < 0:
        w.held[row, seat] = ABSENT
        return 0
    slot = v.slot_of(w, seat, announcer)
    if slot >= 0:
        w.memory[seat, v.slot_at(slot) + v.LAZY] = 0
    count = v.tell(w, 0, announcer, v.word_of(GRAFT, BODY_WANTED, 0, 0), 1)
    return _tick(w, count, MISSING, w.options[AGAIN_NS])


@njit
def _hear(w: World, seat: int, peer: int, item: int, slot: int, word: int) -> int:
    """IHAVE, GRAFT, PRUNE."""
    said, number = word & 15, word >> 4 & 255
    row = w.items[max(0, item)]["row"]
    count = 0
    if said == PRUNE:
        if slot >= 0:
            w.memory[seat, v.slot_at(slot) + v.LAZY] = 1
        return 0
    if said == GRAFT:
        if slot >= 0:
            w.memory[seat, v.slot_at(slot) + v.LAZY] = 0
        if number == BODY_WANTED and w.held[row, seat] == HELD and w.seats[seat]["flags"] & SERVES:
            w.actions[0, PACKET] = BODY
            w.actions[0, TARGET] = peer
            w.actions[0, DELAY_NS] = 0
            count = 1
        return count
    note = w.notes[row, seat]
    if w.held[row, seat] < CHECKING:
        first, second = note >> HOP_BITS & SEAT_MASK, note >> (HOP_BITS + v.SEAT_BITS) & SEAT_MASK
        if first == 0:
            first = peer + 1
        elif second == 0:
            second = peer + 1
        w.notes[row, seat] = (first | second << v.SEAT_BITS) << HOP_BITS
        if w.held[row, seat] == ABSENT:
            w.held[row, seat] = WANTED
            count = _tick(w, count, MISSING, w.options[FIRST_NS])
        return count
    parent = v.slot_of(w, seat, (note >> HOP_BITS & SEAT_MASK) - 1) if note >> HOP_BITS > 0 else -1
    shorter = (note & MOST_HOPS) - number
    lazy = slot >= 0 and w.memory[seat, v.slot_at(slot) + v.LAZY] == 1
    if w.held[row, seat] == HELD and lazy and parent >= 0 and shorter >= w.options[SHORTER]:
        old = w.memory[seat, v.slot_at(parent) + v.PEER] - 1  # the tree's shorter branch takes the place of the longer one
        w.memory[seat, v.slot_at(slot) + v.LAZY] = 0
        w.memory[seat, v.slot_at(parent) + v.LAZY] = 1
        count = v.tell(w, count, peer, v.word_of(GRAFT, 0, 0, 0), 1)
        count = v.tell(w, count, old, v.word_of(PRUNE, 0, 0, 0), 0)
    return count


@part
class Plumtree:
    """Bodies over a tree, announcements over the other links; views by HyParView or the topology's own links."""

    membership: Literal["hyparview", "links"] = "hyparview"  # whom one is connected to: views of its own, or the topology's links
    active_view: Count = 5  # open connections
    passive_view: Count = 30  # seats known as replacements
    active_walk: Count = 6  # steps of a newcomer's name (ARWL)
    passive_walk: Count = 3  # steps left when it is remembered (PRWL)
    shuffle_walk: Count = 6  # steps of a shuffle
    shuffle_active: Count = 3  # names from the active view in a shuffle
    shuffle_passive: Count = 4  # names from the passive view in a shuffle
    shuffle_every: Duration = 60_000_000_000
    keepalive: Duration = 1_000_000_000  # time between two signs of life on a connection
    silent_after: Duration = 3_500_000_000  # a connection that has been silent for so long is broken
    join_every: Duration = 1_000_000  # seats join one after the other, so far apart
    graft_after: Duration = 80_000_000  # how long to wait for an announced body
    graft_again: Duration = 40_000_000  # how long to wait before asking the next announcer
    dispatch: Duration = 5_000_000  # how long an announcement waits to be sent
    optimisation: Count = 7  # a lazy link whose path is shorter by so many hops takes the place of the eager one
    control_size: Size = 24  # bytes of a control packet without ids
    id_size: Size = 32  # bytes of a message's or a seat's id

    def check(self) -> None:
        """Views and times are possible."""
        for name in ("active_view", "keepalive", "shuffle_every", "graft_again", "optimisation"):
            if getattr(self, name) == 0:
                raise ScenarioError("0 was given, at least 1 is wanted", name)
        if not self.passive_walk <= self.active_walk <= 255 or self.shuffle_walk > 255:
            raise ScenarioError("walks need passive_walk <= active_walk <= 255 and shuffle_walk <= 255", "active_walk")

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        links = self.membership == "links"
        active = max(1, topology.largest_degree if links else self.active_view)
        passive = 0 if links else self.passive_view
        if (v.SLOTS + active * v.SLOT_WORDS + passive) * topology.n > 2**28:
            raise ScenarioError(f"{topology.n} seats that remember up to {active} neighbours each do not fit in memory")
        views = (dice.key("plumtree") >> 1, int(links), active, passive, self.active_walk, self.passive_walk, self.shuffle_walk)
        shuffles = (self.shuffle_active, self.shuffle_passive, max(1, self.shuffle_every // self.keepalive), self.keepalive)
        tree = (self.graft_after, self.graft_again, self.dispatch, self.optimisation, self.join_every)
        return Strategy(
            rule,
            options=(*views, *shuffles, self.silent_after, self.control_size, self.id_size, *tree),
            memory_words=v.SLOTS + active * v.SLOT_WORDS + passive,
            most_actions=2 * active + self.shuffle_active + self.shuffle_passive + 8,
            starts=True,
            tells_copies=True,
        )
