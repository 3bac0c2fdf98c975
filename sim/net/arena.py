"""Room for the delivery core: makes the arrays of a `World`, and larger ones when the core asks for more.

The core never allocates. Between its calls `grow` doubles whatever is nearly full; what is in the arrays stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from operator import is_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.net.blank import Blank
from sim.net.core import state as st
from sim.net.core.rows import ITEM, MESSAGES, PROBE, SEAT
from sim.net.topology import Topology

SMALL = 64
"""Up to so many seats a world is a copy of one that is kept."""
FIRST_SHIFT = 18
"""A bucket of the calendar is 2 ** 18 ns wide, a quarter of a millisecond, until it adapts: less than most links' latency."""


def make_world(
    topology: Topology, cores: int, buckets: int, identities: int, memory_words: int, most_actions: int, options: int = 0
) -> st.World:
    """A world at rest: nothing pending, every seat up, costs to be written (`Costs.write`). `buckets` is a power of two of at least 64."""
    n = topology.n
    words = (identities + 63) // 64
    sites = 1 if topology.base_ns is None else topology.base_ns.shape[0]
    numbers = (n, cores, buckets, words, sites, memory_words, most_actions, options)
    if n <= SMALL:
        world = _blank(*numbers).world()
    else:
        world = st.World()
        world.exchange(_at_rest(*numbers))
    if topology.base_ns is not None:
        world.seats["site"] = topology.sites
    world.place(topology.placed)
    world.room = _roomy_arrays(max(256, 2 * (n + most_actions + 2)))
    world.place(world.room)
    return world


@lru_cache(maxsize=16)
def _blank(*numbers: int) -> Blank:
    """What small worlds with these numbers are copies of."""
    return Blank(_at_rest(*numbers), _UNUSED)


def _at_rest(
    n: int, cores: int, buckets: int, words: int, sites: int, memory_words: int, most_actions: int, options: int
) -> dict[str, Any]:
    """The arrays of a world at rest that depend on numbers alone."""
    clock = np.zeros(st.CLOCK_WORDS, np.int64)
    clock[[st.FREE_CHUNK, st.FREE_ENVELOPE]] = -1
    clock[st.SHIFT] = FIRST_SHIFT
    clock[st.OPEN_BUCKET] = -1
    setup = np.zeros(st.SETUP_WORDS, np.int64)
    setup[[st.SEATS, st.CORES, st.WORDS, st.BUCKETS]] = n, cores, words, buckets
    setup[[st.MEMORY_WORDS, st.CONSTANT_NS]] = memory_words, 0
    setup[[st.FOLD, st.LANE_BYTES]] = 1, -1
    seats = aligned(n, SEAT)
    seats[:] = np.zeros((), SEAT)
    seats["slowness"] = 1024
    seats["flags"] = st.UP | st.RELAYS | st.SERVES
    seats["probe"] = -1
    some = 64 if n <= 64 else 8  # rows as wide as the network: a small run should not have to ask for more
    arrays: dict[str, Any] = dict(  # noqa: C408 - reads like the fields of a world
        clock=clock,
        setup=setup,
        seats=seats,
        cores=np.zeros((n, cores + 1), np.int64),
        messages=np.zeros(128, MESSAGES),
        fields=np.zeros((128, st.FIELDS), np.int64),
        alike=np.full(st.LARGEST_CHAIN, -1, np.int32),
        certificates=np.zeros((16, words), np.uint64),
        tally_count=np.zeros((some, n), np.int32),
        tally_bits=np.zeros((some * n, words), np.uint64),
        probes=np.zeros(64, PROBE),
        probe_fields=np.zeros((64, st.FIELDS), np.int64),
        items=np.zeros(64, ITEM),
        held=np.zeros((some, n), np.uint8),
        arrival=np.full((some, n), -1, np.int64),
        notes=np.zeros((some, n), np.int64),
        memory=np.zeros((n, max(1, memory_words)), np.int64),
        law=np.zeros((sites, sites), np.int32),
        options=np.zeros(max(1, options), np.int64),
        actions=np.tile(np.array([0, 0, 0, -1, -1, 0], np.int64), (most_actions, 1)),
        woken=np.zeros((128, 2), np.int64),
        mail=np.zeros((256, 4), np.int64),
        wire=np.zeros((1, 8), np.int64),
        by_packet=np.zeros((len(st.PACKET_NAMES), 2), np.int64),
        waits=np.zeros(st.WAITS_OF_SEAT + n, np.int64),
        item_books=np.zeros((64, 4), np.int64),
        came_from=np.full((some, n), -1, np.int32),
    )
    return arrays | _buckets(buckets) | _lines(n) | _heads(n) | _unused()


def _lines(n: int) -> dict[str, Any]:
    """What uplinks, downlinks and links remember; room for the trips of copies is made where there are any (`Costs.write`)."""
    return {
        "window_most": np.zeros((n, 2), np.int64),
        "marks": np.zeros((n, 2 * st.MARKS), np.int64),
        "trips": np.zeros((1, 5), np.int64),
        "uplinks": np.zeros((1, 9), np.int64),
        "links": np.zeros((1, 5), np.int64),
        "lines": np.zeros((1, 10), np.int64),
        "line_rates": np.zeros((1, 3), np.float64),
        "flows": np.zeros((1, st.FLOW_WORDS), np.int64),
        "flow_rates": np.zeros((1, 3), np.float64),
        "line_work": np.zeros((1, 3), np.int64),
        "line_order": np.zeros((1, 2), np.int64),
    }


def _heads(n: int) -> dict[str, Any]:
    """Where seats stand that follow a chain by themselves (`sim.net.core.follow`): nowhere, until Python puts them somewhere."""
    return {"heads": np.zeros(n, np.int32), "successors": np.zeros((1, 3), np.int32)}


_UNUSED = (
    *("trips", "uplinks", "links", "lines", "line_rates", "flows", "flow_rates", "line_work", "line_order"),
    *("bends", "member_options", "member_memory", "member_log"),
)
"""Arrays that nobody reads or writes before larger ones stand in their places."""


def _unused() -> dict[str, Any]:
    """What only an adversary's hold on seats (`sim.net.bending`) or a membership (`sim.net.membership`) makes larger."""
    shapes = {"bends": (1, st.BEND_WORDS), "member_options": (1,), "member_memory": (1, 1), "member_log": (1, 4)}
    return {name: np.zeros(shape, np.int64) for name, shape in shapes.items()}


_ROOMY = {"chunks": 2 * st.CHUNK_EVENTS, "chunk_next": 0, "opened": 2, "sorting": 2, "near": 3, "far": 3, "envelopes": 0}
_USED = {
    "chunks": st.CHUNKS_USED,
    "chunk_next": st.CHUNKS_USED,
    "opened": st.OPEN_END,
    "near": st.NEAR,
    "far": st.FAR,
    "envelopes": st.ENVELOPES_USED,
    "trips": st.ENVELOPES_USED,
    "flows": st.ENVELOPES_USED,
    "flow_rates": st.ENVELOPES_USED,
}
_LARGE_BYTES = 1 << 25
_MOST_KEPT_BYTES = 1 << 29  # of address space; only what was written to is memory
_kept: list[st.Placed] = []


def _buckets(buckets: int) -> dict[str, Any]:
    """The calendar, empty."""
    return {
        "bucket_first": np.full(buckets, -1, np.int32),
        "shares": np.zeros(256, np.int64),
        "bucket_at": np.zeros(buckets, np.int32),
        "occupied": np.zeros(buckets // 64, np.uint64),
    }


def _roomy_arrays(events: int) -> st.Placed:
    """What the calendar keeps events in, and the envelopes that they carry: what an earlier run left, or new."""
    try:
        roomy = _kept.pop()
    except IndexError:
        roomy = None
    if roomy is None or min(map(len, roomy.arrays.values())) < events:
        roomy = st.Placed.of({name: _uninitialised(name, events) for name in _ROOMY})
    return roomy


def _uninitialised(name: str, rows: int) -> NDArray[Any]:
    """Room that begins at a cache line; the core writes before it reads."""
    columns = _ROOMY[name]
    room = aligned(rows * max(1, columns), np.dtype(st.ARRAYS[name][0]))
    return room.reshape(rows, columns) if columns else room


def aligned(rows: int, kind: np.dtype[Any]) -> NDArray[Any]:
    """Rows of anything, the first of which begins at a cache line."""
    size_bytes = rows * kind.itemsize
    raw = np.empty(size_bytes + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size_bytes].view(kind)


_NOTHING = {name: _uninitialised(name, 0) for name in _ROOMY}


def retire(world: st.World) -> None:
    """Keep the queue's memory for the next run of this process: fresh pages cost more than all that is written to them."""
    roomy = {name: getattr(world, name) for name in _ROOMY}
    for name, array in _NOTHING.items():
        setattr(world, name, array)
    if not _kept and sum([array.nbytes for array in roomy.values()]) <= _MOST_KEPT_BYTES:
        unchanged = all(map(is_, roomy.values(), world.room.arrays.values()))
        _kept.append(world.room if unchanged else st.Placed.of(roomy))
    world.room = None


def grow(world: st.World) -> st.World:
    """The same world with room for at least one more event or command in every array the core fills."""
    clock = world.clock
    trips = bool(world.setup[st.TRIPS])
    most = (world.actions.shape[0] + world.seats.shape[0] + 2) * int(world.setup[st.FOLD])
    wanted: dict[str, int] = {}
    pending = int(clock[st.PENDING])
    if pending > world.opened.shape[0]:
        wanted["opened"] = wanted["sorting"] = 2 * pending
    refiling = bool(clock[st.NARROW] or clock[st.WIDEN])
    moving = pending if refiling else int(clock[st.FAR])
    chunks = max(most, min(moving, int(world.setup[st.BUCKETS])) + moving // st.CHUNK_EVENTS + 2)
    heaps = max(most, pending) if refiling else most
    for names, used, need in (
        (("chunks", "chunk_next"), st.CHUNKS_USED, chunks),
        (("near",), st.NEAR, heaps),
        (("far",), st.FAR, heaps),
        (_with_envelopes(world), st.ENVELOPES_USED, most if trips else world.actions.shape[0] + 2),
        (("woken",), st.WOKEN, world.probes.shape[0]),
        (("mail",), st.MAILED, 4),
        (("wire",), st.WIRED, most),
    ):
        if names == ("wire",) and not world.setup[st.RECORD_WIRE]:
            continue
        if clock[used] + need > getattr(world, names[0]).shape[0]:
            for name in names:
                wanted[name] = 2 * (int(clock[used]) + need)
    return enlarge(world, wanted)


def _with_envelopes(world: st.World) -> tuple[str, ...]:
    """The arrays that have a row for each envelope."""
    if world.setup[st.MAX_MIN]:
        return "envelopes", "trips", "flows", "flow_rates", "line_work"
    return ("envelopes", "trips") if world.setup[st.TRIPS] else ("envelopes",)


def enlarge(world: st.World, wanted: dict[str, int]) -> st.World:
    """The same world with the named arrays at least so many rows long; new rows are zero (arrival, came_from: -1), of the queue anything."""
    for name, rows in wanted.items():
        old: NDArray[Any] = getattr(world, name)
        if rows <= old.shape[0]:
            continue
        fresh = _uninitialised(name, rows) if name in _ROOMY else np.zeros((rows, *old.shape[1:]), old.dtype)
        used = int(world.clock[_USED[name]]) if name in _USED else old.shape[0]
        fresh[:used] = old[:used]
        if name in ("arrival", "came_from"):
            fresh[old.shape[0] :] = -1
        world.exchange({name: fresh})  # one at a time: of a large world, two copies of everything would be much
    return world


def roomier(world: st.World, names: Sequence[str], rows: int) -> dict[str, int]:
    """How many rows to make of arrays that are to hold `rows` each: twice as many, of large ones a quarter more."""
    row_bytes = sum(getattr(world, name)[:1].nbytes for name in names)
    more = rows + rows // 4 if rows * row_bytes > _LARGE_BYTES else 2 * rows
    return dict.fromkeys(names, more)
