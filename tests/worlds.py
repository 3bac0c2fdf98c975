"""Small scenarios for the tests, written as a user would write them."""

from __future__ import annotations

from typing import Any

import sim
import sim.study.read
from sim.study.report import Report
from sim.study.scenario import Scenario

DELAY_NS = 1_000_000_000

FEW_SECONDS: dict[str, dict[str, Any]] = {
    "snowman": {"sample": 4, "alpha": 3, "alpha_confidence": 3, "beta": 4},
    "gasper": {"slots_per_epoch": 4, "slot": "1 s"},
    "streamlet": {"delta": "250 ms"},
    "praos": {"depth": 3, "active": 0.5},
    "aura": {"step": "500 ms"},
    "algorand": {"filter": "300 ms", "deadline": "1 s"},
}
"""What lets each protocol decide among few seats within seconds, where its defaults do not."""
OWN_PACE = ("gasper", "praos", "aura")
"""Protocols whose blocks come at a pace of their own, so that `block_interval` is not for them."""


def agreeing(kind: str, n: int, duration: str = "31 s", **tables: Any) -> Scenario:
    """A protocol on a full mesh of constant one-second delays, blocks inside proposals."""
    consensus = {"kind": kind, "bodies": "attached", **tables.pop("consensus", {})}
    return sim.study.read.from_dict(
        {
            "title": f"{kind} among {n}",
            "duration": duration,
            "topology": {"kind": "complete", "seats": n},
            "link": {"latency": {"kind": "constant", "value": "1 s"}},
            "consensus": consensus,
            **tables,
        }
    )


def times_of(report: Report, kind: str) -> dict[tuple[int, int], int]:
    """Instant of each decision by (slot, seat)."""
    return {(row[3], row[2]): row[0] for row in report.evidence.trace if row[1] == kind}
