"""Metrics of bodies that lie beside the ledger: M3 emergency reads, M14 payload availability, M15 cost of retrieval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

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


class Collected(Protocol):
    """What a reader's collecting of shares came to."""

    begun_ns: int
    done_ns: int
    failed: bool
    fetched_bytes: int

    @property
    def useful_bytes(self) -> int:
        """What was asked for."""


def study_availability(
    retrievals: Sequence[Collected], detected_s: Sequence[float], repaired_bytes: int, lost_bytes: int
) -> dict[str, Any]:
    """M14 and M15 for objects in shares: who got them back, how soon silent holders were found, and what repair cost.

    `nines` is -log10 of the unavailable share, None where nothing was unavailable.
    """
    ended = [one for one in retrievals if one.done_ns >= 0 or one.failed]
    failed = sum(one.failed for one in ended)
    good = [one for one in ended if not one.failed]
    return {
        "payload_availability": {
            "available_share": share(len(ended) - failed, len(ended)),
            "retrievals": len(ended),
            "unavailable": failed,
            "nines": -math.log10(failed / len(ended)) if failed else None,
            "withheld_shares_detected": len(detected_s),
            "withheld_detected_s": distribution(detected_s),
        },
        "retrieval_and_repair_cost": {
            "fetched_per_useful_byte": share(sum(one.fetched_bytes for one in ended), sum(one.useful_bytes for one in good)),
            "repaired_per_lost_byte": share(repaired_bytes, lost_bytes),
            "retrieval_s": distribution([(one.done_ns - one.begun_ns) / 1e9 for one in good]),
        },
    }
