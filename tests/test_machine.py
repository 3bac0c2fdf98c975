"""The replicated state machine: one execution for each distinct block, readers at their own tips, refusals that change nothing."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.health.contracts.book import CONTRACTS
from sim.health.contracts.consent import permitted
from sim.health.contracts.credentials import valid
from sim.health.contracts.supply import holder, moved
from sim.ledger.block import GENESIS, Block, Transaction
from sim.ledger.machine import Machine, State, facts_of
from sim.ledger.tree import BlockTree


def add(state: State, transaction: Transaction) -> str:
    facts = facts_of(transaction)
    if facts["by"] < 0:
        state.put(("sum",), -1)
        return "only upwards"
    state.put(("sum",), state.get(("sum",), 0) + facts["by"])
    return ""


class Book:
    """Blocks of transactions on any parent, and the machine that executes them."""

    def __init__(self, family: str = "add") -> None:
        self.tree = BlockTree()
        self.machine = Machine(self.tree, {"add": add} if family == "add" else CONTRACTS)
        self.family, self._serial = family, count()

    def block(self, parent: str, *told: dict[str, object], by: int = 0, anchor: str = "") -> str:
        entries = tuple(
            Transaction(self.family, by, 100, tuple(facts.items()), anchor, next(self._serial))  # type: ignore[arg-type]
            for facts in told
        )
        height = 1 if parent == GENESIS else self.tree.height_of(parent) + 1
        block = Block.of(parent, height, 0, 0, entries)
        self.tree.admit(block)
        return block.digest

    def answers(self, parent: str, *told: dict[str, object], by: int = 0) -> tuple[str, tuple[str, ...]]:
        tip = self.block(parent, *told, by=by)
        return tip, self.machine.execute(tip)


def test_each_block_is_executed_once_and_readers_see_their_own_tip() -> None:
    book = Book()
    one = book.block(GENESIS, {"by": 1}, {"by": 2})
    left = book.block(one, {"by": 10})
    right = book.block(one, {"by": 100})
    for tip, wanted in ((left, 13), (right, 103), (one, 3), (left, 13), (GENESIS, 0)):
        assert book.machine.at(tip).get(("sum",), 0) == wanted
    assert book.machine.executed == 3
    assert book.machine.versions(("sum",), right) == [(1, 3), (2, 103)]


def test_what_is_refused_changes_nothing_and_the_rest_of_the_block_goes_on() -> None:
    book = Book()
    tip, answers = book.answers(GENESIS, {"by": 5}, {"by": -1}, {"by": 2}, {"other": 3})
    assert answers == ("", "only upwards", "", "malformed: it does not say 'by'")
    assert book.machine.at(tip).get(("sum",)) == 7
    assert book.machine.answer(book.tree.blocks[tip].transactions[1].id, tip) == "only upwards"
    assert book.machine.answer(book.tree.blocks[tip].transactions[1].id, GENESIS) is None


def test_the_founding_state_is_there_before_the_first_block_and_then_fixed() -> None:
    book = Book()
    book.machine.found(("sum",), 40)
    tip = book.block(GENESIS, {"by": 2})
    assert book.machine.at(GENESIS).get(("sum",)) == 40 and book.machine.at(tip).get(("sum",)) == 42
    with pytest.raises(ValueError, match="founding"):
        book.machine.found(("sum",), 0)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(-3, 9)), min_size=1, max_size=30), st.data())
def test_any_tree_read_in_any_order_is_as_if_each_chain_were_replayed(steps: list[tuple[int, int]], data: st.DataObject) -> None:
    book, tips = Book(), [GENESIS]
    totals = {GENESIS: 0}
    for parent, amount in steps:
        under = tips[parent % len(tips)]
        tip = book.block(under, {"by": amount})
        totals[tip] = totals[under] + max(0, amount)
        tips.append(tip)
    for tip in data.draw(st.permutations(tips)):
        assert book.machine.at(tip).get(("sum",), 0) == totals[tip]
    assert book.machine.executed == len(steps)


# contracts ---------------------------------------------------------------------------------------------------------------


def consent(verb: str, by: str = "p", **more: object) -> dict[str, object]:
    return {"do": verb, "patient": "p", "by": by, "grantee": "clinic", **more}


def test_only_patients_and_their_guardians_grant_and_revoke() -> None:
    book = Book("consent")
    tip, answers = book.answers(GENESIS, consent("grant"), consent("grant"), consent("revoke", by="q"))
    assert answers == ("", "is granted already", "only the patient or a guardian revokes")
    assert permitted(book.machine.at(tip), "p", "clinic", 5)
    tip, answers = book.answers(
        tip, consent("delegate", by="q", delegate="q"), consent("delegate", delegate="q"), consent("revoke", by="q")
    )
    assert answers == ("only the patient delegates", "", "")
    assert not permitted(book.machine.at(tip), "p", "clinic", 5)


def test_consent_runs_out_and_broken_glass_is_reviewed_by_somebody_else() -> None:
    book = Book("consent")
    glass = consent("break-glass", by="er", access="a1")
    review = consent("review", by="er", access="a1")
    tip, answers = book.answers(
        GENESIS, consent("grant", expiry_ns=100), glass, glass, review, {**review, "by": "officer"}, {**review, "access": "a2"}
    )
    assert permitted(book.machine.at(tip), "p", "clinic", 99) and not permitted(book.machine.at(tip), "p", "clinic", 100)
    assert answers[2:] == ("this access is on record already", "nobody reviews their own access", "", "there is no such access")


def test_a_claim_is_submitted_decided_and_paid_once_and_by_its_payer() -> None:
    book = Book("claims")
    submit = {"do": "submit", "claim": "c", "provider": 0, "payer": 7, "cents": 100}
    tip, answers = book.answers(GENESIS, submit, {**submit, "payer": 8})
    assert answers == ("", "duplicate: the claim is submitted")
    pay, remit = {"do": "adjudicate", "claim": "c", "verdict": "pay"}, {"do": "remit", "claim": "c"}
    tip, answers = book.answers(tip, remit, pay, by=8)
    assert answers == ("the claim is submitted", "another payer decides this claim")
    tip, answers = book.answers(tip, pay, {**pay, "verdict": "deny"}, remit, remit, by=7)
    assert answers == ("", "the claim is approved", "", "the claim is paid")
    assert book.answers(tip, {"do": "void", "claim": "c"})[1] == ("the claim is paid",)


def test_units_have_one_owner_and_are_dispensed_once() -> None:
    book = Book("supply")
    case = {"case": "k"}
    make = {"do": "commission", **case, "by": 1, "units": 48, "consignee": 2}
    ship = {"do": "ship", **case, "by": 2, "order": "o", "first": 0, "end": 22, "to": 3}
    tip, answers = book.answers(
        GENESIS, make, make, ship, {**ship, "order": "again"}, {**ship, "order": "x", "by": 4, "first": 30, "end": 40}
    )
    assert answers[1:] == (
        "these serials exist already",
        "",
        "the seller does not own these units",
        "the seller does not own these units",
    )
    sell = {"do": "dispense", **case, "by": 3, "unit": 5}
    receive = {"do": "receive", **case, "order": "o", "by": 3}
    tip, answers = book.answers(tip, sell, {**receive, "by": 9}, receive, receive, sell, sell)
    assert answers == (
        "the pharmacy does not own this unit", "the order is for somebody else", "", "the order is received", "",
        "this unit was dispensed before",
    )  # fmt: skip
    recall = {"do": "recall", **case, "by": 1}
    tip, answers = book.answers(tip, {**recall, "by": 3}, recall, {**sell, "unit": 6})
    assert answers == ("only its maker recalls a case", "", "the case is recalled")


@given(st.lists(st.tuples(st.integers(0, 47), st.integers(1, 20), st.integers(0, 3)), max_size=12))
def test_moving_units_loses_none(moves: list[tuple[int, int, int]]) -> None:
    ranges: tuple[tuple[int, int, int, str], ...] = ((0, 48, 0, ""),)
    owners = [0] * 48
    for first, length, owner in moves:
        end = min(48, first + length)
        ranges = moved(ranges, first, end, owner, "")
        owners[first:end] = [owner] * (end - first)
    assert [holder(ranges, unit)[0] for unit in range(48)] == owners
    assert holder(ranges, 48) == (-1, "")


def test_a_trial_wants_consent_before_a_slot_the_version_in_force_and_the_registered_outcome() -> None:
    book = Book("trials")
    t = {"trial": "t"}
    register = {"do": "register", **t, "outcome": "death"}
    subject = {**t, "subject": "s", "slot": 0, "version": 1}
    tip, answers = book.answers(
        GENESIS, {"do": "consent", **subject}, register, {"do": "consent", **subject}, {"do": "approve", **t}
    )
    assert answers == ("the trial is absent", "", "the trial is registered", "")
    tip, answers = book.answers(
        tip, {"do": "randomise", **subject}, {"do": "consent", **subject}, {"do": "randomise", **subject},
        {"do": "consent", **subject, "subject": "s2"}, {"do": "randomise", **subject, "subject": "s2"},
    )  # fmt: skip
    assert answers == ("the subject is absent", "", "", "", "the slot is taken")
    tip, answers = book.answers(
        tip, {"do": "form", **subject}, {"do": "amend", **t, "version": 3}, {"do": "amend", **t, "version": 2}, {"do": "form", **subject},
        {"do": "results", **t, "outcome": "death"}, {"do": "lock", **t}, {"do": "form", **subject, "version": 2},
        {"do": "results", **t, "outcome": "weight"}, {"do": "results", **t, "outcome": "death"},
    )  # fmt: skip
    assert answers == (
        "", "not the next version", "", "the form is for a superseded version", "the trial is open", "", "the trial is locked",
        "the outcome is not the one that was registered", "",
    )  # fmt: skip


def test_a_revoked_parent_makes_its_children_worthless() -> None:
    book = Book("credentials")
    issue = {"do": "issue", "credential": "licence", "holder": "h"}
    tip, _ = book.answers(GENESIS, issue, {**issue, "credential": "privilege", "parent": "licence"})
    assert valid(book.machine.at(tip), "privilege") and not valid(book.machine.at(tip), "forged")
    tip, answers = book.answers(tip, {"do": "revoke", "credential": "licence"}, by=5)
    assert answers == ("only its issuer revokes a credential",)
    tip, answers = book.answers(tip, {"do": "revoke", "credential": "licence"}, {"do": "revoke", "credential": "licence"})
    assert answers == ("", "the credential is revoked")
    assert not valid(book.machine.at(tip), "privilege")


@pytest.mark.parametrize(
    ("family", "first", "second", "refusal"),
    [
        ("record_anchor", {"record": "r", "version": 1}, {"record": "r", "version": 1}, "a newer version is anchored"),
        ("provenance", {"number": 4, "leaves": 9, "until_ns": 50}, {"number": 5, "leaves": 9, "until_ns": 40}, "the window lies before"),
        ("provenance", {"number": 4, "leaves": 9, "until_ns": 50}, {"number": 4, "leaves": 9, "until_ns": 60}, "has a root already"),
        ("monitoring", {"do": "alarm", "device": "d", "number": 1}, {"do": "alarm", "device": "d", "number": 1}, "replayed"),
        ("imaging", {"do": "manifest", "object": "o", "pieces": 3, "enough": 2}, {"do": "manifest", "object": "o", "pieces": 3, "enough": 2}, "has a manifest"),
        ("public_health", {"do": "report", "event": "e"}, {"do": "report", "event": "e"}, "duplicate"),
        ("credentials", {"do": "list", "number": 2, "time_ns": 0}, {"do": "list", "number": 1, "time_ns": 0}, "a newer list is out"),
    ],
)  # fmt: skip
def test_the_second_of_its_kind_is_refused(family: str, first: dict[str, object], second: dict[str, object], refusal: str) -> None:
    book = Book(family)
    _, answers = book.answers(GENESIS, first, second)
    assert answers[0] == "" and refusal in answers[1]


def test_an_erased_object_gives_no_more_visas_and_only_agencies_advise() -> None:
    book = Book("imaging")
    thing = {"object": "o", "pieces": 3, "enough": 2, "grantee": "g"}
    _, answers = book.answers(
        GENESIS,
        {"do": "visa", **thing},
        {"do": "manifest", **thing},
        {"do": "visa", **thing},
        {"do": "erase", **thing},
        {"do": "visa", **thing},
    )
    assert answers == ("the object is absent", "", "", "", "the object is erased")
    book = Book("public_health")
    book.machine.found(("agencies",), (7,))
    assert book.answers(GENESIS, {"do": "advisory", "advisory": "a"})[1] == ("only an agency advises",)
    assert book.answers(GENESIS, {"do": "advisory", "advisory": "a"}, by=7)[1] == ("",)
