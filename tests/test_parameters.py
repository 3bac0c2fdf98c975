"""Every key of every gossip strategy changes something: one table, which fails for a strategy or a key that has no entry.

A run under loss, with relays that drop and seats that withhold, is repeated with another value of one key. If nothing differs,
neither arrivals nor what was sent, the key is without effect, or the scene lacks what it is for: then give it that in STANDING.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

import sim
from sim.study.plugins import find, names
from sim.study.read import from_dict
from sim.testing import fingerprint

OTHER: dict[str, dict[str, Any]] = {
    "announce": {"patience": "300 ms"},
    "avid": {"faulty": 3},
    "bracha": {"faulty": 3},
    "cometbft": {"sleep": "300 ms"},
    "compact-blocks": {
        **{"high": 1, "failure": 0.6, "missing": 0.3, "transaction": "200 B", "smallest": "90 kB", "patience": "300 ms"},
    },
    "erlay": {"fanout": 3, "inbound": 0.5, "interval": "3 s", "q": 0.8, "flooded": "1 kB", "patience": "300 ms"},
    "fabric-deliver": {"orderers": 3, "watched": 1, "censorship": "3 s"},
    "fabric-gossip": {
        **{"orderers": 3, "push": 1, "burst": "2 s", "pull": 1, "pull_every": "1 s", "digest_wait": "200 ms", "stored": 1},
        **{"state_every": "1 s", "check_every": "3 s", "batch": 1, "leader_alive": "3 s", "election": "1 s"},
    },
    "flood": {},
    "flood-once": {},
    "gossipsub": {
        **{"d": 7, "d_low": 4, "d_high": 10, "d_lazy": 2, "d_out": 4, "d_score": 6, "heartbeat": "900 ms", "gossip_factor": 0.9},
        **{"history_length": 1, "history_gossip": 1, "flood_publish": True, "prune_backoff": "1 s", "retransmissions": 0},
        **{"most_ihave": 0, "most_iwant": 0, "followup": "500 ms", "idontwant": "1 MB", "idontwant_lasts": 0},
        **{"control_size": "50 B", "id_size": "20 B", "mesh_weight": 0.2, "mesh_quantum": "5 s", "mesh_cap": 2},
        **{"first_weight": 0.5, "first_decay": 0.1, "first_cap": 1, "deliveries_weight": -3.0, "deliveries_due": 9},
        **{"deliveries_decay": 0.5, "deliveries_cap": 5, "deliveries_window": "0 s", "activation": "1 s"},
        **{"behaviour_weight": -50.0, "behaviour_free": 1, "behaviour_decay": 0.0, "decay_every": 4},
        **{"gossip_threshold": -1.0, "publish_threshold": -1.0, "graylist_threshold": -1.0},
        **{"opportunistic_threshold": 0.0, "opportunistic_every": 7, "opportunistic_peers": 1},
        **{"invalid_weight": -50.0, "invalid_decay": 0.5},
    },
    "kadcast": {"delegates": 1, "bucket": 2, "originals": 4, "repairs": 4},
    "lazy-push": {"fanout": 4, "patience": "300 ms"},
    "mongering": {"k": 1, "ending": "coin", "contacts": "blind", "period": "500 ms", "clock": "common"},
    "plumtree": {
        **{"membership": "links", "active_view": 4, "passive_view": 3, "active_walk": 4, "passive_walk": 1, "shuffle_walk": 1},
        **{"shuffle_active": 0, "shuffle_passive": 0, "shuffle_every": "8 s", "keepalive": "700 ms", "silent_after": "2 s"},
        **{"join_every": "0 s", "graft_after": "20 ms", "graft_again": "300 ms", "dispatch": "0 s", "optimisation": 1},
        **{"control_size": "50 B", "id_size": "20 B"},
    },
    "pull": {
        **{"fanout": 1, "period": "1 s", "clock": "poisson", "patience": "300 ms", "keep": "1 s", "batch": 1, "id_size": "20 B"},
    },
    "push": {"fanout": 2},
    "push-forever": {"fanout": 3, "rounds": 2, "period": "500 ms", "clock": "common"},
    "push-pull": {
        **{"fanout": 1, "period": "500 ms", "retransmit": 1, "sync": "2 s", "clock": "common", "patience": "300 ms"},
        **{"keep": "1 s", "batch": 1, "id_size": "20 B"},
    },
    "rotor": {"originals": 8, "repairs": 8, "sampling": "iid", "stake": {"seat-03": 50}},
    "simblock": {"overhead": "200 ms", "processing": "1 s"},
    "turbine": {"fanout": 3, "originals": 8, "repairs": 8, "stake": {"seat-03": 50}},
}
"""Another value for each key of each strategy."""

SAME = {"gossipsub-ethereum": "gossipsub"}
"""Strategies that are another one's rule with other defaults."""

SCORES = {
    **{"mesh_weight": 0.01, "first_weight": 0.1, "deliveries_weight": -0.5, "deliveries_due": 4, "activation": "5 s"},
    **{
        "behaviour_weight": -10.0,
        "invalid_weight": -0.1,
        "gossip_threshold": -40.0,
        "publish_threshold": -40.0,
        "graylist_threshold": -400.0,
    },
    **{"opportunistic_threshold": 30.0, "opportunistic_every": 4, "prune_backoff": "5 s", "followup": "1 s", "d_high": 8},
}
STANDING: dict[str, dict[str, Any]] = {
    "gossipsub": SCORES,
    "gossipsub.publish_threshold": {**SCORES, "flood_publish": True},
    "plumtree": {"shuffle_every": "3 s", "optimisation": 3},
    "push-pull.patience": {"fanout": 1, "retransmit": 1, "sync": "1 s"},
}
"""What is set besides, for a strategy or for one of its keys: what the key is for."""

ROUGH = {
    "duration": "40 s",
    "topology": {"kind": "random-regular", "seats": 40, "degree": 16},
    "link": {"latency": {"kind": "exponential", "mean": "200 ms"}, "loss": "30 %"},
    "workload": [{"kind": "rumour", "size": "2 kB", "count": 60, "every": "400 ms"}],
    "adversary": [{"kind": "drop", "seats": 8}, {"kind": "withhold", "seats": 8}, {"kind": "corrupt", "seats": 4}],
}
SMALLEST = [f"seat-{seat:02d}" for seat in range(10)]  # one of them leads
HONEST = {"adversary": [], "link": {"latency": {"kind": "exponential", "mean": "200 ms"}, "loss": "10 %"}}
SCENES: dict[str, dict[str, Any]] = {
    "bracha": HONEST,
    "fabric-gossip": {**HONEST, "fault": [{"kind": "crash", "seats": SMALLEST, "at": "2 s", "lasts": "30 s"}]},
    "compact-blocks": {"workload": [{"kind": "rumour", "size": "40 kB", "count": 20, "every": "1 s"}]},
    "plumtree": {
        "topology": {"kind": "random-regular", "seats": 100, "degree": 8},
        "link": {"latency": {"kind": "exponential", "mean": "40 ms"}, "loss": "10 %"},
        "adversary": [],
        "fault": [{"kind": "crash", "seats": 20, "at": "8 s", "lasts": "10 s"}],
        "workload": [{"kind": "rumour", "size": "2 kB", "count": 20, "every": "1 s", "first": "2 s"}],
    },
}
"""Scenes for strategies that the rough one does not try."""

CASES = [(kind, key) for kind, keys in OTHER.items() for key in keys]


def outcome(kind: str, keys: dict[str, Any]) -> Any:
    """When everything arrived, and what was sent."""
    tables = {**ROUGH, **SCENES.get(kind, {}), "gossip": {"kind": kind, **keys}}
    report = sim.run(from_dict(tables), 1)
    return fingerprint(report), report.evidence.by_packet


@cache
def usual(kind: str, scene: str) -> Any:
    """The outcome that another value is compared with."""
    return outcome(kind, STANDING.get(scene, {}))


@pytest.mark.parametrize(("kind", "key"), CASES, ids=[f"{kind}.{key}" for kind, key in CASES])
def test_every_key_matters(kind: str, key: str) -> None:
    """Another value is another run."""
    scene = f"{kind}.{key}" if f"{kind}.{key}" in STANDING else kind
    assert outcome(kind, {**STANDING.get(scene, {}), key: OTHER[kind][key]}) != usual(kind, scene)


def test_every_strategy_and_every_key_is_tried() -> None:
    """Whoever adds a strategy or a key gives it a line here."""
    assert set(names("gossip")) == set(OTHER) | set(SAME)
    for kind, keys in OTHER.items():
        assert set(keys) == set(find("gossip", kind).__dataclass_fields__), kind


def test_a_strategy_with_other_defaults_has_the_same_rule() -> None:
    """So what matters for one matters for the other."""
    for kind, model in SAME.items():
        one, other = (
            vars(find("gossip", name)) | {"fields": list(find("gossip", name).__dataclass_fields__)} for name in (kind, model)
        )
        assert one["fields"] == other["fields"]
        assert find("gossip", kind).strategy is find("gossip", model).strategy


def test_a_key_without_effect_is_found() -> None:
    """The same value again is the same run: the comparison can fail."""
    assert outcome("announce", {"patience": "2 s"}) == usual("announce", "announce")
