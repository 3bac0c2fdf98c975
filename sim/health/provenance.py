"""Provenance and audit (W5) as a part."""

from __future__ import annotations

from typing import Any, ClassVar

from sim.health.stories.provenance import ProvenanceStory
from sim.health.timetable import Timetable
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Duration, Share


@part
class Provenance(Timetable):
    """Accesses are logged where they happen; each window's log is sealed by a Merkle root on the chain, and auditors check (W5).

    Touches: transactions of family `provenance`, proofs over the network. Lines are counted, not sent one by one; roots and proofs are
    computed. Row `audit_root_anchor` is one root each `window`. Outcomes: M4 `audit_gap`, M11 `tamper_undetected`, M18, M19.
    """

    workload: ClassVar[str] = "W5"
    kind: ClassVar[str] = "provenance"
    story: ClassVar[Any] = ProvenanceStory
    open_to: ClassVar[tuple[str, ...]] = ("rewrite-log", "tamper")

    window: Duration = 60_000_000_000
    """Time of the clock that one root seals; a minute in the tables."""
    before_root: Share = 0.0
    """Share of what an insider rewrites that is altered before its root is made, where nobody can see it."""

    def rules(self) -> None:
        """A window lasts."""
        if self.window < 1_000_000_000:
            raise ScenarioError("a root seals at least a second of the log", "window")
