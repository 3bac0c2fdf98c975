"""Group D, attacks by a private branch as adversaries do them: paying twice, and selfish mining from a good place."""

from __future__ import annotations

import math
from collections.abc import Callable

from sim.study.metrics_rows import read
from sim.study.validation.case import Case, Errors, Measured, mean_of, share_of
from sim.study.validation.work import pool_share
from sim.study.validation.worlds import Table, agreeing, constant, evidence, play

_INTERVAL_S = 10
_GIVE_UP = 25


def rosenfeld(share: float, confirmations: int) -> float:
    """Success of a pool that is one block ahead when it pays (Rosenfeld 2014, section 4: "r")."""
    q, p, z = share, 1 - share, confirmations
    return 1 - math.fsum(math.comb(m + z - 1, m) * (p**z * q**m - p**m * q**z) for m in range(z + 1))


def robbery(share: float, confirmations: int, blocks: int) -> Table:
    """A pool that pays twice and one honest miner, with nothing between them."""
    power = {"seat-0": share, "seat-1": 1 - share}
    terms = {"block_interval": f"{_INTERVAL_S} s", "power": power, "depth": confirmations - 1}
    thief = {"kind": "double-spend", "seats": ["seat-0"], "confirmations": confirmations, "give_up": _GIVE_UP}
    duration = f"{_INTERVAL_S * blocks} s"
    return agreeing("nakamoto", 2, constant("0 ms"), duration=duration, consensus=terms, more={"adversary": [thief]})


def _robbed(share: float, confirmations: int) -> Callable[[int], Measured]:
    """How often the report says that the pool had both."""

    def measure(runs: int) -> Measured:
        won = tried = 0
        for seed in range(1, runs + 1):
            found = play(robbery(share, confirmations, 4000), seed).to_dict()["consensus"]["double_spends"]
            tried += found["tried"]
            won += round(found["tried"] * found["won_share"])
        return share_of(won, tried, rosenfeld(share, confirmations))

    return measure


def _hub_revenue(share: float, others: int) -> Callable[[int], Measured]:
    """The share of the decided blocks that go to a pool at the hub of a star, who passes others' blocks on a second late."""

    def measure(runs: int) -> Measured:
        power = {"seat-0": share, **{f"seat-{seat}": (1 - share) / others for seat in range(1, others + 1)}}
        tables = {
            "duration": "600000 s",
            "topology": {"kind": "star", "seats": others + 1},
            "link": {"latency": constant("10 ms")},
            "gossip": {"kind": "flood"},
            "consensus": {"kind": "nakamoto", "block_interval": "600 s", "power": power},
            "adversary": [{"kind": "selfish", "seats": ["seat-0"]}, {"kind": "delay", "seats": ["seat-0"], "by": "1 s"}],
        }
        shares = []
        for seed in range(1, runs + 1):
            found = evidence(tables, seed)
            chain = read(found).chain
            shares.append(sum(found.blocks[digest].proposer == 0 for _, digest in chain) / len(chain))
        return mean_of(shares)

    return measure


CASES = tuple(
    Case(id="V74", what=f"a pool with q = {q:g} pays twice, z = {z}", source="CF: Rosenfeld 2014, section 4", expected=rosenfeld(q, z),
         rule=Errors(), measure=_robbed(q, z), runs=12, quick=2)
    for q, z in ((0.1, 1), (0.1, 2), (0.3, 2), (0.3, 4))
) + tuple(
    Case(id="V75", what=f"selfish mining from the hub of {others} others, a = {a:g}, g = {1 - 1 / others:g}: revenue",
         source="CF: Eyal and Sirer 2014; in a tie all but the finder hear the hub first", expected=pool_share(a, 1 - 1 / others),
         rule=Errors(), measure=_hub_revenue(a, others), runs=20, quick=4)
    for a, others in ((0.25, 4), (0.35, 5))
)  # fmt: skip
