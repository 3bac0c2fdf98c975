"""The leader-based protocols: each stands the public check, works on every route it names, and comes back after outages."""

from __future__ import annotations

from typing import Any

import pytest

from sim.consensus.hotstuff.basic import HotStuff
from sim.consensus.hotstuff.chained import ChainedHotStuff
from sim.consensus.hotstuff.jolteon import Jolteon
from sim.consensus.hotstuff.two_phases import HotStuff2
from sim.consensus.ibft import IBFT2
from sim.consensus.simplex import Simplex
from sim.consensus.smartbft import SmartBFT
from sim.consensus.tendermint import Tendermint
from sim.testing import check_consensus

MENU = (
    IBFT2(),
    SmartBFT(complain="3 s", view_change="4 s"),
    HotStuff(),
    HotStuff2(),
    ChainedHotStuff(),
    Jolteon(),
    Tendermint(),
    Simplex(),
    Simplex(rebroadcast=False),
)


@pytest.mark.parametrize("seats", [4, 7])
@pytest.mark.parametrize("protocol", MENU, ids=lambda one: type(one).__name__)
def test_every_protocol_stands_the_public_check(protocol: Any, seats: int) -> None:
    check_consensus(protocol, seats=seats, seeds=1)
