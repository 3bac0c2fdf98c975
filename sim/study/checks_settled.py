"""Whether decisions that are only probably final were final: no check of every run, for taking one back is no fault of such a chain."""

from __future__ import annotations

from sim.study.evidence import Evidence
from sim.study.metrics_rows import read
from sim.study.verdict import Verdict, at, who


def settled(evidence: Evidence) -> Verdict:
    """No honest seat took back what it had decided."""
    reading = read(evidence)
    if reading.revocations:
        time_ns, seat, slot, _ = reading.revocations[0]
        told = f"{at(time_ns)} {who(evidence, seat)} took back what it had decided for slot {slot}"
        return Verdict("settled", "fail", told)
    return Verdict("settled", "pass" if reading.decisions.slot.size else "unknown", "nothing decided was taken back")
