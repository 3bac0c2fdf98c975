"""SWIM, compiled: what a seat thinks of every other, whom it probes, the news that ride on its packets, and whole member lists.

`sim/membership/swim.py` is its manual. A seat remembers a few words, one word for each member (a state in 2 bits, above it an
incarnation), the news that it still passes on (member plus one, and how often it has been told), and its last lists.
A list's entry is a member, above SEAT_BITS its word, and above all NEWS, so that none is 0.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import draw64
from sim.kernel.jit import inlined, njit
from sim.net.core.members import tell_outside
from sim.net.core.state import SEATS, UP, World
from sim.net.lists import KIND_BITS, SEAT_BITS, SEAT_MASK, below, find_list, open_list, tell, wait, word_of

(KEY, PERIOD_NS, TIMEOUT_NS, ASKED, SUSPECT_NS, TOLD, ROBIN, HEAD_BYTES, NEWS_BYTES, MOST_NEWS, COMMON, CONTACTS, SYNC_NS) = range(
    13
)
OWN, TARGET_SEAT, ACKED, ABSENT_MINDED, TURN, SENT, JOINED = range(7)
TABLE = 7
ALIVE, SUSPECT, DEAD, UNKNOWN = range(4)
PING, ACK, ASK, PROXY_PING, PROXY_ACK, VOUCH, JOIN, MEMBERS = range(8)
PERIOD, TIMEOUT, EXPIRE, SYNC = range(4)  # ticks
SUSPECTED, CONFIRMED, LEARNED, REFUTED, MET = range(5)  # reports; above REPORT_BITS whether the one reported on was really up
REPORT_BITS = 3
BUFFER = 32
MOST_MET = 32
"""Strangers that a seat gets to know by one member list; more of them wait for the next."""
NEWS = 1 << 60
_PROXY, _PARTNER = 1 << 29, 1 << 28


@inlined
def news_at(w: World) -> int:
    """Where the news begin in a seat's memory."""
    return TABLE + w.setup[SEATS]


@inlined
def lists_at(w: World) -> int:
    """Where the lists begin in a seat's memory."""
    return TABLE + w.setup[SEATS] + 2 * BUFFER


@njit
def report(w: World, seat: int, about: int, what: int) -> None:
    """Tell the world outside, which also knows whether it is true."""
    up = np.int64((w.seats[about]["flags"] & UP) != 0)
    tell_outside(w, seat, about, what | up << REPORT_BITS)


@njit
def pass_on(w: World, seat: int, member: int) -> None:
    """What is thought of a member is news: to be told from now on, in place of the oldest news if there is no room."""
    memory = w.member_memory[seat]
    best, most = -1, -1
    for place in range(BUFFER):
        at = news_at(w) + 2 * place
        if memory[at] == member + 1:
            memory[at + 1] = 0
            return
        told = memory[at + 1] if memory[at] > 0 else 1 << 40
        if told > most:
            best, most = at, told
    memory[best] = member + 1
    memory[best + 1] = 0


@njit
def write_list(w: World, seat: int, copies: int) -> tuple[int, int]:
    """A list of the news told least often so far; returns its number and how many they are."""
    memory = w.member_memory[seat]
    number = memory[SENT]
    memory[SENT] += 1
    entry = open_list(w, seat, lists_at(w), w.member_options[MOST_NEWS], number)
    count = 0
    chosen = np.uint64(0)
    while count < w.member_options[MOST_NEWS]:
        best, least = -1, 1 << 40
        for place in range(BUFFER):
            at = news_at(w) + 2 * place
            if memory[at] > 0 and memory[at + 1] < least and not chosen >> np.uint64(place) & np.uint64(1):
                best, least = place, memory[at + 1]
        if best < 0:
            break
        chosen |= np.uint64(1) << np.uint64(best)
        at = news_at(w) + 2 * best
        member = memory[at] - 1
        memory[entry + count] = NEWS | memory[TABLE + member] << SEAT_BITS | member
        count += 1
        memory[at + 1] += copies
        if memory[at + 1] >= w.member_options[TOLD]:
            memory[at] = 0
    return number, count


@njit
def speak(w: World, seat: int, count: int, target: int, kind: int, one: int) -> int:
    """A packet with news on it."""
    number, news = write_list(w, seat, 1)
    size_bytes = w.member_options[HEAD_BYTES] + news * w.member_options[NEWS_BYTES]
    return tell(w, count, target, word_of(kind, one, number), size_bytes)


@njit
def think(w: World, seat: int, member: int, state: int, incarnation: int, count: int) -> int:
    """Note what is now thought of a member, and pass it on; a suspicion ends by itself."""
    w.member_memory[seat, TABLE + member] = state | incarnation << 2
    pass_on(w, seat, member)
    if state == SUSPECT:
        count = wait(w, count, w.member_options[SUSPECT_NS], EXPIRE | member << KIND_BITS | incarnation << (KIND_BITS + SEAT_BITS))
    return count


@njit
def hear_news(w: World, seat: int, member: int, state: int, incarnation: int, count: int) -> int:
    """One piece of news: the higher incarnation wins, at the same one the worse; what is said of oneself is refuted."""
    memory = w.member_memory[seat]
    if member == seat:
        if state != ALIVE:
            pass_on(w, seat, seat)  # also where it was refuted before: whoever says so has not heard of it
        if state != ALIVE and incarnation >= memory[OWN]:
            memory[OWN] = incarnation + 1
            memory[TABLE + seat] = ALIVE | memory[OWN] << 2
            report(w, seat, seat, REFUTED)
        return count
    known, since = memory[TABLE + member] & 3, memory[TABLE + member] >> 2
    if known == UNKNOWN or incarnation > since or (incarnation == since and state > known):
        if known == UNKNOWN:
            report(w, seat, member, MET)
        if state == DEAD:
            report(w, seat, member, LEARNED)
        count = think(w, seat, member, state, incarnation, count)
    return count


@njit
def read_news(w: World, seat: int, peer: int, word: int, count: int) -> int:
    """All news on a packet."""
    entry = find_list(w, peer, lists_at(w), w.member_options[MOST_NEWS], word)
    if entry >= 0:
        for place in range(w.member_options[MOST_NEWS]):
            news = w.member_memory[peer, entry + place]
            if news == 0:
                break
            thought = news >> SEAT_BITS & 0xFFFFFFFF
            count = hear_news(w, seat, news & SEAT_MASK, thought & 3, thought >> 2, count)
    return count


@njit
def permuted(key: int, place: int, size: int) -> int:
    """Where `place` goes in a random permutation of range(size): four Feistel rounds, walked until it falls inside."""
    half = 1
    while 1 << (2 * half) < size:
        half += 1
    mask = (1 << half) - 1
    while True:
        left, right = place >> half, place & mask
        for turn in range(4):
            mixed = np.int64(draw64(np.uint64(key) ^ np.uint64(turn), np.uint64(right)) >> np.uint64(40)) & mask
            left, right = right, left ^ mixed
        place = left << half | right
        if place < size:
            return place


@njit
def next_target(w: World, seat: int) -> int:
    """Whom to probe now: at random, or every member once in a random order before anybody again; never the dead. -1: nobody."""
    memory = w.member_memory[seat]
    seats = w.setup[SEATS]
    for turn in range(2 * seats):
        if w.member_options[ROBIN]:
            key = draw64(draw64(np.uint64(w.member_options[KEY]), np.uint64(seat)), np.uint64(memory[TURN] // seats))
            member = permuted(np.int64(key >> np.uint64(1)), memory[TURN] % seats, seats)
            memory[TURN] += 1
        else:
            member = below(w, w.member_options[KEY], seat, turn, seats)
        if member != seat and memory[TABLE + member] & 3 < DEAD:
            return member
    return -1


@njit
def doubt(w: World, seat: int, member: int, count: int) -> int:
    """A probe has failed: the member is suspected, or dead where there is no suspicion."""
    thought = w.member_memory[seat, TABLE + member]
    if thought & 3 != ALIVE:
        return count
    report(w, seat, member, SUSPECTED)
    if w.member_options[SUSPECT_NS] == 0:
        report(w, seat, member, CONFIRMED)
        return think(w, seat, member, DEAD, thought >> 2, count)
    return think(w, seat, member, SUSPECT, thought >> 2, count)


@njit
def ask_others(w: World, seat: int, member: int, count: int) -> int:
    """Ask some others, none of them dead, to probe a member that has not answered."""
    number, news = write_list(w, seat, w.member_options[ASKED])
    size_bytes = w.member_options[HEAD_BYTES] + news * w.member_options[NEWS_BYTES]
    first = count
    seats = w.setup[SEATS]
    for turn in range(4 * w.member_options[ASKED]):
        other = below(w, w.member_options[KEY], seat, _PROXY + turn, seats)
        fresh = other != seat and other != member and w.member_memory[seat, TABLE + other] & 3 < DEAD
        for earlier in range(first, count):
            if w.actions[earlier, 1] == other:
                fresh = False
        if fresh:
            count = tell(w, count, other, word_of(ASK, member, number), size_bytes)
        if count - first == w.member_options[ASKED]:
            break
    return count


@njit
def meet_nobody(w: World, seat: int) -> None:
    """Time begins where members join: a seat knows itself, and the contacts know each other."""
    memory = w.member_memory[seat]
    contacts = w.member_options[CONTACTS]
    for member in range(w.setup[SEATS]):
        if member != seat and (seat >= contacts or member >= contacts):
            memory[TABLE + member] = UNKNOWN
    memory[JOINED] = np.int64(seat < contacts)


@njit
def ask_to_join(w: World, seat: int, count: int) -> int:
    """To one contact after the other, one a period, until one has answered."""
    memory = w.member_memory[seat]
    contact = (seat + memory[SENT]) % w.member_options[CONTACTS]
    pass_on(w, seat, seat)
    return speak(w, seat, count, contact, JOIN, 0)


@njit
def tell_members(w: World, seat: int, count: int, target: int, wants_answer: int) -> int:
    """The whole member list, dead ones too; the target's own is to come back, or not."""
    known = 0
    for member in range(w.setup[SEATS]):
        known += w.member_memory[seat, TABLE + member] & 3 != UNKNOWN
    size_bytes = w.member_options[HEAD_BYTES] + known * w.member_options[NEWS_BYTES]
    return tell(w, count, target, word_of(MEMBERS, wants_answer, 0), size_bytes)


@njit
def exchange(w: World, seat: int, count: int) -> int:
    """Begin to exchange member lists with somebody who seems alive."""
    for turn in range(2 * w.setup[SEATS]):
        member = below(w, w.member_options[KEY], seat, _PARTNER + turn, w.setup[SEATS])
        if member != seat and w.member_memory[seat, TABLE + member] & 3 == ALIVE:
            return tell_members(w, seat, count, member, 1)
    return count


@njit
def read_members(w: World, seat: int, peer: int, count: int) -> int:
    """Another's member list, as it is now: all of it is news, but whoever is dead there is only suspected here, if ever.

    A newcomer takes it over and passes nothing on; whoever is suspected there it takes to be alive until news say otherwise.
    """
    memory, table = w.member_memory[seat], w.member_memory[peer]
    is_newcomer = w.member_options[CONTACTS] > 0 and memory[JOINED] == 0
    memory[JOINED] = 1
    met = 0
    for member in range(w.setup[SEATS]):
        thought = table[TABLE + member]
        state = thought & 3
        if state == UNKNOWN:
            continue
        if memory[TABLE + member] & 3 == UNKNOWN:
            if is_newcomer:
                memory[TABLE + member] = thought & ~3 if state == SUSPECT else thought
                continue
            met += 1
            if met > MOST_MET:
                continue
        if state == DEAD and w.member_options[SUSPECT_NS] > 0:
            state = SUSPECT
        count = hear_news(w, seat, member, state, thought >> 2, count)
    return count


def accuse(w: World, seat: int, member: int, dead: bool) -> None:
    """Put false news into a seat's mouth, from outside: what it last knew of a member, but suspected or dead."""
    memory = w.member_memory[seat]
    if memory[TABLE + member] & 3 == UNKNOWN:
        return
    memory[TABLE + member] = memory[TABLE + member] & ~3 | (DEAD if dead else SUSPECT)
    start = TABLE + int(w.setup[SEATS])
    news = memory[start : start + 2 * BUFFER].reshape(BUFFER, 2)
    told_before = np.flatnonzero(news[:, 0] == member + 1)
    worth = np.where(news[:, 0] > 0, news[:, 1], 1 << 40)
    news[int(told_before[0]) if told_before.size else int(worth.argmax())] = member + 1, 0
