"""What the source article promises of a healthcare ledger, and where each promise is put to the test.

Every promise names a scenario whose `[expect]` table holds the metric to what the promise says, and the metric by which its breach
would be seen.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Promise:
    """One statement of the article."""

    name: str
    statement: str
    scenario: str
    """A file of the folder `scenarios`, without its ending."""
    metric: str
    """A path in the report, or the name of a check."""


PROMISES = (
    Promise("shared-ledger", "multiple parties hold a synchronised copy of the ledger", "health/day-in-a-hospital-network", "prefix-order"),
    Promise("no-single-authority", "no single authority controls the records", "consortium-under-attack", "agreement"),
    Promise("agreement-first", "what is recorded was agreed on before", "health/month-end-batch", "workload.claims.finality_s.p99"),
    Promise("immutable", "blocks are chained and stay", "health/ledger-that-forks", "workload.claims.outcomes.clinical_reorg.count"),
    Promise(
        "sealed-content", "content is sealed, who and when is visible", "health/mass-casualty",
        "metadata_exposure.contents_readable",
    ),
    Promise(
        "one-framework", "one framework for all exchange", "health/influenza-season",
        "workload.public-health.outcomes.classes.C4.attained_share",
    ),
    Promise(
        "patients-decide", "patients grant access and take it back", "health/revoking-consent-while-cut",
        "stale_consent_reads.because.told_final",
    ),
    Promise(
        "traceable", "goods are traceable from end to end", "health/tracing-a-counterfeit", "trace_and_recall.traced_share"
    ),
    Promise(
        "no-counterfeits", "counterfeits are kept out", "health/tracing-a-counterfeit",
        "counterfeit_or_double_transfer.counterfeit_units_accepted",
    ),
    Promise("authentic-trials", "trial results are authentic and auditable", "health/altered-trial-protocol", "tamper_undetected.count"),
    Promise("contracts-pay-once", "contracts settle claims, each once", "health/duplicates-and-replays", "double_paid_claims.count"),
    Promise(
        "shared-when-needed", "records are stored apart and shared when they are needed", "health/mass-casualty",
        "emergency_read_unavailable.count",
    ),
    Promise("credible", "what is read can be believed", "health/rewritten-log", "tamper_undetected.detected"),
)  # fmt: skip
