"""QBFT, the Istanbul protocol of today's consortium ledgers.

Moniz, "The Istanbul BFT consensus algorithm", 2020 (arXiv 2002.03613), and Saltini's QBFT specification. What is agreed and how views
change is as in `pbft.py`, where ROUND-CHANGE is called VIEW-CHANGE; here the leader sends a PREPARE like everybody else, and a quorum
is ceil(2n/3). Left out: voting validators in and out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from sim.consensus.ibft import IBFT2
from sim.kernel.part import part
from sim.kernel.presets import Preset
from sim.kernel.units import Patience
from sim.node.ballots import Ballots


@part
class QBFT(IBFT2):
    """QBFT (and IBFT's successor): every validator sends PREPARE; (n-1)(2n+1) messages, timers T*2^round, quorum ceil(2n/3)."""

    patience: Patience = 10_000_000_000  # round timeout T; Besu's documentation proposes 10 s
    preset: str = ""  # figures somebody runs; they fill what is not given

    presets: ClassVar[Mapping[str, Preset]] = {
        "besu-docs": Preset("the example of Besu's documentation", {"patience": "10 s"}, "5 s"),
        "besu-code": Preset("what Besu falls back on, save its period of 1 s, which leaves no time here", {"patience": "1 s"}),
        "goquorum": Preset("GoQuorum's defaults", {"patience": "10 s"}, "5 s"),
    }
    leader_prepares: ClassVar[bool] = True
    least_seats: ClassVar[int] = 1
    ballots: ClassVar[Ballots] = replace(IBFT2.ballots, leader_counts=False)
