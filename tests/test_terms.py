"""What protocols say about the scenario's side of consensus: routes they can take, terms they can work on, the genesis."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

import sim
from sim.cli import main
from sim.consensus.pbft import PBFT
from sim.consensus.qbft import QBFT
from sim.consensus.raft import Raft
from sim.consensus.streamlet import Streamlet
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.ledger.block import GENESIS
from sim.study.build import build, clear_up
from sim.study.read import loads
from sim.study.scenario import Consensus
from sim.testing import Stage

TEXT = 'duration = "10 s"\n[topology]\nkind = "complete"\nseats = 4\n[consensus]\n'


@part
class Quiet:
    """A stranger's protocol that says nothing about itself."""

    async def run(self, node: Any) -> None:
        """Decide nothing."""


@part
class Starry(Quiet):
    """One that names a centre."""

    routes: ClassVar[tuple[str, ...]] = ("direct", "star")


@pytest.mark.parametrize(
    ("protocol", "able"),
    [
        (PBFT(), {"direct", "gossip", "star"}),
        (QBFT(), {"direct", "gossip", "star"}),
        (Raft(), {"direct"}),
        (Streamlet(), {"direct", "gossip"}),
        (Quiet(), {"direct", "gossip"}),
        (Starry(), {"direct", "star"}),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_route_that_would_not_be_taken_is_refused(protocol: Any, able: set[str]) -> None:
    for route in ("direct", "gossip", "star"):
        if route in able:
            assert Consensus(protocol=protocol, route=route).route == route  # type: ignore[arg-type]
        else:
            with pytest.raises(ScenarioError, match=rf"route: {type(protocol).__name__.lower()} .*: direct"):
                Consensus(protocol=protocol, route=route)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('kind = "streamlet"\nroute = "star"\n', "consensus.route: streamlet names no centre where votes could meet"),
        ('kind = "raft"\nroute = "gossip"\n', "consensus.route: raft never sends by gossip"),
        ('kind = "streamlet"\ndelta = "500 ms"\nblock_interval = "1001 ms"\n', "consensus.block_interval: 1.001 s is longer"),
    ],
)
def test_one_sentence_and_exit_2(lines: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(TEXT + lines)
    assert main(["run", str(path), "--quiet"]) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1


@pytest.mark.parametrize("block_interval", ["0 s", "999 ms", "1 s"])
def test_blocks_an_epoch_apart_become_final_with_streamlet(block_interval: str) -> None:
    """The longest interval that is taken works; a shorter one changes nothing, for an epoch has one block.

    Without delays epochs 0 to 10 are notarised as they begin, and the last three make the first ten blocks final.
    """
    lines = f'kind = "streamlet"\ndelta = "500 ms"\nblock_interval = "{block_interval}"\n'
    consensus = sim.run(loads(TEXT + lines)).to_dict()["consensus"]
    assert consensus["decided"] == 10
    assert consensus["block_interval_s"]["max"] == 1.0


def test_impatience_can_be_run_and_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A leader that must wait longer than the others do loses every first view: a lesson, not a mistake to refuse."""
    path = tmp_path / "hasty.toml"
    path.write_text(TEXT + 'kind = "pbft"\npatience = "500 ms"\nblock_interval = "1 s"\n')
    scenario = sim.load(path)
    assert scenario.doubts()[0].startswith("consensus.patience: is no longer than block_interval, 1 s")
    assert scenario.but(**{"consensus.patience": "1001 ms"}).doubts() == ()
    assert sim.run(scenario).to_dict()["consensus"]["view_changes"] > 0
    assert main(["run", str(path), "--quiet", "--json"]) == 0
    assert "odd: consensus.patience" in capsys.readouterr().err
    assert main(["explain", str(path)]) == 0
    assert "odd: consensus.patience" in capsys.readouterr().out


def test_a_protocol_can_name_the_genesis() -> None:
    """Also after decisions, when `None` means the last of them."""
    node = Stage(Quiet()).node
    assert node.genesis == GENESIS
    world = build(loads(TEXT + 'kind = "raft"\n'), 1)
    books = world.books
    other, mine = books.society.nodes[:2]
    first = run_alone(books.next_batch(mine, None))
    mine.publish(first)
    books.on_decide(mine.seat, 0, first.digest)
    rival = run_alone(books.next_batch(mine, mine.genesis))
    assert (rival.parent, rival.height) == (GENESIS, 1)
    assert books.accepts(mine, rival, mine.genesis) and not books.accepts(mine, rival, None)
    assert books.accepts(other, rival, None)
    clear_up(world)


def run_alone(coroutine: Any) -> Any:
    """What a coroutine returns that has nothing to wait for."""
    with pytest.raises(StopIteration) as done:
        coroutine.send(None)
    return done.value.value
