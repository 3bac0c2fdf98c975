"""What a run leaves behind: the only thing that checks, metrics and plots may look at.

Nothing here is a node's own opinion: rows of the trace are written by the world at the instant they happen, arrival times
come from the delivery core, and the blocks are those that were published.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from sim.availability.durability import Reckoning
from sim.kernel.trace import Trace
from sim.node.ballots import Ballots, Blocks, Checkpoints, Logs
from sim.node.behind import Rebuilt, Shared
from sim.node.storage import Kept, StorageBooks
from sim.study.load_watch import LoadWatch
from sim.study.travels import Travelled, Travels


class Spread(NamedTuple):
    """How one published thing travelled. `family` is 'block', 'tx' or 'record'."""

    digest: str
    family: str
    publisher: int
    published_ns: int
    size_bytes: int
    arrival_ns: NDArray[np.int64]
    """int64[seats]: when each seat held the whole of it; -1 never."""


@dataclass(frozen=True)
class Waiting:
    """What waited for a block in one run, and how much room there was."""

    capacity: int
    most: int
    """The most that waited at once."""
    at_end: int
    refused: Mapping[str, int]
    """How often one found no room, by class."""
    displaced: Mapping[str, int]
    """How many had to make room for a more urgent one, by class."""
    max_block_bytes: int

    def table(self) -> dict[str, Any]:
        """As the report has it."""
        counts = {"refused": sum(self.refused.values()), "displaced": sum(self.displaced.values())}
        return {"capacity": self.capacity, "most_waiting": self.most, "waiting_at_end": self.at_end, **counts}


@dataclass(frozen=True, eq=False)
class Evidence:
    """One finished run, laid open."""

    trace: Trace
    names: tuple[str, ...]
    roles: tuple[str, ...]
    regions: tuple[str, ...]
    honest: NDArray[np.bool_]
    """bool[seats]: never held by an adversary (a crashed seat is honest)."""
    faulty_bound: int
    quorum_size: int
    duration_ns: int
    heal_ns: int
    """Liveness is judged from here on; equal to 0 where the scenario has no trouble to heal."""
    consensus_kind: str | None
    gossip_kind: str
    finality: str = "certain"
    """What the protocol claims of a decision: 'certain', or 'probable' where one may be revoked."""
    spreads: tuple[Spread, ...] = ()
    """Of the blocks; where nobody published one, of everything but votes and pieces."""
    travelled: Travelled | None = None
    """What `travels` asks; None where nothing is known."""
    blocks: Mapping[str, Any] = field(default_factory=dict)
    """Published blocks by digest: objects with height, parent, root, transactions, size_bytes, time_ns, proposer."""
    counters: Mapping[str, int] = field(default_factory=dict)
    """sent, delivered, lost, cut, down, in_flight, first_copies, body_copies: copies on the wire."""
    by_kind: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Messages and bytes sent, by kind of protocol message (unicast copies, self excluded)."""
    by_packet: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Messages and bytes sent, by packet: message, certificate, body, announce, request, blob."""
    waited_by_kind: Mapping[str, int] = field(default_factory=dict)
    """ns that directly sent protocol messages stood in uplink queues, in all, by kind."""
    waited_by_packet: Mapping[str, int] = field(default_factory=dict)
    """The same of all packets, by packet."""
    waited_ns: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """int64[seats]: the same by sender."""
    longest_wait_ns: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """int64[seats]: the longest that one packet stood in a seat's uplink queue."""
    sent_bytes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    received_bytes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    up_bit_s: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """int64[seats]: uplink rate; 0 where bandwidth is not modelled."""
    down_bit_s: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    cores: int = 0
    """CPU cores of each seat; 0 where CPU time is not modelled."""
    cpu_busy_ns: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """int64[seats]: CPU time that a seat was given to do, all cores together."""
    load_watch: LoadWatch = field(default_factory=LoadWatch)
    """What stood in line at uplinks and CPUs when the run ended, and since when."""
    waiting: Waiting | None = None
    """None where nothing is agreed upon."""
    window_ns: int = 1_000_000_000
    up_window_most: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """int64[seats]: most bytes whose last bit left within one window of `window_ns`."""
    down_window_most: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    largest_bytes: int = 0
    """Size of the largest thing that was sent in one piece (a window may hold the end of one begun before it)."""
    latitude: NDArray[np.float64] | None = None
    longitude: NDArray[np.float64] | None = None
    offsets: NDArray[np.int32] = field(default_factory=lambda: np.zeros(1, np.int32))
    neighbours: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    membership_kind: str | None = None
    membership_period_ns: int = 0
    """From one round of a seat's membership to its next; 0 where there is none."""
    views: NDArray[np.int64] | None = None
    """int64[seats, slots]: the seats in each one's view when the run ended, -1 for an empty slot; None where nobody keeps one."""
    membership_detects: bool = False
    """Whether the membership says who has failed."""
    workloads: tuple[Mapping[str, Any], ...] = ()
    """One table per workload, as its own `outcome()` gave it, in the report's shape."""
    ballots: Ballots | Logs | Blocks | Checkpoints | None = None
    """Which votes certify and decide, as the protocol states it."""
    longest_timer_ns: int = 0
    """The longest of the protocol's durations, as a measure of how fast it can be expected to recover."""
    identities: int = 0
    """How many identities agree: as many as seats, but for second lives; 0 where nobody agrees on anything."""
    contents: tuple[Any, ...] = ()
    """Every different thing that was said."""
    spoken: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 4), np.int64))
    """int64[sayings, 4]: time in ns, who signed, to whom (-1: everybody), place of what was said in `contents`; in order."""
    said: tuple[Any, ...] = ()
    """Every vote that somebody counted, each content once."""
    said_by: NDArray[np.uint64] = field(default_factory=lambda: np.zeros((0, 1), np.uint64))
    """uint64[votes, words]: the identities whose signature under each of them reached any seat, as a bit set."""
    not_modelled: tuple[str, ...] = ()
    availability_kind: str = "full"
    """The scheme of availability; full: everybody keeps every block, records lie in copies."""
    deadline_ns: int = 0
    """How long after its publication a block may take to be available; 0: to the end of the run."""
    shared: tuple[Shared, ...] = ()
    """The truth about the data behind each block, where a scheme keeps it in shares."""
    rebuilt: Rebuilt | None = None
    """What seats did to make good what had not come of it; None where nobody does."""
    kept: tuple[Kept, ...] = ()
    """The truth about each object that a scheme has stored off the chain."""
    storage: StorageBooks | None = None
    """What that scheme did; None where there is none."""
    reckoning: Reckoning | None = None
    """The closed form that the objects obey; None where there is none."""
    readings: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)
    """What `read_once` has worked out from all this."""

    @property
    def travels(self) -> Travels | None:
        """Everything published, votes and records too, in columns."""
        return None if self.travelled is None else self.travelled.columns

    @property
    def seats(self) -> int:
        """How many seats the run had."""
        return len(self.names)


Read = TypeVar("Read")
_NOT_YET = object()


def read_once(read: Callable[[Evidence], Read]) -> Callable[[Evidence], Read]:
    """`read`, which several checks ask: what it finds is kept with the evidence and goes with it, so it must not point back to it."""

    @wraps(read)
    def kept(evidence: Evidence) -> Read:
        found = evidence.readings.get(read, _NOT_YET)
        if found is _NOT_YET:
            found = evidence.readings[read] = read(evidence)
        return found  # type: ignore[no-any-return]

    return kept
