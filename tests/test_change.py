"""Another kind by `--set`, `but` and sweeps: what only the old kind knew goes, what both know stays, nothing wrong is kept quiet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import sim
from sim.consensus.pbft import PBFT
from sim.consensus.qbft import QBFT
from sim.consensus.raft import Raft
from sim.gossip.announce import Announce
from sim.gossip.push import Push
from sim.kernel.errors import ScenarioError
from sim.study.read import load, loads

SECOND = 1_000_000_000
TEXT = """
duration = "6 s"
[topology]
kind = "complete"
seats = 4
[link]
latency = { kind = "lognormal", median = "25 ms", sigma = 0.4 }
[gossip]
kind = "push"
fanout = 3
[consensus]
kind = "qbft"
patience = "3 s"
route = "direct"
block_interval = "1 s"
[[fault]]
kind = "slow"
seats = 1
factor = 3.0
at = "2 s"
"""


def test_set_drops_what_only_the_old_kind_knew() -> None:
    raft = loads(TEXT, "", ["consensus.kind=raft"])
    assert raft.consensus.protocol == Raft() and raft.consensus.block_interval == SECOND
    assert loads(TEXT, "", ["consensus.kind=pbft"]).consensus.protocol == PBFT(patience=3 * SECOND)
    assert loads(TEXT, "", ["gossip.kind=announce"]).gossip == Announce()
    assert loads(TEXT, "", ["fault.0.kind=crash"]).fault[0].at == 2 * SECOND
    constant = loads(TEXT, "", ["link.latency.value=40 ms", "link.latency.kind=constant"])
    assert constant.link.latency.value == 40_000_000


def test_the_last_kind_counts_and_the_order_of_settings_does_not() -> None:
    there_and_back = loads(TEXT, "", ["consensus.kind=raft", "consensus.kind=pbft"])
    assert there_and_back.consensus.protocol == PBFT(patience=3 * SECOND)
    assert loads(TEXT, "", ["consensus.heartbeat=50 ms", "consensus.kind=raft"]) == loads(
        TEXT, "", ["consensus.kind=raft", "consensus.heartbeat=50 ms"]
    ).but(overrides=("consensus.heartbeat=50 ms", "consensus.kind=raft"))


@pytest.mark.parametrize(
    ("text", "settings", "said"),
    [
        (TEXT, ["consensus.kind=raft", "consensus.patience=3 s"], "consensus.patience"),  # asked for in the same breath
        (TEXT.replace("patience", "patiance"), ["consensus.kind=raft"], "consensus.patiance"),  # wrong for the old one too
        (TEXT, ["consensus.kind=rafd"], "did you mean 'raft'"),
        (TEXT, ["link.latency.kind=constant"], "link.latency.value: is missing"),
    ],
)
def test_wrong_keys_stay_wrong(text: str, settings: list[str], said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        loads(text, "", settings)


def test_but_takes_another_kind() -> None:
    first = loads(TEXT)
    raft = first.but(**{"consensus.heartbeat": "50 ms", "consensus.kind": "raft"})
    assert raft.consensus.protocol == Raft(heartbeat=50_000_000) and raft.consensus.block_interval == SECOND
    assert first.but(**{"consensus.kind": "pbft"}).consensus.protocol == PBFT(patience=3 * SECOND)
    assert first.but(**{"consensus.kind": "qbft"}) == first
    usual = first.but(**{"consensus.patience": "10 s"}).but(**{"consensus.kind": "pbft"})
    assert usual.consensus.protocol == PBFT(), "the old kind's own default is nothing that was said"
    assert first.but(**{"gossip.kind": "announce"}).gossip == Announce()
    assert type(first.but(**{"fault.0.kind": "crash"}).fault[0].part).__name__ == "Crash"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"consensus.kind": "raft", "consensus.patience": "1 s"}, "consensus.patience"),
        ({"consensus.kind": "rafd"}, "did you mean 'raft'"),
        ({"link.latency.kind": "constant"}, "link.latency.value: is missing"),
        ({"gossip": Push(), "gossip.fanout": 2}, "as a whole and in part"),
        ({"gossip.fanout": 2, "gossip": Push()}, "as a whole and in part"),
        ({"kind": "raft"}, "no such key"),
    ],
)
def test_but_refuses_in_one_sentence(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        loads(TEXT).but(**changes)


def test_but_changes_all_at_once() -> None:
    """Values that fit only together need no particular order."""
    star = loads(TEXT, "", ["consensus.route=star"])
    raft = star.but(**{"consensus.kind": "raft", "consensus.route": "direct"}).consensus.protocol
    assert raft == Raft()
    slow = loads(TEXT, "", ["consensus.kind=raft"]).but(
        **{"consensus.heartbeat": "2 s", "consensus.election_timeout": "5 s", "fault.0.at": "50 s", "duration": "60 s"}
    )
    assert (slow.consensus.protocol.heartbeat, slow.fault[0].at) == (2 * SECOND, 50 * SECOND)


def test_a_sweep_over_kinds(tmp_path: Path) -> None:
    path = tmp_path / "kinds.toml"
    axes = '[sweep]\nseeds = 1\n"consensus.kind" = ["qbft", "raft", "streamlet"]\n"gossip.kind" = ["push", "announce"]\n'
    path.write_text(TEXT + axes)
    done = sim.sweep(load(path))
    assert done.ok(), done.text()
    told = [
        (settings["consensus.kind"], report["consensus"]["kind"], report["gossip"]["kind"]) for settings, _, report in done.runs
    ]
    assert told == [(kind, kind, gossip) for kind in ("qbft", "raft", "streamlet") for gossip in ("push", "announce")]
    assert QBFT(patience=3 * SECOND) == load(path).consensus.protocol
