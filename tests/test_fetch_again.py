"""Who asks again is answered under new weather: no pair of seats is unlucky for ever."""

from __future__ import annotations

import numpy as np
import pytest

from sim.kernel.dice import Dice
from sim.net.core import state as st
from sim.net.costs import Costs
from sim.net.network import Network
from sim.net.strategy import Strategy
from sim.net.topologies import Complete

SECOND = 1_000_000_000


def silent(w: object, event: int, seat: int, peer: int, item: int) -> int:
    """A rule that sends nothing by itself."""
    return 0


def lossy(seed: int) -> Network:
    """Two seats; six of ten copies are lost."""
    dice = Dice(seed)
    topology = Complete(seats=2).build(dice)
    return Network(topology, Costs(constant_ns=1_000_000, loss=0.6), Strategy(silent), dice)


@pytest.mark.parametrize("by_asking", [True, False])
def test_a_second_try_meets_new_weather(by_asking: bool) -> None:
    tries = []
    for seed in range(30):
        network = lossy(seed)
        item = network.item("image", "record", 1000)
        network.publish(0, item, False)
        for turn in range(1, 60):
            if by_asking:
                network.ask(1, 0, item)
            elif turn > 1:
                network.hand_over(0, 1, item)
            network.advance(turn * SECOND)
            if network.world.held[0, 1] == st.HELD:
                tries.append(turn - (not by_asking))
                break
    assert len(tries) == 30, "nobody asks in vain for ever"
    mean = 1 / 0.4 ** (2 if by_asking else 1)  # a request and its answer, or the body alone, come through
    assert abs(np.mean(tries) - mean) < 4 * mean / np.sqrt(30)
