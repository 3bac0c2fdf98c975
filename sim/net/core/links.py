"""One copy's way from seat to seat: uplink, rules, latency, downlink, CPU. Each cost that is off costs nothing.

Uplink and downlink are FIFO queues of the seat, shared by all its links. A copy takes size / rate on the sender's uplink,
then the link's latency; the receiver's downlink is busy for size / rate from the arrival of the first bit at the earliest,
so an idle path takes size / min(up, down) + latency (cut-through, not store and forward). Rates are picoseconds a byte.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import draw64
from sim.kernel.jit import inlined, njit
from sim.net.core.calendar import push
from sim.net.core.state import (
    ARRIVED,
    BAD,
    BODY,
    BOOK_BYTES,
    BOOK_PACKETS,
    BOOK_WAITED,
    CERTIFICATE,
    CONSTANT_NS,
    CORES,
    CUT,
    DELAY_NS,
    ENVELOPES_USED,
    FATE_CUT,
    FATE_DELIVERED,
    FATE_LOST,
    FREE_ENVELOPE,
    HASH_PS,
    IN_FLIGHT,
    LIVE_ENVELOPES,
    LONGEST_NS,
    LOSS_BELOW,
    LOSS_KEY,
    LOST,
    MESSAGE,
    NOW,
    ONE_PLACE,
    PARTED,
    RECORD_WIRE,
    RELATIVE,
    SEATS,
    SENT,
    SHARE,
    SHARE_CHECK_NS,
    SIGN_NS,
    TARGET,
    VERIFY_NS,
    WAITS_OF_KIND,
    WAITS_OF_SEAT,
    WINDOW_BITS,
    WIRED,
    World,
)
from sim.net.latency import sample_delay_ns

_U32 = np.uint64(32)
_LOW = np.uint64(0x9E6C63D0876A9A47)  # sets the loss draw apart from the latency draw of the same copy


@inlined
def serialise_ns(size_bytes: int, ps_per_byte: int) -> int:
    """How long a link of that rate is busy with so many bytes."""
    return (size_bytes * ps_per_byte + 500) // 1000


@njit
def new_envelope(w: World, source: int, signer: int, item: int, packet: int, size_bytes: int, key: np.uint64) -> int:
    """An envelope for any number of copies of one thing sent by one seat at one instant."""
    clock = w.clock
    envelope = clock[FREE_ENVELOPE]
    if envelope >= 0:
        clock[FREE_ENVELOPE] = w.envelopes[envelope]["next_free"]
    else:
        envelope = clock[ENVELOPES_USED]
        clock[ENVELOPES_USED] += 1
    clock[LIVE_ENVELOPES] += 1
    row = w.envelopes[envelope]
    row["key"] = key
    row["size_bytes"] = size_bytes
    row["sent_ns"] = clock[NOW]
    row["up_busy_ns"] = serialise_ns(size_bytes, w.seats[source]["up_ps_per_byte"])
    row["source"] = source
    row["signer"] = signer
    row["item"] = item
    row["packet"] = packet
    row["copies"] = 1  # the sender's own hold on it, until it has sent all copies
    return envelope


@inlined
def release(w: World, envelope: int) -> None:
    """One copy fewer is on its way; the last one frees the envelope."""
    row = w.envelopes[envelope]
    row["copies"] -= 1
    if row["copies"] == 0:
        row["next_free"] = w.clock[FREE_ENVELOPE]
        w.clock[FREE_ENVELOPE] = envelope
        w.clock[LIVE_ENVELOPES] -= 1


@inlined
def word_of(stage: int, seat: int, envelope: int) -> int:
    """Pack an event's second word."""
    return (stage << 56) | (seat << 32) | envelope


@njit
def transmit(w: World, ready_ns: int, envelope: int, target: int) -> None:
    """Send one copy from the envelope's source at `ready_ns` or when its uplink is free."""
    count_copies(w, envelope, 1)
    count_waiting(w, envelope, _send(w, ready_ns, envelope, target))


@njit
def transmit_actions(w: World, ready_ns: int, envelope: int, first: int, end: int) -> None:
    """Send the copies that rows `first` to `end` of the gossip rule's actions ask for."""
    count_copies(w, envelope, end - first)
    waited_ns = 0
    for at in range(first, end):
        waited_ns += _send(w, ready_ns + w.actions[at, DELAY_NS], envelope, w.actions[at, TARGET])
    count_waiting(w, envelope, waited_ns)


@njit
def transmit_all(w: World, ready_ns: int, envelope: int) -> None:
    """A copy to every other seat, the next one first."""
    source = np.int64(w.envelopes[envelope]["source"])
    seats = w.setup[SEATS]
    count_copies(w, envelope, seats - 1)
    waited_ns = 0
    for target in range(source + 1, seats):
        waited_ns += _send(w, ready_ns, envelope, target)
    for target in range(source):
        waited_ns += _send(w, ready_ns, envelope, target)
    count_waiting(w, envelope, waited_ns)


@inlined
def count_copies(w: World, envelope: int, copies: int) -> None:
    """Enter so many copies into the books, whatever becomes of them."""
    row = w.envelopes[envelope]
    sent_bytes = copies * row["size_bytes"]
    w.clock[SENT] += copies
    if row["up_busy_ns"] > w.clock[LONGEST_NS]:
        w.clock[LONGEST_NS] = row["up_busy_ns"]
    w.by_packet[row["packet"], 0] += copies
    w.by_packet[row["packet"], 1] += sent_bytes
    w.seats[row["source"]]["sent_bytes"] += sent_bytes
    if _is_about_item(row["packet"], row["item"]):
        w.item_books[row["item"], BOOK_PACKETS] += copies
        w.item_books[row["item"], BOOK_BYTES] += sent_bytes


@inlined
def count_waiting(w: World, envelope: int, waited_ns: int) -> None:
    """Enter into the books how long the copies of one envelope stood in their sender's uplink queue, together."""
    if waited_ns > 0:
        row = w.envelopes[envelope]
        w.waits[row["packet"]] += waited_ns
        w.waits[WAITS_OF_SEAT + row["source"]] += waited_ns
        if _is_about_item(row["packet"], row["item"]):
            w.item_books[row["item"], BOOK_WAITED] += waited_ns
        elif row["item"] >= 0:
            w.waits[WAITS_OF_KIND + w.messages[row["item"]]["kind"]] += waited_ns


@inlined
def _is_about_item(packet: int, item: int) -> bool:
    """Whether an envelope's `item` is the number of an item, not that of a message and not nothing."""
    return item >= 0 and packet != MESSAGE and packet != CERTIFICATE


@inlined
def _send(w: World, ready_ns: int, envelope: int, target: int) -> int:
    """One copy: uplink, partition, loss, latency; then it is on its way. Returns how long it stood in the uplink's queue."""
    row = w.envelopes[envelope]
    source = np.int64(row["source"])
    leaves_ns = ready_ns
    waited_ns = 0
    if w.seats[source]["up_ps_per_byte"] > 0:
        leaves_ns = _take_uplink(w, ready_ns, source, row["size_bytes"], row["up_busy_ns"])
        waited_ns = leaves_ns - ready_ns - row["up_busy_ns"]
    draw_word = (np.uint64(source) << _U32) | np.uint64(target)
    fate = FATE_DELIVERED
    if w.setup[PARTED] != 0 and w.seats[source]["island"] != w.seats[target]["island"]:
        fate = FATE_CUT
        w.clock[CUT] += 1
    elif w.setup[LOSS_BELOW] > 0:
        luck = draw64(row["key"] ^ _LOW ^ np.uint64(w.setup[LOSS_KEY]), draw_word)
        if np.int64(luck >> _U32) < w.setup[LOSS_BELOW]:
            fate = FATE_LOST
            w.clock[LOST] += 1
    if fate != FATE_DELIVERED:
        record(w, leaves_ns, fate, envelope, target)
    else:
        latency_ns = w.setup[CONSTANT_NS]
        if latency_ns < 0:
            here = np.int64(0)
            there = np.int64(0)
            if w.setup[ONE_PLACE] == 0:
                here = np.int64(w.seats[source]["site"])
                there = np.int64(w.seats[target]["site"])
            law = np.int64(w.law[here, there])
            latency_ns = sample_delay_ns(w.base_ns[here, there], w.tables[law], w.setup[RELATIVE], draw64(row["key"], draw_word))
        if w.setup[PARTED] != 0:
            latency_ns = (latency_ns * w.seats[source]["slowness"] >> 10) * w.seats[target]["slowness"] >> 10
        row["copies"] += 1
        w.clock[IN_FLIGHT] += 1
        push(w, leaves_ns + latency_ns, word_of(ARRIVED, target, envelope))
    return waited_ns


@inlined
def _take_uplink(w: World, ready_ns: int, seat: int, size_bytes: int, busy_ns: int) -> int:
    """Queue on the seat's uplink; returns when the last bit has left. Meters bytes per window of time."""
    row = w.seats[seat]
    start_ns = max(ready_ns, row["up_free_ns"])
    end_ns = start_ns + busy_ns
    row["up_free_ns"] = end_ns
    if start_ns - ready_ns > row["longest_queue_ns"]:
        row["longest_queue_ns"] = start_ns - ready_ns
    if end_ns >> WINDOW_BITS != row["up_window"]:
        w.window_most[seat, 0] = max(w.window_most[seat, 0], row["up_window_bytes"])
        row["up_window"] = end_ns >> WINDOW_BITS
        row["up_window_bytes"] = 0
    row["up_window_bytes"] += size_bytes
    return end_ns


@njit
def take_core(w: World, seat: int, from_ns: int, work_ns: int) -> int:
    """Give the first free CPU core of a seat some work; returns when it is done."""
    best = 0
    for core in range(1, w.setup[CORES]):
        if w.cores[seat, core] < w.cores[seat, best]:
            best = core
    end_ns = max(from_ns, w.cores[seat, best]) + work_ns
    w.cores[seat, best] = end_ns
    return end_ns


@inlined
def signing_ns(w: World, size_bytes: int) -> int:
    """CPU time to hash and sign something of that size."""
    return w.setup[SIGN_NS] + size_bytes * w.setup[HASH_PS] // 1000


@njit
def checking_ns(w: World, envelope: int, signatures: int) -> int:
    """CPU time to hash and verify what is in an envelope."""
    row = w.envelopes[envelope]
    if row["packet"] == BODY and (w.items[row["item"]]["duty"] == SHARE or w.items[row["item"]]["duty"] == BAD):
        return row["size_bytes"] * w.setup[HASH_PS] // 1000 + w.setup[SHARE_CHECK_NS]
    if row["packet"] != MESSAGE and row["packet"] != CERTIFICATE:
        return row["size_bytes"] * w.setup[HASH_PS] // 1000 + w.setup[VERIFY_NS]
    return w.setup[VERIFY_NS] * signatures + row["size_bytes"] * w.setup[HASH_PS] // 1000


@inlined
def record(w: World, time_ns: int, fate: int, envelope: int, seat: int) -> None:
    """A row of the trace's wire level, if it is being kept."""
    if w.setup[RECORD_WIRE] != 0:
        _write_wire(w, time_ns, fate, envelope, seat)


@njit
def _write_wire(w: World, time_ns: int, fate: int, envelope: int, seat: int) -> None:
    source = w.envelopes[envelope]
    row = w.wire[w.clock[WIRED]]
    w.clock[WIRED] += 1
    row[0] = time_ns
    row[1] = fate
    row[2] = source["packet"]
    row[3] = source["source"]
    row[4] = seat
    row[5] = source["item"]
    row[6] = source["size_bytes"]
    row[7] = source["sent_ns"]
