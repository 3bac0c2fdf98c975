"""Large objects (W9): studies and genomes stay off the chain in shares, their manifests on it; readers collect enough shares.

A study of size s becomes `pieces` shares of s / `enough` bytes, the first at its source. Any `enough` of them give it back (a
Reed-Solomon code; the coding itself is not computed). After the manifest is final a prober asks one holder for its share; a holder
that does not answer is replaced by the source.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from sim.health.catalogue import Entry
from sim.health.courier import Fetch, Parcel
from sim.health.levels import Ask, Level
from sim.health.outcomes.availability import study_availability
from sim.health.play import Act, Play, Window
from sim.health.registrar import Filing

if TYPE_CHECKING:
    from sim.health.imaging import Imaging

PRIOR = Level("C1", "prior CT retrieved", 60)
WITHHELD = Level("C2", "withheld share detected", 30)
MANIFEST = Level("C3", "manifest final", 600)
HOUR_NS = 3_600_000_000_000
PATIENCE_NS = 60_000_000_000
SETTLED_NS = 100_000_000_000
"""By then a retrieval has asked every holder in vain."""


@dataclass(eq=False, slots=True)
class Study:
    """One large object: its shares, and where they were put."""

    name: str
    row: str
    source: int
    shares: list[Parcel]
    filing: Filing
    suspected_ns: dict[int, int] = field(default_factory=dict)
    """When a prober found that a holder does not answer."""


@dataclass(eq=False, slots=True)
class Retrieval:
    """One reader collecting shares."""

    study: Study
    begun_ns: int
    wanted: int
    left: list[Parcel]
    got: int = 0
    open: int = 0
    done_ns: int = -1
    failed: bool = False
    fetched_bytes: int = 0

    @property
    def useful_bytes(self) -> int:
        """What was asked for: as many shares as are enough."""
        return self.wanted * self.study.shares[0].size_bytes


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
        self.retrievals: list[Retrieval] = []
        self.probes: list[tuple[Ask, Fetch]] = []
        self.repaired_bytes = self.lost_bytes = 0
        self.readers = list(dict.fromkeys((*play.seats("hospital"), *play.seats("imaging_centre"))))

    def open(self) -> None:
        """No study is stored yet."""

    def store(self, seat: int, entry: Entry, index: int) -> None:
        """A study is cut into shares, the shares go to holders, the manifest to the ledger; two readers will want it."""
        play, key = self.play, (entry.name, self.play.world.names[seat], index)
        size_bytes = max(1000, round(play.size_bytes(entry, seat, index) * self.part.size_scale))
        share_bytes = -(-size_bytes // self.part.enough)
        others = [reader for reader in self.readers if reader != seat]
        order = play.dice.shuffled(len(others), "holders", play.name, *key)
        holders = [seat, *(others[place] for place in order[: self.part.pieces - 1])]
        shares = [
            play.courier.send(seat, (holder,), share_bytes, *key, turn, anchored=True, kept=False)
            for turn, holder in enumerate(holders)
        ]
        name = "/".join(map(str, key))
        facts = (("do", "manifest"), ("object", name), ("pieces", self.part.pieces), ("enough", self.part.enough))
        manifest_bytes = play.size_bytes(play.chapter.entries["manifest_anchor"], *key)
        filing = play.file(seat, "manifest_anchor", "C3", facts, anchor=shares[0].anchor, size_bytes=manifest_bytes)
        play.count("manifest_anchor")
        study = filing.subject = Study(name, entry.name, seat, shares, filing)
        self.studies.append(study)
        for turn in range(2):
            wait = HOUR_NS / self.part.compression * (0.1 + 2 * play.dice.uniform("wanted after", play.name, *key, turn))
            play.later(round(wait), self._retrieve, study, turn)

    def _retrieve(self, study: Study, turn: int) -> None:
        """Somebody wants the study: enough shares at once, another for each one that does not come."""
        play = self.play
        reader = self.readers[play.pick(len(self.readers), "reader", study.name, turn)]
        if not play.world.is_up(reader) or play.world.chain_of(reader).find(study.filing.transaction.id) is None:
            play.count("no_manifest_yet")
            return
        near = play.world.regions[reader]
        regions = play.world.regions
        shares = sorted(study.shares, key=lambda one: (self._holder(one) != reader, regions[self._holder(one)] != near, one.digest))
        retrieval = Retrieval(study, play.world.now_ns, self.part.enough, shares)
        self.retrievals.append(retrieval)
        for _ in range(min(self.part.enough, len(shares))):
            self._next_share(retrieval, reader)

    @staticmethod
    def _holder(parcel: Parcel) -> int:
        return parcel.receivers[-1] if parcel.receivers else parcel.source

    def _next_share(self, retrieval: Retrieval, reader: int) -> None:
        if not retrieval.left:
            retrieval.failed = retrieval.open == 0 and retrieval.done_ns < 0
            return
        parcel = retrieval.left.pop(0)
        retrieval.open += 1
        if self._holder(parcel) == reader and self.play.courier.arrived_ns(parcel, reader) >= 0:
            self._share_is_here(retrieval)
            return
        patience_ns = PATIENCE_NS // max(2, self.part.pieces - self.part.enough + 1)
        came = partial(self._share_came, retrieval, reader)
        self.play.courier.fetch(reader, parcel, (self._holder(parcel),), patience_ns, parcel.anchor, came)

    def _share_came(self, retrieval: Retrieval, reader: int, fetch: Fetch) -> None:
        retrieval.fetched_bytes += fetch.fetched_bytes
        if fetch.outcome == "served":
            self._share_is_here(retrieval)
        else:
            retrieval.open -= 1
            self._next_share(retrieval, reader)

    def _share_is_here(self, retrieval: Retrieval) -> None:
        retrieval.open -= 1
        retrieval.got += 1
        if retrieval.got == retrieval.wanted:
            retrieval.done_ns = self.play.world.now_ns

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
        """Once a manifest is final somewhere else can look: a prober asks one holder for its share."""
        study: Study | None = filing.subject
        if study is None or seat != filing.seat or filing.transaction.fact("do") != "manifest" or not self.part.probes:
            return
        play = self.play
        for turn in range(self.part.probes):
            prober = self.readers[play.pick(len(self.readers), "prober", study.name, turn)]
            parcel = study.shares[play.pick(len(study.shares), "probed", study.name, turn)]
            if prober != self._holder(parcel) and play.world.is_up(prober):
                ask = Ask(WITHHELD, time_ns)
                probed = partial(self._probed, study, parcel, ask)
                patience_ns = WITHHELD.deadline_ns(1.0) - 1
                self.probes.append(
                    (ask, play.courier.fetch(prober, parcel, (self._holder(parcel),), patience_ns, parcel.anchor, probed))
                )

    def _probed(self, study: Study, parcel: Parcel, ask: Ask, fetch: Fetch) -> None:
        ask.done_ns = self.play.world.now_ns
        holder = self._holder(parcel)
        if fetch.outcome == "served" or holder in study.suspected_ns:
            return
        play = self.play
        study.suspected_ns[holder] = play.world.now_ns
        self.lost_bytes += parcel.size_bytes
        spare = [seat for seat in self.readers if seat not in [self._holder(one) for one in study.shares]]
        if spare and play.world.is_up(study.source):
            chosen = spare[play.pick(len(spare), "spare", study.name, holder)]
            play.world.send_record(study.source, parcel.digest, (chosen,))
            parcel.receivers = (*parcel.receivers, chosen)
            self.repaired_bytes += parcel.size_bytes

    def undone(self, seat: int, filing: Filing, time_ns: int) -> None:
        """The shares stay where they are."""

    def asks(self) -> list[Ask]:
        """Retrievals of CT studies, manifests, and probes that met a silent holder."""
        asks = [Ask(PRIOR, one.begun_ns, one.done_ns, one.failed) for one in self.retrievals if one.study.row == "ct_study"]
        asks += [ask for ask, fetch in self.probes if fetch.outcome not in ("", "served")]
        return asks + [self.play.filing_ask(study.filing, MANIFEST) for study in self.studies]

    def outcomes(self) -> dict[str, Any]:
        """M14, M15."""
        settled = [
            one for one in self.retrievals if one.begun_ns + SETTLED_NS <= self.play.world.now_ns
        ]  # later ones may still come
        detected = [fetch.waited_ns / 1e9 for _, fetch in self.probes if fetch.outcome == "unavailable"]
        return study_availability(settled, detected, self.repaired_bytes, self.lost_bytes)
