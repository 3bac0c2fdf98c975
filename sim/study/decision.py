"""A decision table: the same workloads over several choices of consensus or gossip, in the words of those who will live with it.

Each line is a question that a hospital, a payer or a patient would ask. Values are means over seeds with half of their 95 %
interval; the verdict against the first choice is taken seed by seed (common random numbers), as in compare.py.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.study.compare import LETTERS
from sim.study.contest import Standing, cell, standing_of
from sim.study.report import write_into
from sim.study.report_text import aligned

CLASSES = {
    "C0": "decisions that wait for nobody",
    "C1": "answers somebody waits for",
    "C2": "rights and safety",
    "C3": "records",
    "C4": "regulatory reports",
}
HARMS = {
    "patients read after being told that their revocation is final": "stale_consent_reads.because.told_final",
    "patients read although they have revoked (all causes)": "stale_consent_reads.count",
    "reads wrongly refused": "stale_consent_reads.wrongly_refused",
    "emergency reads that found nothing": "emergency_read_unavailable.count",
    "claims paid twice": "double_paid_claims.count",
    "money lost by double payment (USD)": "double_paid_claims.usd",
    "counterfeit units accepted": "counterfeit_or_double_transfer.counterfeit_units_accepted",
    "units sold to two buyers": "counterfeit_or_double_transfer.double_transferred_units",
    "units handed out after their recall": "trace_and_recall.units_dispensed_after_recall",
    "trial slots given twice": "allocation_conflict.slots_given_twice",
    "tampering that nobody noticed": "tamper_undetected.count",
    "accesses without a record in time": "audit_gap.count",
    "revoked licences in use": "revoked_credential_use.count",
    "alarms late or lost": "alarm_late_or_lost.count",
    "filings that were final and then taken back": "clinical_reorg.count",
}
COSTS = {
    "megabytes sent, all organisations": ("gossip.bytes", 1e-6),
    "consensus messages": ("consensus.messages", 1.0),
    "blocks that were agreed on": ("consensus.decided", 1.0),
}
HIGHER_IS_BETTER = ("in time", "agreed on")


@dataclass(frozen=True)
class Decision:
    """What each choice comes to: `lines` has one entry a choice for each question that any of them could answer."""

    names: tuple[str, ...]
    seeds: tuple[int, ...]
    lines: Mapping[str, tuple[Standing, ...]]
    failed: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """The table as plain values, fit for JSON."""
        lines = [{"question": question, "standings": [vars(one) for one in row]} for question, row in self.lines.items()]
        return {"choices": list(self.names), "seeds": list(self.seeds), "lines": lines, "failed": list(self.failed)}

    def text(self) -> str:
        """The table for a terminal."""
        letters = LETTERS[: len(self.names)]
        rows = [["", *letters]]
        rows += [[question, *(cell(one, len(self.seeds)) for one in row)] for question, row in self.lines.items()]
        lines = [f"{letter}: {name}" for letter, name in zip(letters, self.names, strict=True)]
        lines += [f"{len(self.seeds)} seeds, the same for all; mean ± half of its 95 % interval;"]
        lines += ["+ better than a, - worse, ? cannot tell, by differences seed by seed", "", *aligned(rows)]
        if self.failed:
            lines += ["", "failed", *(f"  ✗ {one}" for one in self.failed)]
        return "\n".join(lines) + "\n"

    def plot(self, axes: Any = None) -> Any:
        """The harms of each choice beside each other, with their intervals; returns the Axes."""
        from sim.study.plots_decision import harms

        return harms(self, axes)

    def save(self, directory: str | Path) -> list[Path]:
        """Write decision.json, decision.txt and decision.png; returns the paths. EnvironmentTrouble where that cannot be."""
        from sim.study.plots_decision import decision_png

        contents = {
            "decision.json": (json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode(),
            "decision.txt": self.text().encode(),
            "decision.png": decision_png(self),
        }
        return write_into(directory, contents, "the decision table")

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.text())}</pre>"


def decision_of(
    names: Sequence[str], seeds: Sequence[int], tables: Sequence[Sequence[Mapping[str, Any]]], failed: Sequence[str] = ()
) -> Decision:
    """The table from reports as dicts: `tables[choice][place of the seed]`."""
    answers = [[_answers(report) for report in reports] for reports in tables]
    questions = dict.fromkeys(question for reports in answers for one in reports for question in one)
    lines = {}
    for question in questions:
        values = [[one.get(question) for one in reports] for reports in answers]
        if any(value is not None for row in values for value in row):
            higher = any(word in question for word in HIGHER_IS_BETTER)
            lines[question] = tuple(standing_of(values, place, higher) for place in range(len(names)))
    return Decision(tuple(names), tuple(seeds), lines, tuple(failed))


def _answers(report: Mapping[str, Any]) -> dict[str, float | None]:
    outcomes = [table["outcomes"] for table in report["workload"]]
    found: dict[str, float | None] = {}
    for name, words in CLASSES.items():
        found[f"{name} {words}: share in time"] = _share(outcomes, name)
    for name, words in CLASSES.items():
        found[f"{name} {words}: final for the last organisation (s, p95)"] = _slowest(outcomes, name)
    for question, path in HARMS.items():
        found[question] = _total(outcomes, path)
    for question, (path, scale) in COSTS.items():
        value = _leaf(report, path)
        found[question] = None if value is None else value * scale
    return found


def _leaf(tree: Any, path: str) -> Any:
    for key in path.split("."):
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree


def _total(outcomes: Sequence[Mapping[str, Any]], path: str) -> float | None:
    values = [value for one in outcomes if (value := _leaf(one, path)) is not None]
    return float(sum(values)) if values else None


def _share(outcomes: Sequence[Mapping[str, Any]], name: str) -> float | None:
    rows = [row for one in outcomes if (row := _leaf(one, f"classes.{name}"))]
    judged = sum(row["judged"] for row in rows)
    return sum(row["judged"] * row["attained_share"] for row in rows if row["judged"]) / judged if judged else None


def _slowest(outcomes: Sequence[Mapping[str, Any]], name: str) -> float | None:
    values = [value for one in outcomes if (value := _leaf(one, f"time_to_final.{name}.nodes_100_s.p95")) is not None]
    return max(values) if values else None
