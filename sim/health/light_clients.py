"""Light clients: readers without a copy of their own, each bound to one seat, and online only now and then.

A light client keeps nothing, relays nothing and does not vote: it asks its home what the newest thing is and takes its word for
it. So it costs the network nothing but its reads, and is as well informed as its home: stale if the home is behind, without an
answer if the home is down or refuses to serve.

Light clients are no seats, on purpose: a seat has an identity that votes, so 10,000 pharmacies would be 10,000 validators, and a quorum
would wait for those that are offline. What they have is a line of their own to their home, with a latency, a rate and times at which it is
down. Answers take their time on that line, one after the other; the home's uplink into the network is another line and carries none of
them. To let clients take part in the gossip itself, make them seats by a role, and let them come and go with the fault `churn`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log1p
from typing import Any

from sim.health.presence import absences, back_ns
from sim.health.tally import distribution
from sim.health.world import WorkloadWorld
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration, Rate, Size

MOST_CLIENTS = 100_000
OUTCOMES = ("served", "stale", "unavailable")


@dataclass
class Clients:
    """What the light clients of one workload did in one run, and what there was to be known."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    waited_ns: list[int] = field(default_factory=list)
    offline: int = 0
    height: int = 0
    free_ns: dict[tuple[int, int], int] = field(default_factory=dict)
    """By home and client, when the line has brought all answers so far."""
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
    rate: Rate = 0  # of that line, on which answers come one after the other; 0: not modelled
    answer: Size = 0  # size of an answer: the newest header with its certificate, or all that was asked for
    patience: Duration = 5_000_000_000  # how long a client waits for its home, which it asks again every second
    fresh: Duration = 2_000_000_000  # how old news may be before an answer without them is stale

    def check(self, world: WorkloadWorld | None = None) -> list[dict[str, str]]:
        """Time passes; the clients give no verdicts."""
        for key in ("every", "online"):
            if getattr(self, key) < 1_000_000:
                raise ScenarioError("at least 1 ms is wanted", key)
        if self.clients > MOST_CLIENTS:
            raise ScenarioError(
                f"{self.clients:,} clients of each home are more than the {MOST_CLIENTS:,} that are followed", "clients"
            )
        for key, other in (("rate", "answer"), ("answer", "rate")):
            if getattr(self, key) and not getattr(self, other):
                raise ScenarioError(f"has no effect while {other} = 0; give both, or drop the key", key)
        return []

    def setup(self, world: WorkloadWorld) -> None:
        """Listen to what the world comes to know."""
        clients = world.memory["clients"] = Clients()
        world.on_decide(clients.decided)
        if not world.has_ledger:
            world.on_publish(lambda time_ns, name: clients.news.append((time_ns, name, 0)))

    def start(self, world: WorkloadWorld) -> None:
        """Every client goes through its wishes to the end of the run; time spent offline is drawn beside it."""
        try:
            homes = world.choose(self.homes)
        except ScenarioError as error:
            raise ScenarioError(error.sentence, "homes") from None
        for home in homes:
            for client in range(self.clients):
                self._live(world, home, client)

    def _live(self, world: WorkloadWorld, home: int, client: int) -> None:
        key = (world.number, world.names[home], client)
        spans = absences(world, home, client, self.online, self.offline)
        wish_ns, index = 0, 0
        while True:
            wish_ns += max(1, round(-log1p(-world.dice.uniform("light client wish", *key, index)) * self.every))
            index += 1
            if wish_ns >= world.duration_ns:
                return
            asks_ns = back_ns(spans, wish_ns)
            if asks_ns < world.duration_ns:
                world.at(asks_ns, self._ask, world, (home, client), wish_ns, asks_ns)
            world.memory["clients"].offline += asks_ns > wish_ns

    def _ask(self, world: WorkloadWorld, line: tuple[int, int], wish_ns: int, first_ns: int) -> None:
        """The question reaches the home."""
        world.at(world.now_ns + self.access, self._answer, world, line, wish_ns, first_ns)

    def _answer(self, world: WorkloadWorld, line: tuple[int, int], wish_ns: int, first_ns: int) -> None:
        """The home answers from what it holds, or is asked again a second later while there is patience."""
        home, now_ns = line[0], world.now_ns
        if world.is_up(home) and world.serves(home):
            sent_ns = self._send(world, line)
            self._finish(world, home, "stale" if self._is_behind(world, home) else "served", sent_ns + self.access - wish_ns)
        elif now_ns + 1_000_000_000 <= first_ns + self.patience:
            world.at(now_ns + 1_000_000_000, self._answer, world, line, wish_ns, first_ns)
        else:
            self._finish(world, home, "unavailable", first_ns + self.patience - wish_ns)

    def _send(self, world: WorkloadWorld, line: tuple[int, int]) -> int:
        """When the last bit of an answer that is given now has left."""
        if not self.rate:
            return world.now_ns
        free_ns = world.memory["clients"].free_ns
        sent_ns: int = max(world.now_ns, free_ns.get(line, 0)) + round(self.answer * 8e9 / self.rate)
        free_ns[line] = sent_ns
        return sent_ns

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
