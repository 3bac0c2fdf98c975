"""GossipSub's mesh, compiled: who is in it, what a neighbour is worth, and what is remembered of it.

It lies on this floor because machine code is kept on disk by the state of the kernel and of this floor (`sim.kernel.jit`).
A seat remembers a few words, its mesh (in each slot the place of a neighbour among its neighbours, plus one) and LINK_WORDS
for every neighbour. Scores and counters are whole numbers, shares of 2 ** 16. Specifications: libp2p, GossipSub v1.1 (scores),
v1.2 (IDONTWANT); the order of a heartbeat is that of go-libp2p-pubsub, `gossipsub.go`.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import draw64
from sim.kernel.jit import inlined, njit
from sim.net.core.state import CHECKING, CONTROL, DELAY_NS, DIALS, NOW, OFFERED, PACKET, REPEATED, SIZE_BYTES, TARGET, WORD, World

# Options, in the order in which the part gives them; those from MESH_WEIGHT on are shares of 2 ** 16
KEY, SLOTS, D, LOW, HIGH, LAZY, OUT, KEEP, BEAT_NS, FACTOR, CACHE, GOSSIP, FLOOD, BACKOFF_NS, RESEND, ASKS = range(16)
MOST_IDS, FOLLOW_NS, LARGE, QUIET_BEATS, CONTROL_BYTES, ID_BYTES, BOOST_BEATS, BOOST_PEERS, SCORED, QUANTUM_NS = range(16, 26)
ACTIVE_NS, WINDOW_NS, DECAY_BEATS = range(26, 29)
MESH_WEIGHT, MESH_CAP, FIRST_WEIGHT, FIRST_CAP, FIRST_DECAY, DUE_WEIGHT, DUE, DUE_CAP, DUE_DECAY, FAILED_DECAY = range(29, 39)
BAD_WEIGHT, BAD_FREE, BAD_DECAY, GOSSIP_LEAST, PUBLISH_LEAST, DEAF_BELOW, BOOST_BELOW, INVALID_WEIGHT, INVALID_DECAY = range(39, 48)
OPTIONS = 48
LINKS = OPTIONS  # after the part's own: most links that a seat has

# Words of a seat: heartbeats so far, members of its mesh, next slot to fill; first and last item of each gossip window; mesh
BEATS, MEMBERS, NEXT_SLOT, WINDOWS = range(4)
# Words of a link, each word of all links side by side, as a heartbeat looks at one word of every link: in the mesh since (plus
# one), no GRAFT before, IHAVE packets, ids asked for and in which beat, item last sent on request and how often; and where
# neighbours are scored: promised item (plus one), promised until, P2, P3, P3b, P7 and P4 as shares of 2 ** 16
SINCE, BACK_OFF, ASKED, SERVED, PROMISE, PROMISED_NS, FIRST, GIVEN, FAILED, BAD, INVALID = range(11)
LINK_WORDS, UNSCORED_LINK_WORDS = 11, 4

GRAFT, PRUNE, IHAVE, IDONTWANT = range(4)
ONE = 1 << 16
MOST = 1000 * ONE  # no counter grows beyond: its square, times a weight of at most 1000, still fits int64


@inlined
def act(w: World, count: int, packet: int, target: int, size_bytes: int, word: int) -> int:
    """Fill an action; returns how many there are now."""
    row = w.actions[count]
    row[PACKET] = packet
    row[TARGET] = target
    row[DELAY_NS] = 0
    row[SIZE_BYTES] = size_bytes
    row[WORD] = word
    return count + 1


@njit
def place_of(w: World, seat: int, peer: int) -> int:
    """Where `peer` stands among the neighbours of `seat`, which ascend; -1 for a stranger."""
    first = np.int64(w.offsets[seat])
    low, high = first, np.int64(w.offsets[seat + 1])
    while low < high:
        middle = (low + high) >> 1
        if w.neighbours[middle] < peer:
            low = middle + 1
        else:
            high = middle
    return low - first if low < w.offsets[seat + 1] and w.neighbours[low] == peer else -1


@inlined
def link_of(w: World, place: int) -> int:
    """Where the first word of a link lies in a seat's memory; the next one lies w.options[LINKS] further, and so on."""
    return WINDOWS + 2 * w.options[GOSSIP] + w.options[SLOTS] + place


@inlined
def mesh_of(w: World) -> int:
    """Where the slots of the mesh begin in a seat's memory."""
    return WINDOWS + 2 * w.options[GOSSIP]


@inlined
def dialled(w: World, seat: int, peer: int) -> bool:
    """Whether `seat` opened the connection (an outbound one): a fair coin for each link that both ends agree upon.

    A seat with the flag DIALS has opened all of its own.
    """
    eager = (w.seats[seat]["flags"] & DIALS) - (w.seats[peer]["flags"] & DIALS)
    if eager != 0:
        return eager > 0
    luck = draw64(np.uint64(w.options[KEY]) ^ np.uint64(min(seat, peer)), np.uint64(max(seat, peer))) >> np.uint64(63)
    return (seat < peer) == (luck > 0)


@njit
def score_of(w: World, seat: int, place: int) -> int:
    """The neighbour's score as `seat` sees it, times 2 ** 16: P1 + P2 + P3 + P3b + P4 + P7 of the GossipSub v1.1 specification."""
    links = w.options[LINKS]
    options = w.options
    if options[SCORED] == 0:
        return 0
    memory = w.memory[seat]
    link = link_of(w, place)
    score = options[FIRST_WEIGHT] * memory[link + FIRST * links] >> 16
    if memory[link + SINCE] > 0:
        age_ns = w.clock[NOW] - memory[link + SINCE] + 1
        score += options[MESH_WEIGHT] * min(age_ns // options[QUANTUM_NS], options[MESH_CAP] >> 16)
        deficit = options[DUE] - memory[link + GIVEN * links]
        if age_ns > options[ACTIVE_NS] and deficit > 0:
            score += options[DUE_WEIGHT] * (deficit * deficit >> 16) >> 16
    score += options[DUE_WEIGHT] * memory[link + FAILED * links] >> 16
    score += options[INVALID_WEIGHT] * (memory[link + INVALID * links] * memory[link + INVALID * links] >> 16) >> 16
    excess = memory[link + BAD * links] - options[BAD_FREE]
    if excess > 0:
        score += options[BAD_WEIGHT] * (excess * excess >> 16) >> 16
    return score


@njit
def credit(w: World, seat: int, place: int) -> None:
    """P3: a member of the mesh of a seat that scores has delivered something, first or soon after."""
    links = w.options[LINKS]
    link = link_of(w, place)
    if w.memory[seat, link + SINCE] > 0:
        w.memory[seat, link + GIVEN * links] = min(w.options[DUE_CAP], w.memory[seat, link + GIVEN * links] + ONE)


@njit
def judge(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """A body from a neighbour that is new, was here, or is none: 1 if it is refused, as all is below the graylist threshold."""
    links = w.options[LINKS]
    place = place_of(w, seat, peer) if w.options[SCORED] else -1
    if place < 0:
        return 0
    if event == OFFERED:
        return 1 if score_of(w, seat, place) < w.options[DEAF_BELOW] else 0
    if event == REPEATED:
        if w.clock[NOW] - w.arrival[w.items[item]["row"], seat] <= w.options[WINDOW_NS]:
            credit(w, seat, place)
        return 0
    link = link_of(w, place)
    w.memory[seat, link + INVALID * links] = min(MOST, w.memory[seat, link + INVALID * links] + ONE)
    return 0


@njit
def join(w: World, seat: int, place: int) -> bool:
    """Take a neighbour into the mesh; False where no slot is free. Slots are filled in turn, so that one is reused late."""
    links = w.options[LINKS]
    memory = w.memory[seat]
    slots = w.options[SLOTS]
    for _ in range(slots):
        slot = memory[NEXT_SLOT]
        memory[NEXT_SLOT] = (slot + 1) % slots
        if memory[mesh_of(w) + slot] == 0:
            memory[mesh_of(w) + slot] = place + 1
            memory[MEMBERS] += 1
            memory[link_of(w, place) + SINCE] = w.clock[NOW] + 1
            if w.options[SCORED]:
                memory[link_of(w, place) + GIVEN * links] = 0
            return True
    return False


@njit
def leave(w: World, seat: int, place: int) -> None:
    """Drop a neighbour from the mesh: it is not grafted again for a while, and what it failed to deliver sticks (P3b)."""
    links = w.options[LINKS]
    memory = w.memory[seat]
    link = link_of(w, place)
    memory[link + BACK_OFF * links] = w.clock[NOW] + w.options[BACKOFF_NS]
    if memory[link + SINCE] == 0:
        return
    if w.options[SCORED]:
        deficit = w.options[DUE] - memory[link + GIVEN * links]
        if w.clock[NOW] - memory[link + SINCE] + 1 > w.options[ACTIVE_NS] and deficit > 0:
            memory[link + FAILED * links] = min(MOST << 10, memory[link + FAILED * links] + (deficit * deficit >> 16))
    memory[link + SINCE] = 0
    memory[MEMBERS] -= 1
    memory[mesh_of(w) + slot_of(w, seat, place)] = 0


@njit
def slot_of(w: World, seat: int, place: int) -> int:
    """The mesh slot of a neighbour, -1 if it has none."""
    for slot in range(w.options[SLOTS]):
        if w.memory[seat, mesh_of(w) + slot] == place + 1:
            return slot
    return -1


@njit
def graft_some(w: World, seat: int, wanted: int, outbound: bool, above: int, count: int) -> int:
    """GRAFT to so many random neighbours that may be grafted and score at least `above`; only outbound ones if asked."""
    links = w.options[LINKS]
    first = np.int64(w.offsets[seat])
    degree = np.int64(w.offsets[seat + 1]) - first
    memory = w.memory[seat]
    left = 0
    for turn in range(2):  # first count who may be, then draw so many of them: selection sampling
        key = draw64(np.uint64(w.options[KEY]) ^ np.uint64(w.clock[NOW]), np.uint64(seat) + (np.uint64(outbound) << np.uint64(32)))
        for place in range(degree):
            link = link_of(w, place)
            if memory[link + SINCE] > 0 or memory[link + BACK_OFF * links] > w.clock[NOW] or score_of(w, seat, place) < above:
                continue
            peer = np.int64(w.neighbours[first + place])
            if outbound and not dialled(w, seat, peer):
                continue
            if turn == 0:
                left += 1
                continue
            luck = np.int64(draw64(key, np.uint64(place)) >> np.uint64(32))
            if (luck * left >> 32) < wanted and join(w, seat, place):
                wanted -= 1
                count = act(w, count, CONTROL, peer, w.options[CONTROL_BYTES], GRAFT)
            left -= 1
    return count


@njit
def prune_one(w: World, seat: int, place: int, count: int) -> int:
    """PRUNE to a neighbour, in the mesh or not."""
    leave(w, seat, place)
    return act(w, count, CONTROL, np.int64(w.neighbours[w.offsets[seat] + place]), w.options[CONTROL_BYTES], PRUNE)


@njit
def prune_many(w: World, seat: int, count: int) -> int:
    """Too large a mesh shrinks to D: the best few by score stay, others by chance, so many of them outbound as are wanted."""
    options = w.options
    memory = w.memory[seat]
    kept = outbound = 0
    key = draw64(np.uint64(options[KEY]) ^ np.uint64(w.clock[NOW]), np.uint64(seat))
    for turn in range(options[D]):
        best, best_score, best_luck, best_out = -1, 0, np.uint64(0), False
        must = turn >= options[KEEP] and options[D] - turn <= options[OUT] - outbound
        for sweep in range(2):  # a second time without the wish for outbound ones, if there are none left
            for slot in range(options[SLOTS]):
                place = memory[mesh_of(w) + slot] - 1
                if place < 0 or kept >> slot & 1:
                    continue
                out = dialled(w, seat, np.int64(w.neighbours[w.offsets[seat] + place]))
                if must and sweep == 0 and not out:
                    continue
                score = score_of(w, seat, place) if turn < options[KEEP] else 0
                luck = draw64(key, np.uint64(slot))
                if best < 0 or score > best_score or (score == best_score and luck > best_luck):
                    best, best_score, best_luck, best_out = slot, score, luck, out
            if best >= 0:
                break
        kept |= 1 << best
        outbound += best_out
    for slot in range(options[SLOTS]):
        if memory[mesh_of(w) + slot] > 0 and not kept >> slot & 1:
            count = prune_one(w, seat, memory[mesh_of(w) + slot] - 1, count)
    return count


@njit
def middle_score(w: World, seat: int) -> int:
    """The median score in the mesh, the upper one of two."""
    memory = w.memory[seat]
    slots = w.options[SLOTS]
    for slot in range(slots):
        if memory[mesh_of(w) + slot] == 0:
            continue
        mine = score_of(w, seat, memory[mesh_of(w) + slot] - 1)
        lower = same = 0
        for other in range(slots):
            if memory[mesh_of(w) + other] > 0:
                score = score_of(w, seat, memory[mesh_of(w) + other] - 1)
                lower += score < mine
                same += score == mine
        if lower <= memory[MEMBERS] // 2 < lower + same:
            return mine
    return 0


@njit
def keep_books(w: World, seat: int) -> None:
    """Punish broken promises, let the counters decay; nothing to do where nobody is scored."""
    links = w.options[LINKS]
    memory = w.memory[seat]
    options = w.options
    if options[SCORED] == 0:
        return
    for place in range(w.offsets[seat + 1] - w.offsets[seat]):
        link = link_of(w, place)
        if memory[link + PROMISE * links] > 0 and w.clock[NOW] >= memory[link + PROMISED_NS * links]:
            if w.held[w.items[memory[link + PROMISE * links] - 1]["row"], seat] < CHECKING:
                memory[link + BAD * links] = min(MOST, memory[link + BAD * links] + ONE)
            memory[link + PROMISE * links] = 0
        if memory[BEATS] % options[DECAY_BEATS] == 0:
            memory[link + FIRST * links] = memory[link + FIRST * links] * options[FIRST_DECAY] >> 16
            memory[link + GIVEN * links] = memory[link + GIVEN * links] * options[DUE_DECAY] >> 16
            memory[link + FAILED * links] = memory[link + FAILED * links] * options[FAILED_DECAY] >> 16
            memory[link + BAD * links] = memory[link + BAD * links] * options[BAD_DECAY] >> 16
            memory[link + INVALID * links] = memory[link + INVALID * links] * options[INVALID_DECAY] >> 16
