"""Electronic health records across organisations: the actors, their day, and the four verbs of a workload."""

from __future__ import annotations

from typing import Any, Literal

from sim.health.catalogue import WEEKDAYS, Calendar, Entry, ehr_entries
from sim.health.ehr_outcome import outcome_of
from sim.health.reading import EMERGENCY, ROUTINE, Reading
from sim.health.records import Vault
from sim.health.registrar import registrar_of
from sim.health.replay import events_of, unknown_organisation
from sim.health.world import WorkloadWorld
from sim.health.writing import Writing
from sim.kernel.errors import ScenarioError
from sim.kernel.files import FileName
from sim.kernel.part import part
from sim.kernel.units import Count, Duration, Share

RECEIVERS = {"lab_result_oru": ("hospital", "clinic"), "adt_notification": ("hie_registry", "clinic", "hospital")}


def actors_of(roles: tuple[str, ...]) -> dict[str, list[int]]:
    """Seats by role. Where nobody has a role of the table, every member is a hospital (and every seat, without members)."""
    by_role: dict[str, list[int]] = {}
    for seat, role in enumerate(roles):
        by_role.setdefault(role, []).append(seat)
    if not any(entry.role in by_role for entry in ehr_entries()):
        by_role["hospital"] = by_role.get("member") or list(range(len(roles)))
    return by_role


@part
class EHR:
    """Hospitals, clinics and laboratories write encounter records, anchor them on the chain and read each other's.

    Touches: transactions of family `record_anchor`, sealed records sent to the seats that keep copies, reads over the network.
    Every encounter makes one sealed record and one anchor (salted hash, pointer, organisation, time). Laboratory results and
    admission notices travel from site to site and are not anchored one by one. Sizes, rates and daily rhythm: the tables shipped
    beside this file, for a 150-bed hospital, a group of 10 clinicians, one laboratory; `compression` squeezes a day's arrivals
    into less simulated time while deadlines stay as they are. Outcomes: served, stale (a newer version was final at its source),
    unavailable by the deadline, tampered copies detected and undetected.
    """

    name: str = "ehr"
    """Tells two such workloads of one run apart; part of every draw."""
    scale: float = 1.0
    """Multiplies every rate."""
    compression: float = 1.0
    """How many times faster than the clock the day goes by; 24 puts a day into an hour."""
    start_hour: Count = 8
    """Hour of the day at which the run begins, 0 to 23."""
    start_day: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] = "mon"
    """Day of the week at which the run begins."""
    replicas: Count = 3
    """Copies of each record, the source's own one included."""
    encrypt: Literal["modelled", "real"] = "modelled"
    """`real` seals full contents by AES-GCM; `modelled` a stand-in of the same stated size."""
    content: Literal["opaque", "shaped"] = "opaque"
    """`shaped` writes records as FHIR R4B bundles of the drawn size; needs `encrypt = "real"`."""
    amended: Share = 0.05
    """Share of records that get a second version."""
    amend_after: Duration = 600_000_000_000
    """Mean time until then; drawn between half and one and a half of it."""
    emergency_deadline: Duration = 5_000_000_000
    """A summary must be usable within this time."""
    routine_deadline: Duration = 30_000_000_000
    """A document must be usable within this time."""
    anchor_deadline: Duration = 600_000_000_000
    """An anchor must be final within this time."""
    reads: bool = True
    """Whether anybody reads."""
    events: FileName = ""
    """Events of your own (CSV or JSON lines with time_s, row, organisation, size_bytes) that take the place of drawn arrivals."""

    @property
    def open_to(self) -> tuple[str, ...]:
        """What enemies have an occasion for."""
        return ("tamper",) if self.reads else ()

    def check(self, world: WorkloadWorld | None = None) -> list[dict[str, str]]:
        """Without a world: whether the fields make sense. With one: the verdicts on a finished run."""
        if world is not None:
            return self._verdicts(world)
        if self.start_hour > 23:
            raise ScenarioError("a day has the hours 0 to 23", "start_hour")
        if self.compression <= 0:
            raise ScenarioError("a clock that stands still has no arrivals: more than 0 is wanted", "compression")
        if self.content == "shaped" and self.encrypt != "real":
            raise ScenarioError('has no effect on stand-ins; write encrypt = "real" too', "content")
        if self.replicas < 1:
            raise ScenarioError("at least the source keeps a copy: 1 or more", "replicas")
        if self.events:
            self._replayed()
        return []

    @property
    def calendar(self) -> Calendar:
        """How simulated time maps to the clock."""
        return Calendar(self.start_hour, WEEKDAYS.index(self.start_day), self.compression)

    def setup(self, world: WorkloadWorld) -> None:
        """Prepare the ground truth and listen to decisions."""
        anchor_bytes = next(entry.median_bytes for entry in ehr_entries() if entry.use == "anchor")
        vault = Vault(world.dice, self.name, self.encrypt, self.content == "shaped")
        writing = Writing(world, self.name, vault, self.replicas, anchor_bytes, self.amended, self.amend_after)
        deadlines_ns = {EMERGENCY: self.emergency_deadline, ROUTINE: self.routine_deadline}
        world.memory["writing"] = writing
        world.memory["reading"] = Reading(world, self.name, writing, deadlines_ns)
        registrar_of(world)  # its ears before ours: what is final is settled before readers look again
        world.on_decide(writing.decided)

    @classmethod
    def rows(cls) -> tuple[str, ...]:
        """The rows of the tables that events name; anchors are none of them, as they follow from encounters."""
        return tuple(entry.name for entry in ehr_entries() if entry.use != "anchor")

    def _replayed(self) -> list[tuple[int, str, str, int]]:
        """The user's own events."""
        return events_of(self.events, self.rows())

    def _replay(self, world: WorkloadWorld) -> None:
        by_name = {entry.name: entry for entry in ehr_entries()}
        for index, (time_ns, row, organisation, size_bytes) in enumerate(self._replayed()):
            if organisation not in world.names:
                raise unknown_organisation(self.events, index, organisation, world.names)
            if time_ns < world.duration_ns:
                seat = world.names.index(organisation)
                world.at(time_ns, self._do, world, by_name[row].weighing(size_bytes), seat, index)

    def start(self, world: WorkloadWorld) -> None:
        """Schedule the first arrival of every actor and kind; each one then schedules its successor."""
        if self.events:
            self._replay(world)
            return
        actors = actors_of(world.roles)
        for entry in ehr_entries():
            if entry.use == "anchor" or (entry.use.endswith("_read") and not self.reads):
                continue
            for seat in actors.get(entry.role, ()):
                key = (self.name, world.names[seat], entry.name)
                times = self.calendar.arrivals_ns(entry, self.scale, world.duration_ns, world.dice, *key)
                if times:
                    world.at(times[0], self._happen, world, entry, seat, times, 0)

    def _happen(self, world: WorkloadWorld, entry: Entry, seat: int, times: list[int], index: int) -> None:
        if index + 1 < len(times):
            world.at(times[index + 1], self._happen, world, entry, seat, times, index + 1)
        self._do(world, entry, seat, index)

    def _do(self, world: WorkloadWorld, entry: Entry, seat: int, index: int) -> None:
        writing: Writing = world.memory["writing"]
        reading: Reading = world.memory["reading"]
        if entry.use == "encounter":
            writing.encounter(seat, entry, index)
        elif entry.use == "message":
            actors = actors_of(world.roles)
            wanted = next((actors[role] for role in RECEIVERS[entry.name] if role in actors), [])
            writing.message(seat, entry, index, wanted)
        else:
            reading.ask(seat, entry, index)

    def skipped(self, world: WorkloadWorld) -> list[str]:
        """What the table holds and nobody in this network does."""
        actors = actors_of(world.roles)
        return [entry.name for entry in ehr_entries() if not actors.get(entry.role)]

    def _verdicts(self, world: WorkloadWorld) -> list[dict[str, str]]:
        reading: Reading = world.memory["reading"]
        missed = [read for read in reading.reads if read.outcome == "tampered_undetected"]
        verdict = "fail" if missed else "pass" if reading.counts["tampered_detected"] else "unknown"
        first = f"record {missed[0].record.pseudonym} read at {world.names[missed[0].reader]}" if missed else ""
        evidence = first or f"{reading.counts['tampered_detected']} altered copies were put before readers, all rejected"
        return [{"name": f"{self.name}: tampered records detected", "verdict": verdict, "evidence": evidence}]

    def outcome(self, world: WorkloadWorld) -> dict[str, Any]:
        """The workload's table in the report."""
        deadlines_ns = {EMERGENCY: self.emergency_deadline, ROUTINE: self.routine_deadline, "anchor": self.anchor_deadline}
        writing, reading = world.memory["writing"], world.memory["reading"]
        return outcome_of(world, writing, reading, deadlines_ns, self.skipped(world))
