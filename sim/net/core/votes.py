"""Counting votes: who said what, to whom, without waking Python before a quorum is complete.

A *message* is one content (kind and fields); any identity may sign it. Kinds declared as votes have a tally per receiver:
a bit set of identities and a count, so a repeated or twin vote counts once. Other kinds go to the receiver's mail.
A probe is one wait of one seat. It fires when its count is reached and is then gone.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import draw64
from sim.kernel.jit import njit
from sim.net.core.follow import goes_along
from sim.net.core.state import (
    ALERT,
    FIELDS,
    FOLLOWS,
    HELD,
    HOLD,
    LARGEST_CHAIN,
    MAILED,
    QUORUM,
    SEATS,
    WOKEN,
    WORDS,
    World,
)

_ONE = np.uint64(1)


@njit
def intern(w: World, orders: np.ndarray, at: int) -> None:
    """Enter a message's content: number, key, how many fields the key is folded with, the row's columns, fields."""
    number = orders[at + 1]
    key = np.uint64(orders[at + 2])
    for field in range(FIELDS):
        value = orders[at + 11 + field]
        w.fields[number, field] = value
        if field < orders[at + 3]:
            key = draw64(key, np.uint64(value) + _ONE)  # as `Dice.continued`
    row = w.messages[number]
    row["key"] = key
    row["size_bytes"] = orders[at + 4]
    row["kind"] = orders[at + 5]
    row["tally"] = orders[at + 6]
    row["certified"] = orders[at + 7]
    row["signers"] = orders[at + 8]
    row["attached"] = orders[at + 9]
    row["checks"] = orders[at + 10]
    row["next_alike"] = -1
    if row["tally"] >= 0:
        chain = chain_of(row["kind"], orders[at + 11])
        row["next_alike"] = w.alike[chain]
        w.alike[chain] = number


@njit
def deliver(w: World, seat: int, signer: int, message: int) -> None:
    """A message signed by `signer` has reached `seat`: count it or put it into the mail."""
    row = w.messages[message]
    if row["certified"] >= 0:
        _merge_certificate(w, seat, row["certified"], row["signers"])
    tally = row["tally"]
    if tally >= 0:
        _count_vote(w, seat, signer, message, tally)
        return
    if w.setup[FOLLOWS] and goes_along(w, seat, signer, message):
        return
    mail = w.mail[w.clock[MAILED]]
    w.clock[MAILED] += 1
    mail[0] = seat
    mail[1] = signer
    mail[2] = message
    mail[3] = -1
    if (w.seats[seat]["listening"] >> row["kind"]) & 1:
        w.clock[ALERT] = 1


@njit
def _count_vote(w: World, seat: int, signer: int, message: int, tally: int) -> None:
    place = tally * w.setup[SEATS] + seat
    bit = _ONE << np.uint64(signer & 63)
    if w.tally_bits[place, signer >> 6] & bit:
        return
    w.tally_bits[place, signer >> 6] |= bit
    count = w.tally_count[tally, seat] + 1
    w.tally_count[tally, seat] = count
    if w.seats[seat]["needs"] >> np.uint64(count & 63) & _ONE:
        _fire_fulfilled(w, seat, message, count)


@njit
def _fire_fulfilled(w: World, seat: int, message: int, count: int) -> None:
    """Fire the seat's probes for which `count` votes for a message are enough; notes anew which counts matter here."""
    needs = np.uint64(0)
    probe = w.seats[seat]["probe"]
    while probe >= 0:
        row = w.probes[probe]
        after = row["next"]
        if row["sort"] == QUORUM:
            if count >= row["need"] and matches(w, probe, message):
                fire(w, probe, message)
            else:
                needs |= _ONE << np.uint64(row["need"] & 63)
        probe = after
    w.seats[seat]["needs"] = needs


@njit
def _merge_certificate(w: World, seat: int, message: int, signers: int) -> None:
    """Receiving a certificate counts as receiving its votes."""
    tally = w.messages[message]["tally"]
    if tally < 0:
        return
    place = tally * w.setup[SEATS] + seat
    added = 0
    for word in range(w.setup[WORDS]):
        fresh = w.certificates[signers, word] & ~w.tally_bits[place, word]
        w.tally_bits[place, word] |= fresh
        while fresh != np.uint64(0):
            fresh &= fresh - _ONE
            added += 1
    if added == 0:
        return
    count = w.tally_count[tally, seat] + added
    w.tally_count[tally, seat] = count
    _fire_fulfilled(w, seat, message, count)


@njit
def matches(w: World, probe: int, message: int) -> bool:
    """Whether a message is of the kind and has the field values that a probe asks for."""
    row = w.probes[probe]
    if w.messages[message]["kind"] != row["kind"]:
        return False
    mask = row["mask"]
    for field in range(FIELDS):
        if (mask >> field) & 1 and w.fields[message, field] != w.probe_fields[probe, field]:
            return False
    return True


@njit
def fire(w: World, probe: int, what: int) -> None:
    """A wait is over: tell Python which, and by which message or item."""
    unhook(w, probe)
    row = w.woken[w.clock[WOKEN]]
    w.clock[WOKEN] += 1
    row[0] = probe
    row[1] = what


@njit
def unhook(w: World, probe: int) -> None:
    """Take a probe off its seat's list; nothing happens if it is not on it."""
    row = w.probes[probe]
    if row["active"] == 0:
        return
    row["active"] = 0
    seat = w.seats[row["seat"]]
    if seat["probe"] == probe:
        seat["probe"] = row["next"]
        return
    before = seat["probe"]
    while w.probes[before]["next"] != probe:
        before = w.probes[before]["next"]
    w.probes[before]["next"] = row["next"]


@njit
def watch(w: World, probe: int) -> None:
    """Hook a probe whose rows Python has filled; it fires at once if what it waits for is already there."""
    row = w.probes[probe]
    seat = row["seat"]
    row["active"] = 1
    row["next"] = w.seats[seat]["probe"]
    w.seats[seat]["probe"] = probe
    if row["sort"] == HOLD:
        item = w.probe_fields[probe, 0]
        if w.held[w.items[item]["row"], seat] == HELD:  # published by the seat itself at this very instant
            fire(w, probe, item)
        return
    newest = -1
    if row["mask"] & 1:
        newest = _newest_fulfilled(w, probe, chain_of(row["kind"], w.probe_fields[probe, 0]))
    else:  # any first field will do, so any chain may hold what is asked for
        for index in range(LARGEST_CHAIN):
            newest = max(newest, _newest_fulfilled(w, probe, index))
    if newest >= 0:
        fire(w, probe, newest)
    else:
        w.seats[seat]["needs"] |= _ONE << np.uint64(row["need"] & 63)


@njit
def _newest_fulfilled(w: World, probe: int, index: int) -> int:
    """The newest message of one index bucket for which a probe has its quorum already, or -1."""
    row = w.probes[probe]
    chain = np.int64(w.alike[index])
    while chain >= 0:
        tally = w.messages[chain]["tally"]
        if tally >= 0 and w.tally_count[tally, row["seat"]] >= row["need"] and matches(w, probe, chain):
            return chain
        chain = np.int64(w.messages[chain]["next_alike"])
    return np.int64(-1)


@njit
def chain_of(kind: int, first_field: int) -> int:
    """The index bucket of messages alike in kind and first field."""
    return (kind * 1000003 + first_field * 8191) & (LARGEST_CHAIN - 1)


@njit
def wake_holders(w: World, seat: int, item: int) -> None:
    """An item is now held at a seat: fire the probes that waited for it."""
    probe = w.seats[seat]["probe"]
    while probe >= 0:
        after = w.probes[probe]["next"]
        if w.probes[probe]["sort"] == HOLD and w.probe_fields[probe, 0] == item:
            fire(w, probe, item)
        probe = after
