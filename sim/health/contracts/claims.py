"""Claims: submitted once, decided once, paid once (source article: contracts for claims and billing).

State: ("claim", key) -> (status, provider, payer, cents). The key names the service (provider, patient, service), not the payer:
whoever pays first has paid it, and a second payer sees that. Amounts stand for commitments; nothing here adds them up.
"""

from __future__ import annotations

from sim.ledger.block import Transaction
from sim.ledger.machine import State, facts_of, refused

ABSENT = ("absent", -1, -1, 0)


def claims(state: State, transaction: Transaction) -> str:
    """submit, adjudicate (pay or deny), remit, void, authorise."""
    facts, seat = facts_of(transaction), transaction.submitter
    key = ("claim", facts["claim"])
    status, provider, payer, cents = state.get(key, ABSENT)
    verb = facts["do"]
    if verb == "submit":
        why = refused([(status != "absent", f"duplicate: the claim is {status}")])
        if not why:
            state.put(key, ("submitted", facts["provider"], facts["payer"], facts["cents"]))
    elif verb == "adjudicate":
        why = refused([(status != "submitted", f"the claim is {status}"), (payer != seat, "another payer decides this claim")])
        if not why:
            state.put(key, ("approved" if facts["verdict"] == "pay" else "denied", provider, payer, cents))
    elif verb == "remit":
        why = refused([(status != "approved", f"the claim is {status}"), (payer != seat, "another payer pays this claim")])
        if not why:
            state.put(key, ("paid", provider, payer, cents))
    elif verb == "void":
        why = refused([(provider != seat, "only the provider voids"), (status in ("paid", "void"), f"the claim is {status}")])
        if not why:
            state.put(key, ("void", provider, payer, cents))
    else:
        why = ""
        state.put(("authorised", facts["claim"]), facts["verdict"])
    return why
