"""How the core's tables are laid out in memory: one row a seat, an envelope, a message, an item, a probe."""

from __future__ import annotations

import numpy as np

SEAT = np.dtype(  # two cache lines: what receiving touches, then what sending touches
    [
        ("down_free_ns", "i8"),
        ("down_work_ns", "i8"),  # all that the downlink has been given so far
        ("down_marked_ns", "i8"),  # of that, what had been given at the last mark, see `sim.net.core.downlink`
        ("down_ns_per_byte", "f8"),
        ("received_bytes", "i8"),
        ("down_window_bytes", "i8"),
        ("down_window", "i4"),
        ("probe", "i4"),
        ("slowness", "i4"),
        ("flags", "i2"),
        ("island", "i2"),
        ("needs", "u8"),  # bit (need mod 64) of each probe for a quorum: most votes complete nothing
        ("listening", "i8"),
        ("up_free_ns", "i8"),
        ("up_ns_per_byte", "f8"),
        ("sent_bytes", "i8"),
        ("up_window_bytes", "i8"),
        ("longest_queue_ns", "i8"),
        ("up_window", "i4"),
        ("site", "i4"),
    ],
    align=True,
)

ENVELOPE = np.dtype(  # one cache line
    [
        ("key", "u8"),
        ("size_bytes", "i8"),
        ("sent_ns", "i8"),
        ("word", "i8"),
        ("up_busy_ns", "i8"),
        ("source", "i4"),
        ("signer", "i4"),
        ("item", "i4"),
        ("packet", "i4"),
        ("copies", "i4"),
        ("next_free", "i4"),
    ],
    align=True,
)

MESSAGES = np.dtype(
    [
        ("key", "u8"),
        ("size_bytes", "i8"),
        ("kind", "i4"),
        ("tally", "i4"),
        ("certified", "i4"),
        ("signers", "i4"),
        ("next_alike", "i4"),
        ("attached", "i4"),
        ("checks", "i8"),
    ],
    align=True,
)

ITEM = np.dtype(
    [
        ("key", "u8"),
        ("size_bytes", "i8"),
        ("published_ns", "i8"),
        ("publisher", "i4"),
        ("message", "i4"),
        ("signer", "i4"),
        ("reached", "i4"),
        ("row", "i4"),
        ("whole", "i4"),
        ("first_piece", "i4"),
        ("pieces", "i4"),
        ("enough", "i4"),
        ("duty", "i4"),
        ("execute_ns", "i8"),  # CPU time that a seat spends on what is in it, once
    ],
    align=True,
)

PROBE = np.dtype(
    [
        ("seat", "i4"),
        ("sort", "i4"),
        ("kind", "i4"),
        ("need", "i4"),
        ("mask", "i4"),
        ("next", "i4"),
        ("active", "i4"),
    ],
    align=True,
)
