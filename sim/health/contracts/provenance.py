"""Provenance: each organisation's roots form a row without holes, so a root that is left out or dated back is seen.

State: ("root", organisation, number) -> (root, leaves, until_ns), ("roots", organisation) -> number of the newest.
"""

from __future__ import annotations

from sim.ledger.block import Transaction
from sim.ledger.machine import State, facts_of, refused


def provenance(state: State, transaction: Transaction) -> str:
    """Anchor the root over the log entries of one window."""
    facts, seat = facts_of(transaction), transaction.submitter
    newest = state.get(("roots", seat), -1)
    until_ns = state.get(("root", seat, newest), ("", 0, -1))[2]
    number = facts["number"]
    why = refused(
        [
            (number <= newest, "this window has a root already"),
            (facts["until_ns"] <= until_ns, "the window lies before one that is sealed"),
        ]
    )
    if not why:
        state.put(("root", seat, number), (transaction.anchor, facts["leaves"], facts["until_ns"]))
        state.put(("roots", seat), number)
    return why
