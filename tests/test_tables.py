"""Tables in a notebook: `Scenario(...)` and `but` take what a scenario file holds, and make the same objects of it."""

from __future__ import annotations

from typing import Any

import pytest

import sim
from sim.fault.crash import Crash
from sim.study.build import build, clear_up
from sim.study.read import from_dict
from sim.study.scenario import Scenario, Trouble

TABLES: dict[str, Any] = {
    "duration": "8 s",
    "topology": {"kind": "ring", "seats": 7},
    "link": {"latency": {"kind": "exponential", "mean": "5 ms"}, "loss": "1 %"},
    "seat": {"up": "10 Mbit/s"},
    "gossip": {"kind": "push", "fanout": 3},
    "consensus": {"kind": "qbft", "patience": "3 s", "block_interval": "1 s"},
    "mempool": {"capacity": 50},
    "availability": {"kind": "erasure", "pieces": 5, "enough": 3},
    "workload": [{"kind": "rumour", "count": 2}],
    "adversary": [{"kind": "silent", "seats": 1, "at": "1 s"}],
    "fault": [{"kind": "crash", "seats": ["seat-3"], "at": "2 s", "lasts": "1 s"}],
    "expect": {"agreement": True, "finality_s.p99": "< 4"},
    "sweep": {"seeds": 3, "gossip.fanout": [2, 3]},
}
BARE = {"duration": "8 s", "topology": {"kind": "ring", "seats": 7}}


def test_a_scenario_from_tables_is_the_files() -> None:
    assert Scenario(**TABLES) == from_dict(TABLES)
    assert Scenario(**BARE) != from_dict(TABLES)


def test_tables_change_a_scenario() -> None:
    """Whole tables, tables inside a part, and a kind where nothing stood before."""
    changes = {key: value for key, value in TABLES.items() if key not in BARE}
    assert from_dict(BARE).but(**changes) == from_dict(TABLES)
    assert from_dict(TABLES).but(**{"link.latency": {"kind": "constant", "value": "9 ms"}}) == from_dict(
        {**TABLES, "link": {"loss": "1 %", "latency": {"kind": "constant", "value": "9 ms"}}}
    )
    scheme = {"availability.kind": "erasure", "availability.pieces": 5, "availability.enough": 3}
    agreed = {"consensus.kind": "qbft", "consensus.patience": "3 s", "consensus.block_interval": "1 s"}
    law = {"link.latency.kind": "exponential", "link.latency.mean": "5 ms", "link.loss": "1 %"}
    assert from_dict(BARE).but(**scheme, **agreed, **law) == from_dict(
        {**BARE, **{key: TABLES[key] for key in ("availability", "consensus", "link")}}
    )


def test_parts_and_tables_stand_side_by_side() -> None:
    crash = Trouble(part=Crash(seats=["seat-3"]), at="2 s", lasts="1 s")  # type: ignore[arg-type]
    assert from_dict(BARE).but(fault=[crash, *TABLES["fault"]]).fault == (crash, crash)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("topology", {"kind": "rign"}, "topology.kind: no topology is called 'rign'; did you mean 'ring'?"),
        ("topology", {"seats": 7}, "topology.kind: says which topology it is"),
        ("link", {"lateny": {}}, "link.lateny: there is no such key; did you mean 'latency'?"),
        ("link", {"latency": {"kind": "constant", "value": 40}}, "link.latency.value: 40 has no unit"),
        ("link.latency", {"kind": "constant", "vlaue": "40 ms"}, "link.latency.vlaue: there is no such key"),
        ("mempool", {"capacity": -1}, "mempool.capacity: -1 is negative"),
        ("adversary", [{"kind": "silent", "seat": 1}], "adversary[0].seat: there is no such key; did you mean 'seats'?"),
        ("topology", [], "topology: [] was given, a table is wanted"),
        ("link.latency", [], "link.latency: one part of the group latency is wanted, not a list"),
        ("adversary[0]", [], "adversary[0]: one part of the group adversary is wanted, not a list"),
        ("seat", "fast", "seat: 'fast' was given, a table is wanted"),
        ("mempool", {1: 2}, "mempool.1: there is no such key"),
        ("gossip.kind", ["flood"], "gossip.kind: no gossip is called ['flood']"),
        ("expect", {"agreement": "soon"}, "expect.agreement: 'soon' is no expectation"),
        ("sweep", {"sedes": 3}, "sweep.sedes: there is no such key; did you mean 'seeds'?"),
    ],
)
def test_a_wrong_table_is_told_as_in_a_file(key: str, value: Any, said: str) -> None:
    with pytest.raises(sim.ScenarioError) as caught:
        from_dict(TABLES).but(**{key: value})
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("given", ["scenarios/one-hospital-lies.toml", TABLES])
def test_a_run_of_something_else_says_what_is_wanted(given: Any) -> None:
    with pytest.raises(sim.ScenarioError, match=r"^run: a scenario is wanted, such as sim\.load\(path\) gives, not a (str|dict)$"):
        sim.run(given, seed=1)


STRANGE = (None, True, -1, 1.5, "x", [], {}, [1], [None], [{}], {"kind": 5}, {1: 2}, float("nan"), 10**30, b"x", object())


@pytest.mark.parametrize("key", TABLES)
def test_whatever_is_given_is_taken_or_refused_in_one_sentence(key: str) -> None:
    """Nothing but a ScenarioError, when the scenario is made or when its world is."""
    refused = 0
    for value in STRANGE:
        try:
            clear_up(build(from_dict(TABLES).but(**{key: value}), 1))
        except sim.ScenarioError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused >= 8
