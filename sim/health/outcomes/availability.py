"""Metrics of bodies that lie beside the ledger: M3 emergency reads, M14 payload availability, M15 cost of retrieval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.health.courier import Fetch
from sim.health.tally import distribution, share


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
