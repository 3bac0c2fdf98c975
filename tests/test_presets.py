"""Presets: figures that somebody runs in production fill what a scenario does not say, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import sim.study.read
from sim.cli import main
from sim.consensus.hotstuff.jolteon import Jolteon
from sim.consensus.qbft import QBFT
from sim.consensus.tendermint import Tendermint
from sim.kernel.errors import ScenarioError
from sim.study.change import override
from sim.study.plugins import find, names
from sim.study.scenario import Consensus, Scenario

SECOND = 1_000_000_000
PRESETS = [(kind, preset) for kind in names("consensus") for preset in getattr(find("consensus", kind), "presets", {})]


def scenario(consensus: dict[str, Any], seats: int = 4) -> Scenario:
    return sim.study.read.from_dict(
        {
            "duration": "20 s",
            "topology": {"kind": "complete", "seats": seats},
            "link": {"latency": {"kind": "constant", "value": "100 ms"}},
            "consensus": {"kind": "qbft", **consensus},
        }
    )


def test_the_menu_offers_what_people_run() -> None:
    offered = {preset for _, preset in PRESETS}
    assert {"besu-docs", "besu-code", "goquorum", "cometbft", "fabric-raft", "fabric-smartbft", "aptos"} <= offered


@pytest.mark.parametrize(("kind", "preset"), PRESETS)
def test_every_preset_can_be_run_as_it_is(kind: str, preset: str) -> None:
    """It is made, leaves its leaders time to propose, and decides."""
    seats, duration = (32, "1153 s") if kind == "gasper" else (4, "40 s")  # three epochs of as many validators as it is for
    whole = scenario({"kind": kind, "preset": preset}, seats).but(duration=duration)
    assert whole.doubts() == ()
    assert sim.run(whole).to_dict()["consensus"]["decided"] >= 3


def test_a_preset_fills_what_is_not_given() -> None:
    assert Jolteon(preset="diem").turn == 2
    assert Tendermint(preset="celestia").commit == SECOND // 2
    assert Tendermint(preset="celestia").growth == Tendermint().growth
    assert scenario({"preset": "besu-docs"}).consensus.block_interval == 5 * SECOND


def test_what_is_given_wins_even_if_it_equals_the_default() -> None:
    assert QBFT(preset="besu-code", patience=QBFT().patience).patience == QBFT().patience != QBFT(preset="besu-code").patience
    assert scenario({"preset": "besu-docs", "block_interval": "0 s"}).consensus.block_interval == 0


def test_another_preset_takes_the_place_of_the_first() -> None:
    before = scenario({"preset": "besu-docs", "max_block": "1 kB"})
    after = before.but(**{"consensus.preset": "besu-code"}).consensus
    assert (after.protocol.patience, after.block_interval, after.max_block) == (SECOND, 0, 1000)
    own = scenario({"preset": "besu-docs", "patience": "3 s"}).but(**{"consensus.preset": "besu-code"})
    assert own.consensus.protocol.patience == 3 * SECOND
    assert before.but(**{"consensus.patience": "7 s"}).consensus.block_interval == 5 * SECOND


def test_another_protocol_leaves_the_preset_behind() -> None:
    """And all that came with it; what was said beside it stays where the new protocol has a key for it."""
    before = scenario({"preset": "besu-docs", "max_block": "1 kB"})
    after = before.but(**{"consensus.kind": "jolteon"}).consensus
    assert (after.protocol, after.block_interval, after.max_block) == (Jolteon(), 0, 1000)
    own = scenario({"preset": "besu-docs", "patience": "3 s"}).but(**{"consensus.kind": "jolteon"}).consensus
    assert own.protocol == Jolteon(patience="3 s")
    other = before.but(**{"consensus.kind": "jolteon", "consensus.preset": "diem"}).consensus
    assert other.protocol == Jolteon(preset="diem")
    tables = {"consensus": {"kind": "qbft", "preset": "besu-docs", "patience": "3 s"}}
    override(tables, ["consensus.kind=jolteon"])
    assert tables == {"consensus": {"kind": "jolteon", "patience": "3 s"}}


def test_an_object_and_a_file_say_the_same() -> None:
    assert Consensus(protocol=QBFT(preset="goquorum")) == scenario({"preset": "goquorum"}).consensus


@pytest.mark.parametrize(
    ("consensus", "seats", "wanted"),
    [
        ({"preset": "besu-dogs"}, 4, ["consensus.preset", "did you mean 'besu-docs'"]),
        ({"preset": "besu-docs"}, 3, ["consensus.preset", "at least 4", "3 seats"]),
        ({"kind": "raft", "preset": "fabric-raft"}, 2, ["consensus.preset", "at least 3", "2 seats"]),
        ({"preset": 7}, 4, ["consensus.preset", "text"]),
        ({"kind": "pbft", "preset": "besu-docs"}, 4, ["consensus.preset", "no such key"]),
    ],
)
def test_a_preset_that_does_not_fit(
    consensus: dict[str, Any], seats: int, wanted: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = "\n".join(f"{key} = {json.dumps(value)}" for key, value in {"kind": "qbft", **consensus}.items())
    path = tmp_path / "s.toml"
    path.write_text(f'duration = "9 s"\n[topology]\nkind = "complete"\nseats = {seats}\n[consensus]\n{keys}\n', "utf-8")
    assert main(["run", str(path)]) == 2
    said = capsys.readouterr().err
    assert all(word in said for word in wanted), said
    assert "Traceback" not in said


def test_an_unknown_preset_of_an_object() -> None:
    with pytest.raises(ScenarioError, match="no preset is called 'aptis'; did you mean 'aptos'"):
        Jolteon(preset="aptis")


def test_list_and_explain_show_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "consensus"]) == 0
    assert "besu-docs" in capsys.readouterr().out
    assert main(["explain", "consensus.jolteon"]) == 0
    shown = capsys.readouterr().out
    assert "aptos" in shown
    assert "growth = 1.2" in shown
