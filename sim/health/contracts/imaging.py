"""Imaging: large objects stay off the chain; it keeps their manifests, who may fetch them, and what was erased.

State: ("object", name) -> (root, pieces, enough, owner, status), ("visa", name, grantee) -> status.
"""

from __future__ import annotations

from sim.ledger.block import Transaction
from sim.ledger.machine import State, facts_of, refused

ABSENT = ("", 0, 0, -1, "absent")


def imaging(state: State, transaction: Transaction) -> str:
    """manifest, visa, erase."""
    facts, seat = facts_of(transaction), transaction.submitter
    verb, key = facts["do"], ("object", facts["object"])
    root, pieces, enough, owner, status = state.get(key, ABSENT)
    if verb == "manifest":
        why = refused([(status != "absent", "an object of this name has a manifest")])
        if not why:
            state.put(key, (transaction.anchor, facts["pieces"], facts["enough"], seat, "stored"))
    elif verb == "visa":
        why = refused([(status != "stored", f"the object is {status}")])
        if not why:
            state.put(("visa", facts["object"], facts["grantee"]), "granted")
    else:
        why = refused([(status != "stored", f"the object is {status}"), (owner != seat, "only its owner erases an object")])
        if not why:
            state.put(key, (root, pieces, enough, owner, "erased"))
    return why
