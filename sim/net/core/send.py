"""Copies go out: from an envelope to one seat, to many, to all.

A copy usually takes the plain way: uplink, partition, loss, latency, all settled at once when it is sent. Where the scenario
has more than that (`TRIPS`), every copy has a trip of its own, see `sim.net.core.trips`.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.jit import inlined, njit
from sim.net.core.books import count_copies, count_waiting
from sim.net.core.calendar import push
from sim.net.core.links import is_cut, is_lost, latency_of, record, take_uplink, word_of
from sim.net.core.state import (
    ARRIVED,
    CUT,
    DELAY_NS,
    FATE_CUT,
    FATE_LOST,
    IN_FLIGHT,
    LOST,
    SEATS,
    TARGET,
    TRIPS,
    World,
)
from sim.net.core.trips import begin


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
def _send(w: World, ready_ns: int, envelope: int, target: int) -> int:
    """One copy; returns how long it stood in the uplink's queue, as far as that is known yet."""
    if w.setup[TRIPS] != 0:
        return begin(w, ready_ns, envelope, target)
    row = w.envelopes[envelope]
    source = np.int64(row["source"])
    leaves_ns = ready_ns
    waited_ns = 0
    if w.seats[source]["up_ns_per_byte"] > 0:
        leaves_ns = take_uplink(w, ready_ns, source, row["size_bytes"], row["up_busy_ns"])
        waited_ns = leaves_ns - ready_ns - row["up_busy_ns"]
    if is_cut(w, source, target):
        w.clock[CUT] += 1
        record(w, leaves_ns, FATE_CUT, envelope, target)
    elif is_lost(w, row["key"], source, target):
        w.clock[LOST] += 1
        record(w, leaves_ns, FATE_LOST, envelope, target)
    else:
        latency_ns = latency_of(w, row["key"], source, target)
        row["copies"] += 1
        w.clock[IN_FLIGHT] += 1
        push(w, leaves_ns + latency_ns, word_of(ARRIVED, target, envelope))
    return waited_ns
