"""What travelled, by kind of thing, by packet and by seat: the finer half of the report's section `gossip`.

A kind is a family of things that are gossiped (block, record, tx, rumour) or the class of a protocol message, which counts
here whether it went directly or by gossip. Of the blocks those are judged that `judged_things` names; of every
other kind all. Never is infinity in all quantiles, as in metrics_spread.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.study.distribution import distribution, quantile, rank_of
from sim.study.evidence import Evidence
from sim.study.metrics_rows import SECOND_NS, read
from sim.study.travels import Travels

COVERAGE_PERCENT = (50, 90, 95, 99, 100)
SETTLED_TENTHS = 9
"""What was published after so many tenths of the run may still be on its way and strands nobody."""
NOT_FOR_ALL = ("record",)
"""Families that only some seats are to hold."""
Column = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reach:
    """How some things of one kind reached the honest seats. Arrays over things: `coverage_s`, `last_hop`; over seats: the others."""

    coverage_s: dict[int, Column]
    """Seconds until so many percent of the honest seats other than the publisher held it, by percent."""
    last_hop: Column
    """Links that the longest first way had among the honest seats; infinity where one was never reached or no way is known."""
    wanted: NDArray[np.int64]
    """How many of the things a seat could have got from others; 0 for seats held by an adversary."""
    held: NDArray[np.int64]
    """How many of these it held in the end."""
    missed: NDArray[np.int64]
    """How many it never held of those published in the first nine tenths of the run."""
    delay_s: Column
    """Sum over those it held of seconds from publication."""
    hops: NDArray[np.int64]
    """int64[seats, 2]: sum of the links on its first ways, and on how many of them that is known."""
    depths: NDArray[np.int64]
    """Over pairs (thing, honest seat): how many first copies came over 0, 1, 2 … links."""


def judged_names(evidence: Evidence) -> frozenset[str] | None:
    """Digests of the blocks that coverage speaks of: those of honest publishers, and those that an honest seat decided.

    A liar's second block, told to some only so that it is not decided, says nothing about how fast gossip is. None: all blocks,
    as there is nothing to decide.
    """
    if evidence.consensus_kind is None:
        return None
    honest = evidence.honest
    own = [spread.digest for spread in evidence.spreads if spread.family == "block" and _is_honest(honest, spread.publisher)]
    return frozenset((*own, *read(evidence).decisions.digests))


def _is_honest(honest: NDArray[np.bool_], seat: int) -> bool:
    return not 0 <= seat < len(honest) or bool(honest[seat])


def judged_things(evidence: Evidence, travels: Travels, kind: str) -> NDArray[np.int64]:
    """The things of a kind that are judged: all, but of blocks those in `judged_names`."""
    mine = np.flatnonzero(travels.kind == travels.kinds.index(kind))
    judged = judged_names(evidence) if kind == "block" else None
    if judged is not None:
        mine = mine[[travels.names[thing] in judged for thing in mine]]
    return mine


def reach_of(evidence: Evidence, travels: Travels, things: NDArray[np.int64]) -> Reach:
    """How `things` (places in `travels`) reached the honest seats."""
    seats = evidence.seats
    honest = np.flatnonzero(np.asarray(evidence.honest, dtype=bool))
    early_ns = evidence.duration_ns * SETTLED_TENTHS // 10
    coverage: dict[int, list[Column]] = {percent: [] for percent in COVERAGE_PERCENT}
    last_hop: list[Column] = []
    sums = {name: np.zeros(seats, np.int64) for name in ("wanted", "held", "missed")}
    delay_s, hops, depths = np.zeros(seats), np.zeros((seats, 2), np.int64), np.zeros(1, np.int64)
    for slab in travels.slabs(things):
        arrival = travels.arrival_ns[np.ix_(travels.row[slab], honest)]
        own = travels.publisher[slab][:, None] == honest[None, :]
        delays = np.where(arrival < 0, np.inf, (arrival - travels.published_ns[slab][:, None]) / SECOND_NS)
        delays[own] = -1.0
        got = np.isfinite(delays) & ~own
        early = (travels.published_ns[slab] <= early_ns)[:, None]
        sums["wanted"][honest] += (~own).sum(axis=0)
        sums["held"][honest] += got.sum(axis=0)
        sums["missed"][honest] += (np.isinf(delays) & early).sum(axis=0)
        delay_s[honest] += np.where(got, delays, 0.0).sum(axis=0)
        delays.sort(axis=1)
        for percent, column in coverage.items():
            column.append(_ranked(delays, own.any(axis=1), percent))
        ways = travels.hops(slab)[:, honest]
        known = (ways >= 0) & ~own
        hops[honest, 0] += np.where(known, ways, 0).sum(axis=0)
        hops[honest, 1] += known.sum(axis=0)
        counted = np.bincount(ways[known], minlength=len(depths))
        counted[: len(depths)] += depths
        depths = counted
        last_hop.append(np.where((known | own).all(axis=1), ways.max(axis=1, initial=0), np.inf))
    columns = {percent: np.concatenate([*column, np.zeros(0)]) for percent, column in coverage.items()}
    return Reach(columns, np.concatenate([*last_hop, np.zeros(0)]), **sums, delay_s=delay_s, hops=hops, depths=depths)


def _ranked(delays: Column, has_own: NDArray[np.bool_], percent: int) -> Column:
    """Nearest-rank quantile of each row of ascending delays, whose first is the publisher's own where `has_own`."""
    found = []
    for own in (False, True):
        rows = delays[has_own == own, int(own) :]
        if rows.size:
            found.append(rows[:, rank_of(percent, rows.shape[1])])
    return np.concatenate([*found, np.zeros(0)])


def kinds_of(evidence: Evidence) -> tuple[str, ...]:
    """Every kind that was gossiped, then every kind of protocol message that was only sent directly."""
    gossiped = () if evidence.travels is None else evidence.travels.kinds
    return tuple(dict.fromkeys((*gossiped, *evidence.by_kind)))


def by_kind(evidence: Evidence) -> dict[str, Any]:
    """One table for each kind of thing.

    published       things of the kind that were published and judged; null for messages sent directly only
                    (the next four are null too for records, which go to their keepers and not to all)
    coverage_s      median over these of the time until XX % of the honest seats other than the publisher held it
    reached_share   of the pairs (thing, honest seat other than its publisher), those where the seat held it in the end
    stranded_seats  honest seats, up in the end, that never held one published in the first nine tenths of the run
    last_hop        distribution over things: links of the longest first way (Leitao et al. 2007 call it last delivery hop)
    redundancy      copies of bodies received per first copy
    messages, bytes packets sent about it, announcements and requests included
    wait_s          seconds that a packet stood in its sender's uplink queue, mean
    """
    return {kind: _of_kind(evidence, kind) for kind in kinds_of(evidence)}


def _of_kind(evidence: Evidence, kind: str) -> dict[str, Any]:
    packets, sent_bytes = evidence.by_kind.get(kind, (0, 0))
    waited_ns = evidence.waited_by_kind.get(kind, 0)
    table: dict[str, Any] = dict.fromkeys(("published", "coverage_s", "reached_share", "stranded_seats", "last_hop", "redundancy"))
    travels = evidence.travels
    if travels is not None and kind in travels.kinds:
        mine = travels.kind == travels.kinds.index(kind)
        packets += int(travels.packets[mine].sum())
        sent_bytes += int(travels.sent_bytes[mine].sum())
        waited_ns += int(travels.waited_ns[mine].sum())
        things, first = judged_things(evidence, travels, kind), int(travels.first_copies[mine].sum())
        table["published"] = len(things)
        table["redundancy"] = int(travels.copies[mine].sum()) / first if first else None
        if kind not in NOT_FOR_ALL:
            reach = reach_of(evidence, travels, things)
            wanted = int(reach.wanted.sum())
            table["coverage_s"] = {f"p{percent}": quantile(column, 50) for percent, column in reach.coverage_s.items()}
            table["reached_share"] = int(reach.held.sum()) / wanted if wanted else None
            table["stranded_seats"] = int(((reach.missed > 0) & read(evidence).live).sum())
            table["last_hop"] = distribution(reach.last_hop)
    return {**table, "messages": packets, "bytes": sent_bytes, "wait_s": _mean_s(waited_ns, packets, evidence)}


def _mean_s(waited_ns: int, packets: int, evidence: Evidence) -> float | None:
    """Mean seconds in an uplink queue; None where nothing was sent or uplinks have no rate."""
    return waited_ns / packets / SECOND_NS if packets and evidence.up_bit_s.any() else None


def by_packet(evidence: Evidence) -> dict[str, Any]:
    """For each packet (body, announce, request, control, blob, message, certificate): messages, bytes, mean `wait_s`."""
    return {
        packet: {
            "messages": messages,
            "bytes": sent_bytes,
            "wait_s": _mean_s(evidence.waited_by_packet.get(packet, 0), messages, evidence),
        }
        for packet, (messages, sent_bytes) in evidence.by_packet.items()
    }


def main_kinds(evidence: Evidence) -> tuple[str, ...]:
    """The kinds that coverage and the columns by seat speak of: blocks; all but records and messages."""
    travels = evidence.travels
    if travels is None:
        return ()
    return (
        ("block",)
        if "block" in travels.kinds
        else tuple(kind for kind in travels.kinds if kind not in evidence.by_kind and kind not in NOT_FOR_ALL)
    )


def seat_columns(evidence: Evidence) -> dict[str, Column]:
    """One entry a seat; not a number where it was not measured.

    sent_bytes, received_bytes     all of it
    wait_s                         seconds that its packets stood in its uplink queue, in all; longest_wait_s: one of them at most
    missed                         things of the main kinds, published in the first nine tenths of the run, that it never held
    delay_s, hops                  mean over those that it held: seconds from publication, links of the first way
    """
    seats = evidence.seats
    columns = {name: np.full(seats, np.nan) for name in ("wait_s", "longest_wait_s", "missed", "delay_s", "hops")}
    for name, values in (("wait_s", evidence.waited_ns), ("longest_wait_s", evidence.longest_wait_ns)):
        if len(values) == seats and evidence.up_bit_s.any():
            columns[name] = values / SECOND_NS
    kinds, travels = main_kinds(evidence), evidence.travels
    if kinds and travels is not None:
        things = np.concatenate([judged_things(evidence, travels, kind) for kind in kinds])
        reach = reach_of(evidence, travels, things)
        with np.errstate(invalid="ignore", divide="ignore"):
            columns["delay_s"] = reach.delay_s / np.where(reach.held > 0, reach.held, np.nan)
            columns["hops"] = reach.hops[:, 0] / np.where(reach.hops[:, 1] > 0, reach.hops[:, 1], np.nan)
        columns["missed"] = np.where(np.asarray(evidence.honest, bool) & (reach.wanted > 0), reach.missed, np.nan)
    told = {
        name: values.astype(np.float64)
        for name, values in (("sent_bytes", evidence.sent_bytes), ("received_bytes", evidence.received_bytes))
        if len(values) == seats
    }
    return {**{name: told.get(name, np.full(seats, np.nan)) for name in ("sent_bytes", "received_bytes")}, **columns}


def by_seat(evidence: Evidence) -> dict[str, Any]:
    """Distributions over seats of `seat_columns`, and how many honest seats, up in the end, are stranded (missed anything)."""
    columns = seat_columns(evidence)
    tables: dict[str, Any] = {name: distribution(column[~np.isnan(column)]) for name, column in columns.items()}
    missed = columns["missed"]
    measured = not np.isnan(missed).all() if len(missed) else False
    return {**tables, "stranded_seats": int((np.nan_to_num(missed) > 0)[read(evidence).live].sum()) if measured else None}
