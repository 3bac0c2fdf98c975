"""Law 2: chance is keyed, so what does nothing changes nothing, and what acts changes nothing before it acts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sim
from sim.study.read import from_dict

SCENE: dict[str, Any] = {
    "duration": "3 s",
    "trace": "wire",
    "topology": {"kind": "complete", "seats": 7},
    "link": {"latency": {"kind": "lognormal", "median": "20 ms", "sigma": 0.5}, "loss": "1 %"},
    "gossip": {"kind": "announce"},
    "consensus": {"kind": "qbft", "block_interval": "200 ms", "patience": "1 s"},
    "workload": [{"kind": "synthetic", "rate": 10.0}],
}
LIAR = {"seats": ["seat-2"]}
NEVER: dict[str, dict[str, Any]] = {
    "a metric": {"expect": {"decided": "> 0"}, "availability": {"kind": "replication"}},
    "readers who ask nobody": {"workload": [*SCENE["workload"], {"kind": "light-clients"}]},
    "an enemy without occasion": {"adversary": [{"kind": "lazy-vote", **LIAR}]},
    "an enemy without luck": {"adversary": [{"kind": "mutate", "chance": "0 %", **LIAR}]},
}
AT_2_S: dict[str, dict[str, Any]] = {
    "a crash": {"fault": [{"kind": "crash", "seats": ["seat-3"], "at": "2 s"}]},
    "a cut": {"fault": [{"kind": "partition", "groups": [["seat-3"]], "at": "2 s"}]},
    "an enemy": {"adversary": [{"kind": "silent", "at": "2 s", **LIAR}]},
    "a second workload": {"workload": [*SCENE["workload"], {"kind": "rumour", "first": "2 s", "count": 1, "size": "1 kB"}]},
}


def wire(more: dict[str, Any], until_ns: int) -> list[list[int]]:
    """What every copy met until then: when, which fate, what, from whom, to whom."""
    columns = sim.run(from_dict({**SCENE, **more}), 3).evidence.trace.wire()
    return np.array(list(columns.values()))[:, columns["time_ns"] < until_ns].tolist()


@pytest.mark.parametrize("name", NEVER)
def test_what_does_nothing_changes_no_draw(name: str) -> None:
    assert wire(NEVER[name], 3_000_000_000) == wire({}, 3_000_000_000)


@pytest.mark.parametrize("name", AT_2_S)
def test_what_acts_changes_no_draw_before_it_acts(name: str) -> None:
    """And some after it, or this test could not fail."""
    assert wire(AT_2_S[name], 2_000_000_000) == wire({}, 2_000_000_000)
    assert wire(AT_2_S[name], 3_000_000_000) != wire({}, 3_000_000_000)
