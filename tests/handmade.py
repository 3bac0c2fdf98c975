"""Runs made by hand: a few rows whose metrics and verdicts anyone can work out on paper."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sim.kernel.trace import Trace
from sim.node.genesis import GENESIS
from sim.study.evidence import Evidence, Spread

S = 1_000_000_000


@dataclass
class Clock:
    """A clock set by hand."""

    now_ns: int = 0


@dataclass(frozen=True)
class Block:
    """A block as judges see it."""

    height: int
    parent: str
    transactions: tuple[str, ...] = ()
    size_bytes: int = 1000
    whole: bool = True
    proposer: int = 0
    time_ns: int = 0

    def flaw(self) -> str:
        """What is wrong with it in itself."""
        return "" if self.whole else "the header was altered"

    def well_formed(self) -> bool:
        """Whether it was made well."""
        return self.whole


def trace_of(rows: list[tuple[Any, ...]], level: str = "protocol") -> Trace:
    """A trace of rows (seconds, kind, seat, *fields)."""
    clock = Clock()
    trace = Trace(clock, level)
    for seconds, kind, seat, *fields in rows:
        clock.now_ns = round(seconds * S)
        trace.record(kind, seat, *fields)
    return trace


def spread(digest: str, publisher: int, published_s: float, arrivals_s: list[float], family: str = "block") -> Spread:
    """How something travelled; -1 for never."""
    arrival = np.array([-1 if one < 0 else round(one * S) for one in arrivals_s], np.int64)
    return Spread(digest, family, publisher, round(published_s * S), 1000, arrival)


GOOD_ROWS: list[tuple[Any, ...]] = [
    (0.5, "submit", 1, "t1", "ehr"),
    (0.6, "submit", 2, "t2", "ehr"),
    (1.0, "publish", 0, "A", 1000, "block"),
    (1.2, "decide", 0, 1, "A"),
    (1.3, "decide", 1, 1, "A"),
    (1.3, "decide", 3, 1, "Z"),
    (1.5, "decide", 2, 1, "A"),
    (1.6, "note", 1, "view-change", {"slot": 2, "view": 1}),
    (1.6, "note", 2, "view-change", {"slot": 2, "view": 1}),
    (1.7, "note", 2, "view-change", {"slot": 2, "view": 2}),
    (1.7, "note", 3, "view-change", {"slot": 2, "view": 9}),
    (2.0, "publish", 1, "B", 3000, "block"),
    (2.1, "publish", 1, "C", 3000, "block"),
    (2.4, "decide", 1, 2, "B"),
    (2.5, "decide", 0, 2, "B"),
    (3.0, "decide", 2, 2, "B"),
]


def good(**changes: Any) -> Evidence:
    """Four seats, the last held by an adversary; blocks A and B are decided, C is stale; 20 s long."""
    evidence = Evidence(
        trace=trace_of(GOOD_ROWS),
        names=("a", "b", "c", "d"),
        roles=("hospital",) * 4,
        regions=("north", "north", "south", "south"),
        honest=np.array([True, True, True, False]),
        faulty_bound=1,
        quorum_size=3,
        duration_ns=20 * S,
        heal_ns=0,
        consensus_kind="pbft",
        gossip_kind="flood",
        spreads=(spread("A", 0, 1.0, [1.0, 1.1, 1.4, -1]), spread("B", 1, 2.0, [2.2, 2.0, 2.3, 2.1])),
        blocks={
            "A": Block(1, GENESIS, ("t1",), 1000),
            "B": Block(2, "A", ("t2",), 3000),
            "C": Block(2, "A", (), 3000),
        },
        counters={
            "sent": 30,
            "delivered": 20,
            "lost": 4,
            "cut": 3,
            "down": 2,
            "in_flight": 1,
            "first_copies": 4,
            "body_copies": 10,
        },
        by_kind={"Prepare": (12, 1200), "Commit": (10, 800)},
        by_packet={"message": (22, 2000), "body": (6, 12000), "announce": (2, 64)},
        sent_bytes=np.array([10, 20, 30, 40], np.int64),
    )
    return replace(evidence, **changes)


def with_rows(rows: list[tuple[Any, ...]], **changes: Any) -> Evidence:
    """The same run with other rows."""
    return good(trace=trace_of(rows), **changes)
