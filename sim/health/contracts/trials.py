"""Trials: a registered protocol, consent before randomisation, one subject a slot, forms under the version in force.

State: ("trial", trial) -> (status, version, outcome hash), ("subject", subject) -> (trial, status), ("slot", trial, number) ->
subject, ("event", event) -> (trial, kind, since_ns). A lock freezes forms; results must name the outcome that was registered.
"""

from __future__ import annotations

from sim.ledger.block import Transaction
from sim.ledger.machine import State, facts_of, refused

ABSENT = ("absent", 0, "")


def trials(state: State, transaction: Transaction) -> str:
    """register, approve, amend, consent, randomise, form, event, lock, results."""
    facts = facts_of(transaction)
    verb, trial = facts["do"], facts["trial"]
    key = ("trial", trial)
    status, version, outcome = state.get(key, ABSENT)
    if verb == "register":
        why = refused([(status != "absent", "a trial of this name is registered")])
        if not why:
            state.put(key, ("registered", 1, facts["outcome"]))
    elif verb in ("approve", "amend", "lock", "results"):
        why = _govern(state, verb, facts, (status, version, outcome))
    elif verb == "event":
        why = refused([(status == "absent", "there is no such trial")])
        if not why:
            state.put(("event", facts["event"]), (trial, facts["kind"], facts["since_ns"]))
    else:
        why = refused([(status != "open", f"the trial is {status}")]) or _subject(state, verb, facts, version)
    return why


def _govern(state: State, verb: str, facts: dict[str, object], trial: tuple[str, int, str]) -> str:
    status, version, outcome = trial
    key = ("trial", facts["trial"])
    if verb == "approve":
        why = refused([(status != "registered", f"the trial is {status}")])
        after = ("open", version, outcome)
    elif verb == "amend":
        why = refused(
            [
                (status not in ("registered", "open"), f"the trial is {status}"),
                (facts["version"] != version + 1, "not the next version"),
            ]
        )
        after = (status, version + 1, str(facts.get("outcome", outcome)))
    elif verb == "lock":
        why = refused([(status != "open", f"the trial is {status}")])
        after = ("locked", version, outcome)
    else:
        changed = facts["outcome"] != outcome
        why = refused([(status != "locked", f"the trial is {status}"), (changed, "the outcome is not the one that was registered")])
        after = ("published", version, outcome)
    if not why:
        state.put(key, after)
    return why


def _subject(state: State, verb: str, facts: dict[str, object], version: int) -> str:
    subject, trial = facts["subject"], facts["trial"]
    known = state.get(("subject", subject), ("", "absent"))[1]
    if verb == "consent":
        why = refused([(known != "absent", "this subject has consented before")])
        after = "consented"
    elif verb == "randomise":
        slot = ("slot", trial, facts["slot"])
        why = refused([(known != "consented", f"the subject is {known}"), (state.get(slot) is not None, "the slot is taken")])
        after = "randomised"
        if not why:
            state.put(slot, subject)
    else:
        why = refused([(known not in ("consented", "randomised"), f"the subject is {known}"),
                       (facts["version"] != version, "the form is for a superseded version")])  # fmt: skip
        after = known
    if not why:
        state.put(("subject", subject), (trial, after))
    return why
