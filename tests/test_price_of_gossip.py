"""What is said is counted whichever way it travels."""

from __future__ import annotations

import pytest

import sim

MESH = """
title    = "Votes"
duration = "10 s"
heal     = "2 s"
[topology]
kind   = "random-regular"
seats  = 10
degree = 4
[link]
latency = { kind = "constant", value = "20 ms" }
[gossip]
kind = "flood"
[consensus]
kind           = "pbft"
block_interval = "1 s"
"""


def test_votes_by_gossip_cost_what_their_kinds_were_sent() -> None:
    report = sim.run(sim.loads(MESH, overrides=['consensus.route="gossip"'])).to_dict()
    kinds = [report["gossip"]["by_kind"][kind] for kind in ("Propose", "Prepare", "Commit")]
    assert report["consensus"]["messages"] == sum(kind["messages"] for kind in kinds)
    assert report["consensus"]["bytes_per_decision"] * report["consensus"]["decided"] == sum(kind["bytes"] for kind in kinds)


def test_each_vote_crosses_every_link_but_those_it_came_by() -> None:
    """Flooding sends a thing 2 m - (n - 1) times over m links among n: straight it takes n - 1 copies."""
    direct, gossip = (
        sim.run(sim.loads(MESH, overrides=[f'consensus.route="{way}"'])).to_dict()["consensus"] for way in ("direct", "gossip")
    )
    assert direct["messages"] % 9 == 0
    said = direct["messages"] / direct["decided"] / 9
    flooded = gossip["messages"] / gossip["decided"] / said
    assert flooded == pytest.approx(2 * 20 - 9, rel=0.05)  # the last block's votes may be on their way
