"""What tests of neighbouring cases share: small worlds under any law, and whether samples agree with a closed form."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from worlds import agreeing

import sim
from sim.study.report import Report
from sim.study.validation.case import mean_of

SECOND = 1_000_000_000


def play(
    kind: str, n: int, duration: str, consensus: dict[str, Any], latency: dict[str, Any], seed: int = 1, **more: Any
) -> Report:
    """A protocol on a full mesh, blocks inside proposals."""
    return sim.run(agreeing(kind, n, duration, consensus=consensus, link={"latency": latency}, **more), seed)


def constant(value: str = "1 s") -> dict[str, Any]:
    """The law Const(value)."""
    return {"kind": "constant", "value": value}


def exponential(mean: str) -> dict[str, Any]:
    """The law Exp(mean)."""
    return {"kind": "exponential", "mean": mean}


def agrees(samples: ArrayLike, expected: float, its_error: float = 0.0) -> bool:
    """Whether the mean of independent samples lies within four standard errors of what is expected, which may have one of its own."""
    found = mean_of(samples)
    assert found.error is not None
    return abs(found.value - expected) <= 4 * math.hypot(found.error, its_error)


def decisions_s(report: Report) -> NDArray[np.float64]:
    """From proposal to decision, ascending, float64[blocks that all have decided, nodes]."""
    proposed = {row[3]: row[0] for row in report.evidence.trace.of("publish")}
    times: dict[str, list[float]] = defaultdict(list)
    for row in report.evidence.trace.of("decide"):
        times[row[4]].append((row[0] - proposed[row[4]]) / SECOND)
    n = len(report.evidence.names)
    return np.array([sorted(each) for each in times.values() if len(each) == n])
