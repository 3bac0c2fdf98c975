"""Large objects (W9): studies and genomes stay off the chain, their manifests on it; readers get them back and check them.

How they lie is the scenario's scheme of availability: in shares, of which some are enough, at seats that its policy names, audited
and repaired there; without one, as whole copies at some sites. Either way the manifest vouches for what a reader gets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from sim.health.catalogue import Entry
from sim.health.courier import Fetch, Parcel
from sim.health.levels import Ask, Level
from sim.health.outcomes.availability import rebuildable_share, study_availability
from sim.health.play import Act, Play, Window
from sim.health.registrar import Filing

if TYPE_CHECKING:
    from sim.health.imaging import Imaging

PRIOR = Level("C1", "prior CT retrieved", 60)
WITHHELD = Level("C2", "withheld share detected", 30)
MANIFEST = Level("C3", "manifest final", 600)
HOUR_NS = 3_600_000_000_000
PATIENCE_NS = 60_000_000_000
PACE_BYTES_S = 2_500_000
"""A reader gives up PATIENCE_NS after a study would have come at 20 Mbit/s."""


@dataclass(eq=False, slots=True)
class Study:
    """One large object, and the filing of its manifest."""

    name: str
    row: str
    parcel: Parcel
    filing: Filing


class ImagingStory:
    """Studies as they were stored, and who got them back."""

    family = "imaging"
    levels = (PRIOR, WITHHELD, MANIFEST)

    def __init__(self, play: Play) -> None:
        self.play, self.part = play, cast("Imaging", play.part)
        studies = ("xray_study", "ct_study", "mr_study", "mammo_tomo_study", "whole_slide_image", "exome", "genome_30x")
        self.acts: dict[str, Act] = dict.fromkeys(studies, self.store)
        self.acts |= {"access_grant_visa": self.visa, "bulk_fhir_export": self.export}
        self.windows: dict[str, Window] = {}
        self.studies: list[Study] = []
        self.retrievals: list[tuple[Study, Fetch]] = []
        self.readers = list(dict.fromkeys((*play.seats("hospital"), *play.seats("imaging_centre"))))

    def open(self) -> None:
        """No study is stored yet."""

    def store(self, seat: int, entry: Entry, index: int) -> None:
        """A study is stored as the scenario's scheme has it, its manifest filed; two readers will want it."""
        play, storage, key = self.play, self.play.world.storage, (entry.name, self.play.world.names[seat], index)
        size_bytes = max(1000, round(play.size_bytes(entry, seat, index) * self.part.size_scale))
        others = [reader for reader in self.readers if reader != seat]
        order = play.dice.shuffled(len(others), "holders", play.name, *key)
        holders = [others[place] for place in order[: self.part.copies - 1]]
        parcel = play.courier.send(seat, holders, size_bytes, *key, anchored=True, kept=False, stored=True)
        name = "/".join(map(str, key))
        pieces, enough = (len(holders) + 1, 1) if storage is None else storage.code
        facts = (("do", "manifest"), ("object", name), ("pieces", pieces), ("enough", enough))
        manifest_bytes = play.size_bytes(play.chapter.entries["manifest_anchor"], *key)
        filing = play.file(seat, "manifest_anchor", "C3", facts, anchor=parcel.anchor, size_bytes=manifest_bytes)
        play.count("manifest_anchor")
        study = Study(name, entry.name, parcel, filing)
        self.studies.append(study)
        for turn in range(2):
            wait = HOUR_NS / self.part.compression * (0.1 + 2 * play.dice.uniform("wanted after", play.name, *key, turn))
            play.later(round(wait), self._retrieve, study, turn)

    def _retrieve(self, study: Study, turn: int) -> None:
        """Somebody else wants the study, and asks for it if the manifest is on the own chain: holders of the own region first."""
        play, parcel = self.play, study.parcel
        others = [seat for seat in self.readers if seat != parcel.source]
        if not others:
            return
        reader = others[play.pick(len(others), "reader", study.name, turn)]
        if not play.world.is_up(reader) or play.world.chain_of(reader).find(study.filing.transaction.id) is None:
            play.count("no_manifest_yet")
            return
        regions = play.world.regions
        holders = sorted((parcel.source, *parcel.receivers), key=lambda seat: (regions[seat] != regions[reader], seat))
        fetch = play.courier.fetch(reader, parcel, holders, self._patience_ns(parcel), parcel.anchor, lambda fetch: None)
        self.retrievals.append((study, fetch))

    @staticmethod
    def _patience_ns(parcel: Parcel) -> int:
        return PATIENCE_NS + parcel.size_bytes * 1_000_000_000 // PACE_BYTES_S

    def visa(self, seat: int, entry: Entry, index: int) -> None:
        """A committee lets a researcher at a study."""
        if self.studies:
            study = self.studies[self.play.pick(len(self.studies), "visa", seat, index)]
            facts = (("do", "visa"), ("object", study.name), ("grantee", f"researcher-{index}"))
            self.play.file(seat, entry.name, "C3", facts, size_bytes=self.play.size_bytes(entry, seat, index))

    def export(self, seat: int, entry: Entry, index: int) -> None:
        """A researcher draws records in bulk from a hospital."""
        play, hospitals = self.play, [one for one in self.play.seats("hospital") if one != seat]
        if hospitals:
            source = hospitals[play.pick(len(hospitals), "export", seat, index)]
            size_bytes = max(1000, round(play.size_bytes(entry, seat, index) * self.part.size_scale))
            parcel = play.courier.place((source,), size_bytes, entry.name, play.world.names[seat], index)
            play.courier.fetch(seat, parcel, (source,), HOUR_NS, parcel.anchor, lambda fetch: None)

    def settled(self, seat: int, filing: Filing, answer: str, time_ns: int) -> None:
        """Readers look for the manifest on their own chains."""

    def undone(self, seat: int, filing: Filing, time_ns: int) -> None:
        """The objects stay where they are."""

    def asks(self) -> list[Ask]:
        """Retrievals of CT studies, manifests, and what holders of shares did not hand out sound."""
        asks = []
        for study, fetch in self.retrievals:
            if study.row == "ct_study":
                done_ns = fetch.begun_ns + fetch.waited_ns if fetch.outcome == "served" else -1
                asks.append(Ask(PRIOR, fetch.begun_ns, done_ns, fetch.outcome not in ("", "served")))
        storage = self.play.world.storage
        asks += [Ask(WITHHELD, since_ns, found_ns) for since_ns, found_ns in (() if storage is None else storage.books.found)]
        return asks + [self.play.filing_ask(study.filing, MANIFEST) for study in self.studies]

    def outcomes(self) -> dict[str, Any]:
        """M14 of retrievals that had all the time they may take (of later ones only the good would be over), M15 of all."""
        world = self.play.world
        judged = [fetch for _, fetch in self.retrievals if fetch.deadline_ns <= world.now_ns]
        retrieved = [(study.row, fetch) for study, fetch in self.retrievals]
        final = frozenset(study.parcel.digest for study in self.studies if study.filing.accepted)
        kept = None if world.storage is None else rebuildable_share([one for one in world.storage.kept() if one.digest in final])
        return study_availability(judged, retrieved, kept, None if world.storage is None else world.storage.books)
