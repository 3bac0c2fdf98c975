"""Consent: who may read whose records (source article: patients grant access to specific providers and take it back).

State: ("consent", patient, grantee) -> (status, expiry_ns, by), ("guardian", patient, delegate) -> status,
("glass", access) -> (status, who). Break-glass notices record what was done already; nothing here can forbid it. A review closes it.
"""

from __future__ import annotations

from sim.ledger.block import Transaction
from sim.ledger.machine import State, facts_of, refused

GRANTED, REVOKED = "granted", "revoked"


def permitted(state: State, patient: str, grantee: str, now_ns: int) -> bool:
    """What an enforcement node decides from the state it has."""
    status, expiry_ns, _ = state.get(("consent", patient, grantee), (REVOKED, 0, ""))
    return bool(status == GRANTED and (expiry_ns == 0 or now_ns < expiry_ns))


def consent(state: State, transaction: Transaction) -> str:
    """grant, revoke, delegate, break-glass, review."""
    facts = facts_of(transaction)
    verb, patient, by = facts["do"], facts["patient"], facts["by"]
    grantee = facts.get("grantee", "")
    key = ("consent", patient, grantee)
    status = state.get(key, (None, 0, ""))[0]
    # a patient acts through any wallet of their own; somebody else needs a delegation that stands
    stranger = by != patient and state.get(("guardian", patient, by)) != GRANTED
    if verb == "grant":
        why = refused([(stranger, "only the patient or a guardian grants"), (status == GRANTED, "is granted already")])
        if not why:
            state.put(key, (GRANTED, facts.get("expiry_ns", 0), by))
    elif verb == "revoke":
        why = refused([(stranger, "only the patient or a guardian revokes"), (status != GRANTED, "there is no consent to revoke")])
        if not why:
            state.put(key, (REVOKED, 0, by))
    elif verb == "delegate":
        why = refused([(by != patient, "only the patient delegates")])
        if not why:
            state.put(("guardian", patient, facts["delegate"]), facts.get("status", GRANTED))
    elif verb == "break-glass":
        why = refused([(state.get(("glass", facts["access"])) is not None, "this access is on record already")])
        if not why:
            state.put(("glass", facts["access"]), ("open", by))
    else:
        notice = state.get(("glass", facts["access"]))
        why = refused(
            [(notice is None, "there is no such access"), (notice and notice[1] == by, "nobody reviews their own access")]
        )
        if not why:
            state.put(("glass", facts["access"]), ("reviewed", by))
    return why
