"""Turncoat: the relay that behaves until it is well thought of, and then lives on its good name.

Peer scores reward past service. A turncoat earns them, stops relaying, and where it is told to it serves again before its name is
spent: the covert flash and on-off attacks of the GossipSub evaluation (Vyzovitis et al. 2020, section 5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Duration
from sim.net.bending import bend, bent, mark
from sim.net.core.state import SILENCES
from sim.node.surroundings import Surroundings


@part
class Turncoat:
    """Relay honestly for `honest`, then pass on and serve nothing of others for `idle`, keeping every connection, and so on in turn."""

    honest: Duration = 30_000_000_000  # how long it behaves
    idle: Duration | None = None  # how long it then relays nothing; none: to the end

    def check(self) -> None:
        """Each phase takes time."""
        for key in ("honest", "idle"):
            if getattr(self, key) is not None and getattr(self, key) < 1_000_000:
                raise ScenarioError("a phase lasts at least 1 ms", key)

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """All turn at once: the first phase is the honest one."""
        over: list[bool] = []
        loop, network = world.society.loop, world.society.network

        group = mark(network, range(world.topology.n))

        def relay(on: bool) -> None:
            for seat in seats:
                silenced = bent(network, seat, SILENCES) & ~group
                bend(network, seat, SILENCES, silenced if on else silenced | group)

        def turn(idle: bool) -> None:
            if over:
                return
            relay(not idle)
            lasts = self.idle if idle else self.honest
            if lasts is not None:
                loop.call_at_ns(loop.now_ns + lasts, turn, not idle)

        def release() -> None:
            over.append(True)
            relay(True)

        turn(False)
        return release
