"""Light clients: readers without a copy of their own, each bound to one seat, and online only now and then.

A light client keeps nothing, relays nothing and does not vote: it asks its home what the newest thing is and takes its word for
it. So it costs the network nothing but its reads, and is as well informed as its home: stale if the home is behind, without an
answer if the home is down or refuses to serve. On-off times as in `sim.fault.churn` (Yao et al., ICNP 2006, section 3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log1p
from typing import Any

from sim.health.tally import distribution
from sim.health.world import WorkloadWorld
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration

OUTCOMES = ("served", "stale", "unavailable")


@dataclass
class Clients:
    """What the light clients of one workload did in one run, and what there was to be known."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    waited_ns: list[int] = field(default_factory=list)
    offline: int = 0
    height: int = 0
    news: list[tuple[int, str, int]] = field(default_factory=list)
    """(time in ns, name of a published thing or '', height of a decided block or 0), in order: what the world knows."""

    def decided(self, seat: int, block: Any, time_ns: int) -> None:
        """Some node has decided a block; the first to do so makes it known."""
        if block.height > self.height:
            self.height = block.height
            self.news.append((time_ns, "", block.height))


@part
class LightClients:
    """Readers bound to home seats. With consensus they ask for the newest decided block, without it for the newest published thing.

    Touches: reads. An answer is stale if the home lacks something that was known in the network for longer than `fresh`.
    """

    clients: Count = 1  # light clients of each home
    homes: object = 1.0  # which seats have light clients: a count, a share, names, a role or a region
    every: Duration = 10_000_000_000  # mean time between two wishes of a client to read
    online: Duration = 600_000_000_000  # mean time for which a client is online
    offline: Duration = 60_000_000_000  # mean time for which it is not; a wish waits until it is back
    access: Duration = 20_000_000  # one way between a client and its home, on a line of its own
    patience: Duration = 5_000_000_000  # how long a client waits for its home, which it asks again every second
    fresh: Duration = 2_000_000_000  # how old news may be before an answer without them is stale

    def check(self, world: WorkloadWorld | None = None) -> list[dict[str, str]]:
        """Time passes; the clients give no verdicts."""
        for key in ("every", "online"):
            if getattr(self, key) < 1_000_000:
                raise ScenarioError("at least 1 ms is wanted", key)
        return []

    def setup(self, world: WorkloadWorld) -> None:
        """Listen to what the world comes to know."""
        clients = world.memory["clients"] = Clients()
        world.on_decide(clients.decided)
        if not world.has_ledger:
            world.on_publish(lambda time_ns, name: clients.news.append((time_ns, name, 0)))

    def start(self, world: WorkloadWorld) -> None:
        """Every client goes through its wishes to the end of the run; time spent offline is drawn beside it."""
        for home in world.choose(self.homes):
            for client in range(self.clients):
                self._live(world, home, client)

    def _live(self, world: WorkloadWorld, home: int, client: int) -> None:
        key = (world.number, world.names[home], client)
        until_ns, turn, online = 0, 0, True
        spans: list[tuple[int, int]] = []
        while until_ns < world.duration_ns:
            mean_ns = self.online if online else self.offline
            length_ns = round(-log1p(-world.dice.uniform("light client online", *key, turn)) * mean_ns)
            if not online:
                spans.append((until_ns, until_ns + length_ns))
            until_ns, turn, online = until_ns + length_ns, turn + 1, not online
        wish_ns, index = 0, 0
        while True:
            wish_ns += max(1, round(-log1p(-world.dice.uniform("light client wish", *key, index)) * self.every))
            index += 1
            if wish_ns >= world.duration_ns:
                return
            back_ns = next((end_ns for start_ns, end_ns in spans if start_ns <= wish_ns < end_ns), wish_ns)
            if back_ns < world.duration_ns:
                world.at(back_ns, self._ask, world, home, wish_ns, back_ns)
            world.memory["clients"].offline += back_ns > wish_ns

    def _ask(self, world: WorkloadWorld, home: int, wish_ns: int, first_ns: int) -> None:
        """The question reaches the home."""
        world.at(world.now_ns + self.access, self._answer, world, home, wish_ns, first_ns)

    def _answer(self, world: WorkloadWorld, home: int, wish_ns: int, first_ns: int) -> None:
        """The home answers from what it holds, or is asked again a second later while there is patience."""
        now_ns = world.now_ns
        if world.is_up(home) and world.serves(home):
            self._finish(world, home, "stale" if self._is_behind(world, home) else "served", now_ns + self.access - wish_ns)
        elif now_ns + 1_000_000_000 <= first_ns + self.patience:
            world.at(now_ns + 1_000_000_000, self._answer, world, home, wish_ns, first_ns)
        else:
            self._finish(world, home, "unavailable", first_ns + self.patience - wish_ns)

    def _is_behind(self, world: WorkloadWorld, home: int) -> bool:
        clients: Clients = world.memory["clients"]
        for time_ns, name, height in reversed(clients.news):
            if time_ns + self.fresh <= world.now_ns:
                return world.chain_of(home).height < height if height else not world.holds(home, name)
        return False

    def _finish(self, world: WorkloadWorld, home: int, outcome: str, waited_ns: int) -> None:
        clients: Clients = world.memory["clients"]
        clients.counts[outcome] += 1
        if outcome != "unavailable":
            clients.waited_ns.append(waited_ns)
        world.trace.record("read", home, "newest", "light", outcome, waited_ns)

    def outcome(self, world: WorkloadWorld) -> Mapping[str, Any]:
        """The workload's table in the report; waiting counts from the wish, time offline included."""
        clients: Clients = world.memory["clients"]
        reads = sum(clients.counts.values())
        return {
            "kind": "light-clients",
            "submitted": 0,
            "final": None,
            "dropped": 0,
            "finality_s": None,
            "slo": [],
            "outcomes": {
                "reads": reads,
                **clients.counts,
                "served_share": clients.counts["served"] / reads if reads else None,
                "stale_share": clients.counts["stale"] / reads if reads else None,
                "wishes_while_offline": clients.offline,
                "waited_s": distribution([waited_ns / 1e9 for waited_ns in clients.waited_ns]),
            },
        }
