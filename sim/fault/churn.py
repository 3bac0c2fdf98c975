"""Churn: seats leave and come back over and over, each at times of its own.

The on-off model of peer-to-peer studies (Yao, Leonard, Wang, Loguinov, "Modeling heterogeneous user churn and local resilience of
unstructured P2P networks", ICNP 2006, section 3): stays and absences alternate, independent between seats. A seat is up for the
share stay / (stay + absence) of all time; with exponential stays n seats leave as a Poisson process. Leaving is a crash: a seat
keeps what it holds and what its protocol wrote down, and misses whatever is sent to it meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log1p
from typing import Literal

from sim.fault.crash import revive
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Duration
from sim.net.core.state import UP
from sim.node.surroundings import Surroundings

LEAST_NS = 1_000_000  # no stay or absence is shorter: it would be over before a message could be sent


@part
class Churn:
    """Let the chosen seats come and go until the fault ends; then all are up again."""

    seats: object = 1.0  # a count, a share, names, a role or a region
    stay: Duration = 600_000_000_000  # mean time from coming to leaving
    absence: Duration = 60_000_000_000  # mean time from leaving to coming back
    law: Literal["exponential", "regular"] = "exponential"  # regular: exactly so long each, from a moment of each seat's own

    def check(self) -> None:
        """Nobody comes and goes faster than a message."""
        for key in ("stay", "absence"):
            if getattr(self, key) < LEAST_NS:
                raise ScenarioError("nothing could be sent in so short a time; give at least 1 ms", key)

    def strike(self, world: Surroundings) -> Callable[[], None]:
        """Every seat's first stay begins, part of it gone already."""
        comings = Comings(self, world)
        for seat in world.choose(self.seats, "churn"):  # type: ignore[arg-type]
            comings.begin(seat)
        return comings.end


class Comings:
    """The comings and goings of one churn: who is away because of it, and what is due next."""

    def __init__(self, churn: Churn, world: Surroundings) -> None:
        self.churn, self.world = churn, world
        self.away: dict[int, bool] = {}
        self.over = False

    def begin(self, seat: int) -> None:
        """The rest of a stay: memoryless, or any part of a regular one."""
        self.away[seat] = False
        first_ns = self._draw(self.churn.stay, seat, 0)
        if self.churn.law == "regular":
            first_ns = max(LEAST_NS, round(self.world.society.dice.uniform("churn", seat, 0) * self.churn.stay))
        self._after(first_ns, seat, 1)

    def end(self) -> None:
        """Nobody leaves any more; who is away comes back."""
        self.over = True
        for seat, away in self.away.items():
            if away:
                revive(self.world, seat)
                self.away[seat] = False

    def _after(self, delay_ns: int, seat: int, turn: int) -> None:
        loop = self.world.society.loop
        loop.call_at_ns(loop.now_ns + delay_ns, self._turn, seat, turn)

    def _turn(self, seat: int, turn: int) -> None:
        """Leave at odd turns, come back at even ones. A seat that is down for another reason is left alone."""
        if self.over:
            return
        up = bool(self.world.society.network.world.seats[seat]["flags"] & UP)
        if turn % 2:
            if up:
                self.world.nodes[seat].crash()
                self.away[seat] = True
        elif self.away[seat]:
            self.away[seat] = False
            if not up:
                revive(self.world, seat)
        self._after(self._draw(self.churn.absence if turn % 2 else self.churn.stay, seat, turn), seat, turn + 1)

    def _draw(self, mean_ns: int, seat: int, turn: int) -> int:
        if self.churn.law == "regular":
            return mean_ns
        return max(LEAST_NS, round(-log1p(-self.world.society.dice.uniform("churn", seat, turn)) * mean_ns))
