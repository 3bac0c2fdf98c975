"""Checkpoints justified beside the chain, epoch after epoch: nothing is final while late ones are turned to, and it ends where not."""

from __future__ import annotations

from typing import Any

import pytest

import sim
from sim.kernel.errors import ScenarioError
from sim.study.read import from_dict
from sim.study.report import Report

SLOT_NS = 12_000_000_000
COLLUDERS = 13
"""Of 48: with 35 honest votes an epoch is justified within itself, since 15 of its 16 slots' votes lie in its own blocks."""


def bounced(safe_slots: int, seed: int, colluders: int = COLLUDERS, epochs: int = 10) -> Report:
    """Epochs of sixteen slots among 48 validators."""
    tables: dict[str, Any] = {
        "duration": f"{16 * 12 * epochs} s",
        "topology": {"kind": "complete", "seats": 48},
        "link": {"latency": {"kind": "lognormal", "median": "80 ms", "sigma": 0.4}},
        "consensus": {
            "kind": "gasper",
            "bodies": "attached",
            "slots_per_epoch": 16,
            "most_attestations": 128,
            "safe_slots_to_update_justified": safe_slots,
        },
        "adversary": [{"kind": "bounce", "seats": colluders}],
    }
    return sim.run(from_dict(tables), seed)


def epochs_with_decisions(report: Report) -> list[int]:
    """In which epochs something became final."""
    return sorted({row[0] // (16 * SLOT_NS) for row in report.evidence.trace if row[1] == "decide"})


def turns(report: Report) -> list[int]:
    """The slots in which all honest seats left their branch."""
    left: dict[int, dict[int, None]] = {}
    for row in report.evidence.trace:
        if row[1] == "note" and row[3] == "reorganised":
            left.setdefault(row[0] // SLOT_NS, {})[row[2]] = None
    honest = report.evidence.honest.nonzero()[0].tolist()
    return [slot for slot, seats in left.items() if all(seat in seats for seat in honest)]


def verdicts(report: Report) -> dict[str, tuple[str, str]]:
    return {check["name"]: (check["verdict"], check["evidence"]) for check in report.to_dict()["checks"]}


@pytest.mark.parametrize(("seed", "silence"), [(2, range(6, 10)), (5, range(3, 10))])
def test_everybody_turns_in_every_epoch_and_nothing_is_final(seed: int, silence: range) -> None:
    """Each time in the middle of an epoch; nobody has voted twice, and nothing final is taken back."""
    report = bounced(0, seed)
    assert not [epoch for epoch in epochs_with_decisions(report) if epoch in silence]
    slots = turns(report)
    assert [slot // 16 for slot in slots[:3]] == list(range(slots[0] // 16, slots[0] // 16 + 3))
    assert all(4 <= slot % 16 < 15 for slot in slots)
    found = verdicts(report)
    assert found["accountability"] == ("pass", "0 convicted of voting twice, none of them honest")
    assert all(found[name][0] == "pass" for name in ("agreement", "prefix-order", "certificate-soundness", "lock-monotonicity"))


@pytest.mark.parametrize(("seed", "again", "turned"), [(2, 8, 1), (5, 5, 0)])
def test_it_ends_where_late_checkpoints_wait_for_the_end_of_the_epoch(seed: int, again: int, turned: int) -> None:
    """The epoch that the honest have begun together is justified first; what makes another final (seed 2, once) is turned to at any time."""
    report = bounced(4, seed)
    found = epochs_with_decisions(report)
    assert len(turns(report)) == turned and {again, 9} <= set(found)


def test_a_few_cannot_begin_it() -> None:
    assert epochs_with_decisions(bounced(0, 5, colluders=5, epochs=6)) == [2, 3, 4, 5, 6]


def test_it_needs_branches_that_are_weighed_by_votes() -> None:
    tables = {
        "duration": "1 s",
        "topology": {"kind": "complete", "seats": 4},
        "consensus": {"kind": "praos"},
        "adversary": [{"kind": "bounce", "seats": 1}],
    }
    with pytest.raises(ScenarioError, match="not weighed by votes; use it with gasper"):
        sim.run(from_dict(tables))
