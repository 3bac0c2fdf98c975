"""SmartBFT's view changes: a censored request, a leader of whom some are behind, complaints that only some have heard."""

from __future__ import annotations

from typing import Any

import sim
from sim.consensus.smartbft import SmartBFT
from sim.testing import hunt

FOUR = """
title    = "Four orderers"
duration = "60 s"
heal     = "30 s"
seed     = 3
[topology]
kind  = "complete"
seats = 4
[link]
latency = { kind = "lognormal", median = "25 ms", sigma = 0.4 }
[consensus]
kind           = "smartbft"
preset         = "fabric-smartbft"
block_interval = "1 s"
[[workload]]
kind = "synthetic"
rate = 5.0
size = "400 B"
"""


def changes(report: sim.Report) -> list[tuple[float, int, int]]:
    """(seconds, seat, view) of every complaint."""
    notes = [row for row in report.evidence.trace if row[1] == "note" and row[3] == "view-change"]
    return [(row[0] / 1e9, row[2], row[4]["view"]) for row in notes]


def verdict(report: sim.Report, name: str) -> str:
    return str(next(check["verdict"] for check in report.to_dict()["checks"] if check["name"] == name))


def first_submitted_s(report: sim.Report, seat: int) -> float:
    """When the first transaction of a seat was submitted."""
    times = [one.submitted_ns for block in report.evidence.blocks.values() for one in block.transactions if one.submitter == seat]
    return min(times) / 1e9


def test_a_censored_request_is_complained_about_after_forward_and_complain() -> None:
    """The bound of this protocol with its defaults: 2 s + 20 s after the request, and then it is ordered."""
    report = sim.run(sim.loads(FOUR + '[[adversary]]\nkind = "censor"\nvictims = ["seat-2"]\nseats = ["seat-0"]\n'))
    complaints = changes(report)
    assert sorted(seat for _, seat, _ in complaints) == [0, 1, 2, 3]
    assert all(view == 1 for _, _, view in complaints)
    began = first_submitted_s(report, 2)
    for at, _, _ in complaints:
        assert abs(at - (began + 22)) < 0.2  # the request has to come to everybody first
    told = report.to_dict()["workload"][0]
    assert told["finality_s"]["max"] < 22 + 2
    assert verdict(report, "termination") == "pass"


def test_nobody_complains_where_nothing_is_left_out() -> None:
    assert changes(sim.run(sim.loads(FOUR))) == []


def test_a_new_leader_brings_those_who_are_behind_to_its_slot() -> None:
    """One was cut off for three blocks when the leader fell silent, and no quorum is without it: one view change must do."""
    cut = '[[fault]]\nkind = "partition"\nat = "10 s"\nlasts = "3 s"\ngroups = [["seat-3"]]\n'
    liar = '[[adversary]]\nkind = "silent"\nseats = ["seat-0"]\nat = "12900 ms"\n'
    waits = ['consensus.forward="1 s"', 'consensus.complain="4 s"', 'consensus.resend="1 s"']
    report = sim.run(sim.loads(FOUR + cut + liar, overrides=waits))
    assert {view for _, seat, view in changes(report) if seat} == {1}
    assert report.to_dict()["consensus"]["decided"] > 45
    assert verdict(report, "agreement") == verdict(report, "termination") == "pass"


def test_a_leader_with_two_stories_costs_one_view_at_most() -> None:
    liar = '[[adversary]]\nkind = "equivocate"\nseats = ["seat-0"]\n'
    report = sim.run(sim.loads(FOUR + liar, overrides=['consensus.forward="1 s"', 'consensus.complain="2 s"']))
    assert {view for _, _, view in changes(report)} <= {1}
    assert report.to_dict()["consensus"]["decided"] > 50
    assert verdict(report, "agreement") == verdict(report, "termination") == "pass"


def test_complaints_that_were_made_while_some_were_down_still_count() -> None:
    """Three of five complain, two come back complaining about less: they must meet in one view."""
    cut = '[[fault]]\nkind = "crash"\nseats = ["seat-3", "seat-4"]\nat = "20 s"\nlasts = "20 s"\n'
    waits = [
        'consensus.complain="3 s"',
        'consensus.view_change="3 s"',
        'consensus.forward="1 s"',
        "topology.seats=5",
        'duration="110 s"',
    ]
    for resend in ("2 s", "5 s", "14 s"):
        report = sim.run(sim.loads(FOUR + cut, overrides=[*waits, f'consensus.resend="{resend}"']))
        assert verdict(report, "agreement") == verdict(report, "termination") == "pass", resend


def test_drawn_enemies_do_not_break_it() -> None:
    hasty: Any = SmartBFT(forward="300 ms", complain="300 ms", resend="200 ms", view_change="600 ms")  # type: ignore[arg-type]
    assert hunt(hasty, 40) is None


def test_requests_that_a_cut_kept_from_the_leader_are_forwarded_to_it() -> None:
    """Two of five were alone with their clients' requests for 30 s; nobody complains about the leader who never heard of them."""
    cut = '[[fault]]\nkind = "partition"\nat = "10 s"\nlasts = "30 s"\ngroups = [["seat-3", "seat-4"]]\n'
    text = FOUR.replace("[link]", '[gossip]\nkind = "flood"\n[link]') + cut
    report = sim.run(sim.loads(text, overrides=["topology.seats=5", 'duration="110 s"']))
    assert {view for _, _, view in changes(report)} <= {1}
    assert report.to_dict()["consensus"]["decided"] > 75
