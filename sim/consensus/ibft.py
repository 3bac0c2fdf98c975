"""IBFT 2.0, the Istanbul protocol that Besu had before QBFT.

Saltini, Hyland-Wood, "IBFT 2.0: a safe and live variation of the IBFT blockchain consensus protocol", 2019 (arXiv 1909.10194).
It repaired Istanbul's locks, under which a crash could stop everything. What is agreed and how views change is as in `pbft.py`,
where ROUND-CHANGE is called VIEW-CHANGE; the proposal stands for its sender's PREPARE, and a quorum is ceil(2n/3). Left out: voting
validators in and out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from sim.consensus.pbft import PBFT
from sim.kernel.part import part
from sim.kernel.presets import Preset
from sim.kernel.units import Patience
from sim.node.node import Node


@part
class IBFT2(PBFT):
    """IBFT 2.0: the proposal counts as a PREPARE; 2n(n-1) messages, three delays, timers T*2^round, quorum ceil(2n/3)."""

    patience: Patience = 4_000_000_000  # round timeout T; Besu's documentation proposes 4 s
    preset: str = ""  # figures somebody runs; they fill what is not given

    presets: ClassVar[Mapping[str, Preset]] = {
        "besu-docs": Preset("the example of Besu's documentation", {"patience": "4 s"}, "2 s"),
        "besu-code": Preset("what Besu falls back on, save its period of 1 s, which leaves no time here", {"patience": "1 s"}),
    }

    async def run(self, node: Node) -> None:
        """PBFT's conversation with Istanbul's quorum."""
        node.quorum_size = two_thirds(node.n)
        await PBFT.run(self, node)


def two_thirds(n: int) -> int:
    """ceil(2n/3), the quorum of the Istanbul family: n - f, or one less where n is a multiple of 3."""
    return -(-2 * n // 3)
