"""What the delivery core remembers: one flat `World` of arrays, one row a seat, an envelope, a message, an item.

All state lives here, so the core's functions are free functions over arrays. Compiled
code and the interpreter read it the same way. Capacities grow only between calls of the core, in `sim.net.arena`.
Seats, identities, messages and items are small integers; -1 means none; times are int64 nanoseconds.
"""

from __future__ import annotations

from ctypes import addressof, c_char
from typing import Any, NamedTuple

import numpy as np

from sim.net.core.rows import ENVELOPE, ITEM, MESSAGES, PROBE, SEAT

CHUNK_BITS = 5
CHUNK_EVENTS = 1 << CHUNK_BITS  # events in one contiguous chunk of a calendar bucket
MARKS = 8  # how many instants a downlink remembers
WINDOW_BITS = 30  # bytes are metered in windows of 2**30 ns, about a second: a shift instead of a division

# Words of `World.clock` ------------------------------------------------------------------------------------------------
NOW, SERIAL, PENDING, SHIFT, OPEN_BUCKET, OPEN_AT, OPEN_END, NEAR, FAR = range(9)
FREE_CHUNK, FREE_ENVELOPE, CHUNKS_USED, ENVELOPES_USED = range(9, 13)
WOKEN, MAILED, WIRED, COMMAND_AT, NARROW, WIDEN, FAR_PUSHES, LIVE_ENVELOPES = range(13, 21)
SENT, DELIVERED, LOST, CUT, DOWN, REFUSED = range(21, 27)
FIRST_COPIES, BODY_COPIES, ALERT, PEAK_PENDING, IN_FLIGHT, HEARD_WORD, LONGEST_NS = range(27, 34)
DUPLICATED, RESENT_COPIES = range(34, 36)
REJECTED, UNREAD, LOGGED = range(36, 39)
SETTLING, TOUCHED, WIDE_SHIFT, WIDE_PENDING = range(39, 43)
CLOCK_WORDS = 48

# Words of `World.setup` ------------------------------------------------------------------------------------------------
SEATS, CORES, WORDS, BUCKETS, LOSS_KEY, LOSS_BELOW, RELATIVE, RECORD_WIRE = range(8)
SIGN_NS, VERIFY_NS, HASH_PS, ANNOUNCE_BYTES, REQUEST_BYTES, MEMORY_WORDS, CONSTANT_NS = range(8, 15)
ITEMS, CONTROL_KEY, TELLS_COPIES, PARTED, ONE_PLACE, KEEPER_OPTIONS, SHARE_CHECK_NS = range(15, 22)
TRIPS, FOLD, LANE_BYTES, FAIR, QUEUED, CAPPED, RETRANSMIT_NS, DUPLICATE_BELOW = range(22, 30)
REORDER_BELOW, REORDER_NS, TCP_BYTES, TCP_IDLE_NS, ENCODE_PS = range(30, 35)
SCREENS, VIEW, MAX_MIN, FOLLOWS = range(35, 39)
SETUP_WORDS = 39

# Why the core returned to Python ---------------------------------------------------------------------------------------
IDLE, REACHED, WOKE, GROW = range(4)
TOLD = 4  # added to one of these where something stands in the books: mail, the trace's wire level, the membership's log

# Commands from Python: opcode, then that many words --------------------------------------------------------------------
SEND, BROADCAST, PUBLISH, WATCH, UNWATCH, LISTEN, ASK, HAND_OVER, START, ENTER, SPOIL, SAY, INTERN = range(13)
COMMAND_WORDS = np.array([6, 5, 4, 13, 2, 3, 4, 4, 2, 2, 4, 5, 17], np.int64)

# What a gossip rule is told, and asks for --------------------------------------------------------------------------------
PUBLISHED, GOT, ANNOUNCED, REQUESTED, TICKED, STARTED, HEARD, REPEATED, OFFERED, SPOILT = range(10)
PACKET, TARGET, DELAY_NS, ABOUT, SIZE_BYTES, WORD = range(6)  # columns of `World.actions`

# What travels ----------------------------------------------------------------------------------------------------------
MESSAGE, CERTIFICATE, BODY, ANNOUNCE, REQUEST, BLOB, TICK, CONTROL, MEMBER = range(9)
PACKET_NAMES = ("message", "certificate", "body", "announce", "request", "blob", "tick", "control", "membership")
ROTTEN, LATE, MEMBER_TICK = -15, -16, -17  # in place of an envelope's signer: a body that is not what it says, two kinds of ticks

# Where an event is on its way: fully arrived, taken off the downlink, served by a core; then events at the sender's end:
# a copy joins its uplink, the first copy of an uplink may have left, one of the lane has, a lost copy goes again, max-min
# fair rates are reckoned anew --------------------------------------------------------------------------------------------
ARRIVED, RECEIVED, SERVED, JOINS, LEAVES, PASSES, RESENDS, SETTLES = range(8)

# Columns of `World.trips` (a copy's), `World.uplinks` (a seat's) and `World.links` (a directed link's) ---------------------
TO, TRIES, FINISH, AFTER, BEGUN = range(5)
SERVICE, SINCE_NS, COPIES, FIRST, LAST, NEXT_NS, LANE_FREE_NS, PERIOD_NS, PERIOD_BYTES = range(9)
CAP_BIT_S, CAP_FREE_NS, TCP_WINDOW, TCP_USED_NS, TCP_ARRIVED_NS = range(5)

# Where rates are max-min fair (`sim.net.core.fair`): columns of `World.lines` (uplinks, then downlinks, then links; whole numbers) and
# of `World.line_rates` (bytes and bytes a ns); of `World.flows` (copies under way, by envelope) and of `World.flow_rates` -----------
MARKED, FIRST_FLOW, LAST_FLOW, FLOWS, OPEN_FLOWS, LINE_LIMIT, LINE_NEXT_NS, FREE_LANE_NS, LINE_SINCE_NS, LINE_BYTES = range(10)
CAPACITY, SPARE, LINE_USED = range(3)
WAYS = 3  # lines that one copy can hold: an uplink, a downlink, a link
LINES, ABOVE, BELOW, RESTS_NS, ENDS_NS, FLOW_WORDS = 1, 4, 7, 10, 11, 12
BYTES_LEFT, RATE, NEW_RATE = range(3)
NEVER_NS = 1 << 62

# What a probe waits for ------------------------------------------------------------------------------------------------
QUORUM, HOLD = range(2)

# What is counted of each item: packets about it sent, their bytes, ns they stood in queues of uplinks; copies of its body received
BOOK_PACKETS, BOOK_BYTES, BOOK_WAITED, BOOK_COPIES = range(4)
WAITS_OF_KIND, WAITS_OF_SEAT = 16, 80

# Seat flags, and the state of an item at a seat; then what a keeper (sim/net/keeper.py) does with an item: nothing; moves it, sound
# or ill encoded; stores it. A negative duty is that of a header, of whose coming it hears: the item of the data behind, times -1
UP, RELAYS, SERVES, MUTE, BENT, DIALS = 1, 2, 4, 8, 16, 32
ABSENT, WANTED, CHECKING, HELD = range(4)
PLAIN, SHARE, BAD, STORED = range(4)
SHUNS, SILENCES, BELONGS, LATE_NS, ROT_BELOW = range(5)  # columns of `World.bends`
BEND_WORDS = 5
BLOCK, PARENT, MAKER = range(3)  # columns of `World.successors`
NOWHERE, AT_GENESIS, FIRST_BLOCK = range(3)  # in `World.heads`: a seat that is woken by every block; on the genesis; else item + 2
KEEPER_TICK = -7  # number of the tick by which a keeper hears of a header

# What happened to a copy (wire level of the trace) ---------------------------------------------------------------------
FATES = ("delivered", "lost", "cut", "down")
FATE_DELIVERED, FATE_LOST, FATE_CUT, FATE_DOWN = range(4)

FIELDS = 6  # matchable fields of a message
LARGEST_CHAIN = 4096  # buckets of the index over messages

# Element type and number of dimensions of each array of a `World`; the order is that of the table of addresses.
ARRAYS: dict[str, tuple[Any, int]] = {
    "clock": ("i8", 1),
    "setup": ("i8", 1),
    "seats": (SEAT, 1),
    "cores": ("i8", 2),
    "window_most": ("i8", 2),
    "marks": ("i8", 2),
    "bucket_first": ("i4", 1),
    "bucket_at": ("i4", 1),
    "occupied": ("u8", 1),
    "chunks": ("i8", 2),
    "chunk_next": ("i4", 1),
    "opened": ("i8", 2),
    "sorting": ("i8", 2),
    "shares": ("i8", 1),
    "near": ("i8", 2),
    "far": ("i8", 2),
    "envelopes": (ENVELOPE, 1),
    "messages": (MESSAGES, 1),
    "fields": ("i8", 2),
    "alike": ("i4", 1),
    "certificates": ("u8", 2),
    "tally_count": ("i4", 2),
    "tally_bits": ("u8", 2),
    "probes": (PROBE, 1),
    "probe_fields": ("i8", 2),
    "items": (ITEM, 1),
    "held": ("u1", 2),
    "arrival": ("i8", 2),
    "notes": ("i8", 2),
    "memory": ("i8", 2),
    "offsets": ("i4", 1),
    "neighbours": ("i4", 1),
    "base_ns": ("i8", 2),
    "law": ("i4", 2),
    "tables": ("i8", 2),
    "options": ("i8", 1),
    "actions": ("i8", 2),
    "woken": ("i8", 2),
    "mail": ("i8", 2),
    "wire": ("i8", 2),
    "by_packet": ("i8", 2),
    "waits": ("i8", 1),
    "item_books": ("i8", 2),
    "came_from": ("i4", 2),
    "heads": ("i4", 1),
    "successors": ("i4", 2),
    "trips": ("i8", 2),
    "uplinks": ("i8", 2),
    "links": ("i8", 2),
    "lines": ("i8", 2),
    "line_rates": ("f8", 2),
    "flows": ("i8", 2),
    "flow_rates": ("f8", 2),
    "line_work": ("i8", 2),
    "line_order": ("i8", 2),
    "bends": ("i8", 2),
    "member_options": ("i8", 1),
    "member_memory": ("i8", 2),
    "member_log": ("i8", 2),
}

_PLACES = {name: (place, np.dtype(kind), dimensions) for place, (name, (kind, dimensions)) in enumerate(ARRAYS.items())}


class Placed(NamedTuple):
    """Arrays with their rows of a world's table: worked out once, for all worlds that are to have them."""

    arrays: dict[str, Any]
    places: Any  # int64[arrays]: where in the table
    rows: Any  # int64[arrays, 3]: address, rows and columns of each

    @classmethod
    def of(cls, arrays: dict[str, Any]) -> Placed:
        """Raises TypeError where an array is not what the core takes it for."""
        rows = np.zeros((len(arrays), 3), np.int64)
        for row, (name, array) in zip(rows, arrays.items(), strict=True):
            _, kind, dimensions = _PLACES[name]
            if array.dtype != kind or array.ndim != dimensions or not array.flags.c_contiguous:
                raise TypeError(f"world.{name} must be a contiguous {kind} array of {dimensions} dimensions")
            row[:] = address_of(array), array.shape[0], array.shape[1] if dimensions == 2 else 0
        return cls(arrays, np.array([_PLACES[name][0] for name in arrays], np.int64), rows)


class World:
    """Every array of the core. Shapes: n seats, S sites, c CPU cores, w = ceil(identities / 64) words of a bit set.

    Compiled code sees a world as the address of a table with, for each array, where it lies and how long it is
    (`sim.net.core.compiled`): one word to hand on, no copies, no reference counts. Interpreted code sees the attributes.
    """

    __slots__ = (*ARRAYS, "address", "keeper", "member_rule", "plain", "room", "rule", "table")

    clock: Any  # int64[CLOCK_WORDS]
    setup: Any  # int64[SETUP_WORDS]
    seats: Any  # SEAT[n]
    cores: Any  # int64[n, c + 1]: when each CPU core is free, then how much work all of them were given
    window_most: Any  # int64[n, 2]: most bytes of any window that is over, up and down
    marks: Any  # int64[n, 2 * MARKS]: (time, work) of each seat's downlink, see `sim.net.core.downlink`
    bucket_first: Any  # int32[buckets]: first chunk
    bucket_at: Any  # int32[buckets]: where the next event is written, chunk * CHUNK_EVENTS + fill; a multiple if full, 0 if empty
    occupied: Any  # uint64[buckets / 64]: which buckets hold anything
    chunks: Any  # int64[chunks, 2 * CHUNK_EVENTS]: (time, word) pairs
    chunk_next: Any  # int32[chunks]
    opened: Any  # int64[capacity, 2]: the open bucket, sorted
    sorting: Any  # int64[capacity, 2]: room to sort in
    shares: Any  # int64[256]: how many of them fall into each part of the bucket
    near: Any  # int64[capacity, 3]: heap of (time, serial, word) that fell into the open bucket
    far: Any  # int64[capacity, 3]: heap of what lies beyond the calendar's year
    envelopes: Any  # ENVELOPE[capacity]
    messages: Any  # MESSAGES[capacity]
    fields: Any  # int64[capacity, FIELDS]
    alike: Any  # int32[LARGEST_CHAIN]: first message of each index bucket
    certificates: Any  # uint64[capacity, w]: signers of each certificate
    tally_count: Any  # int32[tallies, n]
    tally_bits: Any  # uint64[tallies * n, w]
    probes: Any  # PROBE[capacity]
    probe_fields: Any  # int64[capacity, FIELDS]
    items: Any  # ITEM[capacity]
    held: Any  # uint8[rows, n]: state of an item at a seat
    arrival: Any  # int64[rows, n]: when a seat came to hold an item, -1 never
    notes: Any  # int64[rows, n]: what a gossip rule noted of an item at a seat
    memory: Any  # int64[n, words]: what a gossip rule remembers at a seat
    offsets: Any  # int32[n + 1]: neighbours of seat s are neighbours[offsets[s]:offsets[s + 1]]
    neighbours: Any  # int32[links]
    base_ns: Any  # int64[S, S]
    law: Any  # int32[S, S]
    tables: Any  # int64[laws, 3 * 4097]: integer inverse distribution functions
    options: Any  # int64[...]: parameters of the gossip rule
    actions: Any  # int64[most, 6]: what the gossip rule asks for, see `sim.net.core.relay`
    woken: Any  # int64[capacity, 2]: probe, message or item
    mail: Any  # int64[capacity, 4]: seat, signer, message, and when where the seat only went along (else -1)
    wire: Any  # int64[capacity, 8]: rows of the trace's wire level
    by_packet: Any  # int64[9, 2]: messages and bytes sent, by packet
    waits: Any  # int64[80 + n]: ns stood in queues of uplinks, by packet, from WAITS_OF_KIND by kind of message, then by sender
    item_books: Any  # int64[capacity, 4]: of each item, see BOOK_PACKETS and what follows it
    came_from: Any  # int32[rows, n]: who sent a seat its first copy; -2 - its row if that piece completed it; -1 nobody
    heads: Any  # int32[n]: the block each seat stands on where the core may move it, see `sim.net.core.follow`
    successors: Any  # int32[messages, 3]: the block that a message tells of, the one below it, and who may say so
    trips: Any  # int64[capacity of envelopes, 5]: copies with an envelope of their own, see `sim.net.core.trips`
    uplinks: Any  # int64[n, 9]: uplinks at which copies queue event by event, see `sim.net.core.queue`
    links: Any  # int64[links, 5]: what a link remembers, in the order of `neighbours`
    lines: Any  # int64[2 * n + links, 10] where rates are max-min fair: what an uplink, downlink or link carries, see MARKED
    line_rates: Any  # float64[2 * n + links, 3]: CAPACITY in bytes a ns, what of it is SPARE while rates are found, and USED
    flows: Any  # int64[capacity of envelopes, 12]: the lines that a copy holds, its neighbours there, when it is through
    flow_rates: Any  # float64[capacity of envelopes, 3]: bytes that are left, bytes a ns, and the same to be
    line_work: Any  # int64[lines and envelopes, 3]: lines and copies whose rates are reckoned anew, lines that still have spare
    line_order: Any  # int64[n, 2]: seats whose timers are to be set
    bends: Any  # int64[n, 5] once a seat is bent: see `sim.net.core.bends`
    member_options: Any  # int64[...]: parameters of the membership rule
    member_memory: Any  # int64[n, words]: what the membership rule remembers at a seat
    member_log: Any  # int64[rows, 4]: what it has to report: time, seat, about whom, what
    member_rule: Any  # the membership's function, or None
    rule: Any  # the gossip strategy's function, as Python calls it
    keeper: Any  # the keeper's function, likewise
    plain: Any  # `sim.net.driver.PlainRule` where the rule could not be compiled, else None
    table: Any  # int64[len(ARRAYS) + 1, 3]: address, rows and columns of each array; then the compiled rules' addresses
    address: int  # where `table` lies
    room: Any  # the queue's arrays as `Placed` when the world was made, to be handed on

    def __init__(self, table: Any = None) -> None:
        self.table = np.zeros((len(ARRAYS) + 1, 3), np.int64) if table is None else table
        self.address = address_of(self.table)
        self.rule = self.keeper = self.member_rule = self.plain = self.room = None

    def place(self, placed: Placed) -> None:
        """Put other arrays into the places of these names; not while compiled code runs, which has the old addresses."""
        for name, array in placed.arrays.items():
            setattr(self, name, array)
        self.table[placed.places] = placed.rows

    def exchange(self, arrays: dict[str, Any]) -> None:
        """The same for arrays that only this world is to have."""
        self.place(Placed.of(arrays))


def address_of(array: Any) -> int:
    """Where an array lies. NumPy's own ways take as long as making the array, and a small run has forty of them."""
    try:
        return addressof(c_char.from_buffer(array))
    except (TypeError, ValueError):  # not to be written to, or empty
        address: int = array.__array_interface__["data"][0]
        return address
