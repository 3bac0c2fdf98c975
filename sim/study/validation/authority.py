"""Group C, proof of authority: how often Clique forks when a signer is away."""

from __future__ import annotations

from collections.abc import Callable

from sim.study.validation.case import Case, Errors, Measured, share_of
from sim.study.validation.worlds import agreeing, constant, evidence

_SIGNERS, _AWAY, _ELIGIBLE, _WINDOW_MS = 5, 2, 2, 1500
_LIMIT = _SIGNERS // 2 + 1


def _forks(delay_ms: int) -> float:
    return 1 - (1 - delay_ms / _WINDOW_MS) ** _ELIGIBLE


def _races(delay_ms: int) -> Callable[[int], Measured]:
    """At how many heights that were the absent signer's turn there is a second block.

    Of the four that are there, two have signed the last two blocks; heights just above another fork are left out, where
    signers may see different last blocks.
    """
    crash = {"fault": [{"kind": "crash", "seats": [f"seat-{_AWAY}"]}]}
    consensus = {"block_interval": "15 s"}
    tables = agreeing("clique", _SIGNERS, constant(f"{delay_ms} ms"), duration="4 h", consensus=consensus, more=crash)

    def measure(runs: int) -> Measured:
        forks = turns = 0
        for seed in range(1, runs + 1):
            found = evidence(tables, seed)
            heights = [block.height for block in found.blocks.values()]
            count = [heights.count(height) for height in range(max(heights))]
            for height in range(_LIMIT, len(count)):
                if height % _SIGNERS == _AWAY and count[height - 1] == count[height - 2] == 1:
                    turns += 1
                    forks += count[height] > 1
        return share_of(forks, turns, _forks(delay_ms))

    return measure


CASES = tuple(
    Case(
        id="V64",
        what=f"clique, {_ELIGIBLE} eligible signers, d = {delay_ms} ms: P(fork)",
        source="CF: 1 - (1 - d/W)^m",
        expected=_forks(delay_ms),
        rule=Errors(),
        measure=_races(delay_ms),
        runs=20,
        quick=3,
    )
    for delay_ms in (50, 100, 200)
)
