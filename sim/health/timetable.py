"""The keys that all workloads of the tables share, and the four verbs by which a run drives them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from sim.health.catalogue import WEEKDAYS, Calendar, Entry
from sim.health.play import Play, Story
from sim.health.workbook import chapter_of
from sim.health.workbook_check import Chapter
from sim.health.world import WorkloadWorld
from sim.kernel.errors import ScenarioError
from sim.kernel.files import FileName
from sim.kernel.units import Count, Duration


@dataclass(frozen=True, kw_only=True)
class Timetable:
    """When and how much: shared by the ten workloads."""

    workload: ClassVar[str]
    """Its id in the tables, W1 to W10."""
    kind: ClassVar[str]
    """What scenarios and reports call it."""
    story: ClassVar[Callable[[Play], Story]]
    """What happens at each arrival."""
    open_to: ClassVar[tuple[str, ...]]
    """The deeds of insiders for which it gives occasion, and `tamper` where records are handed out."""

    scale: float = 1.0
    """Multiplies every rate."""
    compression: float = 1.0
    """How many times faster than the clock the day goes by; 24 puts a day into an hour. Deadlines of an hour and more shrink
    with it, shorter ones stay."""
    start_hour: Count = 8
    """Hour of the day at which the run begins, 0 to 23."""
    start_day: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] = "mon"
    """Day of the week at which the run begins."""
    rates: dict[str, float] = field(default_factory=dict)
    """Multiplies the rate of single rows, such as {sae_report = 40}."""
    clerks: Count = 0
    """Closed loop: how many an organisation has who each wait for the ledger before filing the next; 0: nobody waits (open loop)."""
    burst: float = 1.0
    """Multiplies every rate between `burst_at` and `burst_at` + `burst_lasts`."""
    burst_at: Duration = 0
    """When the burst begins."""
    burst_lasts: Duration = 0
    """How long it lasts; 0: there is none."""
    burst_seats: tuple[str, ...] = ()
    """Names, roles or regions it strikes; empty: all."""
    encrypt: Literal["modelled", "real"] = "modelled"
    """`real` seals full contents by AES-GCM; `modelled` a stand-in of the same stated size."""
    content: Literal["opaque", "shaped"] = "opaque"
    """`shaped` writes bodies in their format (FHIR R4B JSON, X12 837P, EPCIS 2.0 JSON) where a writer of ours has it; needs
    `encrypt = "real"`, as a stand-in has no room for a body."""
    table: FileName = ""
    """A file of the shape of workloads.json that takes the place of the shipped tables. Its `actors` are counted in the network
    whose seats its `reference_network` gives by role (`mix`); without one each seat that plays an actor is one."""
    events: FileName = ""
    """Events of your own (CSV or JSON lines with time_s, row, organisation, size_bytes) that take the place of drawn arrivals."""

    def check(self, world: WorkloadWorld | None = None) -> list[dict[str, str]]:
        """Whether the fields make sense; a run of these workloads is judged by its outcomes and the run's checks."""
        if world is not None:
            return []
        if self.start_hour > 23:
            raise ScenarioError("a day has the hours 0 to 23", "start_hour")
        if self.compression <= 0:
            raise ScenarioError("a clock that stands still has no arrivals: more than 0 is wanted", "compression")
        if self.content == "shaped" and self.encrypt != "real":
            raise ScenarioError('has no effect on stand-ins; write encrypt = "real" too', "content")
        if self.burst != 1 and not self.burst_lasts:
            raise ScenarioError("has no effect while burst_lasts = 0; say how long it lasts", "burst")
        if self.burst < 1:
            raise ScenarioError(f"a burst multiplies rates by at least 1, not by {self.burst:g}", "burst")
        known = self.chapter.entries
        for row in self.rates:
            if row not in known:
                raise ScenarioError(f"no row is called {row!r}; there are {', '.join(known)}", "rates")
        if self.events:
            self.replayed()
        self.rules()
        return []

    def rules(self) -> None:
        """Further rules of one workload; ScenarioError names the key."""

    @property
    def chapter(self) -> Chapter:
        """The workload's tables."""
        return chapter_of(self.workload, self.table)

    @property
    def calendar(self) -> Calendar:
        """How simulated time maps to the clock."""
        return Calendar(self.start_hour, WEEKDAYS.index(self.start_day), self.compression)

    def scale_of(self, entry: Entry) -> float:
        """What multiplies a row's rate at each seat: the user's factors, and for how many of the tables' actors the seat stands."""
        return self.scale * self.rates.get(entry.name, 1.0) * entry.actors_per_seat

    @classmethod
    def rows(cls) -> tuple[str, ...]:
        """The rows of the shipped tables, which `rates` and events name."""
        return tuple(chapter_of(cls.workload, "").entries)

    def replayed(self) -> list[tuple[int, str, str, int]]:
        """The user's own events: (time_ns, row, organisation, size_bytes), ascending; ScenarioError names line and column."""
        from sim.health.replay import events_of

        return events_of(self.events, tuple(self.chapter.entries))

    def setup(self, world: WorkloadWorld) -> None:
        """Write the founding state and listen to the ledger."""
        play = Play(world, self)
        world.memory["play"] = play
        play.open(type(self).story(play))

    def start(self, world: WorkloadWorld) -> None:
        """Schedule what arrives."""
        world.memory["play"].start()

    def outcome(self, world: WorkloadWorld) -> dict[str, Any]:
        """The workload's table in the report."""
        play: Play = world.memory["play"]
        return play.outcome()
