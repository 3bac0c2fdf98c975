"""What a scenario asks of a protocol beside the protocol's own keys, and what a protocol may say about it.

A protocol is a part with `async def run(self, node)`. All else is optional:

    routes: ClassVar[tuple[str, ...]]   the routes its broadcasts can take; without it `USUAL_ROUTES`. Name "star" only if its
                                        broadcasts name a `centre`, and ("direct",) alone if it never broadcasts
    crash_tolerant: ClassVar[bool]      True: it stands crashes, not lies; f = (n - 1) // 2 and quorums of n // 2 + 1 instead of
                                        f = (n - 1) // 3 and quorums of n - f
    faulty_one_in: ClassVar[int]        lies tolerated: f = (n - 1) // faulty_one_in and quorums of n - f; 3 where nothing is said
    least_seats: ClassVar[int]          fewer can decide nothing, so that such a scenario is refused; 1 where nothing is said
    finality: ClassVar[str]             "probable": a decision may be revoked, which is then counted and not condemned; without it
                                        "certain", and every revocation breaks agreement
    fits(self, terms: Terms) -> str     whether it can work on these terms: raises ScenarioError with the key (of its own, or of
                                        `Terms`) where a run would mean nothing, returns a sentence `key: ...` where a run is
                                        possible but odd, and '' where all is well
    no_lie: ClassVar[Mapping[str, str]] kinds of enemies that can do nothing here which another kind does not do, each with the
                                        reason and what to use instead: a scenario with one is refused, and no hunt draws it
    turn_at(self, node, time_ns) -> tuple[int, int]
                                        who is to propose at an instant, and when the next turn begins, where everybody can tell it
                                        beforehand by the clock alone: what an attacker who chases leaders goes by

A kind of message that names a block says so: `carries: ClassVar[str] = "digest"` is the field with the block's digest, and
with `bodies = "attached"` the block travels inside. A vote that its reader counts itself, and not the core for all (`@vote`), says
`tallied: ClassVar[bool] = True`, so that it can be withheld like every other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sim.kernel.units import show_duration

ROUTES = ("direct", "gossip", "star")
USUAL_ROUTES = ("direct", "gossip")
"""What a protocol that says nothing about routes can take: its broadcasts name no `centre`."""


@dataclass(frozen=True)
class Terms:
    """The scenario's side of `[consensus]`, by the names of its keys."""

    route: str
    bodies: str
    block_interval: int
    """Least time from a block to the next, ns."""
    max_block: int
    """Most bytes of transactions in a block."""
    filler: int
    """Bytes of weight without content in every block."""


def too_hasty(patience_ns: int, terms: Terms, told: str, why: str) -> str:
    """What `fits` says of a patience (`told`: its key, a colon, and what it "is") that ends before the next block is due; else ''."""
    if patience_ns > terms.block_interval:
        return ""
    return f"{told} no longer than block_interval, {show_duration(terms.block_interval)}: {why}"


def bounds(protocol: Any, n: int) -> tuple[int, int]:
    """(faults that a protocol stands among n identities, its usual quorum); without a protocol those of f < n / 3."""
    if getattr(protocol, "crash_tolerant", False):
        return (n - 1) // 2, n // 2 + 1
    f = (n - 1) // int(getattr(protocol, "faulty_one_in", 3))
    return f, n - f
