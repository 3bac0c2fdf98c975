"""Somebody at another site needs the record: pointer from the reader's own chain, copy from a holder, hash against the anchor.

A reader waits for the pointer while its chain lacks it, gives each holder its part of the time that is left, and goes on to the
next one when a copy does not fit its anchor. What the read came to is judged against the ground truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from sim.health.catalogue import Entry
from sim.health.records import Record, Version
from sim.health.world import WorkloadWorld
from sim.health.writing import Writing
from sim.ledger.crypt import flip_bit
from sim.ledger.integrity import Tampered

OUTCOMES = ("served", "stale", "unavailable", "tampered_undetected")
EMERGENCY, ROUTINE = "emergency", "routine"


@dataclass(eq=False, slots=True)
class Read:
    """One read on its way."""

    reader: int
    family: str
    record: Record
    begun_ns: int
    deadline_ns: int
    version: Version | None = None
    stale: bool = False
    outcome: str = ""
    waited_ns: int = 0
    cause: str = ""
    left: tuple[int, ...] = ()


class Reading:
    """All reads of one EHR workload in one run."""

    def __init__(self, world: WorkloadWorld, name: str, writing: Writing, deadlines_ns: dict[str, int]) -> None:
        self.world = world
        self.reads: list[Read] = []
        self.counts: dict[str, int] = {"not_asked": 0, "no_record_yet": 0, "tampered_detected": 0}
        self.causes: dict[str, int] = dict.fromkeys(("no_pointer", "holders_silent", "copies_altered"), 0)
        self.fetched_bytes = 0
        self.useful_bytes = 0
        self._name = name
        self._writing = writing
        self._deadlines_ns = deadlines_ns
        self._waiting: dict[int, list[Read]] = {}
        writing.on_final.append(self._look_again)

    def ask(self, reader: int, entry: Entry, index: int) -> None:
        """Begin a read, unless the reader is down or nothing is there to be read."""
        world = self.world
        family = EMERGENCY if entry.use == "emergency_read" else ROUTINE
        if not world.is_up(reader):
            self.counts["not_asked"] += 1
            return
        record = self._wanted(reader, family, entry.name, index)
        if record is None:
            self.counts["no_record_yet"] += 1
            return
        read = Read(reader, family, record, world.now_ns, world.now_ns + self._deadlines_ns[family])
        self.reads.append(read)
        if not self._look_up(read):
            self._waiting.setdefault(reader, []).append(read)
            world.at(read.deadline_ns, self._expire, read)

    def _wanted(self, reader: int, family: str, kind: str, index: int) -> Record | None:
        """A record of another site with a final anchor, of the reader's own region if there is one."""
        world = self.world
        shelf = self._writing.summaries if family == EMERGENCY else self._writing.documents
        for region in (world.regions[reader], ""):
            records = shelf.get(region, [])
            for attempt in range(8 if records else 0):
                key = (self._name, world.names[reader], kind, index, attempt)
                record = records[world.dice.below(len(records), "wanted record", *key)]
                if record.source != reader:
                    return record
        return None

    def _look_up(self, read: Read) -> bool:
        """Find the newest version on the reader's own chain; the truth says whether that is the newest there is."""
        world = self.world
        chain = world.chain_of(read.reader)
        for version in reversed(read.record.versions):
            found = chain.find(version.tx_id)
            if found is None:
                continue
            read.version = version
            read.stale = read.record.newest_final > version.number
            holders = [int(seat) for seat in str(found[1].fact("holders")).split(",") if int(seat) != read.reader]
            near = world.regions[read.reader]
            read.left = tuple(sorted(holders, key=lambda seat: (world.regions[seat] != near, seat)))
            self._try_next(read)
            return True
        return False

    def _look_again(self, seat: int) -> None:
        waiting = self._waiting.get(seat)
        if waiting:
            self._waiting[seat] = [read for read in waiting if not read.outcome and not self._look_up(read)]

    def _expire(self, read: Read) -> None:
        if not read.outcome and read.version is None:
            self._waiting[read.reader] = [other for other in self._waiting[read.reader] if other is not read]
            self._finish(read, "unavailable", "no_pointer")

    def _try_next(self, read: Read) -> None:
        left_ns = read.deadline_ns - self.world.now_ns
        if not read.left or left_ns <= 0:
            self._finish(read, "unavailable", read.cause or "holders_silent")
            return
        holder, others = read.left[0], read.left[1:]
        read.left = others
        assert read.version is not None
        until_ns = self.world.now_ns + left_ns // (len(others) + 1)
        self.world.fetch_record(read.reader, read.version.digest, (holder,), until_ns, partial(self._arrived, read, holder))

    def _arrived(self, read: Read, holder: int, outcome: str, _waited_ns: int) -> None:
        if read.outcome:
            return
        if outcome != "served":
            self._try_next(read)
            return
        world, vault, version = self.world, self._writing.vault, read.version
        assert version is not None
        genuine = vault.sealed(read.record, version.number, version.size_bytes).ciphertext
        copy = genuine
        if world.serve_alters(holder, version.digest):
            bit = world.dice.below(8 * len(genuine), "altered bit", self._name, version.digest, holder)
            copy = flip_bit(genuine, bit)
            if world.honest[read.reader]:
                world.trace.record("tamper", holder, "record", version.digest)
        self.fetched_bytes += version.size_bytes
        why = self._flaw(read, copy)
        if why:
            self.counts["tampered_detected"] += 1
            world.trace.record("reject", read.reader, "record", version.digest, why)
            read.cause = "copies_altered"
            self._try_next(read)
            return
        self.useful_bytes += version.size_bytes
        self._finish(read, "tampered_undetected" if copy != genuine else "stale" if read.stale else "served")

    def _flaw(self, read: Read, copy: bytes) -> str:
        """What the reader finds wrong with a copy, or ''. It knows the anchor on its chain, the salt and the key."""
        assert read.version is not None
        found = self.world.chain_of(read.reader).find(read.version.tx_id)
        if found is None:
            return "its anchor is no longer on the chain"
        if self._writing.vault.anchored_hash(read.record, copy) != found[1].anchor:
            return "its hash is not the anchored one"
        try:
            self._writing.vault.open(read.record, copy)
        except Tampered as error:
            return str(error)
        return ""

    def _finish(self, read: Read, outcome: str, cause: str = "") -> None:
        read.outcome, read.cause = outcome, cause
        read.waited_ns = self.world.now_ns - read.begun_ns
        if cause:
            self.causes[cause] += 1
        row = (read.record.pseudonym, read.family, outcome, read.waited_ns)
        self.world.trace.record("read", read.reader, *row)
