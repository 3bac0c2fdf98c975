"""How far and how fast published things travelled, and whether they could still be had: gossip and availability.

Arrival times are the delivery core's. A seat that never received a thing counts as infinity in every quantile, which
the report shows as null; it is never silently dropped.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.study.distribution import distribution, finite_or_none, quantile, rank_of
from sim.study.evidence import Evidence, Spread
from sim.study.metrics_rows import SECOND_NS, read
from sim.study.metrics_travel import COVERAGE_PERCENT, by_kind, by_packet, by_seat, judged_names

NOT_GOSSIP = ("message", "certificate", "membership")


def judged_spreads(evidence: Evidence) -> tuple[Spread, ...]:
    """The spreads that coverage speaks of: blocks of honest publishers, and blocks that an honest seat decided.

    A liar's second block, told to some only so that it is not decided, says nothing of how fast gossip is. Where nothing is to
    be decided, or no block was published, it is everything but votes, whoever published it.
    """
    blocks = tuple(spread for spread in evidence.spreads if spread.family == "block")
    if not blocks:
        return tuple(spread for spread in evidence.spreads if spread.family != "vote")
    judged = judged_names(evidence)
    return blocks if judged is None else tuple(spread for spread in blocks if spread.digest in judged)


def delays_s(evidence: Evidence, spread: Spread, seats: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Seconds from publication to each of `seats` (a mask, the publisher excluded), ascending; infinity for never."""
    chosen = seats.copy()
    if 0 <= spread.publisher < len(chosen):
        chosen[spread.publisher] = False
    arrival = np.asarray(spread.arrival_ns)[chosen]
    return np.sort(np.where(arrival < 0, np.inf, (arrival - spread.published_ns) / SECOND_NS))


def coverage_of(evidence: Evidence, spread: Spread) -> dict[str, float]:
    """Seconds until XX % of the honest seats other than the publisher held the whole of it (nearest rank)."""
    delays = delays_s(evidence, spread, np.asarray(evidence.honest, dtype=bool))
    if not delays.size:
        return {}
    return {f"p{percent}": float(delays[rank_of(percent, delays.size)]) for percent in COVERAGE_PERCENT}


def coverage_s(evidence: Evidence) -> dict[str, float | None]:
    """`coverage_of` each spread, and of these the median over spreads (nearest rank).

    The median, not the mean, as one block that never arrived makes a mean infinite; None where half of them never did.
    """
    each = [coverage for spread in judged_spreads(evidence) if (coverage := coverage_of(evidence, spread))]
    keys = [f"p{percent}" for percent in COVERAGE_PERCENT]
    return {key: quantile([coverage[key] for coverage in each], 50) for key in keys}


def reached_share(evidence: Evidence) -> float | None:
    """Share of the pairs (published thing, honest seat other than its publisher) where the seat held it in the end."""
    honest = np.asarray(evidence.honest, dtype=bool)
    reached = wanted = 0
    for spread in judged_spreads(evidence):
        delays = delays_s(evidence, spread, honest)
        wanted += delays.size
        reached += int(np.isfinite(delays).sum())
    return reached / wanted if wanted else None


def redundancy(evidence: Evidence) -> float | None:
    """Copies of bodies received per first copy; 1 means that nothing came twice."""
    first = evidence.counters.get("first_copies")
    copies = evidence.counters.get("body_copies")
    return copies / first if first and copies is not None else None


def gossip(evidence: Evidence) -> dict[str, Any]:
    """The report's section `gossip`.

    `messages` and `bytes` are all packets sent but direct protocol messages and certificates, which are the
    consensus's; `bytes_per_seat` is what each seat sent in all, over all seats. `by_kind`, `by_packet` and `by_seat` are
    defined in metrics_travel.py and count every packet. `rejected` are bodies that failed their check, `unread` those of neighbours
    that a seat does not listen to any more; `isolation` is defined in metrics_isolation.py.
    """
    packets = [pair for packet, pair in evidence.by_packet.items() if packet not in NOT_GOSSIP]
    counted = bool(evidence.by_packet)
    return {
        "kind": evidence.gossip_kind,
        "coverage_s": coverage_s(evidence),
        "reached_share": reached_share(evidence),
        "redundancy": redundancy(evidence),
        "messages": sum(pair[0] for pair in packets) if counted else None,
        "bytes": sum(pair[1] for pair in packets) if counted else None,
        "bytes_per_seat": distribution(evidence.sent_bytes),
        "rejected": evidence.counters.get("rejected"),
        "unread": evidence.counters.get("unread"),
        "by_kind": by_kind(evidence),
        "by_packet": by_packet(evidence),
        "by_seat": by_seat(evidence),
    }


def time_to_available_s(evidence: Evidence) -> NDArray[np.float64]:
    """Seconds from a decided block's publication until the last honest live seat held it; infinity for never.

    Decided blocks whose travel was not followed are left out. A publisher that is itself a live seat counts as holding.
    """
    reading = read(evidence)
    times = []
    for digest in dict.fromkeys(digest for _, digest in reading.chain):
        spread = reading.block_spreads.get(digest)
        if spread is not None:
            delays = delays_s(evidence, spread, reading.live)
            times.append(float(delays[-1]) if delays.size else 0.0)
    return np.array(times, dtype=np.float64)


def reads(evidence: Evidence) -> dict[str, Any]:
    """Reads by honest seats: share served fresh, share served stale (both of all reads), seconds waited where served."""
    rows = read(evidence).honest_rows("read")
    count = len(rows)
    outcomes = [row[5] for row in rows]
    waited = [row[6] / SECOND_NS for row in rows if row[5] in ("served", "stale")]
    return {
        "served_share": outcomes.count("served") / count if count else None,
        "latency_s": distribution(waited),
        "stale_share": outcomes.count("stale") / count if count else None,
    }


def availability(evidence: Evidence) -> dict[str, Any]:
    """The report's section `availability`, for full replication: a seat can rebuild a block if it holds the whole.

    `available_share` is the share of decided blocks that every honest live seat held by the end of the run. Nothing
    is sampled and nothing repaired, so these two are None.
    """
    times = time_to_available_s(evidence)
    share = float(np.isfinite(times).sum() / times.size) if times.size else None
    return {
        "kind": "full",
        "available_share": None if share is None else finite_or_none(share),
        "time_to_available_s": distribution(times),
        "sampling": None,
        "repair": None,
        "reads": reads(evidence),
    }
