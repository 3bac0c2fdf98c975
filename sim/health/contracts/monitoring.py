"""Monitoring: each alarm has one receipt, each device one key, each day of readings one root.

State: ("alarm", alarm) -> (device, sequence), ("device", device) -> key hash, ("sequence", device) -> newest alarm number.
"""

from __future__ import annotations

from sim.ledger.block import Transaction
from sim.ledger.machine import State, facts_of, refused


def monitoring(state: State, transaction: Transaction) -> str:
    """alarm, attest, session, root."""
    facts = facts_of(transaction)
    verb = facts["do"]
    if verb == "alarm":
        device, number = facts["device"], facts["number"]
        seen = state.get(("alarm", device, number))
        why = refused(
            [
                (seen is not None, "replayed: this alarm has a receipt"),
                (not state.get(("device", device), "known"), "unknown device"),
            ]
        )
        if not why:
            state.put(("alarm", device, number), transaction.submitter)
        return why
    state.put((verb, facts["subject"]), transaction.anchor)
    return ""
