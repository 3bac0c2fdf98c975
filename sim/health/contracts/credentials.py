"""Credentials: issued by a board, worthless when it or what it rests on is revoked (W3C VC 2.0, Bitstring Status List).

State: ("credential", name) -> (issuer, holder, parent, status), ("list", issuer) -> (number, hash, time).
"""

from __future__ import annotations

from sim.ledger.block import Transaction
from sim.ledger.machine import State, facts_of, refused


def valid(state: State, credential: str) -> bool:
    """Whether a credential and every one it rests on stand, in this state."""
    depth = 0
    while credential and depth < 8:
        _, _, parent, status = state.get(("credential", credential), ("", "", "", "absent"))
        if status != "active":
            return False
        credential, depth = parent, depth + 1
    return depth > 0


def credentials(state: State, transaction: Transaction) -> str:
    """issue, revoke, list, receipt, directory."""
    facts, seat = facts_of(transaction), transaction.submitter
    verb = facts["do"]
    if verb == "issue":
        key = ("credential", facts["credential"])
        why = refused([(state.get(key) is not None, "a credential of this name was issued")])
        if not why:
            state.put(key, (seat, facts["holder"], facts.get("parent", ""), "active"))
    elif verb == "revoke":
        key = ("credential", facts["credential"])
        issuer, holder, parent, status = state.get(key, (-1, "", "", "absent"))
        why = refused(
            [(status != "active", f"the credential is {status}"), (issuer != seat, "only its issuer revokes a credential")]
        )
        if not why:
            state.put(key, (issuer, holder, parent, "revoked"))
    elif verb == "list":
        number = state.get(("list", seat), (-1, "", 0))[0]
        why = refused([(facts["number"] <= number, "a newer list is out")])
        if not why:
            state.put(("list", seat), (facts["number"], transaction.anchor, facts["time_ns"]))
    else:
        why = ""
        state.put((verb, seat), transaction.anchor)
    return why
