"""The seam between a protocol and real time: now, send(envelope), deliver(envelope).

A node's world is the simulator's own, votes counted in the same compiled core, but only one of its seats is inhabited and nothing in it
takes time. What the node says to others leaves by `Outward`; what others say is delivered as if it had just come. Its loop is the
virtual one, turned as far as the clock on the wall has gone.
"""

from __future__ import annotations

from heapq import heappop
from typing import Any, Protocol

from sim.kernel.dice import Dice
from sim.kernel.loop import VirtualLoop
from sim.net.costs import Costs
from sim.net.network import Network
from sim.net.strategy import Strategy
from sim.net.topology import Topology

EVERYBODY = -1


class Outward(Protocol):
    """Where what a node says leaves its world."""

    def say(self, to: int, signer: int, message: int) -> None:
        """A message to one seat, or to EVERYBODY else."""

    def spread(self, item: int) -> None:
        """A body or a message to all neighbours, which pass it on."""

    def ask(self, peer: int, item: int) -> None:
        """Request a body from one peer."""

    def hand_over(self, to: int, item: int) -> None:
        """A body to one seat."""


class PacedLoop(VirtualLoop):
    """The virtual loop of one node, for whoever turns it by a clock."""

    @property
    def due_ns(self) -> int | None:
        """When the next timer is due; None where there is none."""
        while self._timers and not self._timers[0][2]:
            heappop(self._timers)
        return self._timers[0][0] if self._timers else None


class Inhabited(Network):
    """The network as the only inhabited seat of a world sees it."""

    def __init__(self, topology: Topology, dice: Dice, seat: int, outward: Outward) -> None:
        super().__init__(topology, Costs(), Strategy(_no_relay), dice)
        self.seat, self._outward = seat, outward

    def send(self, source: int, target: int, signer: int, message: int) -> None:
        """To this seat at once, to others through the socket."""
        if target == self.seat:
            super().send(source, target, signer, message)
        else:
            self._outward.say(target, signer, message)

    def broadcast(self, source: int, signer: int, message: int) -> None:
        """To itself at once, to everybody else through the sockets."""
        super().send(self.seat, self.seat, signer, message)
        self._outward.say(EVERYBODY, signer, message)

    def publish(self, seat: int, item: int, relayed: bool = True) -> None:
        """This seat holds it from now on, and its neighbours soon do, if `relayed`."""
        super().publish(seat, item, False)
        if relayed:
            self._outward.spread(item)

    def ask(self, seat: int, peer: int, item: int) -> None:
        """Request a body from a peer, which answers if it has it."""
        self._outward.ask(peer, item)

    def hand_over(self, source: int, target: int, item: int) -> None:
        """Send a body to one seat."""
        self._outward.hand_over(target, item)


def _no_relay(w: Any, event: int, seat: int, peer: int, item: int) -> int:
    return 0
