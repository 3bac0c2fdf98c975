"""A wait that was taken back rests until its last wake has been read, though another one begins in the same breath."""

from __future__ import annotations

from sim.gossip import flood
from sim.kernel.dice import Dice
from sim.net.core.state import HOLD
from sim.net.costs import Costs
from sim.net.network import Network
from sim.net.strategy import Strategy
from sim.net.topologies import Complete


def test_a_wait_that_begins_while_wakes_are_read_gets_none_of_them() -> None:
    """Both waits are over at once, and one is taken back in the same batch; its number must not go to a wait that begins meanwhile."""
    net = Network(Complete(seats=2).build(Dice(1)), Costs(), Strategy(flood.rule), Dice(1))
    here, never = net.item("here", "block", 100), net.item("never", "block", 100)
    heard: list[str] = []

    def go_on(_: int) -> None:
        heard.append("here")
        net.watch(0, HOLD, 0, 1, 1, [never], lambda _: heard.append("never"))
        net.unwatch(kept)

    taken_back = net.watch(0, HOLD, 0, 1, 1, [here], lambda _: heard.append("taken back"))
    kept = net.watch(0, HOLD, 0, 1, 1, [here], go_on)  # the newest is told first
    net.advance(0)
    net.publish(0, here)
    net.unwatch(taken_back)
    net.advance(0)
    net.watch(0, HOLD, 0, 1, 1, [never], lambda _: heard.append("never"))
    net.advance(0)
    assert heard == ["here"]
    net.publish(0, never)
    net.advance(0)
    assert heard == ["here", "never", "never"]
