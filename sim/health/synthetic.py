"""Transactions without meaning: a load of a stated rate and size, to measure consensus and gossip alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sim.health.catalogue import exponential_sums
from sim.health.tally import distribution
from sim.health.world import WorkloadWorld
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Size
from sim.ledger.block import CLASSES, Block, Transaction

FAMILY = "synthetic"
MOST_TRANSACTIONS = 10_000_000


@dataclass
class Load:
    """What one synthetic workload did in one run."""

    seats: Sequence[int] = ()
    """Who submits, ascending."""
    submitted_ns: dict[str, int] = field(default_factory=dict)
    waited_ns: dict[str, int] = field(default_factory=dict)
    """From submission to the submitter's decision that stands, of those that are final."""
    dropped: int = 0
    not_submitted: int = 0
    reverted: int = 0
    """How often one was final at its submitter and taken back."""

    def listen(self, world: WorkloadWorld) -> None:
        """Hear of decisions, and of those that are taken back."""
        world.on_decide(self.decided, late=True)
        world.on_revoke(self.revoked)

    def decided(self, seat: int, block: Block, time_ns: int) -> None:
        """A node decided a block: what that node itself submitted is final now."""
        for transaction in block.transactions:
            if transaction.submitter == seat and transaction.id in self.submitted_ns:
                self.waited_ns.setdefault(transaction.id, time_ns - self.submitted_ns[transaction.id])

    def revoked(self, seat: int, block: Block, time_ns: int) -> None:
        """A node took a block back: what that node itself submitted is final no longer."""
        for transaction in block.transactions:
            if transaction.submitter == seat and self.waited_ns.pop(transaction.id, None) is not None:
                self.reverted += 1


@part
class Synthetic:
    """Opaque transactions of one size at one rate, from all seats or some.

    Touches: transactions of family `synthetic`. `steady` lets the seats submit in turn at equal distances; `poisson` draws
    times and seats from the dice. A seat that is down when its turn comes submits nothing.
    """

    name: str = "synthetic"
    """Tells two such workloads of one run apart; part of every draw."""
    rate: float = 10.0
    """Transactions per second, all seats together."""
    size: Size = 250
    """Bytes of each."""
    arrivals: Literal["steady", "poisson"] = "poisson"
    """How they are spread over time and seats."""
    submitters: object = ()
    """Who submits: a count, a share, names, a role or a region; nobody named: all seats."""
    priority: Literal["C0", "C1", "C2", "C3", "C4"] = "C3"
    """Urgency in the mempool."""

    def check(self, world: WorkloadWorld | None = None) -> list[dict[str, str]]:
        """Without a world: whether the fields make sense. Opaque transactions give no verdicts."""
        if self.rate <= 0 or self.size < 1 or self.priority not in CLASSES:
            raise ScenarioError("a load has a rate and a size of more than 0", "rate" if self.rate <= 0 else "size")
        return []

    def setup(self, world: WorkloadWorld) -> None:
        """Listen to decisions."""
        try:
            seats = range(len(world.names)) if self.submitters == () else sorted(world.choose(self.submitters))
        except ScenarioError as error:
            raise ScenarioError(error.sentence, "submitters") from None
        world.memory["load"] = Load(seats=seats)
        world.memory["load"].listen(world)

    def start(self, world: WorkloadWorld) -> None:
        """Schedule the first; each one schedules its successor."""
        if self.rate * world.duration_ns / 1e9 > MOST_TRANSACTIONS:
            raise ScenarioError(f"comes to more than {MOST_TRANSACTIONS:,} transactions; lower it, or run for less long", "rate")
        times = self._times_ns(world)
        if times:
            world.at(times[0], self._happen, world, times, 0)

    def _times_ns(self, world: WorkloadWorld) -> list[int]:
        step_ns = 1e9 / self.rate
        if self.arrivals == "steady":
            return [int((place + 1) * step_ns) for place in range(int(world.duration_ns / step_ns))]
        sums = exponential_sums(world.duration_ns / step_ns, world.dice, "synthetic", self.name)
        return [time_ns for time_ns in (int(total * step_ns) for total in sums) if time_ns < world.duration_ns]

    def _happen(self, world: WorkloadWorld, times: list[int], index: int) -> None:
        if index + 1 < len(times):
            world.at(times[index + 1], self._happen, world, times, index + 1)
        load: Load = world.memory["load"]
        seats = load.seats
        steady = self.arrivals == "steady"
        seat = seats[index % len(seats) if steady else world.dice.below(len(seats), "synthetic seat", self.name, index)]
        if not world.is_up(seat):
            load.not_submitted += 1
            return
        facts = (("load", self.name), ("number", index))
        transaction = Transaction(FAMILY, seat, self.size, facts, "", world.now_ns, self.priority)
        load.submitted_ns[transaction.id] = world.now_ns
        load.dropped += world.submit(transaction) < 0

    def outcome(self, world: WorkloadWorld) -> dict[str, Any]:
        """The workload's table in the report."""
        load: Load = world.memory["load"]
        return {
            "kind": "synthetic",
            "submitted": len(load.submitted_ns),
            "final": len(load.waited_ns),
            "dropped": load.dropped,
            "finality_s": distribution([waited_ns / 1e9 for waited_ns in load.waited_ns.values()]),
            "slo": [],
            "outcomes": {"not_submitted": load.not_submitted, "reverted": load.reverted},
        }
