"""What gossip rules with digests share: what a digest of a seat's items says, and how what it lists is asked for.

A digest is a list of ids. It travels as a control packet whose word holds the instant at which it was written, and whose size
is that of the list; the receiver finds what stood in it by `lists`. Items are kept for digests by setting `notes` to KEPT. What
is wanted is asked of one lister at a time; meanwhile its `notes` hold another lister's seat plus one, or 0.
"""

from __future__ import annotations

from sim.kernel.jit import njit
from sim.net.core.state import ABOUT, ABSENT, DELAY_NS, ITEMS, NOW, PACKET, REQUEST, TARGET, TICK, WANTED, World

KEPT = -1
"""Note of an item at a seat: it came by gossip and stands in the seat's digests."""
RETRY = 1 << 30
"""Number of the tick that ends the patience for a body."""
HEADER_BYTES = 40
"""Of a digest before its ids: a nonce, a type, a channel's hash of 32 bytes (Fabric's)."""


@njit
def lists(w: World, peer: int, item: int, written_ns: int, keep_ns: int) -> bool:
    """Whether a digest that `peer` wrote at that instant lists the item: kept, and there for at most `keep_ns`."""
    row = w.items[item]["row"]
    if w.notes[row, peer] != KEPT:
        return False
    arrived_ns: int = w.arrival[row, peer]
    return arrived_ns <= written_ns and written_ns - arrived_ns <= keep_ns


@njit
def digest_bytes(w: World, seat: int, keep_ns: int, id_bytes: int) -> int:
    """Size of the digest that a seat writes now."""
    listed = 0
    for item in range(w.setup[ITEMS]):
        if lists(w, seat, item, w.clock[NOW], keep_ns):
            listed += 1
    return HEADER_BYTES + listed * id_bytes


@njit
def request(w: World, seat: int, peer: int, item: int, patience_ns: int, count: int) -> int:
    """Two more actions: request the item, and see in a while whether it has come."""
    w.held[w.items[item]["row"], seat] = WANTED
    w.notes[w.items[item]["row"], seat] = 0
    w.actions[count, PACKET] = REQUEST
    w.actions[count, TARGET] = peer
    w.actions[count, DELAY_NS] = 0
    w.actions[count, ABOUT] = item
    w.actions[count + 1, PACKET] = TICK
    w.actions[count + 1, TARGET] = RETRY
    w.actions[count + 1, DELAY_NS] = patience_ns
    w.actions[count + 1, ABOUT] = item
    return count + 2


@njit
def turn_to_another(w: World, seat: int, item: int, patience_ns: int) -> int:
    """Patience has ended: the next peer that lists the item, if one is known; else a later digest may list it."""
    row = w.items[item]["row"]
    if w.held[row, seat] != WANTED:
        return 0
    other = w.notes[row, seat] - 1
    if other < 0:
        w.held[row, seat] = ABSENT
        return 0
    return request(w, seat, other, item, patience_ns, 0)
