"""Consent, access and break-glass (W6): patients grant and revoke, every organisation's node enforces what it knows.

An enforcement node decides from the state of its own chain, and refuses when its newest block is too old to decide by: it fails
closed. Break-glass never asks: the record is opened at once, and the notice follows.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from sim.health.catalogue import Entry
from sim.health.contracts.consent import GRANTED, permitted
from sim.health.courier import Fetch, Parcel
from sim.health.levels import Ask, Level
from sim.health.outcomes.availability import emergency_read_unavailable
from sim.health.outcomes.consent import Access, Grant, content_exposure, metadata_exposure, revocation_latency, stale_consent_reads
from sim.health.outcomes.provenance import notices_missing
from sim.health.play import Act, Play, Window
from sim.health.records import Record
from sim.health.registrar import Filing
from sim.ledger.block import GENESIS, Fact

if TYPE_CHECKING:
    from sim.health.consent import Consent

REVOKE = Level("C2", "revocation effective at every enforcement node", 60)
GRANT = Level("C1", "grant usable", 10)
GLASS = Level("C0", "break-glass decision", 1)
NOTICE = Level("C2", "break-glass notice final", 60)
SUMMARY = Level("C1", "emergency summary after break-glass", 5)
SUMMARY_BYTES = 30_000
KEYS_TRIED = 3


class ConsentStory:
    """Grants, revocations, reads and broken glass, and what is true about them."""

    family = "consent"
    levels = (GLASS, GRANT, SUMMARY, REVOKE, NOTICE)

    def __init__(self, play: Play) -> None:
        self.play, self.part = play, cast("Consent", play.part)
        self.acts: dict[str, Act] = {
            "consent_grant": self.grant,
            "consent_revoke": self.revoke,
            "access_decision_read": self.read,
            "break_glass_access": self.break_glass,
            "consent_history_query": self.history,
        }
        self.windows: dict[str, Window] = {}
        self.standing: dict[int, list[Grant]] = {}
        """Grants that nobody has revoked, by the seat of the patient's home."""
        self.known: dict[int, list[Grant]] = {}
        """All grants an organisation was ever given, by its seat: its people do not know which were taken back."""
        self.lapsed: dict[int, list[Grant]] = {}
        """Those that were taken back, by the organisation they were given to."""
        self.accesses: list[Access] = []
        self.summaries: list[Fetch] = []
        self._homes: list[list[str]] = []
        self._parcels: dict[str, Parcel] = {}
        """Summaries by patient."""
        self._leaked: dict[tuple[str, int], None] = {}
        """Patients and keepers who were handed the key of a summary although nobody granted it."""
        self._given: dict[tuple[str, int], None] = {}
        """Every pair that was ever granted."""

    def open(self) -> None:
        """Patients have homes, and each has some grants from before the run."""
        play, world = self.play, self.play.world
        hospitals = play.seats("hospital")
        readers = [seat for seat in range(len(world.names)) if seat in play.seats("hospital") + play.seats("clinic")]
        self._homes = [[] for _ in world.names]
        for number in range(self.part.patients if hospitals else 0):
            patient = f"patient-{number}"
            home = hospitals[play.pick(len(hospitals), "home", number)]
            self._homes[home].append(patient)
            for turn in range(self.part.grants):
                grantee = readers[play.pick(len(readers), "grantee", number, turn)]
                key = ("consent", patient, world.names[grantee])
                if grantee != home and play.registrar.machine.value(key, GENESIS) is None:
                    play.registrar.machine.found(key, (GRANTED, 0, patient))
                    self._keep(Grant(patient, home, grantee))

    def _keep(self, grant: Grant) -> None:
        self._given[grant.patient, grant.grantee] = None
        self.standing.setdefault(grant.home, []).append(grant)
        self.known.setdefault(grant.grantee, []).append(grant)

    def _facts(self, verb: str, patient: str, grantee: int) -> tuple[Fact, ...]:
        return (("do", verb), ("patient", patient), ("by", patient), ("grantee", self.play.world.names[grantee]))

    def grant(self, seat: int, entry: Entry, index: int) -> None:
        """A patient of this hospital opens their record to one more organisation."""
        play = self.play
        patients = self._homes[seat]
        others = [other for other in (*play.seats("hospital"), *play.seats("clinic")) if other != seat]
        if not patients or not others:
            return
        patient = patients[play.pick(len(patients), "granting", seat, index)]
        open_to = [other for other in others if (patient, other) not in self._given]  # who was refused once is not asked again
        if not open_to:
            play.count("granted_before")
            return
        grantee = open_to[play.pick(len(open_to), "granted", seat, index)]
        grant = Grant(patient, seat, grantee)

        def work() -> None:
            facts = self._facts("grant", patient, grantee)
            grant.granted = play.file(seat, entry.name, "C1", (*facts, ("turn", index)), parties=(grantee,), subject=grant)
            self._keep(grant)

        play.by_clerk(seat, work)

    def revoke(self, seat: int, entry: Entry, index: int) -> None:
        """A patient of this hospital takes a grant back. Rights do not wait for a clerk."""
        play = self.play
        standing = self.standing.get(seat, [])
        if not standing:
            return
        grant = standing.pop(play.pick(len(standing), "revoking", seat, index))
        facts = self._facts("revoke", grant.patient, grant.grantee)
        grant.revoked = play.file(seat, entry.name, "C2", facts, parties=(grant.grantee,), subject=grant)
        self.lapsed.setdefault(grant.grantee, []).append(grant)

    def fresh(self, seat: int) -> bool:
        """Whether the newest block of a node is young enough to decide by."""
        blocks = self.play.world.chain_of(seat).blocks
        newest_ns = blocks[-1].time_ns if blocks else 0
        return not self.part.freshness or self.play.world.now_ns - newest_ns <= self.part.freshness

    def read(self, seat: int, entry: Entry, index: int) -> None:
        """Somebody at an organisation opens a record it was given at some time; its own node decides."""
        play, world = self.play, self.play.world
        lapsed = self.lapsed.get(seat)
        pool = lapsed if lapsed and play.chance(self.part.insist, "insist", seat, index) else self.known.get(seat)
        if not pool:
            return
        newest = max(0, len(pool) - 20) if pool is lapsed else 0  # whose treatment still goes on
        grant = pool[newest + play.pick(len(pool) - newest, "read", seat, index)]
        insider, fresh = world.commits(seat, "ignore-revocation"), self.fresh(seat)
        allowed = fresh and permitted(play.registrar.view(seat), grant.patient, world.names[seat], world.now_ns)
        size_bytes = play.size_bytes(entry, seat, index)
        access = Access(seat, grant, world.now_ns, allowed or insider, fresh, size_bytes, insider and not allowed)
        self.accesses.append(access)
        revoked = grant.revoked
        facts = {
            "admitted": access.admitted,
            "fresh": fresh,
            "revoked_for_s": -1.0 if revoked is None else (world.now_ns - revoked.submitted_ns) / 1e9,
            "told_final": revoked is not None and revoked.first_final_ns >= 0,
        }
        world.trace.record("note", seat, "access", facts)

    def break_glass(self, seat: int, entry: Entry, index: int) -> None:
        """An emergency: opened at once by this node alone; the notice goes to the ledger, the summary is fetched from a holder."""
        play, world = self.play, self.play.world
        everybody = [patient for patients in self._homes for patient in patients]
        if not everybody:
            return
        play.begin(GLASS).done_ns = world.now_ns
        patient = everybody[play.pick(len(everybody), "emergency", seat, index)]
        home = next(home for home, patients in enumerate(self._homes) if patient in patients)
        access = f"{world.names[seat]}/{index}"
        facts = (("do", "break-glass"), ("patient", patient), ("by", world.names[seat]), ("access", access))
        play.file(seat, entry.name, "C0", facts, parties=(home,), subject=world.now_ns)
        parcel = self._summary(patient, home)
        ask = play.begin(SUMMARY)
        holders = sorted((parcel.source, *parcel.receivers), key=lambda one: (world.regions[one] != world.regions[seat], one))
        if seat in holders:
            ask.done_ns = world.now_ns
            return
        patience_ns = SUMMARY.deadline_ns(1.0)
        self.summaries.append(play.courier.fetch(seat, parcel, holders, patience_ns, parcel.anchor, partial(self._opened, ask)))

    def _opened(self, ask: Ask, fetch: Fetch) -> None:
        if fetch.outcome == "served":
            ask.done_ns = self.play.world.now_ns
        else:
            ask.failed = True

    def _summary(self, patient: str, home: int) -> Parcel:
        """The patient's summary, which its holders have had since before the run."""
        found = self._parcels.get(patient)
        if found is None:
            play, seats = self.play, self.play.seats("hospital")
            others = [seats[play.pick(len(seats), "holder", patient, turn)] for turn in range(self.part.copies - 1)]
            found = self._parcels[patient] = play.courier.place((home, *others), SUMMARY_BYTES, "summary", patient)
            if play.world.commits(home, "leak-keys"):
                self._leaked |= {(patient, keeper): None for keeper in found.receivers}
        return found

    def _copies(self) -> Iterator[tuple[Parcel, list[Record]]]:
        """Every copy of a summary at somebody whom the patient never gave access, and the records whose keys the keeper will try on it.

        These are some of its own patients' (all keys are drawn alike, so a few tell) and the summary itself, if that key was leaked.
        """
        own: dict[int, list[Record]] = {}
        for parcel in self._parcels.values():
            own.setdefault(parcel.source, []).append(parcel.record)
        for patient, parcel in self._parcels.items():
            for keeper in parcel.receivers:
                if (patient, keeper) not in self._given:
                    leaked = [parcel.record] if (patient, keeper) in self._leaked else []
                    yield parcel, [*leaked, *own.get(keeper, [])[:KEYS_TRIED]]

    def history(self, seat: int, entry: Entry, index: int) -> None:
        """Somebody asks who had access to a patient's record: read from this node's own state, at once."""
        patients = self._homes[seat]
        if patients:
            patient = patients[self.play.pick(len(patients), "history", seat, index)]
            machine, tip = self.play.registrar.machine, self.play.registrar.view(seat).tip
            for grantee in self.play.world.names:
                self.play.count("history_lines", len(machine.versions(("consent", patient, grantee), tip)))

    def settled(self, seat: int, filing: Filing, answer: str, time_ns: int) -> None:
        """Nothing follows from a decision: enforcement reads the state."""

    def undone(self, seat: int, filing: Filing, time_ns: int) -> None:
        """The state moves back by itself."""

    def _of(self, row: str) -> list[Filing]:
        return [filing for filing in self.play.filings if filing.row == row]

    def asks(self) -> list[Ask]:
        """Grants and notices where they were filed, revocations at the last honest node."""
        ask = self.play.filing_ask
        return [
            *(ask(filing, GRANT) for filing in self._of("consent_grant")),
            *(ask(filing, REVOKE, everywhere=True) for filing in self._of("consent_revoke")),
            *(ask(filing, NOTICE) for filing in self._of("break_glass_access")),
        ]

    def outcomes(self) -> dict[str, Any]:
        """M1, M2, M3, M4, M17."""
        play, minute = self.play, REVOKE.deadline_ns(1.0)
        patients_of = [len(patients) for patients in self._homes]
        return {
            "stale_consent_reads": stale_consent_reads(self.accesses, minute, GRANT.deadline_ns(1.0), self.part.freshness),
            "revocation_latency": revocation_latency(self._of("consent_revoke"), play.registrar.everywhere_ns, minute),
            "emergency_read_unavailable": emergency_read_unavailable(self.summaries),
            "audit_gap": notices_missing(self._of("break_glass_access"), NOTICE.deadline_ns(1.0), play.world.now_ns),
            "metadata_exposure": {
                **metadata_exposure(play.filings, lambda seat: patients_of[seat]),
                **content_exposure(tuple(self._copies()), play.courier.can_read),
            },
        }
