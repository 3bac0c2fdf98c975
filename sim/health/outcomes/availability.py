"""Metrics of bodies that lie beside the ledger: M3 emergency reads, M14 payload availability, M15 cost of retrieval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sim.health.courier import Fetch
from sim.health.tally import distribution, quantile, share
from sim.node.storage import Kept, StorageBooks


def emergency_read_unavailable(fetches: Sequence[Fetch]) -> dict[str, Any]:
    """M3: emergency reads that had no genuine summary by their deadline, and why."""
    ended = [fetch for fetch in fetches if fetch.outcome]
    missed = [fetch for fetch in ended if fetch.outcome != "served"]
    altered = sum(fetch.rejected > 0 for fetch in missed)
    return {
        "count": len(missed),
        "reads": len(ended),
        "because": {"copies_altered": altered, "holders_silent": len(missed) - altered},
        "read_s": distribution([fetch.waited_ns / 1e9 for fetch in ended if fetch.outcome == "served"]),
    }


def payload_availability(fetches: Sequence[Fetch]) -> dict[str, Any]:
    """M14, sampled by reads: share of bodies with an anchor that could be had; `orphan_anchors` are bodies nobody could give."""
    ended = [fetch for fetch in fetches if fetch.outcome]
    lacking = [fetch for fetch in ended if fetch.outcome == "unavailable"]
    return {
        "available_share": share(len(ended) - len(lacking), len(ended)),
        "unavailable": len(lacking),
        "orphan_anchors": len({fetch.parcel.digest for fetch in lacking}),
        "altered_detected": sum(fetch.rejected for fetch in ended),
        "altered_undetected": sum(fetch.outcome == "altered" for fetch in ended),
    }


def retrieval_cost(fetches: Sequence[Fetch]) -> dict[str, Any]:
    """M15: bytes fetched per useful byte, and how long a retrieval took."""
    served = [fetch for fetch in fetches if fetch.outcome == "served"]
    useful = sum(fetch.parcel.size_bytes for fetch in served)
    return {
        "fetched_per_useful_byte": share(sum(fetch.fetched_bytes for fetch in fetches), useful),
        "retrieval_s": distribution([fetch.waited_ns / 1e9 for fetch in served]),
    }


def rebuildable_share(kept: Sequence[Kept]) -> float | None:
    """Share of objects that seats which are up hold enough sound shares of; None where there are none."""
    return share(sum(one.reachable >= one.enough for one in kept), len(kept))


def study_availability(
    judged: Sequence[Fetch], retrieved: Sequence[tuple[str, Fetch]], kept: float | None, books: StorageBooks | None
) -> dict[str, Any]:
    """M14 and M15 of large objects, from what the judged retrievals came to and all of them, with their rows of the tables.

    The judged ones sample availability: `nines` is -log10 of the share that failed, None where none did. `rebuildable_share` is the truth
    about all with a final manifest (`kept`). Where objects lie in shares, `books` say which shares were found not to be handed out
    sound and how long after they were placed, the bytes that readers fetched for each useful one and repairers for each lost one; of
    whole copies nobody looks after these are None, and a retrieval fetches what it needs or nothing.
    """
    ended = [fetch for fetch in judged if fetch.outcome]
    found = payload_availability(ended)
    failed = found["unavailable"] + found["altered_undetected"]
    found_s = None if books is None else [(found_ns - since_ns) / 1e9 for since_ns, found_ns in books.found]
    cost = retrieval_cost([fetch for _, fetch in retrieved])
    if books is not None:
        cost["fetched_per_useful_byte"] = share(books.fetched_bytes, books.useful_bytes)
    return {
        "payload_availability": {
            "available_share": share(len(ended) - failed, len(ended)),
            "retrievals": len(ended),
            "unavailable": failed,
            "orphan_anchors": found["orphan_anchors"],
            "rebuildable_share": kept,
            "nines": -math.log10(failed / len(ended)) if failed else None,
            "withheld_shares_detected": None if found_s is None else len(found_s),
            "withheld_detected_s": None if found_s is None else distribution(found_s),
        },
        "retrieval_and_repair_cost": {
            **cost,
            "repaired_per_lost_byte": None if books is None else share(books.repair_bytes, books.lost_bytes),
            "p95_retrieval_s": {row: _p95_s(retrieved, row) for row in sorted({row for row, _ in retrieved})},
        },
    }


def _p95_s(retrieved: Sequence[tuple[str, Fetch]], row: str) -> float | None:
    """p95 of the retrievals of one kind of object, which is a class of sizes; None where none was served."""
    waits = sorted(fetch.waited_ns / 1e9 for name, fetch in retrieved if name == row and fetch.outcome == "served")
    return quantile(waits, 95) if waits else None
