"""What cannot work around [consensus] is refused before the run, in one sentence with its key."""

from __future__ import annotations

import pytest

import sim
from sim.kernel.errors import ScenarioError

FOUR = """
title    = "Four"
duration = "5 s"
[topology]
kind  = "complete"
seats = 4
[link]
latency = { kind = "constant", value = "20 ms" }
[consensus]
kind           = "pbft"
block_interval = "1 s"
"""
ENEMY = '[[adversary]]\nkind = "silent"\nseats = 1\n'
WRONG = (
    (['consensus.patience="0 s"'], "consensus.patience", "1 ms"),
    (['consensus.kind="qbft"', 'consensus.patience="1 us"'], "consensus.patience", "1 ms"),
    (['consensus.kind="hotstuff"', 'consensus.patience="0 s"'], "consensus.patience", "1 ms"),
    (['consensus.kind="jolteon"', 'consensus.patience="0 s"'], "consensus.patience", "1 ms"),
    (['consensus.kind="tendermint"', 'consensus.prevote="0 s"'], "consensus.prevote", "1 ms"),
    (['consensus.kind="smartbft"', 'consensus.resend="0 s"'], "consensus.resend", "1 ms"),
    (['consensus.kind="raft"', 'consensus.heartbeat="0 s"'], "consensus.heartbeat", "1 ms"),
    (['consensus.kind="fabric"', 'consensus.ordering={kind="nakamoto"}'], "consensus.ordering", "certain"),
    (["consensus.max_block=0"], "consensus.max_block", "fit"),
    (['adversary.0.kind="hold-back"'], "adversary[0].kind", "gasper"),
    (['adversary.0.kind="tail-fork"'], "adversary[0].kind", "jolteon"),
    (['adversary.0.kind="slow-primary"', 'adversary.0.after="2 s"'], "adversary[0].after", "patience"),
    (['adversary.0.kind="twins"', 'adversary.0.seats=["seat-0", "seat-1"]'], "adversary[0].seats", "at the end of the topology"),
    (['adversary.0.kind="selfish"'], "adversary[0].kind", "nakamoto"),
    (['adversary.0.kind="censor"', 'adversary.0.victims=["seat-9"]'], "adversary[0].victims", "seat-9"),
)


@pytest.mark.parametrize(("changes", "path", "hint"), WRONG, ids=lambda one: one[-1] if isinstance(one, list) else "")
def test_it_is_refused_with_its_key(changes: list[str], path: str, hint: str) -> None:
    text = FOUR + (ENEMY if changes[0].startswith("adversary") else "")
    with pytest.raises(ScenarioError) as caught:
        sim.run(sim.loads(text, overrides=changes))
    assert str(caught.value).startswith(f"{path}: ")
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_shortest_patience_that_is_taken_ends() -> None:
    """A millisecond is no time for anything, but views grow until it is."""
    report = sim.run(sim.loads(FOUR, overrides=['consensus.patience="1 ms"']))
    assert report.to_dict()["consensus"]["decided"] > 0
