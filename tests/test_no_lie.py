"""An enemy that a protocol has no lie for is refused in one sentence, and drawn in no hunt; every other one is played."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import FEW_SECONDS, OWN_PACE

import sim
from sim.consensus.dag.mysticeti import Mysticeti
from sim.consensus.raft import Raft
from sim.kernel.errors import ScenarioError
from sim.study import hunt as hunting
from sim.study.drawing import LIES
from sim.study.plugins import find, names
from sim.study.read import from_dict

GENERIC = (
    "silent",
    "late",
    "favour",
    "replay",
    "mutate",
    "withhold-votes",
    "lazy-vote",
    "amnesia",
    "equivocate",
    "doctor",
    "clone",
)
REFUSED = {
    ("nakamoto", "withhold-votes"),
    ("nakamoto", "lazy-vote"),
    ("nakamoto", "equivocate"),
    ("nakamoto", "doctor"),
    ("nakamoto", "clone"),
    ("ghost", "withhold-votes"),
    ("ghost", "lazy-vote"),
    ("ghost", "equivocate"),
    ("ghost", "doctor"),
    ("ghost", "clone"),
    ("clique", "withhold-votes"),
    ("clique", "lazy-vote"),
    ("aura", "withhold-votes"),
    ("aura", "lazy-vote"),
    ("praos", "withhold-votes"),
    ("praos", "lazy-vote"),
    ("raft", "lazy-vote"),
    ("mysticeti", "withhold-votes"),
    ("fabric", "lazy-vote"),
}
"""What the table of every protocol and every enemy of a single seat comes to; fabric orders by raft where nothing is said."""


def scene(protocol: str, enemy: str, seats: int = 6) -> dict[str, Any]:
    """Few seconds of one protocol with one liar from the start."""
    pace = {} if protocol in OWN_PACE else {"block_interval": "500 ms"}
    return {
        "duration": "1 s" if protocol == "honeybadger" else "3 s",
        "topology": {"kind": "complete", "seats": seats},
        "link": {"latency": {"kind": "uniform", "low": "5 ms", "high": "40 ms"}},
        "gossip": {"kind": "flood"},
        "consensus": {"kind": protocol, **pace, **FEW_SECONDS.get(protocol, {})},
        "adversary": [{"kind": enemy, "seats": ["seat-1", "seat-4"] if enemy == "clone" else ["seat-1"]}],
    }


@pytest.mark.parametrize("protocol", names("consensus"))
def test_every_protocol_and_enemy_is_played_or_refused(protocol: str) -> None:
    """Nothing in between: no silence, no traceback."""
    for enemy in GENERIC:
        try:
            sim.run(from_dict(scene(protocol, enemy)), seed=1)
        except ScenarioError as error:
            assert (protocol, enemy) in REFUSED, f"{enemy}: {error}"
            assert str(error).startswith(f"adversary[0].kind: {protocol} has no lie of this kind: ")
            assert "; use kind " in str(error) and "\n" not in str(error)
        else:
            assert (protocol, enemy) not in REFUSED, enemy


@pytest.mark.parametrize("protocol", ["raft", "snowman"])
def test_votes_that_their_reader_counts_itself_are_withheld_too(protocol: str) -> None:
    """One of six is missed by nobody; where four withhold, not even one of them has a majority."""
    one = sim.run(from_dict(scene(protocol, "withhold-votes")), seed=1).to_dict()["consensus"]["decided"]
    half = scene(protocol, "withhold-votes")
    half["adversary"][0]["seats"] = ["seat-1", "seat-2", "seat-3", "seat-4"]
    assert one > 0
    assert sim.run(from_dict(half), seed=1).to_dict()["consensus"]["decided"] == 0


def test_hunts_draw_no_enemy_that_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[str, ...]] = []
    scene = hunting.scene

    def noting(protocol: Any, number: int, seats: int, liars: int, kinds: tuple[str, ...], *rest: Any) -> Any:
        drawn.append(kinds)
        return scene(protocol, number, seats, liars, kinds, *rest)

    monkeypatch.setattr(hunting, "scene", noting)
    monkeypatch.setattr(hunting, "first_break", lambda scenario, seed: None)
    for protocol in (Mysticeti(), Raft(), find("consensus", "pbft")()):
        hunting.hunt(protocol, 1, lies=LIES)
    assert [sorted(set(LIES) - set(kinds)) for kinds in drawn] == [["withhold-votes"], ["lazy-vote"], []]


def test_a_command_says_it_in_one_line_and_ends_with_2(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from sim.cli import main

    file = tmp_path / "one.toml"
    file.write_text(
        'duration = "3 s"\n[topology]\nkind = "complete"\nseats = 4\n[gossip]\nkind = "flood"\n[consensus]\nkind = "nakamoto"\n'
        'block_interval = "1 s"\n[[adversary]]\nkind = "withhold-votes"\nseats = 1\n'
    )
    assert main(["run", str(file)]) == 2
    told = capsys.readouterr().err
    assert "adversary[0].kind: nakamoto has no lie of this kind: nobody votes here" in told and "Traceback" not in told
