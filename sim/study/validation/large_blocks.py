"""Group E, dispersal: what a large body costs agreement on slow uplinks, sent whole and in coded shares behind a certificate.

n seats, f traitors, a quorum q, bodies of S bytes, uplinks of B, one-way delay d, votes in a lane of their own, and a protocol of three
phases. Whole, the leader's uplink sends a copy to each of the quorum's others before a vote can complete it: (q - 1) S / B + 3 d.
Dispersed (Cachin, Tessaro, SRDS 2005), each copy is a share of S / (n - 2 f) with its path, n - f - 1 of them must have left, and
share, signature and certificate come before two rounds of votes: (n - f - 1) S / ((n - 2 f) B) + 5 d.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

from sim.study.validation.case import Case, Measured, Within
from sim.study.validation.worlds import Table, constant, play

_RATE = 100e6 / 8
_DELAY_S = 0.02
_HASH_BYTES = 32


def scenario(n: int, size_bytes: int, dispersed: bool) -> Table:
    """Tables of a scenario in which QBFT agrees on a few large bodies, far apart."""
    body: dict[str, Any] = {"filler": f"{size_bytes} B", "bodies": "attached"}
    behind = {"kind": "certificate", "blob": f"{size_bytes} B", "vote": "when-available", "deadline": "90 s"}
    return {
        "duration": "130 s",
        "topology": {"kind": "complete", "seats": n},
        "link": {"latency": constant("20 ms")},
        "seat": {"up": "100 Mbit/s", "down": "10 Gbit/s", "lane": "2 kB"},
        "gossip": {"kind": "flood"},
        "consensus": {"kind": "qbft", "block_interval": "60 s", "patience": "100 s", **({} if dispersed else body)},
        **({"availability": behind} if dispersed else {}),
        "workload": [{"kind": "synthetic", "rate": 0.05}],
    }


def whole_s(n: int, size_bytes: int) -> float:
    """From proposal to first decision of a body sent whole."""
    return (ceil(2 * n / 3) - 1) * size_bytes / _RATE + 3 * _DELAY_S


def dispersed_s(n: int, size_bytes: int) -> float:
    """The same of one in shares behind a certificate."""
    f = (n - 1) // 3
    share_bytes = size_bytes / (n - 2 * f) + _HASH_BYTES * (1 + (n - 1).bit_length())
    return (n - f - 1) * share_bytes / _RATE + 5 * _DELAY_S


def _first_decision_s(n: int, size_bytes: int, dispersed: bool) -> Callable[[int], Measured]:
    def measure(runs: int) -> Measured:
        found = play(scenario(n, size_bytes, dispersed)).to_dict()["consensus"]
        return Measured(found["first_decide_s"]["mean"], runs=found["decided"])

    return measure


CASES = tuple(
    Case(
        id="E1",
        what=f"QBFT, {n} nodes, {size_bytes // 1_000_000} MB, 100 Mbit/s, {way}: proposal to first decision",
        unit="s",
        source=source,
        expected=reckoned(n, size_bytes),
        rule=Within(0.005),
        measure=_first_decision_s(n, size_bytes, dispersed),
    )
    for n, size_bytes in ((7, 2_000_000), (16, 4_000_000))
    for way, dispersed, reckoned, source in (
        ("sent whole", False, whole_s, "CF: (q - 1) S / B + 3 d"),
        ("in shares", True, dispersed_s, "CF: (n - f - 1) S / ((n - 2 f) B) + 5 d"),
    )
)
