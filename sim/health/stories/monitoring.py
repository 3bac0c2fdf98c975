"""Remote monitoring (W8): readings stream to clinicians, alarms are pushed at once and receipted on the ledger after.

An alarm waits for nobody's consensus: it goes straight to the clinic, again if it did not arrive, and the receipt follows. Readings
go in stretches of five minutes of the clock, as one body of the weight that they have together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sim.health.catalogue import Entry
from sim.health.courier import Parcel
from sim.health.levels import Ask, Level
from sim.health.outcomes.freshness import Alarm, age_of_information, alarm_late_or_lost
from sim.health.play import Act, Play, Window
from sim.health.registrar import Filing
from sim.health.tally import share

if TYPE_CHECKING:
    from sim.health.monitoring import Monitoring

HEARD = Level("C0", "alarm at the clinician", 10)
READING = Level("C3", "readings visible", 300)
RECEIPT = Level("C2", "alarm receipt final", 60)
STRETCH_S = 300.0


class MonitoringStory:
    """Devices, what they said, and who heard it."""

    family = "monitoring"
    levels = (HEARD, RECEIPT, READING)

    def __init__(self, play: Play) -> None:
        self.play, self.part = play, cast("Monitoring", play.part)
        self.acts: dict[str, Act] = {
            "alarm": self.alarm,
            "ecg_strip_30s": self.strip,
            "device_key_or_firmware_attest": self.attest,
            "telehealth_session_record": self.session,
        }
        self.windows: dict[str, Window] = {
            "rpm_reading": Window(STRETCH_S, self.stream),
            "cgm_reading": Window(STRETCH_S, self.stream),
            "icu_alarm": Window(3600.0, self.ward),
        }
        self.alarms: list[tuple[Alarm, Parcel]] = []
        self.streams: list[Parcel] = []
        self.clinics = play.seats("clinic") or play.seats("hospital")

    def open(self) -> None:
        """Every device is known."""

    def _clinic(self, seat: int) -> int:
        """The clinic that watches over a hospital's patients: always the same, and not the hospital itself where there is another."""
        others = [clinic for clinic in self.clinics if clinic != seat] or self.clinics
        return others[seat % len(others)]

    def alarm(self, seat: int, entry: Entry, index: int) -> None:
        """A device sounds: pushed to the clinic, receipted by the hospital's gateway."""
        play = self.play
        device = f"{play.world.names[seat]}/device-{play.pick(self.part.devices, 'device', seat, index)}"
        clinic = self._clinic(seat)
        parcel = play.courier.send(seat, (clinic,), play.size_bytes(entry, seat, index), entry.name, play.world.names[seat], index)
        receipt = self._receipt(seat, entry.name, device, index)
        alarm = Alarm(device, index, seat, clinic, play.world.now_ns, receipt)
        receipt.subject = alarm
        self.alarms.append((alarm, parcel))
        if play.world.commits(seat, "replay-alarm"):
            play.later(20_000_000_000, self._replay, alarm, entry.name)

    def _receipt(self, seat: int, row: str, device: str, number: int) -> Filing:
        facts = (("do", "alarm"), ("device", device), ("number", number), ("sent_ns", self.play.world.now_ns))
        return self.play.file(seat, row, "C2", facts)

    def _replay(self, alarm: Alarm, row: str) -> None:
        alarm.replays += 1
        self._receipt(alarm.source, row, alarm.device, alarm.number).subject = alarm

    def strip(self, seat: int, entry: Entry, index: int) -> None:
        """An electrocardiogram goes to the clinic."""
        clinic, size_bytes = self._clinic(seat), self.play.size_bytes(entry, seat, index)
        self.play.courier.send(seat, (clinic,), size_bytes, entry.name, self.play.world.names[seat], index, kept=False)

    def stream(self, seat: int, entry: Entry, number: int, count: int, size_bytes: int) -> None:
        """Five minutes of readings of all patients of a programme."""
        if count:
            key = (entry.name, self.play.world.names[seat], number)
            self.streams.append(self.play.courier.send(seat, (self._clinic(seat),), size_bytes, *key))

    def ward(self, seat: int, entry: Entry, number: int, count: int, size_bytes: int) -> None:
        """Alarms of the intensive ward stay in the house."""

    def attest(self, seat: int, entry: Entry, index: int) -> None:
        """A vendor vouches for a key or a firmware."""
        facts = (("do", "attest"), ("subject", f"{self.play.world.names[seat]}/{index}"))
        self.play.file(seat, entry.name, "C3", facts, size_bytes=self.play.size_bytes(entry, seat, index))

    def session(self, seat: int, entry: Entry, index: int) -> None:
        """A visit by video: the record stays, its hash goes to the ledger."""
        play, key = self.play, (entry.name, self.play.world.names[seat], index)
        parcel = play.courier.send(seat, (), play.size_bytes(entry, seat, index), *key, anchored=True, kept=False)
        facts = (("do", "session"), ("subject", "/".join(map(str, key))))

        def work() -> None:
            play.file(seat, entry.name, "C3", facts, anchor=parcel.anchor)

        play.by_clerk(seat, work)

    def settled(self, seat: int, filing: Filing, answer: str, time_ns: int) -> None:
        """A replay whose receipt is accepted has passed for a new alarm."""
        alarm: Alarm | None = filing.subject
        if alarm is not None and seat == filing.seat and filing is not alarm.receipt and answer == "":
            alarm.replays_accepted += 1

    def undone(self, seat: int, filing: Filing, time_ns: int) -> None:
        """What was heard was heard."""

    def asks(self) -> list[Ask]:
        """Alarms where they were to be heard, receipts where they were filed, readings where they were to be seen."""
        courier, asks = self.play.courier, []
        for alarm, parcel in self.alarms:
            alarm.heard_ns = courier.arrived_ns(parcel, alarm.receiver)
            asks += [Ask(HEARD, alarm.raised_ns, alarm.heard_ns), self.play.filing_ask(alarm.receipt, RECEIPT)]
        for parcel in self.streams:
            asks += [Ask(READING, parcel.sent_ns, courier.arrived_ns(parcel, seat)) for seat in parcel.receivers]
        return asks

    def outcomes(self) -> dict[str, Any]:
        """M14, M21, M22."""
        courier, end_ns = self.play.courier, self.play.world.now_ns
        readers: dict[int, list[tuple[int, int]]] = {}
        for parcel in self.streams:
            for seat in parcel.receivers:
                readers.setdefault(seat, []).append((parcel.sent_ns, courier.arrived_ns(parcel, seat)))
        settled = [available for points in readers.values() for sent, available in points if available >= 0 or end_ns - sent > 3e11]
        for alarm, parcel in self.alarms:
            alarm.heard_ns = courier.arrived_ns(parcel, alarm.receiver)
        alarms = [alarm for alarm, _ in self.alarms]
        return {
            "alarm_late_or_lost": alarm_late_or_lost(alarms, HEARD.deadline_ns(1.0), end_ns, readers),
            "age_of_information": age_of_information(readers, end_ns),
            "readings_lost_share": share(sum(available < 0 for available in settled), len(settled)),
        }
