"""Credentials and directory (W7): boards issue and revoke, hospitals look at licences before each shift.

A verifier decides from the state of its own chain. Status lists travel beside the ledger and their hash on it; a list can be used at
a seat once both are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sim.health.catalogue import Entry
from sim.health.contracts.credentials import valid
from sim.health.courier import Parcel
from sim.health.levels import Ask, Level
from sim.health.outcomes.consent import revocation_latency
from sim.health.outcomes.credentials import Licence, Presentation, revoked_credential_use
from sim.health.outcomes.freshness import age_of_information
from sim.health.play import Act, Play, Window
from sim.health.registrar import Filing

if TYPE_CHECKING:
    from sim.health.credentials import Credentials

CHECK = Level("C1", "shift-start check", 3)
REVOKED = Level("C2", "revocation visible to all verifiers", 900)
RECEIPT = Level("C1", "enrolment receipt final", 30)


class CredentialsStory:
    """Licences as they really stand."""

    family = "credentials"
    levels = (CHECK, RECEIPT, REVOKED)

    def __init__(self, play: Play) -> None:
        self.play, self.part = play, cast("Credentials", play.part)
        self.acts: dict[str, Act] = {
            "credential_issue": self.issue,
            "status_list_update": self.publish_list,
            "credential_revoke": self.revoke,
            "shift_start_check": self.start_shift,
            "payer_enrolment_verify": self.enrol,
            "directory_update": self.update,
        }
        self.windows: dict[str, Window] = {}
        self.staff: dict[int, list[Licence]] = {}
        self.gone: dict[int, list[Licence]] = {}
        """Revoked licences by employer: their holders still come to work."""
        self.shown: list[Presentation] = []
        self.lists: list[tuple[Filing, Parcel]] = []
        self.revocations: list[Filing] = []
        self.boards, self.verifiers = play.seats("licensing_board"), play.seats("hospital")

    def open(self) -> None:
        """Every hospital has clinicians, each with a licence that rests on a degree."""
        machine, names = self.play.registrar.machine, self.play.world.names
        for seat in self.verifiers if self.boards else ():
            self.staff[seat] = []
            for number in range(self.part.clinicians):
                name = f"{names[seat]}/clinician-{number}"
                issuer = self.boards[self.play.pick(len(self.boards), "board", seat, number)]
                machine.found(("credential", f"{name}/degree"), (self.verifiers[0], name, "", "active"))
                machine.found(("credential", name), (issuer, name, f"{name}/degree", "active"))
                self.staff[seat].append(Licence(name, seat, issuer))

    def issue(self, seat: int, entry: Entry, index: int) -> None:
        """A credential goes into its holder's wallet, beside the ledger."""
        self.play.courier.send(seat, (), self.play.size_bytes(entry, seat, index), entry.name, seat, index, kept=False)

    def publish_list(self, seat: int, entry: Entry, index: int) -> None:
        """A board's status list: the hash on the chain, the list itself to every verifier."""
        play = self.play
        parcel = play.courier.send(
            seat, self.verifiers, play.size_bytes(entry, seat, index), entry.name, play.world.names[seat], index, anchored=True
        )
        facts = (("do", "list"), ("number", index), ("time_ns", play.world.now_ns))
        self.lists.append((play.file(seat, entry.name, "C2", facts, anchor=parcel.anchor, size_bytes=190), parcel))

    def revoke(self, seat: int, entry: Entry, index: int) -> None:
        """A board takes a licence back."""
        play = self.play
        hers = [one for licences in self.staff.values() for one in licences if one.issuer == seat and one.revoked is None]
        if not hers:
            return
        licence = hers[play.pick(len(hers), "struck off", seat, index)]
        facts = (("do", "revoke"), ("credential", licence.name))
        licence.revoked = play.file(seat, entry.name, "C2", facts, parties=(licence.employer,), subject=licence)
        self.revocations.append(licence.revoked)
        self.gone.setdefault(licence.employer, []).append(licence)

    def start_shift(self, seat: int, entry: Entry, index: int) -> None:
        """A clinician comes to work; the hospital's node says whether the licence stands."""
        play, staff, gone = self.play, self.staff.get(seat), self.gone.get(seat)
        if not staff:
            return
        forged = play.world.commits(seat, "replay-credential") and play.chance(0.5, "forged", seat, index)
        if gone and (forged or play.chance(self.part.persist, "persist", seat, index)):
            licence = gone[play.pick(len(gone), "persisting", seat, index)]
            forged = False
        else:
            licence = staff[play.pick(len(staff), "on shift", seat, index)]
        self._look(seat, licence, forged)
        play.begin(CHECK).done_ns = play.world.now_ns

    def _look(self, seat: int, licence: Licence, forged: bool) -> bool:
        name = f"{licence.name}/forged" if forged else licence.name
        accepted = valid(self.play.registrar.view(seat), name)
        self.shown.append(Presentation(seat, licence, self.play.world.now_ns, accepted, forged))
        return accepted

    def enrol(self, seat: int, entry: Entry, index: int) -> None:
        """A payer looks at a licence and leaves a receipt of it."""
        play, everybody = self.play, [one for licences in self.staff.values() for one in licences]
        if not everybody:
            return
        licence = everybody[play.pick(len(everybody), "enrolled", seat, index)]
        if self._look(seat, licence, False):
            facts = (("do", "receipt"), ("of", licence.name), ("turn", index))
            play.file(seat, entry.name, "C1", facts)

    def update(self, seat: int, entry: Entry, index: int) -> None:
        """A line of the provider directory changes."""
        facts = (("do", "directory"), ("turn", index))
        self.play.file(seat, entry.name, "C3", facts, size_bytes=self.play.size_bytes(entry, seat, index))

    def settled(self, seat: int, filing: Filing, answer: str, time_ns: int) -> None:
        """Verifiers read the state; nothing else follows."""

    def undone(self, seat: int, filing: Filing, time_ns: int) -> None:
        """The state moves back by itself."""

    def asks(self) -> list[Ask]:
        """Revocations at the last honest node, receipts at the payer."""
        asks = [self.play.filing_ask(filing, REVOKED, everywhere=True) for filing in self.revocations]
        return asks + [self.play.filing_ask(one, RECEIPT) for one in self.play.filings if one.row == "payer_enrolment_verify"]

    def _list_points(self) -> dict[int, list[tuple[int, int]]]:
        """When each verifier could use each list: the body is there and its hash is final at the verifier's node."""
        points: dict[int, list[tuple[int, int]]] = {seat: [] for seat in self.verifiers}
        for filing, parcel in self.lists:
            decided = self.play.registrar.seen_ns(filing)
            for seat in self.verifiers:
                arrived, final = self.play.courier.arrived_ns(parcel, seat), int(decided[seat])
                points[seat].append((filing.submitted_ns, max(arrived, final) if min(arrived, final) >= 0 else -1))
        return points

    def outcomes(self) -> dict[str, Any]:
        """M2, M13, M22."""
        limit_ns = REVOKED.deadline_ns(1.0)
        return {
            "revoked_credential_use": revoked_credential_use(self.shown, limit_ns),
            "revocation_latency": revocation_latency(self.revocations, self.play.registrar.everywhere_ns, limit_ns),
            "age_of_information": age_of_information(self._list_points(), self.play.world.now_ns),
        }
