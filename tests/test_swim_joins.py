"""SWIM where members join by contacts, and where some of them lie about others."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from test_swim import reports, watched

import sim
import sim.net.swim as s
from sim.kernel.errors import ScenarioError
from sim.study.build import build
from sim.study.read import from_dict
from sim.study.report import Report
from sim.study.run import turn

LATE = {"kind": "timetable", "joins": {"seat-41": "20 s", "seat-17": "40500 ms"}}


def joining(swim: dict[str, Any] | None = None, seed: int = 1, **tables: Any) -> Report:
    """Fifty seats that join by two contacts, two of them late."""
    return watched({"contacts": 2, **(swim or {})}, seed, **{"fault": [LATE], **tables})


def tables_of(swim: dict[str, Any], **more: Any) -> np.ndarray:
    """What every seat thinks of every other when the run is over: states, [seats, seats]."""
    scene = {
        "duration": "60 s",
        "topology": {"kind": "complete", "seats": 50},
        "link": {"latency": {"kind": "lognormal", "median": "40 ms", "sigma": 0.4}},
        "membership": {"kind": "swim", **swim},
        **more,
    }
    world = build(from_dict(scene), 1)
    turn(world)
    found: np.ndarray = world.network.world.member_memory[:, s.TABLE : s.TABLE + 50] & 3
    return found


def test_whoever_joins_is_learnt_by_all() -> None:
    """Everybody knows everybody in the end, and nobody knew a latecomer before it came."""
    assert (tables_of({"contacts": 2, "sync": "15 s"}, fault=[LATE]) == s.ALIVE).all(), (
        "what was crowded out is on the member lists"
    )
    report = joining()
    for seat, at_s in ((41, 20.0), (17, 40.5)):
        met = {row[1]: row[0] for row in reports(report, "meet") if row[2] == seat}
        assert min(met.values()) > at_s, "nobody hears of it before"
        assert set(met) | {seat, 17} == set(range(50)), "all that were there; seat 17 was told by its contact if it came later"
        assert max(met.values()) < at_s + 12, "log2 n periods and a few"
    table = report.to_dict()["membership"]
    assert table["met_s"]["n"] == 48 and table["met_s"]["p50"] < 12
    assert table["false_suspicions"] == 0 and report.ok()


def test_a_cut_keeps_newcomers_unknown() -> None:
    """Who cannot reach a contact stays unknown until the cut is mended: the test above can fail."""
    cut = [LATE, {"kind": "partition", "groups": [["seat-41"]]}]
    swim = {"contacts": 2, "sync": "15 s"}
    states = tables_of(swim, fault=cut)
    assert (np.delete(states[:, 41], 41) == s.UNKNOWN).all()
    assert (np.delete(states[41], 41) == s.UNKNOWN).all()
    mended = tables_of(swim, fault=[LATE, {**cut[1], "lasts": "40 s"}])
    assert (mended == s.ALIVE).all()


def test_one_contact_after_the_other_is_asked() -> None:
    """With the first contact down for good all join by the second."""
    states = tables_of({"contacts": 2, "sync": "15 s"}, fault=[{"kind": "crash", "seats": ["seat-00"]}])
    assert (states[1:, 1:] == s.ALIVE).all()
    alone = tables_of({"contacts": 1}, fault=[{"kind": "crash", "seats": ["seat-00"]}])
    assert (alone[1:, 1:][~np.eye(49, dtype=bool)] == s.UNKNOWN).all()


def test_a_newcomer_is_watched_like_everybody() -> None:
    """It crashes after it has joined: all that knew it learn of its death."""
    report = joining(fault=[LATE, {"kind": "crash", "seats": ["seat-41"], "at": "33 s"}])
    dead = {row[1] for what in ("confirm", "learn") for row in reports(report, what) if row[2] == 41}
    assert dead == set(range(50)) - {41}
    assert report.to_dict()["membership"]["false_deaths"] == 0


def test_news_of_a_newcomer_travel_by_probes_and_in_one_list() -> None:
    """The contact's list weighs the members it knows; nothing else is paid for a join."""
    few, many = (
        watched({"contacts": contacts, "news_size": "1000 B", "retransmit": 1}, fault=[]).evidence.by_packet["membership"][1]
        for contacts in (0, 1)
    )
    assert many > few + 48 * 24 * 1000, "the i-th of 49 newcomers is told of i members"


def slandered(swim: dict[str, Any], **liar: Any) -> Report:
    """One of fifty tells of another, which is well, from 10 s to 30 s."""
    lie = {"kind": "slander", "seats": ["seat-03"], "victims": ["seat-30"], "at": "10 s", "lasts": "20 s", **liar}
    return watched(swim, fault=[], adversary=[lie], duration="60 s")


def deaths(report: Report) -> int:
    """How often an honest seat gave up, or heard of the end of, one that is well."""
    return sum(row[1] != 3 and row[3] for what in ("confirm", "learn") for row in reports(report, what))


def test_a_suspicion_that_is_a_lie_is_refuted_in_time() -> None:
    """The victim raises its incarnation again and again; with the grace period nobody gives it up, without one all do."""
    found = slandered({})
    refuted = [row for row in reports(found, "refute") if row[1] == 30]
    assert 3 <= len(refuted) <= 20, "at most one for each lie"
    assert deaths(found) == 0 and found.to_dict()["membership"]["false_deaths"] == 0
    assert deaths(slandered({"suspicion": 0.0})) > 40


def test_a_death_that_is_a_lie_is_believed_and_then_refuted() -> None:
    """Said to be dead, it is taken for dead, until its next incarnation is heard of; when the liar stops all know it to be alive."""
    found = slandered({}, says="dead")
    assert deaths(found) > 40
    last = max(row[0] for row in reports(found, "learn"))
    assert last < 45
    lie = {"kind": "slander", "seats": ["seat-03"], "victims": ["seat-30"], "says": "dead", "at": "10 s", "lasts": "20 s"}
    assert (tables_of({}, adversary=[lie]) == s.ALIVE).all()
    assert (tables_of({}, adversary=[{**lie, "lasts": "50 s"}])[:, 30] != s.ALIVE).any(), "while it lies some believe it"


def test_slander_needs_news_of_members() -> None:
    """Without a detector there is nothing to lie about."""
    for tables in ({"membership": {"kind": "cyclon"}, "gossip": {"kind": "push"}}, {}):
        scene = {"duration": "1 s", "topology": {"kind": "ring", "seats": 5}, "adversary": [{"kind": "slander"}], **tables}
        with pytest.raises(ScenarioError, match="nobody tells who is alive here") as caught:
            sim.run(from_dict(scene))
        assert caught.value.path == "adversary[0].kind"


def test_too_many_contacts_are_refused() -> None:
    """Somebody must be left to join."""
    with pytest.raises(ScenarioError, match="leave nobody"):
        watched({"contacts": 50})


def exchanging(sync: str, **more: Any) -> np.ndarray:
    """States after half a minute in which all but one of fifty join by one contact at once, so that news of most are crowded out."""
    return tables_of({"contacts": 1, "most_news": 1, "retransmit": 1, "sync": sync}, duration="30 s", **more)


def test_whole_lists_mend_what_the_news_missed() -> None:
    """Without exchanges some members have never heard of others; with them all have."""
    assert (exchanging("0 s") == s.UNKNOWN).sum() > 20
    assert (exchanging("5 s") == s.ALIVE).all()


def test_an_exchange_weighs_its_members() -> None:
    """Each seat sends a list of all fifty and gets one back, once in the sixty seconds after its own first sixty at most."""
    sent = {}
    for sync in ("0 s", "30 s"):
        sent[sync] = watched({"sync": sync, "clock": "common"}, fault=[], duration="115 s").evidence.by_packet["membership"]
    packets, more_bytes = (after - before for before, after in zip(*sent.values(), strict=True))
    assert 60 <= packets <= 100 and packets % 2 == 0, "the first comes a drawn part of a minute after the first minute"
    assert more_bytes == packets * (60 + 50 * 40)
    assert watched({"sync": "30 s"}, fault=[]).evidence.by_packet["membership"][0] <= 6000, "stretched to a minute among fifty"


LISTED_AS_DEAD = """
import sim.net.swim as s
from sim.study.build import build
from sim.study.read import loads

text = 'duration = "1 s"\\n[topology]\\nkind = "complete"\\nseats = 4\\n[membership]\\nkind = "swim"'
world = build(loads(text), 1).network.world
memory = world.member_memory
memory[3, s.TABLE + 2] = s.DEAD
memory[3, s.TABLE + 1] = s.DEAD
assert s.read_members(world, 1, 3, 0) == 1  # a wait for the end of one suspicion
assert memory[1, s.TABLE + 2] == s.SUSPECT
assert memory[1, s.TABLE + 1] == s.ALIVE | 1 << 2 and memory[1, s.OWN] == 1
"""


def test_whoever_is_dead_on_a_list_is_only_suspected() -> None:
    """And whoever is itself dead on it refutes that at once."""
    surroundings = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", LISTED_AS_DEAD], env=surroundings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
