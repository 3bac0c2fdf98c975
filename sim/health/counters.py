"""Counters that many change at once, such as the stock of a medicine on a ward: the load under which optimistic execution suffers.

Whoever runs a transaction before it is ordered must find out afterwards that somebody else was quicker: Thakkar, Nathan, Viswanathan,
"Performance benchmarking and optimizing Hyperledger Fabric", MASCOTS 2018, section VI. Of m transactions that were run on one state and
stand in one block, each on one of k keys drawn at random, as many are valid as there are different keys: k (1 - (1 - 1/k)^m).
"""

from __future__ import annotations

from typing import Any

from sim.health.synthetic import Load
from sim.health.tally import distribution
from sim.health.world import WorkloadWorld
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration, Size
from sim.ledger.block import Transaction

FAMILY = "counter"
FATES = ("valid", "conflict", "unendorsed")


@part
class Counters:
    """Bursts of transactions that each read and write one of a few keys.

    Touches: transactions of family `counter` whose fact `key` names the key. With `consensus.kind = "fabric"` the outcomes tell how many
    were valid; under any other protocol a transaction runs when its place is known, and all three are null.
    """

    name: str = "counters"
    """Tells two such workloads of one run apart; part of every key and draw."""
    keys: Count = 10
    """How many counters there are; each transaction takes one by lot."""
    burst: Count = 1
    """Transactions that are submitted at one instant, by seats drawn by lot."""
    every: Duration = 1_000_000_000
    """From a burst to the next."""
    first: Duration = 1_000_000_000
    """When the first burst comes."""
    size: Size = 400
    """Bytes of each transaction."""

    def check(self, world: WorkloadWorld | None = None) -> list[dict[str, str]]:
        """Without a world: whether the fields make sense. Counters give no verdicts."""
        for key in ("keys", "burst", "every", "size"):
            if getattr(self, key) < 1:
                raise ScenarioError("must be more than 0", key)
        return []

    def setup(self, world: WorkloadWorld) -> None:
        """Listen to decisions."""
        world.memory["load"] = Load()
        world.memory["load"].listen(world)

    def start(self, world: WorkloadWorld) -> None:
        """Schedule every burst."""
        for place, time_ns in enumerate(range(self.first, world.duration_ns, self.every)):
            world.at(time_ns, self._happen, world, place)

    def _happen(self, world: WorkloadWorld, place: int) -> None:
        load: Load = world.memory["load"]
        for turn in range(self.burst):
            draw = (self.name, place, turn)
            seat = world.dice.below(len(world.names), "counter seat", *draw)
            if not world.is_up(seat):
                load.not_submitted += 1
                continue
            key = f"{self.name}-{world.dice.below(self.keys, 'counter key', *draw)}"
            facts = (("key", key), ("burst", place), ("turn", turn))
            transaction = Transaction(FAMILY, seat, self.size, facts, "", world.now_ns)
            load.submitted_ns[transaction.id] = world.now_ns
            load.dropped += world.submit(transaction) < 0

    def outcome(self, world: WorkloadWorld) -> dict[str, Any]:
        """The workload's table in the report; fates are those that the first honest seat to commit each block told."""
        load: Load = world.memory["load"]
        fates = fates_of(world)
        judged = sum(fates.values())
        return {
            "kind": "counters",
            "submitted": len(load.submitted_ns),
            "final": len(load.waited_ns),
            "dropped": load.dropped,
            "finality_s": distribution([waited_ns / 1e9 for waited_ns in load.waited_ns.values()]),
            "slo": [],
            "outcomes": {
                "not_submitted": load.not_submitted,
                "reverted": load.reverted,
                **{fate: fates[fate] if judged else None for fate in FATES},
                "conflict_share": fates["conflict"] / judged if judged else None,
            },
        }


def fates_of(world: WorkloadWorld) -> dict[str, int]:
    """How many transactions of all blocks met each fate, each block counted once."""
    honest = world.honest
    fates, seen = dict.fromkeys(FATES, 0), dict[int, None]()
    rows: Any = world.trace
    for row in rows:
        if row[1] == "note" and row[3] == "validated" and honest[row[2]]:
            facts = dict(row[4])
            if facts["slot"] not in seen:
                seen[facts["slot"]] = None
                for fate in FATES:
                    fates[fate] += facts[fate]
    return fates
