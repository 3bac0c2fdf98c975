"""Which closed form a scenario's storage obeys, if it obeys one: the figures that a report sets beside its own."""

from __future__ import annotations

from typing import Any

from sim.availability.durability import Absences, Lives, Reckoning
from sim.availability.erasure import Erasure
from sim.fault.churn import Churn
from sim.fault.decay import DiskLoss
from sim.net.laws import Exponential
from sim.study.metrics_rows import SECOND_NS
from sim.study.scenario import Scenario


def reckoning_of(scenario: Scenario) -> Reckoning | None:
    """The chain or the binomial that objects obey; None where more than one thing happens to them, or laws have a memory.

    Disks of all holders fail from the start to the end and each loss is repaired by itself, or never; or all holders come and go and
    nothing is repaired. Adversaries and any other fault spoil the reckoning.
    """
    scheme = scenario.availability
    if not isinstance(scheme, Erasure) or scenario.adversary or len(scenario.fault) != 1:
        return None
    entry = scenario.fault[0]
    fault: Any = entry.part
    everywhere = getattr(fault, "seats", None) in (1.0, scheme.seats)
    if not everywhere or entry.lasts:
        return None
    if isinstance(fault, DiskLoss) and not entry.at and scheme.repair_at is None:
        failure = SECOND_NS / max(1, fault.life)
        if scheme.repair is None:
            return Lives(scheme.pieces, scheme.enough, failure, 0.0)
        if isinstance(scheme.repair, Exponential) and scheme.repair.mean:
            return Lives(scheme.pieces, scheme.enough, failure, SECOND_NS / scheme.repair.mean)
    if isinstance(fault, Churn) and fault.law == "exponential" and scheme.repair is None:
        begin_s = (entry.at or 0) / SECOND_NS
        return Absences(scheme.pieces, scheme.enough, fault.stay / SECOND_NS, fault.absence / SECOND_NS, begin_s)
    return None
