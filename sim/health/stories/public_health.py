"""Public health (W10): visits, results and cases go to the agency, doses to the ledger; clusters bring advisories.

An agency that has seen `cluster` case reports since its last advisory issues the next. Bed boards live on what arrives; nothing of
them is on the chain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sim.health.catalogue import Entry
from sim.health.courier import Parcel
from sim.health.levels import Ask, Level
from sim.health.outcomes.freshness import age_of_information
from sim.health.outcomes.public_health import Advisory, public_health_completeness
from sim.health.play import Act, Play, Window
from sim.health.registrar import Filing

if TYPE_CHECKING:
    from sim.health.public_health import PublicHealth

ADVISORY = Level("C2", "advisory at 99 % of nodes", 600)
BEDS = Level("C2", "bed status there", 300)
CASE = Level("C4", "case report at the agency", 14_400)
VISIT = Level("C4", "visit at the agency", 86_400)
AGAIN_NS = 30_000_000_000


class PublicHealthStory:
    """What happened, and what the agency knows of it."""

    family = "public_health"
    levels = (ADVISORY, BEDS, CASE, VISIT)

    def __init__(self, play: Play) -> None:
        self.play, self.part = play, cast("PublicHealth", play.part)
        self.acts: dict[str, Act] = {
            "syndromic_adt": self.tell,
            "elr": self.tell,
            "ecr_case_report": self.case,
            "immunisation": self.dose,
            "health_card_issue": self.card,
            "bed_or_resource_status": self.beds,
            "dashboard_query": self.look,
        }
        self.windows: dict[str, Window] = {}
        self.told: list[Parcel] = []
        self.cases: list[Filing] = []
        self.doubles: list[Filing] = []
        self.boards: list[Parcel] = []
        self.advisories: list[Advisory] = []
        self.agencies = play.seats("public_health")
        self._seen: dict[int, list[int]] = {}

    def open(self) -> None:
        """Everybody knows who the agencies are."""
        self.play.registrar.machine.found(("agencies",), tuple(self.agencies))

    def _agency(self, seat: int) -> int:
        return self.agencies[seat % len(self.agencies)]

    def tell(self, seat: int, entry: Entry, index: int) -> None:
        """A notice of a visit, or a result, goes straight to the agency."""
        if self.agencies:
            key = (entry.name, self.play.world.names[seat], index)
            self.told.append(self.play.courier.send(seat, (self._agency(seat),), self.play.size_bytes(entry, seat, index), *key))

    def case(self, seat: int, entry: Entry, index: int) -> None:
        """A notifiable case: the report sealed to the agency, its hash on the ledger; some are sent twice."""
        play = self.play
        if not self.agencies:
            return
        key = (entry.name, play.world.names[seat], index)
        event = "/".join(map(str, key))
        agency = self._agency(seat)
        parcel = play.courier.send(seat, (agency,), play.size_bytes(entry, seat, index), *key, anchored=True)
        facts = (("do", "report"), ("event", event), ("turn", 0))
        self.cases.append(play.file(seat, entry.name, "C2", facts, parties=(agency,), subject={}, anchor=parcel.anchor))
        if play.chance(self.part.reported_twice, "twice", *key):
            play.later(AGAIN_NS, self._double, seat, entry.name, event)
        if play.world.commits(seat, "forge-advisory"):
            forged = play.file(seat, "advisory", "C2", (("do", "advisory"), ("advisory", event)))
            self.advisories.append(Advisory(forged, False, play.world.now_ns))

    def _double(self, seat: int, row: str, event: str) -> None:
        self.doubles.append(self.play.file(seat, row, "C2", (("do", "report"), ("event", event), ("turn", 1))))

    def dose(self, seat: int, entry: Entry, index: int) -> None:
        """A vaccination goes on record."""
        facts = (("do", "dose"), ("event", f"{self.play.world.names[seat]}/{index}"))
        self.play.file(seat, entry.name, "C3", facts, size_bytes=self.play.size_bytes(entry, seat, index))

    def card(self, seat: int, entry: Entry, index: int) -> None:
        """A health card is printed for its holder; nothing travels."""

    def beds(self, seat: int, entry: Entry, index: int) -> None:
        """How many beds are free goes to the other hospitals."""
        key = (entry.name, self.play.world.names[seat], index)
        hospitals = self.play.seats("hospital")
        self.boards.append(self.play.courier.send(seat, hospitals, self.play.size_bytes(entry, seat, index), *key))

    def look(self, seat: int, entry: Entry, index: int) -> None:
        """Somebody at the agency looks at its own dashboard."""

    def settled(self, seat: int, filing: Filing, answer: str, time_ns: int) -> None:
        """An agency's node has a case: counted, and if it makes a cluster, everybody is told."""
        if filing.row != "ecr_case_report" or answer or seat not in self.agencies or not isinstance(filing.subject, dict):
            return
        if seat in filing.subject:
            return
        filing.subject[seat] = time_ns
        seen = self._seen.setdefault(seat, [])
        seen.append(filing.submitted_ns)
        if self.part.cluster and len(seen) % self.part.cluster == 0:
            name = f"{self.play.world.names[seat]}/{len(seen)}"
            advisory = self.play.file(seat, "advisory", "C2", (("do", "advisory"), ("advisory", name)))
            self.advisories.append(Advisory(advisory, True, filing.submitted_ns))

    def undone(self, seat: int, filing: Filing, time_ns: int) -> None:
        """The agency has read what it has read."""

    def asks(self) -> list[Ask]:
        """Reports where the agency reads them, advisories at 99 % of nodes, beds at every hospital."""
        courier, reached = self.play.courier, self.play.registrar.everywhere_ns
        asks = [Ask(VISIT, parcel.sent_ns, courier.arrived_ns(parcel, seat)) for parcel in self.told for seat in parcel.receivers]
        asks += [Ask(CASE, filing.submitted_ns, min(filing.subject.values(), default=-1)) for filing in self.cases]
        asks += [Ask(ADVISORY, one.filing.submitted_ns, reached(one.filing, 0.99)) for one in self.advisories if one.genuine]
        return asks + [Ask(BEDS, one.sent_ns, courier.arrived_ns(one, seat)) for one in self.boards for seat in one.receivers]

    def outcomes(self) -> dict[str, Any]:
        """M16, M22."""
        courier, end_ns, limit_ns = self.play.courier, self.play.world.now_ns, VISIT.deadline_ns(self.part.compression)
        reports = [(parcel.sent_ns, courier.arrived_ns(parcel, seat)) for parcel in self.told for seat in parcel.receivers]
        reports += [(filing.submitted_ns, min(filing.subject.values(), default=-1)) for filing in self.cases]
        final = [filing for filing in self.doubles if filing.final_ns >= 0]
        counted = sum(filing.answer == "" for filing in final)
        return {
            "public_health_completeness": public_health_completeness(
                reports, limit_ns, end_ns, counted, len(final) - counted, self.advisories, self.play.registrar.everywhere_ns
            ),
            "age_of_information": age_of_information(self._bed_points(), end_ns),
        }

    def _bed_points(self) -> dict[int, list[tuple[int, int]]]:
        """Per pair of reporter and reader, when each status was there."""
        points: dict[int, list[tuple[int, int]]] = {}
        seats = len(self.play.world.names)
        for parcel in self.boards:
            for seat in parcel.receivers:
                there = self.play.courier.arrived_ns(parcel, seat)
                points.setdefault(parcel.source * seats + seat, []).append((parcel.sent_ns, there))
        return points
