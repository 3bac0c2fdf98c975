"""What a run measured, in the sections and keys of the report: the one page where all definitions meet.

`consensus` is defined in metrics_consensus.py, `gossip` in metrics_spread.py and metrics_isolation.py, `membership`, which only a
scenario with one has, in metrics_members.py, `availability` in metrics_availability.py, `load` in metrics_load.py, `recovery` here.
Workloads bring their own tables, which were taken from the ground truth by whoever drove them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.study.evidence import Evidence
from sim.study.metrics_availability import availability
from sim.study.metrics_consensus import consensus
from sim.study.metrics_isolation import isolation
from sim.study.metrics_load import load
from sim.study.metrics_members import membership
from sim.study.metrics_rows import NEVER, SECOND_NS, read
from sim.study.metrics_spread import gossip


def fault_spans(evidence: Evidence) -> list[tuple[str, int, int | None]]:
    """(name, begin, end) of each fault in ns, in the order of their beginnings; end None where it never ended.

    A fault of the same name may come again: an end closes the oldest one of its name that is still open.
    """
    spans: list[tuple[str, int, int | None]] = []
    for row in read(evidence).of("fault"):
        time_ns, _, _, name, phase, _ = row
        if phase == "begin":
            spans.append((name, time_ns, None))
            continue
        for place, (known, begin_ns, end_ns) in enumerate(spans):
            if known == name and end_ns is None:
                spans[place] = (name, begin_ns, time_ns)
                break
    return spans


def recovered_after_s(evidence: Evidence, end_ns: int) -> float | None:
    """Seconds from a fault's end until every honest live seat has decided anew; None where one of them never did."""
    reading = read(evidence)
    known = reading.decisions
    start = int(np.searchsorted(known.time_ns, end_ns, side="right"))
    following = np.full(reading.seats, NEVER, dtype=np.int64)
    following[known.seat[start:][::-1]] = known.time_ns[start:][::-1]
    waited = following[reading.live]
    if not waited.size or (waited == NEVER).any():
        return None
    return (int(waited.max()) - end_ns) / SECOND_NS


def recovery(evidence: Evidence) -> list[dict[str, Any]]:
    """The report's section `recovery`: one table per fault, in the order in which they began."""
    return [
        {
            "fault": name,
            "healed_at_s": None if end_ns is None else end_ns / SECOND_NS,
            "recovered_after_s": None if end_ns is None else recovered_after_s(evidence, end_ns),
        }
        for name, _, end_ns in fault_spans(evidence)
    ]


def measure(evidence: Evidence) -> dict[str, Any]:
    """All measured sections of the report, in its order."""
    return {
        "consensus": consensus(evidence),
        "gossip": {**gossip(evidence), "isolation": isolation(evidence)},
        **({} if evidence.membership_kind is None else {"membership": membership(evidence)}),
        "availability": availability(evidence),
        "load": load(evidence),
        "workload": [dict(table) for table in evidence.workloads],
        "recovery": recovery(evidence),
    }
