"""Records: the newest anchored version of each record, in order and by its source only.

State: ("record", record) -> (version, submitter, hash).
"""

from __future__ import annotations

from sim.ledger.block import Transaction
from sim.ledger.machine import State, facts_of, refused


def records(state: State, transaction: Transaction) -> str:
    """Anchor one version of a record."""
    facts, seat = facts_of(transaction), transaction.submitter
    key = ("record", facts["record"])
    version, source, _ = state.get(key, (-1, seat, ""))
    why = refused(
        [(source != seat, "only its source anchors a record"), (facts["version"] <= version, "a newer version is anchored")]
    )
    if not why:
        state.put(key, (facts["version"], seat, transaction.anchor))
    return why
