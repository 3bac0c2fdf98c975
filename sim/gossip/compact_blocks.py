"""Compact blocks: send a block as header and short ids of transactions that the receiver has already (BIP 152).

A compact block is 88 bytes, 6 bytes a transaction, and the first transaction in full (BIP 152, "HeaderAndShortIDs"; SipHash-2-4
cut to 6 bytes). A seat chooses `high` neighbours, at first at random, later those that brought the last new blocks, that send it
compact blocks unasked and before their own CPU has checked the block (high-bandwidth mode): half a round trip a hop. All others
announce, are asked, and answer (low-bandwidth mode): one and a half. Where transactions are missing, GETBLOCKTXN and BLOCKTXN
cost another round trip and the missing bytes. Where nothing comes within `patience` another announcer is asked.

Which transactions a block holds is not visible to a gossip rule: whether some are missing is drawn per seat and block with chance
`failure`, and then `missing` of its bytes are. Younis et al., "Improving Bitcoin's resilience to churn", 2018: 90 % succeed after ten
days in the network; 0xB10C, Delving Bitcoin 2024: half and less in busy months, one example lacked 6 of 4,001 transactions. Short ids that collide (BIP 152:
negligible) and the request for the whole block that follows are left out. Items below `smallest`, and votes, are announced and
requested as by `announce`: they stand for the transactions.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import Dice, draw64
from sim.kernel.errors import ScenarioError
from sim.kernel.jit import njit
from sim.kernel.part import part
from sim.kernel.units import Count, Duration, Share, Size
from sim.net.core import state as st
from sim.net.core.links import take_core
from sim.net.core.relay import attach
from sim.net.core.state import World
from sim.net.rounds import KEY, OWN, aim
from sim.net.strategy import Strategy
from sim.net.topology import Topology

HIGH, FAILURE, MISSING, TRANSACTION, SMALLEST, PATIENCE = range(OWN, OWN + 6)
COMPACT, GET_COMPACT, GET_MISSING, THE_MISSING, SEND_HIGH, SEND_LOW = range(6)  # words of control packets
ASKED, FETCHING, CHECKED_LATER = 1, 2, 3  # stages of a block at a seat
CHECKED = 1 << 30  # number of a tick that ends the check of a rebuilt block; lower ones end the patience of that attempt
_STAGE, _ATTEMPT, _LOW = 32, 34, (1 << 32) - 1  # notes: another announcer's seat plus one, stage from bit 32, attempt from bit 34
_BITS = 62  # neighbours a word of memory
_LUCK = np.uint64(0x152)


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """Options: two unused, key, then as named above. `memory`: peers chosen for high bandwidth plus one, then who chose us."""
    if event == st.STARTED:
        count = aim(w, seat, w.options[HIGH], 0)
        for place in range(count):
            w.memory[seat, place] = w.actions[place, st.TARGET] + 1
            _control(w, place, w.actions[place, st.TARGET], SEND_HIGH, 33)
        return count
    if event == st.HEARD and w.clock[st.HEARD_WORD] >= SEND_HIGH:
        _mark(w, seat, peer, w.clock[st.HEARD_WORD] == SEND_HIGH)
        return 0
    row = w.items[item]["row"]
    whole = w.items[item]["message"] >= 0 or w.items[item]["size_bytes"] < w.options[SMALLEST]
    if event == st.PUBLISHED or event == st.GOT:
        return _spread(w, seat, peer, item, not whole, True, 0)
    if event == st.REQUESTED:
        w.actions[0, st.PACKET] = st.BODY
        w.actions[0, st.TARGET] = peer
        w.actions[0, st.DELAY_NS] = 0
        return 1
    if event == st.ANNOUNCED or event == st.TICKED:
        if event == st.TICKED and peer == CHECKED:
            return _hold(w, seat, item, 0)
        return _ask(w, seat, peer, item, whole, event == st.ANNOUNCED)
    if event != st.HEARD:
        return 0
    word = w.clock[st.HEARD_WORD]
    stage = w.notes[row, seat] >> _STAGE & 3
    if word == GET_COMPACT or word == GET_MISSING:
        if w.seats[seat]["flags"] & st.SERVES and (w.held[row, seat] > st.CHECKING or stage == CHECKED_LATER):
            if word == GET_COMPACT:
                _control(w, 0, peer, COMPACT, _compact_bytes(w, item))
            else:
                _control(w, 0, peer, THE_MISSING, 33 + _missing_bytes(w, item))
            return 1
        return 0
    if w.held[row, seat] >= st.CHECKING:
        return 0
    if word == COMPACT:
        return _take_compact(w, seat, peer, item, stage)
    if word == THE_MISSING and stage == FETCHING:
        return _rebuild(w, seat, peer, item)
    return 0


@njit
def _control(w: World, at: int, target: int, word: int, size_bytes: int) -> None:
    w.actions[at, st.PACKET] = st.CONTROL
    w.actions[at, st.TARGET] = target
    w.actions[at, st.DELAY_NS] = 0
    w.actions[at, st.WORD] = word
    w.actions[at, st.SIZE_BYTES] = size_bytes


@njit
def _transactions(w: World, item: int) -> int:
    """How many transactions a block of that size holds, the coinbase with them."""
    return max(1, w.items[item]["size_bytes"] // w.options[TRANSACTION])


@njit
def _compact_bytes(w: World, item: int) -> int:
    """Header, nonce, short ids and one transaction in full; never more than the block."""
    size_bytes = 88 + 6 * (_transactions(w, item) - 1) + w.options[TRANSACTION]
    return min(size_bytes, w.items[item]["size_bytes"])


@njit
def _missing_bytes(w: World, item: int) -> int:
    """Bytes of the transactions that are asked for: the option holds the share times 2**20."""
    return max(1, w.items[item]["size_bytes"] * w.options[MISSING] >> 20)


@njit
def _mark(w: World, seat: int, peer: int, wanted: bool) -> None:
    """Remember whether a neighbour wants compact blocks unasked."""
    for place in range(w.offsets[seat], w.offsets[seat + 1]):
        if w.neighbours[place] == peer:
            word = w.options[HIGH] + (place - w.offsets[seat]) // _BITS
            bit = np.int64(1) << np.int64((place - w.offsets[seat]) % _BITS)
            w.memory[seat, word] &= ~bit
            if wanted:
                w.memory[seat, word] |= bit


@njit
def _spread(w: World, seat: int, peer: int, item: int, unasked: bool, announced: bool, count: int) -> int:
    """The compact block to the neighbours that want it unasked (or not: announce), an announcement to the others (or nothing)."""
    size_bytes = _compact_bytes(w, item)
    start = w.offsets[seat]
    for place in range(start, w.offsets[seat + 1]):
        neighbour = w.neighbours[place]
        chosen = w.memory[seat, w.options[HIGH] + (place - start) // _BITS] >> (place - start) % _BITS & 1
        item_is_compact = w.items[item]["message"] < 0 and w.items[item]["size_bytes"] >= w.options[SMALLEST]
        if neighbour == peer:
            continue
        if chosen and item_is_compact:
            if unasked:
                _control(w, count, neighbour, COMPACT, size_bytes)
                count += 1
        elif announced:
            w.actions[count, st.PACKET] = st.ANNOUNCE
            w.actions[count, st.TARGET] = neighbour
            w.actions[count, st.DELAY_NS] = 0
            count += 1
    return count


@njit
def _ask(w: World, seat: int, peer: int, item: int, whole: bool, announced: bool) -> int:
    """Somebody announces an item, or the patience of attempt `peer` has ended."""
    row = w.items[item]["row"]
    note = w.notes[row, seat]
    attempt = note >> _ATTEMPT
    if w.held[row, seat] >= st.CHECKING or note >> _STAGE & 3 == CHECKED_LATER:
        return 0
    if announced and w.held[row, seat] == st.WANTED:
        w.notes[row, seat] = (note & ~_LOW) | (peer + 1)
        return 0
    if not announced:
        if w.held[row, seat] != st.WANTED or peer != attempt:
            return 0
        if note & _LOW == 0:
            w.held[row, seat] = st.ABSENT
            w.notes[row, seat] = attempt << _ATTEMPT
            return 0
        peer = (note & _LOW) - 1
    if whole:
        w.actions[0, st.PACKET] = st.REQUEST
        w.actions[0, st.TARGET] = peer
        w.actions[0, st.DELAY_NS] = 0
    else:
        _control(w, 0, peer, GET_COMPACT, w.setup[st.REQUEST_BYTES])
    return _wait(w, seat, item, ASKED, 0)


@njit
def _wait(w: World, seat: int, item: int, stage: int, other: int) -> int:
    """Something has been asked for by the first action; the second ends the patience for it."""
    row = w.items[item]["row"]
    attempt = (w.notes[row, seat] >> _ATTEMPT) + 1
    w.held[row, seat] = st.WANTED
    w.notes[row, seat] = attempt << _ATTEMPT | stage << _STAGE | other
    w.actions[1, st.PACKET] = st.TICK
    w.actions[1, st.TARGET] = attempt
    w.actions[1, st.DELAY_NS] = w.options[PATIENCE]
    return 2


@njit
def _take_compact(w: World, seat: int, peer: int, item: int, stage: int) -> int:
    """A compact block has come: rebuild it, ask for what is missing, or note one more seat that has it."""
    row = w.items[item]["row"]
    if stage >= FETCHING:
        if stage == FETCHING:
            w.notes[row, seat] = (w.notes[row, seat] & ~_LOW) | (peer + 1)
        return 0
    luck = draw64(draw64(np.uint64(w.options[KEY]) ^ _LUCK ^ w.items[item]["key"], np.uint64(seat)), np.uint64(0))
    if np.int64(luck >> np.uint64(32)) >= w.options[FAILURE]:
        return _rebuild(w, seat, peer, item)
    indices = max(1, _transactions(w, item) * w.options[MISSING] >> 20)  # a byte each: differences of places
    _control(w, 0, peer, GET_MISSING, 33 + indices)
    return _wait(w, seat, item, FETCHING, w.notes[row, seat] & _LOW)


@njit
def _rebuild(w: World, seat: int, peer: int, item: int) -> int:
    """All transactions are here: those who want it unasked get it before it is checked."""
    row = w.items[item]["row"]
    w.held[row, seat] = st.WANTED
    w.notes[row, seat] = (w.notes[row, seat] >> _ATTEMPT) << _ATTEMPT | CHECKED_LATER << _STAGE | (peer + 1)
    count = _prefer(w, seat, peer)
    if w.seats[seat]["flags"] & st.RELAYS:
        count = _spread(w, seat, peer, item, True, False, count)
    now_ns = w.clock[st.NOW]
    done_ns = now_ns
    if w.setup[st.CORES] > 0:
        work_ns = w.setup[st.VERIFY_NS] + w.items[item]["size_bytes"] * w.setup[st.HASH_PS] // 1000 + w.items[item]["execute_ns"]
        done_ns = take_core(w, seat, now_ns, work_ns)
    if done_ns == now_ns:
        return _hold(w, seat, item, count)
    w.actions[count, st.PACKET] = st.TICK
    w.actions[count, st.TARGET] = CHECKED
    w.actions[count, st.DELAY_NS] = done_ns - now_ns
    return count + 1


@njit
def _hold(w: World, seat: int, item: int, count: int) -> int:
    """The rebuilt block has been checked: it is held, and announced to those who did not want it unasked."""
    row = w.items[item]["row"]
    if w.held[row, seat] >= st.CHECKING:
        return count
    peer = (w.notes[row, seat] & _LOW) - 1
    attach(w, seat, item)
    w.clock[st.FIRST_COPIES] += 1
    w.clock[st.BODY_COPIES] += 1
    if w.seats[seat]["flags"] & st.RELAYS:
        return _spread(w, seat, peer, item, False, True, count)
    return count


@njit
def _prefer(w: World, seat: int, peer: int) -> int:
    """`peer` has brought a new block: it shall send unasked from now on, the one that did so longest ago shall not."""
    high = w.options[HIGH]
    if high == 0:
        return 0
    for place in range(high):
        if w.memory[seat, place] == peer + 1:
            for later in range(place, high - 1):
                w.memory[seat, later] = w.memory[seat, later + 1]
            w.memory[seat, high - 1] = peer + 1
            return 0
    oldest = w.memory[seat, 0] - 1
    for place in range(high - 1):
        w.memory[seat, place] = w.memory[seat, place + 1]
    w.memory[seat, high - 1] = peer + 1
    _control(w, 0, peer, SEND_HIGH, 33)
    if oldest < 0:
        return 1
    _control(w, 1, oldest, SEND_LOW, 33)
    return 2


@part
class CompactBlocks:
    """Blocks as short ids to neighbours that know the transactions, at once to those that chose this seat, else when asked.

    BIP 152. A hop takes half a round trip unasked, one and a half when asked, one more where transactions are missing, and about
    88 + 6 bytes a transaction. Whether a seat lacks some is drawn, not looked up: a gossip rule cannot see into a block.
    """

    high: Count = 3  # neighbours a seat lets send unasked; 0: low-bandwidth mode only
    failure: Share = 0.1  # chance that a seat lacks some of a block's transactions
    missing: Share = 0.01  # then this share of the block's bytes has to be fetched
    transaction: Size = 400  # size of a transaction; a block has so many that they fill it
    smallest: Size = 10_000  # smaller items travel whole, by announcement and request
    patience: Duration = 2_000_000_000  # how long to wait for an answer before asking another announcer

    def check(self) -> None:
        """A transaction has a size."""
        if self.transaction == 0:
            raise ScenarioError("transactions of 0 bytes would never fill a block; give at least '1 B'", "transaction")

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        chances = (round(self.failure * 2**32), round(self.missing * 2**20))
        options = (0, 0, dice.key("compact-blocks") >> 1, self.high, *chances, self.transaction, self.smallest, self.patience)
        words = self.high + topology.largest_degree // _BITS + 1
        return Strategy(rule, options, words, max(topology.largest_degree + 3, self.high), starts=True)
