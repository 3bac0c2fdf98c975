"""One copy's way from seat to seat: uplink, rules, latency, downlink, CPU. Each cost that is off costs nothing.

Uplink and downlink are FIFO queues of the seat, shared by all its links. A copy takes size / rate on the sender's uplink,
then the link's latency; the receiver's downlink is busy for size / rate from the arrival of the first bit at the earliest,
so an idle path takes size / min(up, down) + latency (cut-through, not store and forward). Rates are nanoseconds a byte.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import draw64
from sim.kernel.jit import inlined, njit
from sim.net.core.state import (
    BAD,
    BLOB,
    BODY,
    CERTIFICATE,
    CONSTANT_NS,
    CORES,
    ENCODE_PS,
    ENVELOPES_USED,
    FREE_ENVELOPE,
    HASH_PS,
    HELD,
    LIVE_ENVELOPES,
    LOSS_BELOW,
    LOSS_KEY,
    MESSAGE,
    NOW,
    ONE_PLACE,
    PARTED,
    RECORD_WIRE,
    RELATIVE,
    SHARE,
    SHARE_CHECK_NS,
    SIGN_NS,
    VERIFY_NS,
    WINDOW_BITS,
    WIRED,
    World,
)
from sim.net.latency import sample_delay_ns

_U32 = np.uint64(32)
_LOW = np.uint64(0x9E6C63D0876A9A47)  # sets the loss draw apart from the latency draw of the same copy


@inlined
def serialise_ns(size_bytes: int, ns_per_byte: float) -> int:
    """How long a link of that rate is busy with so many bytes, to the nearest nanosecond."""
    return np.int64(size_bytes * ns_per_byte + 0.5)


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
    row["up_busy_ns"] = serialise_ns(size_bytes, w.seats[source]["up_ns_per_byte"])
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


@inlined
def latency_of(w: World, key: np.uint64, source: int, target: int) -> int:
    """How long a copy with that key is under way from seat to seat."""
    latency_ns = w.setup[CONSTANT_NS]
    if latency_ns < 0:
        here = np.int64(0)
        there = np.int64(0)
        if w.setup[ONE_PLACE] == 0:
            here = np.int64(w.seats[source]["site"])
            there = np.int64(w.seats[target]["site"])
        law = np.int64(w.law[here, there])
        luck = draw64(key, way_of(source, target))
        latency_ns = sample_delay_ns(w.base_ns[here, there], w.tables[law], w.setup[RELATIVE], luck)
    if w.setup[PARTED] != 0:
        latency_ns = (latency_ns * w.seats[source]["slowness"] >> 10) * w.seats[target]["slowness"] >> 10
    return latency_ns


@inlined
def way_of(source: int, target: int) -> np.uint64:
    """The number of a directed pair of seats, for draws."""
    return (np.uint64(source) << _U32) | np.uint64(target)


@inlined
def is_cut(w: World, source: int, target: int) -> bool:
    """Whether a partition lies between two seats."""
    return w.setup[PARTED] != 0 and w.seats[source]["island"] != w.seats[target]["island"]


@inlined
def is_lost(w: World, key: np.uint64, source: int, target: int) -> bool:
    """Whether a copy with that key goes astray."""
    if w.setup[LOSS_BELOW] == 0:
        return False
    luck = draw64(key ^ _LOW ^ np.uint64(w.setup[LOSS_KEY]), way_of(source, target))
    return np.int64(luck >> _U32) < w.setup[LOSS_BELOW]


@inlined
def take_uplink(w: World, ready_ns: int, seat: int, size_bytes: int, busy_ns: int) -> int:
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
    w.cores[seat, w.setup[CORES]] += work_ns
    return end_ns


@inlined
def signing_ns(w: World, size_bytes: int) -> int:
    """CPU time to hash and sign something of that size."""
    return w.setup[SIGN_NS] + size_bytes * w.setup[HASH_PS] // 1000


@njit
def publish_ready_ns(w: World, seat: int, item: int) -> int:
    """When a seat's CPU has executed, hashed and signed an item, and encoded it if it travels in coded pieces, which come after that."""
    row = w.items[item]
    work_ns = signing_ns(w, row["size_bytes"]) + row["execute_ns"]
    from_ns = w.clock[NOW]
    if row["pieces"] > row["enough"]:
        work_ns += row["size_bytes"] * w.setup[ENCODE_PS] // 1000
    elif row["whole"] >= 0 and w.items[row["whole"]]["pieces"] > w.items[row["whole"]]["enough"]:
        for core in range(w.setup[CORES]):
            from_ns = max(from_ns, w.cores[seat, core])
    return take_core(w, seat, from_ns, work_ns)


@njit
def checking_ns(w: World, seat: int, envelope: int, signatures: int) -> int:
    """CPU time to hash and verify what is in an envelope, and to execute the block in it, if there is one that is new to the seat."""
    row = w.envelopes[envelope]
    if (
        row["packet"] == BODY
        and row["item"] >= 0
        and (w.items[row["item"]]["duty"] == SHARE or w.items[row["item"]]["duty"] == BAD)
    ):
        return row["size_bytes"] * w.setup[HASH_PS] // 1000 + w.setup[SHARE_CHECK_NS]
    if row["packet"] != MESSAGE and row["packet"] != CERTIFICATE:
        work_ns = row["size_bytes"] * w.setup[HASH_PS] // 1000 + w.setup[VERIFY_NS]
        if row["item"] >= 0 and (row["packet"] == BODY or row["packet"] == BLOB):
            work_ns += w.items[row["item"]]["execute_ns"]
        return work_ns
    work_ns = w.setup[VERIFY_NS] * signatures + row["size_bytes"] * w.setup[HASH_PS] // 1000
    attached = np.int64(w.messages[row["item"]]["attached"])
    if attached >= 0 and w.held[w.items[attached]["row"], seat] != HELD:
        work_ns += w.items[attached]["execute_ns"]
    return work_ns


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
