"""Small scenarios for the cases, written as a user would write them, and what is read from their reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.net.topology import numbered
from sim.study.evidence import Evidence
from sim.study.read import from_dict
from sim.study.report import Report
from sim.study.run import run

Table = Mapping[str, Any]
MS = 1_000_000
SECOND = 1_000_000_000
FLOOD = {"kind": "flood"}


def constant(value: str) -> dict[str, Any]:
    """The latency law Const(value)."""
    return {"kind": "constant", "value": value}


def exponential(mean: str) -> dict[str, Any]:
    """The latency law Exp(mean)."""
    return {"kind": "exponential", "mean": mean}


def spreading(
    topology: Table,
    latency: Table | None,
    rumour: Table,
    *,
    gossip: Table = FLOOD,
    up: str = "",
    duration: str = "100 s",
    more: Table | None = None,
) -> dict[str, Any]:
    """Tables of a scenario in which rumours spread and nothing is agreed; `more` are further tables, such as `fault`."""
    tables: dict[str, Any] = {
        "duration": duration,
        "topology": dict(topology),
        "gossip": dict(gossip),
        "workload": [{"kind": "rumour", **rumour}],
        **(more or {}),
    }
    if latency is not None:
        tables["link"] = {"latency": dict(latency)}
    if up:
        tables["seat"] = {"up": up}
    return tables


def agreeing(kind: str, n: int, latency: Table, *, duration: str, consensus: Table, more: Table | None = None) -> dict[str, Any]:
    """Tables of a scenario in which a protocol runs on a full mesh, blocks inside proposals."""
    return {
        "duration": duration,
        "topology": {"kind": "complete", "seats": n},
        "link": {"latency": dict(latency)},
        "consensus": {"kind": kind, "bodies": "attached", **consensus},
        **(more or {}),
    }


def play(tables: Table, seed: int = 1) -> Report:
    """Read the tables as a scenario file's and run them."""
    return run(from_dict(tables), seed)


def evidence(tables: Table, seed: int = 1) -> Evidence:
    """What a run leaves behind."""
    return play(tables, seed).evidence


def first_seat(n: int) -> str:
    """The name of seat 0 in the plain shapes: the end of a line, the hub of a star, the first leader."""
    return numbered("seat", n)[0]


def delays_ns(found: Evidence) -> NDArray[np.int64]:
    """Time from publication to each seat, int64[rumours, seats]; -1 never, 0 at the publisher."""
    return np.array(
        [np.where(spread.arrival_ns < 0, -1, spread.arrival_ns - spread.published_ns) for spread in found.spreads], np.int64
    )


def decided_ns(found: Evidence) -> NDArray[np.int64]:
    """The instants of all decisions, ascending."""
    return np.sort(np.array([row[0] for row in found.trace if row[1] == "decide"], np.int64))
