"""An archive of large objects: images or genomes are stored at one site and asked for at others.

The load of W9 in its simplest form: sizes and rates are the scenario's, nothing is anchored, and every read is judged by whether
the object was there, whole and in time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sim.health.tally import distribution, share
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration, Size


@dataclass
class Shelf:
    """What one archive did in one run."""

    stored: list[tuple[str, int, tuple[int, ...]]] = field(default_factory=list)
    """(digest, writer, seats with copies) of each object."""
    asked: int = 0
    served: int = 0
    not_written: int = 0
    not_asked: int = 0
    waited_ns: list[int] = field(default_factory=list)


@part
class Archive:
    """Store `objects` of `size`, one every `every`, and read each of them `reads` times at other sites.

    Touches: objects off the chain, in the scheme that `[availability]` names, or in `copies` whole copies without one. Reads begin
    `after` the first object is stored and are spread evenly up to `until`; each asks for one of the objects stored by then.
    """

    name: str = "archive"
    """Tells two such workloads of one run apart; part of every draw."""
    objects: Count = 20
    """How many are stored."""
    size: Size = 20_000_000
    """Bytes of each."""
    every: Duration = 1_000_000_000
    """From one to the next."""
    first: Duration = 0
    """When the first one is stored."""
    writers: Any = 1.0
    """Who stores them, in turn: a share, names, a role or a region."""
    copies: Count = 3
    """Whole copies of each, the writer's own included; without effect where a scheme stores them."""
    reads: Count = 2
    """Reads for each object, on the whole."""
    readers: Any = 1.0
    """Who asks, drawn each time: a share, names, a role or a region."""
    after: Duration = 5_000_000_000
    """From when on it is read, counted from the first storing."""
    until: Duration = 0
    """When the last read begins; 0: at nine tenths of the run."""
    deadline: Duration = 60_000_000_000
    """An object must be whole at its reader within this time."""
    label: str = "image"
    """The class under which its reads are counted."""

    def check(self) -> None:
        """There is something to store, and time to read it."""
        if self.objects < 1 or self.copies < 1:
            raise ScenarioError("at least one is wanted", "objects" if self.objects < 1 else "copies")

    def setup(self, world: Any) -> None:
        """An empty shelf."""
        world.memory["shelf"] = Shelf()

    def start(self, world: Any) -> None:
        """Schedule every writing and reading."""
        for index in range(self.objects):
            world.at(self.first + index * self.every, self._write, world, index)
        until_ns = self.until or world.duration_ns * 9 // 10
        begin_ns = self.first + self.after
        total = self.objects * self.reads
        for turn in range(total):
            world.at(begin_ns + max(0, until_ns - begin_ns) * (turn + 1) // total, self._read, world, turn)

    def _write(self, world: Any, index: int) -> None:
        shelf: Shelf = world.memory["shelf"]
        writers = world.seats_called(self.writers, f"{self.name} writers")
        writer = writers[index % len(writers)]
        if not world.is_up(writer):
            shelf.not_written += 1
            return
        digest = f"{self.name}-{index}"
        others = [seat for seat in world.dice.shuffled(len(world.names), "copies", self.name, index) if seat != writer]
        places = tuple(others[: self.copies - 1])
        shelf.stored.append((digest, writer, (writer, *places)))
        world.publish_record(writer, digest, self.size, places, stored=True)

    def _read(self, world: Any, turn: int) -> None:
        shelf: Shelf = world.memory["shelf"]
        readers = world.seats_called(self.readers, f"{self.name} readers")
        reader = readers[world.dice.below(len(readers), "archive reader", self.name, turn)]
        if not shelf.stored or not world.is_up(reader):
            shelf.not_asked += 1
            return
        digest, _, holders = shelf.stored[world.dice.below(len(shelf.stored), "archive object", self.name, turn)]
        shelf.asked += 1

        def done(outcome: str, waited_ns: int) -> None:
            if outcome == "served":
                shelf.served += 1
                shelf.waited_ns.append(waited_ns)
            world.trace.record("read", reader, digest, self.label, outcome, waited_ns)

        world.fetch_record(reader, digest, holders, world.now_ns + self.deadline, done)

    def outcome(self, world: Any) -> dict[str, Any]:
        """The workload's table in the report."""
        shelf: Shelf = world.memory["shelf"]
        return {
            "kind": "archive",
            "submitted": len(shelf.stored),
            "final": None,
            "dropped": 0,
            "finality_s": None,
            "slo": [
                {"name": f"{self.label} read", "target": self.deadline / 1e9, "attained_share": share(shelf.served, shelf.asked)}
            ],
            "outcomes": {
                "asked": shelf.asked,
                "served": shelf.served,
                "not_asked": shelf.not_asked,
                "not_written": shelf.not_written,
                "read_s": distribution([waited_ns / 1e9 for waited_ns in shelf.waited_ns]),
            },
        }
