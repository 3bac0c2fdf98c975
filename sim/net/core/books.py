"""What is counted of copies that are sent: by packet, by seat, by item, and how long they stood in queues."""

from __future__ import annotations

from sim.kernel.jit import inlined
from sim.net.core.state import (
    BOOK_BYTES,
    BOOK_PACKETS,
    BOOK_WAITED,
    CERTIFICATE,
    LONGEST_NS,
    MESSAGE,
    SENT,
    WAITS_OF_KIND,
    WAITS_OF_SEAT,
    World,
)


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
