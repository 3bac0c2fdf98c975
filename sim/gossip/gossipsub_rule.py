"""GossipSub's rule: what a seat does at each event. `sim/gossip/gossipsub.py` is its manual, `sim/net/gossipsub_mesh.py` its mesh.

`notes` of an item: for each mesh slot whether that peer has said IDONTWANT, and above SLOT_BITS the heartbeat at which
somebody last did. A list of items is a first one and a mask of the 60 from there on, so that the packet itself carries
all that its receiver learns from it.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import draw64
from sim.kernel.jit import njit
from sim.net import gossipsub_mesh as m
from sim.net.core.state import (
    ABOUT,
    BODY,
    CHECKING,
    CONTROL,
    DELAY_NS,
    GOT,
    HEARD,
    HEARD_WORD,
    HELD,
    ITEMS,
    NOW,
    OFFERED,
    PUBLISHED,
    REPEATED,
    REQUEST,
    REQUESTED,
    SPOILT,
    STARTED,
    TICK,
    World,
)
from sim.net.gossipsub_mesh import act, link_of, mesh_of, place_of, score_of

SPAN = 60  # items that one list covers
MOST_LISTS = 16  # lists that one heartbeat announces to a neighbour
SLOT_BITS = 40
GRAFT_FLOOD_NS = 10_000_000_000  # a GRAFT so soon after a PRUNE counts twice (go-libp2p: GossipSubGraftFloodThreshold)


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """One event at one seat; the parts are below."""
    if event == PUBLISHED or event == GOT:
        return _spread(w, event, seat, peer, item)
    if event == REPEATED or event == OFFERED or event == SPOILT:
        return m.judge(w, event, seat, peer, item)
    if event == HEARD:
        return _hear(w, seat, peer, item)
    if event == REQUESTED:
        return _serve(w, seat, peer, item)
    if event == STARTED:
        count = m.graft_some(w, seat, w.options[m.D], False, 0, 0)
        phase = draw64(np.uint64(w.options[m.KEY]), np.uint64(seat)) >> np.uint64(32)
        return _tick(w, count, (np.int64(phase) * w.options[m.BEAT_NS] >> 32) + 1)
    return _beat(w, seat)


@njit
def _tick(w: World, count: int, delay_ns: int) -> int:
    act(w, count, TICK, 0, -1, 0)
    w.actions[count, DELAY_NS] = delay_ns
    return count + 1


@njit
def _spread(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """Eager push: the body to the mesh, IDONTWANT to it before; one's own items to every neighbour if they are flooded."""
    links = w.options[m.LINKS]
    options = w.options
    memory = w.memory[seat]
    if peer >= 0 and options[m.SCORED]:
        place = place_of(w, seat, peer)
        if place >= 0:
            link = link_of(w, place)
            memory[link + m.FIRST * links] = min(options[m.FIRST_CAP], memory[link + m.FIRST * links] + m.ONE)
            m.credit(w, seat, place)
    window = m.WINDOWS + 2 * (memory[m.BEATS] % options[m.GOSSIP])
    if memory[window] == 0 or item + 1 < memory[window]:
        memory[window] = item + 1
    memory[window + 1] = max(memory[window + 1], item + 1)
    row = w.items[item]
    note = np.int64(w.notes[row["row"], seat])
    w.notes[row["row"], seat] = 0
    if (memory[m.BEATS] & 0x3FFFFF) - (note >> SLOT_BITS) > options[m.QUIET_BEATS]:
        note = np.int64(0)
    count = 0
    first = np.int64(w.offsets[seat])
    if event == PUBLISHED and options[m.FLOOD] == 1:
        for near in range(w.offsets[seat + 1] - first):
            if memory[link_of(w, near) + m.SINCE] > 0 or score_of(w, seat, near) >= options[m.PUBLISH_LEAST]:
                count = act(w, count, BODY, np.int64(w.neighbours[first + near]), -1, 0)
        return count
    mesh = mesh_of(w)
    if event == GOT and row["size_bytes"] >= options[m.LARGE]:
        size_bytes = options[m.CONTROL_BYTES] + options[m.ID_BYTES]
        for slot in range(options[m.SLOTS]):
            near = memory[mesh + slot] - 1
            if near >= 0 and w.neighbours[first + near] != peer:
                count = act(w, count, CONTROL, np.int64(w.neighbours[first + near]), size_bytes, m.IDONTWANT)
    for slot in range(options[m.SLOTS]):
        near = memory[mesh + slot] - 1
        if near >= 0 and not note >> slot & 1 and w.neighbours[first + near] != peer:
            count = act(w, count, BODY, np.int64(w.neighbours[first + near]), -1, 0)
    return count


@njit
def _hear(w: World, seat: int, peer: int, item: int) -> int:
    """A control packet; those of a neighbour below the graylist threshold are not even read."""
    word = w.clock[HEARD_WORD]
    said = word & 7
    if said == m.IDONTWANT and w.held[w.items[item]["row"], seat] == HELD:  # the usual case: already sent to all of the mesh
        return 0
    place = place_of(w, seat, peer)
    if place < 0:
        return 0
    score = score_of(w, seat, place)
    if score < w.options[m.DEAF_BELOW]:
        return 0
    if said == m.IDONTWANT:
        row = w.items[item]["row"]
        slot = m.slot_of(w, seat, place)
        if slot >= 0:
            bits = w.notes[row, seat] & ((1 << SLOT_BITS) - 1) | (1 << slot)
            w.notes[row, seat] = (w.memory[seat, m.BEATS] & 0x3FFFFF) << SLOT_BITS | bits
        return 0
    if said == m.IHAVE:
        return _want(w, seat, peer, place, item, word >> 3) if score >= w.options[m.GOSSIP_LEAST] else 0
    if said == m.PRUNE:
        m.leave(w, seat, place)
        return 0
    return _grafted(w, seat, peer, place, score)


@njit
def _grafted(w: World, seat: int, peer: int, place: int, score: int) -> int:
    """A GRAFT: taken unless it comes too early after a PRUNE, from a neighbour with a bad name, or, if it dialled, to a mesh that is full."""
    links = w.options[m.LINKS]
    memory = w.memory[seat]
    link = link_of(w, place)
    if memory[link + m.SINCE] > 0:
        return 0
    early_ns = memory[link + m.BACK_OFF * links] - w.clock[NOW]
    if early_ns > 0:
        if w.options[m.SCORED]:
            twice = early_ns > w.options[m.BACKOFF_NS] - GRAFT_FLOOD_NS
            memory[link + m.BAD * links] = min(m.MOST, memory[link + m.BAD * links] + m.ONE + (m.ONE if twice else 0))
        return m.prune_one(w, seat, place, 0)
    full = memory[m.MEMBERS] >= w.options[m.HIGH] and not m.dialled(w, seat, peer)
    if score < 0 or full or not m.join(w, seat, place):
        return m.prune_one(w, seat, place, 0)
    return 0


@njit
def _want(w: World, seat: int, peer: int, place: int, first: int, mask: int) -> int:
    """An IHAVE: ask for what is not here (IWANT, one request an item), and remember one of these as promised."""
    links = w.options[m.LINKS]
    memory = w.memory[seat]
    link = link_of(w, place)
    beat = memory[m.BEATS] & 0xFFFFF
    before = memory[link + m.ASKED * links]
    if before >> 40 != beat:
        before = 0
    packets = (before & 0xFFFF) + 1
    asked = before >> 16 & 0xFFFFFF
    count = 0
    if packets <= w.options[m.ASKS]:
        for item in range(first, min(first + SPAN, w.setup[ITEMS])):
            if mask >> (item - first) == 0 or asked >= w.options[m.MOST_IDS]:
                break
            if not mask >> (item - first) & 1:
                continue
            row = w.items[item]
            whole = np.int64(row["whole"])
            if w.held[row["row"], seat] >= CHECKING or (whole >= 0 and w.held[w.items[whole]["row"], seat] == HELD):
                continue
            act(w, count, REQUEST, peer, -1, 0)
            w.actions[count, ABOUT] = item
            count += 1
            asked += 1
            if w.options[m.SCORED] and memory[link + m.PROMISE * links] == 0:
                memory[link + m.PROMISE * links] = item + 1
                memory[link + m.PROMISED_NS * links] = w.clock[NOW] + w.options[m.FOLLOW_NS]
    memory[link + m.ASKED * links] = beat << 40 | asked << 16 | min(packets, 0xFFFF)
    return count


@njit
def _serve(w: World, seat: int, peer: int, item: int) -> int:
    """An IWANT: the body, if it is in the message cache still, this neighbour is well-behaved and has not had it too often."""
    links = w.options[m.LINKS]
    place = place_of(w, seat, peer)
    if place < 0 or score_of(w, seat, place) < w.options[m.GOSSIP_LEAST]:
        return 0
    age_ns = w.clock[NOW] - w.arrival[w.items[item]["row"], seat]
    if age_ns > w.options[m.CACHE] * w.options[m.BEAT_NS]:
        return 0
    link = link_of(w, place)
    served = w.memory[seat, link + m.SERVED * links]
    often = (served & 0xFF) + 1 if served >> 8 == item + 1 else 1
    if often > w.options[m.RESEND]:
        return 0
    w.memory[seat, link + m.SERVED * links] = (item + 1) << 8 | often
    return act(w, 0, BODY, peer, -1, 0)


@njit
def _beat(w: World, seat: int) -> int:
    """A heartbeat: books, mesh, gossip, in the order of go-libp2p."""
    options = w.options
    memory = w.memory[seat]
    memory[m.BEATS] += 1
    m.keep_books(w, seat)
    count = _tick(w, 0, options[m.BEAT_NS])
    if options[m.SCORED]:
        for slot in range(options[m.SLOTS]):
            place = memory[mesh_of(w) + slot] - 1
            if place >= 0 and score_of(w, seat, place) < 0:
                count = m.prune_one(w, seat, place, count)
    if memory[m.MEMBERS] < options[m.LOW]:
        count = m.graft_some(w, seat, options[m.D] - memory[m.MEMBERS], False, 0, count)
    elif memory[m.MEMBERS] > options[m.HIGH]:
        count = m.prune_many(w, seat, count)
    if memory[m.MEMBERS] >= options[m.LOW]:
        outbound = 0
        for slot in range(options[m.SLOTS]):
            place = memory[mesh_of(w) + slot] - 1
            outbound += place >= 0 and m.dialled(w, seat, np.int64(w.neighbours[w.offsets[seat] + place]))
        if outbound < options[m.OUT]:
            count = m.graft_some(w, seat, options[m.OUT] - outbound, True, 0, count)
    if options[m.SCORED] and memory[m.BEATS] % options[m.BOOST_BEATS] == 0 and memory[m.MEMBERS] > 1:
        middle = m.middle_score(w, seat)
        if middle < options[m.BOOST_BELOW]:
            count = m.graft_some(w, seat, options[m.BOOST_PEERS], False, middle + 1, count)
    count = _announce(w, seat, count)
    window = m.WINDOWS + 2 * (memory[m.BEATS] % options[m.GOSSIP])
    memory[window] = memory[window + 1] = 0
    return count


@njit
def _announce(w: World, seat: int, count: int) -> int:
    """IHAVE: what came in the last few heartbeats, to some neighbours outside the mesh; the newest items first."""
    options = w.options
    memory = w.memory[seat]
    low = high = 0
    for window in range(m.WINDOWS, m.WINDOWS + 2 * options[m.GOSSIP], 2):
        if memory[window] > 0:
            low = memory[window] if low == 0 else min(low, memory[window])
            high = max(high, memory[window + 1])
    if high == 0:
        return count
    since_ns = w.clock[NOW] - options[m.GOSSIP] * options[m.BEAT_NS]
    last = high - 1
    for _ in range(MOST_LISTS):
        if last < low - 1:
            break
        start = max(low - 1, last - SPAN + 1)
        mask = ids = 0
        for item in range(start, last + 1):
            row = w.items[item]
            if row["first_piece"] < 0 and w.held[row["row"], seat] == HELD and w.arrival[row["row"], seat] > since_ns:
                mask |= 1 << (item - start)
                ids += 1
        if mask > 0:
            count = _tell(w, seat, start, mask, ids, count)
        last = start - 1
    return count


@njit
def _tell(w: World, seat: int, start: int, mask: int, ids: int, count: int) -> int:
    """One list to max(D_lazy, factor * candidates) random neighbours outside the mesh; the same ones for all lists of a beat."""
    options = w.options
    memory = w.memory[seat]
    first = np.int64(w.offsets[seat])
    degree = np.int64(w.offsets[seat + 1]) - first
    key = draw64(draw64(np.uint64(options[m.KEY]), np.uint64(w.clock[NOW])), np.uint64(seat))
    size_bytes, left, wanted = options[m.CONTROL_BYTES] + ids * options[m.ID_BYTES], 0, 0
    for turn in range(2):  # first count the candidates, then draw among them: selection sampling
        for near in range(degree):
            if memory[link_of(w, near) + m.SINCE] > 0 or score_of(w, seat, near) < options[m.GOSSIP_LEAST]:
                continue
            if turn == 0:
                left += 1
                continue
            luck = np.int64(draw64(key, np.uint64(near)) >> np.uint64(32))
            if (luck * left >> 32) < wanted:
                wanted -= 1
                w.actions[count, ABOUT] = start
                count = act(w, count, CONTROL, np.int64(w.neighbours[first + near]), size_bytes, mask << 3 | m.IHAVE)
            left -= 1
        wanted = max(options[m.LAZY], left * options[m.FACTOR] >> 16)
    return count
