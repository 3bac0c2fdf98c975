"""How a TCP connection holds a copy back: slow start, without loss.

J. Postel, RFC 793; congestion window as in M. Allman, V. Paxson, E. Blanton, RFC 5681 (section 3.1: it doubles each round trip
while it is filled; section 4.1: it starts anew after more idle time than the retransmission timeout) with the initial window of
10 segments of RFC 6928. A window that is filled before its acknowledgement is back leaves the sender waiting for the rest of
the round trip; once a window takes longer to send than a round trip, nothing waits any more. Connections stand along the links
of the topology and are opened beforehand; between seats without a link each copy has a fresh one.
"""

from __future__ import annotations

from sim.kernel.jit import njit
from sim.net.core.links import serialise_ns
from sim.net.core.state import CAP_BIT_S, TCP_BYTES, TCP_IDLE_NS, TCP_USED_NS, TCP_WINDOW, World


@njit
def stall_ns(w: World, source: int, link: int, size_bytes: int, begun_ns: int, round_trip_ns: int) -> int:
    """How long the sender of a copy, begun at `begun_ns`, waits for acknowledgements; `link` is -1 where there is none."""
    window = w.setup[TCP_BYTES]
    pace = w.seats[source]["up_ns_per_byte"]
    if link >= 0:
        if w.links[link, CAP_BIT_S] > 0:
            pace = max(pace, 8e9 / w.links[link, CAP_BIT_S])
        if w.links[link, TCP_WINDOW] > 0 and begun_ns - w.links[link, TCP_USED_NS] <= w.setup[TCP_IDLE_NS]:
            window = w.links[link, TCP_WINDOW]
    waited_ns = 0
    left = size_bytes
    while left > window:
        window_ns = serialise_ns(window, pace)
        if window_ns >= round_trip_ns:
            break
        waited_ns += round_trip_ns - window_ns
        left -= window
        window *= 2
    if link >= 0:
        w.links[link, TCP_WINDOW] = window
    return waited_ns
