"""Cyclon: random views, alike in-degrees, dead entries that go, and gossip that takes its peers from them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import sim
from sim.kernel.errors import ScenarioError
from sim.study.metrics_members import connected_components
from sim.study.read import from_dict
from sim.study.report import Report
from sim.testing import fingerprint

RING = {"kind": "ring", "seats": 400}


def sampled(cyclon: dict[str, Any] | None = None, seed: int = 1, **tables: Any) -> Report:
    """Seats that know their two neighbours in a ring at first, and swap once a second."""
    scene = {
        "duration": "100 s",
        "topology": RING,
        "link": {"latency": {"kind": "lognormal", "median": "40 ms", "sigma": 0.4}},
        "gossip": {"kind": "push", "fanout": 6},
        "membership": {"kind": "cyclon", "period": "1 s", **(cyclon or {})},
        **tables,
    }
    return sim.run(from_dict(scene), seed)


def view(report: Report) -> dict[str, Any]:
    found: dict[str, Any] = report.to_dict()["membership"]["view"]
    return found


def test_views_fill_and_become_random() -> None:
    """From a ring: views are full but for a swap under way, have no name twice, and know nothing of the ring any more."""
    report = sampled()
    views = report.evidence.views
    assert views is not None and ((views < 0).sum(axis=1) <= 1).all()
    for seat, mine in enumerate(views.tolist()):
        known = [other for other in mine if other >= 0]
        assert len(set(known)) == len(known) and seat not in known
    table = view(report)
    assert table["in_degree"]["mean"] == pytest.approx(20, abs=0.2)
    assert table["dead_share"] == 0 and table["largest_share"] == 1
    seats, slots = np.nonzero(views >= 0)
    away = np.abs(views[seats, slots] - seats)
    away = np.minimum(away, 400 - away)
    assert abs(away.mean() - 100) < 4 * 100 / 3**0.5 / 8000**0.5 * 3, "as far as anybody"
    clustering = np.mean([np.isin(views[mine[mine >= 0]], mine).mean() for mine in views[:50]])
    assert clustering < 3 * 20 / 400, "the friends of one's friends are no more one's own than anybody"


def test_how_many_know_a_seat_is_more_alike_than_chance() -> None:
    """Voulgaris et al. 2005: "highly symmetric node degrees". In a graph of views of 20 drawn at random the scatter is sqrt(20).

    It takes a network much larger than the views and swaps that seldom overlap; rounds of 100 ms undo it.
    """
    wide = {"topology": {"kind": "random-regular", "seats": 4000, "degree": 20}}
    calm, hasty = (
        view(sampled({"period": period}, duration=duration, **wide)) for period, duration in (("10 s", "600 s"), ("100 ms", "6 s"))
    )
    assert calm["in_degree"]["sd"] < 0.5 * 20**0.5
    assert hasty["in_degree"]["sd"] > 0.8 * 20**0.5


def test_it_costs_two_packets_a_seat_and_period() -> None:
    table = sampled().to_dict()["membership"]
    assert table["messages_per_seat_and_period"] == pytest.approx(2, abs=0.03)
    assert table["crashes"] == 0 and table["false_deaths"] is None, "it samples and says of nobody that it is dead"


def test_views_forget_the_dead_and_hold_together() -> None:
    """Half of all seats crash at once. Each live seat turns to one entry a round, the oldest first: the dead are gone in about 20."""
    crash = [{"kind": "crash", "seats": "50 %", "at": "60 s"}]
    at_once = view(sampled(fault=crash, duration="60100 ms"))
    halfway = view(sampled(fault=crash, duration="70 s"))
    later = view(sampled(fault=crash, duration="100 s"))
    assert at_once["dead_share"] == pytest.approx(0.5, abs=0.03)
    assert later["dead_share"] < 0.01 < halfway["dead_share"] < 0.4
    assert all(table["largest_share"] == 1 for table in (at_once, halfway, later))
    assert later["in_degree"]["mean"] > 15, "what was lost is filled again"


def test_without_swaps_the_dead_stay_in_view() -> None:
    """The scene in which forgetting must fail: rounds so long that none comes after the crash."""
    crash = [{"kind": "crash", "seats": "50 %", "at": "60 s"}]
    dense = {"kind": "random-regular", "seats": 400, "degree": 20}
    table = view(sampled({"period": "1000 s"}, fault=crash, topology=dense))
    assert table["dead_share"] > 0.4


@pytest.mark.parametrize("gossip", ["push", "push-forever", "pull", "push-pull", "mongering"])
def test_gossip_takes_its_peers_from_the_views(gossip: str) -> None:
    """Over the ring's own two links a rumour crawls; over views it reaches the far side in a few rounds."""
    rumours = [{"kind": "rumour", "size": "1 kB", "count": 5, "first": "60 s"}]
    part = {"kind": gossip, **({"fanout": 6} if gossip == "push" else {"period": "1 s"})}
    reached = {}
    for name in ("ring", "views"):
        more = {"membership": {"kind": "swim"}} if name == "ring" else {}
        report = sampled(gossip=part, workload=rumours, duration="66 s" if gossip == "push" else "75 s", **more)
        reached[name] = report.to_dict()["gossip"]["reached_share"]
    assert reached["ring"] < 0.5 and reached["views"] > 0.75


def test_who_comes_back_is_found_again() -> None:
    """Seats that were away for a minute are in as many views as the others half a minute later."""
    report = sampled(fault=[{"kind": "crash", "seats": 40, "at": "20 s", "lasts": "40 s"}], duration="110 s")
    away = {row[2] for row in report.evidence.trace if row[1] == "restart"}
    views = report.evidence.views
    assert views is not None
    known = np.bincount(views[views >= 0], minlength=400)
    assert len(away) == 40 and known[sorted(away)].mean() > 10


def test_parts_of_a_network_are_told_apart() -> None:
    """Two pairs and a loner."""
    found = connected_components(5, np.array([0, 3]), np.array([1, 2]))
    assert found.tolist() == [0, 0, 2, 2, 4]


@pytest.mark.parametrize(
    ("key", "value"), [("period", "2 s"), ("view", 12), ("swapped", 3), ("head_size", "90 B"), ("entry_size", "40 B")]
)
def test_every_key_changes_something(key: str, value: Any) -> None:
    small: dict[str, Any] = {"topology": {"kind": "ring", "seats": 60}, "duration": "30 s"}
    plain, again, other = (told(sampled(more, **small)) for more in ({}, {}, {key: value}))
    assert plain == again != other


def told(report: Report) -> tuple[Any, ...]:
    views = report.evidence.views
    assert views is not None
    return fingerprint(report), report.evidence.by_packet["membership"], views.tolist()


@pytest.mark.parametrize(("keys", "words"), [({"swapped": 30}, "swapped"), ({"period": "0 s"}, "period"), ({"view": 99}, "view")])
def test_what_cannot_be_is_refused(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        sampled(keys)


def test_gossip_that_is_bound_to_links_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"membership\.kind: .*no effect"):
        sampled(gossip={"kind": "gossipsub"})


def test_compiled_and_interpreted_agree() -> None:
    lines = "import sys; sys.path.insert(0, 'tests'); import test_cyclon as t; print(t.told(t.small()))"
    environment = {"NUMBA_DISABLE_JIT": "1", "PATH": ""}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", lines], capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == str(told(small())), done.stderr


def small() -> Report:
    rumours = [{"kind": "rumour", "size": "1 kB", "count": 3, "first": "5 s"}]
    ring = {"kind": "ring", "seats": 30}
    crash = [{"kind": "crash", "seats": 5, "at": "8 s", "lasts": "5 s"}]
    return sampled({"view": 6, "swapped": 3}, topology=ring, duration="20 s", workload=rumours, fault=crash)
