"""What a check says: pass, fail or unknown, with the event that decided it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from sim.study.evidence import Evidence
from sim.study.metrics_rows import SECOND_NS


class Verdict(NamedTuple):
    """One check's verdict. `evidence` is one sentence that names time, seat and event."""

    name: str
    verdict: Literal["pass", "fail", "unknown"]
    evidence: str

    def to_dict(self) -> dict[str, str]:
        """The verdict as the report shows it."""
        return {"name": self.name, "verdict": self.verdict, "evidence": self.evidence}


def at(time_ns: int) -> str:
    """A time as sentences give it: 'at 1.250000 s'."""
    return f"at {time_ns / SECOND_NS:.6f} s"


def who(evidence: Evidence, seat: int) -> str:
    """A seat as sentences give it: 'seat 3 (north-3)'."""
    return f"seat {seat} ({evidence.names[seat]})"


def short(digest: str) -> str:
    """The first digits of a digest, enough to find it."""
    return digest if len(digest) <= 12 else digest[:12] + "…"
