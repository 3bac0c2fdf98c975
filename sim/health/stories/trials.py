"""Clinical trials (W1): subjects consent, are allocated to slots, are followed by forms; events are reported, results published.

A site hands out the kit of a slot when its own node has the allocation final. Everybody takes the next slot that their own node
shows as free, so two sites may reach for the same one; the contract gives it to the first.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from sim.health.catalogue import Entry
from sim.health.courier import Fetch
from sim.health.levels import Ask, Level
from sim.health.outcomes.availability import payload_availability
from sim.health.outcomes.trials import (
    Publication,
    Subject,
    allocation_conflict,
    safety_report_deadline_miss,
    tamper_undetected,
)
from sim.health.play import Act, Play, Window
from sim.health.registrar import Filing

if TYPE_CHECKING:
    from sim.health.trials import Trials

SLOT = Level("C1", "randomisation slot final", 10)
PROTOCOL = Level("C3", "protocol hash final", 3600)
SPONSOR = Level("C4", "adverse event visible to sponsor", 86_400)
FATAL = Level("C4", "fatal event visible to regulator", 604_800)
SERIOUS = Level("C4", "serious event visible to regulator", 1_296_000)
FATAL_SHARE = 0.1
LOOK_AGAIN_NS = 1_000_000_000
OUTCOME = "registered outcome"


class TrialsStory:
    """Subjects, slots and papers as they really are."""

    family = "trials"
    levels = (SLOT, PROTOCOL, SPONSOR, FATAL, SERIOUS)

    def __init__(self, play: Play) -> None:
        self.play, self.part = play, cast("Trials", play.part)
        self.acts: dict[str, Act] = {
            "protocol_or_amendment_anchor": self.amend,
            "trial_consent": self.consent,
            "randomise_allocate": self.randomise,
            "ecrf_form_submit": self.form,
            "lab_result": self.result,
            "sae_report": self.event,
            "monitor_read_or_sdv": self.monitor,
        }
        self.windows: dict[str, Window] = {}
        self.trials = [f"trial-{number}" for number in range(self.part.trials)]
        self.subjects: list[Subject] = []
        self.followed: dict[int, list[Subject]] = {}
        """Subjects who have visits, by site."""
        self.ready: dict[int, list[Subject]] = {}
        """Subjects with a final consent and no slot, by site."""
        self.publications: list[Publication] = []
        self.forms: list[tuple[Filing, Any]] = []
        self.reads: list[Fetch] = []
        self.events: list[Filing] = []
        self.versions: dict[str, int] = {}
        self.sponsors, self.sites = play.seats("sponsor_cro"), play.seats("site_hospital")
        self.regulators = play.seats("regulator")

    def open(self) -> None:
        """All trials are registered, approved and open, and every site follows subjects."""
        machine, names = self.play.registrar.machine, self.play.world.names
        for trial in self.trials:
            machine.found(("trial", trial), ("open", 1, OUTCOME))
        for site in self.sites:
            self.followed[site] = []
            for number in range(self.part.followed):
                subject = Subject(f"{names[site]}/before/{number}", self._trial("before", site, number), site, None)
                machine.found(("subject", subject.name), (subject.trial, "randomised"))
                self.followed[site].append(subject)

    def _trial(self, *key: int | str) -> str:
        return self.trials[self.play.pick(len(self.trials), "trial", *key)]

    def _sponsor(self, trial: str) -> int:
        return self.sponsors[self.trials.index(trial) % len(self.sponsors)]

    # protocols ------------------------------------------------------------------------------------------------------

    def amend(self, seat: int, entry: Entry, index: int) -> None:
        """A sponsor anchors a new version; now and then a trial is locked and its results are published instead."""
        play, mine = self.play, [trial for trial in self.trials if self.sponsors and self._sponsor(trial) == seat]
        if not mine:
            return
        trial = mine[play.pick(len(mine), "amended", seat, index)]
        status, version, outcome = play.registrar.view(seat).get(("trial", trial))
        if status == "open" and play.chance(self.part.published, "published", seat, index):
            play.file(seat, entry.name, "C3", (("do", "lock"), ("trial", trial)), subject=trial)
        elif status == "open":
            facts = (("do", "amend"), ("trial", trial), ("version", version + 1), ("outcome", outcome))
            play.file(seat, entry.name, "C3", facts, subject=trial)

    def _publish(self, seat: int, trial: str) -> None:
        """Results appear in a journal."""
        play, altered = self.play, self.play.world.commits(seat, "alter-protocol")
        said = "another outcome" if altered else OUTCOME
        play.file(seat, "results", "C3", (("do", "results"), ("trial", trial), ("outcome", said)))
        publication = Publication(trial, play.world.now_ns, altered)
        self.publications.append(publication)
        self._review(publication, said)

    def _review(self, publication: Publication, said: str) -> None:
        """A regulator, or a site where there is none, compares the outcome with the registered one as its node has it, once it can."""
        play, world = self.play, self.play.world
        reader = next((seat for seat in self.regulators or self.sites if world.is_up(seat)), None)
        if reader is None:
            play.later(LOOK_AGAIN_NS, self._review, publication, said)
        elif play.registrar.view(reader).get(("trial", publication.trial), ("absent", 0, ""))[2] != said:
            publication.flagged_ns = world.now_ns

    # subjects -------------------------------------------------------------------------------------------------------

    def consent(self, seat: int, entry: Entry, index: int) -> None:
        """Somebody agrees to take part."""
        play = self.play
        name = f"{play.world.names[seat]}/{index}"
        trial = self._trial(seat, index)
        facts = (("do", "consent"), ("trial", trial), ("subject", name))
        filing = play.file(seat, entry.name, "C2", facts, size_bytes=play.size_bytes(entry, seat, index))
        filing.subject = Subject(name, trial, seat, filing)
        self.subjects.append(filing.subject)

    def randomise(self, seat: int, entry: Entry, index: int) -> None:
        """A subject who has consented is given the next free slot."""
        ready = self.ready.get(seat)
        if ready:
            self._allocate(seat, ready.pop(0), entry.name, 0)
        else:
            self.play.count("nobody_to_randomise")

    def _allocate(self, seat: int, subject: Subject, row: str, attempt: int) -> None:
        state, slot = self.play.registrar.view(seat), 0
        while state.get(("slot", subject.trial, slot)) is not None:
            slot += 1
        facts = (("do", "randomise"), ("trial", subject.trial), ("subject", subject.name), ("slot", slot), ("attempt", attempt))
        self.play.file(seat, row, "C1", facts, subject=subject)

    def form(self, seat: int, entry: Entry, index: int) -> None:
        """A visit is written down at the site; its root goes to the ledger under the version the site's node shows."""
        play, mine = self.play, self.followed.get(seat)
        if not mine:
            play.count("nobody_to_visit")
            return
        subject = mine[play.pick(len(mine), "visited", seat, index)]
        key = (entry.name, play.world.names[seat], index)
        parcel = play.courier.send(seat, (), play.size_bytes(entry, seat, index), *key, anchored=True)
        version = play.registrar.view(seat).get(("trial", subject.trial))[1]
        facts = (("do", "form"), ("trial", subject.trial), ("subject", subject.name), ("version", version), ("visit", index))
        play.by_clerk(seat, partial(self._file_form, seat, entry.name, facts, parcel))

    def _file_form(self, seat: int, row: str, facts: Any, parcel: Any) -> None:
        self.forms.append((self.play.file(seat, row, "C3", facts, anchor=parcel.anchor), parcel))

    def result(self, seat: int, entry: Entry, index: int) -> None:
        """A laboratory sends a result to a site."""
        if self.sites:
            key = (entry.name, self.play.world.names[seat], index)
            site = self.sites[self.play.pick(len(self.sites), "site", *key)]
            self.play.courier.send(seat, (site,), self.play.size_bytes(entry, seat, index), *key, kept=False)

    def event(self, seat: int, entry: Entry, index: int) -> None:
        """Something serious happened to a subject: sponsor and regulator must see it in time."""
        play, trial = self.play, self._trial("event", seat, index)
        fatal = play.chance(FATAL_SHARE, "fatal", seat, index)
        facts = (
            ("do", "event"), ("trial", trial), ("event", f"{play.world.names[seat]}/{index}"),
            ("kind", "fatal" if fatal else "serious"), ("since_ns", play.world.now_ns),
        )  # fmt: skip
        parties = (*((self._sponsor(trial),) if self.sponsors else ()), *self.regulators)
        self.events.append(play.file(seat, entry.name, "C2", facts, parties=parties, subject={}))

    def monitor(self, seat: int, entry: Entry, index: int) -> None:
        """A sponsor's monitor reads a form at its site and holds it against the root that the monitor's own node has."""
        play, chain = self.play, self.play.world.chain_of(seat)
        for attempt in range(4):
            if not self.forms:
                break
            filing, parcel = self.forms[play.pick(len(self.forms), "monitored", seat, index, attempt)]
            found = chain.find(filing.transaction.id)
            if found is not None and parcel.source != seat:
                anchor = found[1].anchor
                self.reads.append(play.courier.fetch(seat, parcel, (parcel.source,), 30_000_000_000, anchor, _kept))
                return
        play.count("nothing_to_monitor")

    # what follows ---------------------------------------------------------------------------------------------------

    def settled(self, seat: int, filing: Filing, answer: str, time_ns: int) -> None:
        """A final consent makes a subject ready, a final slot hands out a kit, a refused one is tried again with the next."""
        verb, play = filing.transaction.fact("do"), self.play
        if verb == "event":
            filing.subject.setdefault(seat, time_ns)
        elif seat != filing.seat:
            return
        elif verb == "consent" and answer == "":
            if not filing.subject.treated and filing.subject not in self.ready.get(seat, ()):
                self.ready.setdefault(seat, []).append(filing.subject)
                self.followed[seat].append(filing.subject)
        elif verb == "randomise":
            self._allocated(seat, filing, answer, time_ns)
        elif verb == "lock" and answer == "":
            self._publish(seat, filing.subject)
        elif verb == "amend" and answer == "":
            play.count("amendments_in_force")

    def _allocated(self, seat: int, filing: Filing, answer: str, time_ns: int) -> None:
        subject: Subject = filing.subject
        if answer == "":
            slot = int(str(filing.transaction.fact("slot")))
            if all(slot != other for other, _, _ in subject.treated):
                subject.treated.append((slot, time_ns, subject.consented))
        elif answer == "the slot is taken":
            self.play.count("slot_was_taken")
            self._allocate(seat, subject, filing.row, int(str(filing.transaction.fact("attempt"))) + 1)

    def undone(self, seat: int, filing: Filing, time_ns: int) -> None:
        """A kit that was handed out stays handed out."""
        if seat == filing.seat and filing.transaction.fact("do") == "consent" and filing.subject.treated:
            filing.subject.consent_lost = True

    def asks(self) -> list[Ask]:
        """Slots and protocols at their submitter, events at the sponsor and at the regulators."""
        play = self.play
        asks = [play.filing_ask(filing, SLOT) for filing in play.filings if filing.row == "randomise_allocate"]
        asks += [play.filing_ask(filing, PROTOCOL) for filing in play.filings if filing.row == "protocol_or_amendment_anchor"]
        return asks + self._event_asks()

    def _event_asks(self) -> list[Ask]:
        asks = []
        for filing in self.events:
            seen: dict[int, int] = filing.subject
            level = FATAL if filing.transaction.fact("kind") == "fatal" else SERIOUS
            for seat in filing.parties:
                asks.append(Ask(level if seat in self.regulators else SPONSOR, filing.submitted_ns, seen.get(seat, -1)))
        return asks

    def _versions_in_parallel(self) -> int:
        """Trials for which two honest nodes have different versions in force at one height."""
        world, registrar = self.play.world, self.play.registrar
        chains = [world.chain_of(int(seat)) for seat in world.honest.nonzero()[0]]
        height = min((chain.height for chain in chains), default=0)
        tips = list(dict.fromkeys(chain.blocks[height - 1].digest for chain in chains)) if height else []
        return sum(len({registrar.machine.value(("trial", trial), tip) for tip in tips}) > 1 for trial in self.trials)

    def outcomes(self) -> dict[str, Any]:
        """M10, M11, M12, M14."""
        rejected = sum(fetch.rejected for fetch in self.reads)
        passed = sum(fetch.outcome == "altered" for fetch in self.reads)
        return {
            "safety_report_deadline_miss": safety_report_deadline_miss(
                self._event_asks(), self.play.world.now_ns, self.part.compression
            ),
            "tamper_undetected": tamper_undetected(self.publications, rejected, passed, self._versions_in_parallel()),
            "allocation_conflict": allocation_conflict(self.subjects),
            "payload_availability": payload_availability(self.reads),
        }


def _kept(fetch: Fetch) -> None:
    """What a read came to is looked at when the run is over."""
