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
    CERTIFICATE,
    CONSTANT_NS,
    CORES,
    CUT,
    ENVELOPES_USED,
    FATE_CUT,
    FATE_LOST,
    FREE_ENVELOPE,
    HASH_PS,
    IN_FLIGHT,
    LIVE_ENVELOPES,
    LOSS_BELOW,
    LOSS_KEY,
    LOST,
    MESSAGE,
    RECORD_WIRE,
    RELATIVE,
    SENT,
    SIGN_NS,
    VERIFY_NS,
    WINDOW_NS,
    WIRED,
    World,
)
from sim.net.latency import sample_delay_ns

_LOW = np.uint64(0x9E6C63D0876A9A47)  # sets the loss draw apart from the latency draw of the same copy


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
    row["sent_ns"] = clock[0]
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
def serialise_ns(size_bytes: int, ps_per_byte: int) -> int:
    """How long a link of that rate is busy with so many bytes."""
    return (size_bytes * ps_per_byte + 500) // 1000


@njit
def transmit(w: World, ready_ns: int, envelope: int, target: int) -> None:
    """Send one copy from the envelope's source at `ready_ns` or when its uplink is free."""
    row = w.envelopes[envelope]
    source = row["source"]
    size_bytes = row["size_bytes"]
    sender = w.seats[source]
    receiver = w.seats[target]
    w.clock[SENT] += 1
    w.by_packet[row["packet"], 0] += 1
    w.by_packet[row["packet"], 1] += size_bytes
    sender["sent_bytes"] += size_bytes
    leaves_ns = ready_ns
    if sender["up_ps_per_byte"] > 0:
        leaves_ns = _take_uplink(w, ready_ns, source, size_bytes)
    if sender["island"] != receiver["island"]:
        w.clock[CUT] += 1
        record(w, leaves_ns, FATE_CUT, envelope, target)
        return
    draw_word = (np.uint64(source) << np.uint64(32)) | np.uint64(target)
    if w.setup[LOSS_BELOW] > 0:
        luck = draw64(row["key"] ^ _LOW ^ np.uint64(w.setup[LOSS_KEY]), draw_word)
        if np.int64(luck >> np.uint64(32)) < w.setup[LOSS_BELOW]:
            w.clock[LOST] += 1
            record(w, leaves_ns, FATE_LOST, envelope, target)
            return
    latency_ns = w.setup[CONSTANT_NS]
    if latency_ns < 0:
        luck = draw64(row["key"], draw_word)
        here = sender["site"]
        there = receiver["site"]
        latency_ns = sample_delay_ns(w.base_ns[here, there], w.tables[w.law[here, there]], w.setup[RELATIVE], luck)
    if (sender["slowness"] | receiver["slowness"]) != 1024:
        latency_ns = (latency_ns * sender["slowness"] >> 10) * receiver["slowness"] >> 10
    row["copies"] += 1
    w.clock[IN_FLIGHT] += 1
    push(w, leaves_ns + latency_ns, word_of(ARRIVED, target, envelope))


@njit
def _take_uplink(w: World, ready_ns: int, seat: int, size_bytes: int) -> int:
    """Queue on the seat's uplink; returns when the last bit has left. Meters bytes per window of time."""
    row = w.seats[seat]
    start_ns = max(ready_ns, row["up_free_ns"])
    end_ns = start_ns + serialise_ns(size_bytes, row["up_ps_per_byte"])
    row["up_free_ns"] = end_ns
    if start_ns - ready_ns > row["longest_queue_ns"]:
        row["longest_queue_ns"] = start_ns - ready_ns
    window = end_ns // w.setup[WINDOW_NS]
    if window != row["up_window"]:
        row["up_window"] = window
        row["up_window_bytes"] = 0
    row["up_window_bytes"] += size_bytes
    if row["up_window_bytes"] > row["up_window_most"]:
        row["up_window_most"] = row["up_window_bytes"]
    return end_ns


@njit
def take_downlink(w: World, seat: int, envelope: int) -> int:
    """Queue on the seat's downlink now that the last bit is here; returns when the copy is wholly taken in."""
    row = w.seats[seat]
    size_bytes = w.envelopes[envelope]["size_bytes"]
    now_ns = w.clock[0]
    sender_ps = w.seats[w.envelopes[envelope]["source"]]["up_ps_per_byte"]
    first_bit_ns = now_ns - serialise_ns(size_bytes, sender_ps)
    end_ns = max(first_bit_ns, row["down_free_ns"]) + serialise_ns(size_bytes, row["down_ps_per_byte"])
    row["down_free_ns"] = end_ns
    window = end_ns // w.setup[WINDOW_NS]
    if window != row["down_window"]:
        row["down_window"] = window
        row["down_window_bytes"] = 0
    row["down_window_bytes"] += size_bytes
    if row["down_window_bytes"] > row["down_window_most"]:
        row["down_window_most"] = row["down_window_bytes"]
    return max(now_ns, end_ns)


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
    if row["packet"] != MESSAGE and row["packet"] != CERTIFICATE:
        return row["size_bytes"] * w.setup[HASH_PS] // 1000 + w.setup[VERIFY_NS]
    return w.setup[VERIFY_NS] * signatures + row["size_bytes"] * w.setup[HASH_PS] // 1000


@njit
def record(w: World, time_ns: int, fate: int, envelope: int, seat: int) -> None:
    """A row of the trace's wire level, if it is being kept."""
    if w.setup[RECORD_WIRE] == 0:
        return
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
