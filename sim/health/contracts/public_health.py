"""Public health: a case is counted once, an immunisation once, and an advisory comes from the agency.

State: ("case", event) -> reporter, ("advisory", name) -> agency, ("dose", dose) -> reporter.
"""

from __future__ import annotations

from sim.ledger.block import Transaction
from sim.ledger.machine import State, facts_of, refused


def public_health(state: State, transaction: Transaction) -> str:
    """report, dose, advisory."""
    facts, seat = facts_of(transaction), transaction.submitter
    verb = facts["do"]
    if verb == "advisory":
        why = refused([(seat not in state.get(("agencies",), (seat,)), "only an agency advises")])
        if not why:
            state.put(("advisory", facts["advisory"]), seat)
        return why
    key = (verb, facts["event"])
    why = refused([(state.get(key) is not None, "duplicate: this event is counted")])
    if not why:
        state.put(key, seat)
    return why
