"""From an encounter to its record: sealed at the source, copied to other sites, vouched for on the chain.

The chain carries what the article leaves visible (pointer, organisation, time) and a salted hash, never content. A share of
records is amended later; the newer version is anchored anew, so that a reader whose chain lags can be seen to read a stale one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.health.catalogue import Entry
from sim.health.records import Record, Vault, Version
from sim.health.registrar import Filing, registrar_of
from sim.health.world import WorkloadWorld
from sim.ledger.block import Block, Transaction
from sim.ledger.crypt import OVERHEAD_BYTES, bytes_of

FAMILY = "record_anchor"


class Writing:
    """All writing of one EHR workload in one run, and the ground truth it creates."""

    def __init__(
        self, world: WorkloadWorld, name: str, vault: Vault, replicas: int, anchor_bytes: int, amended: float, amend_after_ns: int
    ) -> None:
        self.world = world
        self.vault = vault
        self.records: list[Record] = []
        self.summaries: dict[str, list[Record]] = {}
        """Records with a final anchor and of a size to be read in an emergency, by region of the source; '' holds all."""
        self.documents: dict[str, list[Record]] = {}
        """All records with a final anchor, likewise."""
        self.counts: dict[str, int] = {"encounters": 0, "amendments": 0, "messages": 0, "not_written": 0}
        self.filings: list[Filing] = []
        self.on_final: list[Callable[[int], None]] = []
        self._name = name
        self._replicas = replicas
        self._anchor_bytes = anchor_bytes
        self._amended = amended
        self._amend_after_ns = amend_after_ns

    def encounter(self, source: int, entry: Entry, index: int) -> None:
        """A patient was seen: write the record and, for some, plan an amendment."""
        world = self.world
        if not world.is_up(source):
            self.counts["not_written"] += 1
            return
        self.counts["encounters"] += 1
        key = (self._name, world.names[source], entry.name, index)
        record = Record(bytes_of(world.dice, 16, "pseudonym", *key).hex(), entry.name, source)
        self.records.append(record)
        size_bytes = entry.size_bytes(world.dice.uniform("record size", *key))
        self._write(record, size_bytes)
        if world.dice.uniform("amended", *key) < self._amended:
            delay_ns = int(self._amend_after_ns * (0.5 + world.dice.uniform("amended after", *key)))
            world.at(world.now_ns + delay_ns, self._amend, record, size_bytes)

    def _amend(self, record: Record, size_bytes: int) -> None:
        if not self.world.is_up(record.source):
            self.counts["not_written"] += 1
            return
        self.counts["amendments"] += 1
        self._write(record, size_bytes)

    def _write(self, record: Record, content_bytes: int) -> None:
        world, number, size_bytes = self.world, len(record.versions), content_bytes + OVERHEAD_BYTES
        sealed = self.vault.sealed(record, number, size_bytes)
        holders = (record.source, *self._other_holders(record))
        hashed = self.vault.anchored_hash(record, sealed.ciphertext)
        version = Version(number, size_bytes, sealed.digest, hashed, holders, submitted_ns=world.now_ns)
        record.versions.append(version)
        world.publish_record(record.source, version.digest, size_bytes, holders[1:], stored=True)
        transaction = Transaction(
            FAMILY,
            record.source,
            self._anchor_bytes,
            (
                ("record", record.pseudonym),
                ("version", number),
                ("organisation", world.names[record.source]),
                ("time_ns", world.now_ns),
                ("holders", ",".join(map(str, holders))),
            ),
            hashed,
            world.now_ns,
            "C3",
        )
        version.tx_id = transaction.id
        self.filings.append(registrar_of(world).file(Filing(transaction, record.kind, self, (), (record, version))))

    def _other_holders(self, record: Record) -> Sequence[int]:
        """Seats for the further copies: distinct, drawn by the record's own name, the source left out."""
        seats = len(self.world.names)
        wanted = min(self._replicas, seats) - 1
        found: list[int] = []
        attempt = 0
        while len(found) < wanted:
            seat = self.world.dice.below(seats, "holder", self._name, record.pseudonym, attempt)
            attempt += 1
            if seat != record.source and seat not in found:
                found.append(seat)
        return found

    def message(self, source: int, entry: Entry, index: int, receivers: Sequence[int]) -> None:
        """A laboratory result or notification goes from one site to another, off the chain."""
        world = self.world
        others = [seat for seat in receivers if seat != source]
        if not others:
            return
        if not world.is_up(source):
            self.counts["not_written"] += 1
            return
        key = (self._name, world.names[source], entry.name, index)
        receiver = others[world.dice.below(len(others), "receiver", *key)]
        size_bytes = entry.size_bytes(world.dice.uniform("record size", *key)) + OVERHEAD_BYTES
        self.counts["messages"] += 1
        world.publish_record(source, bytes_of(world.dice, 16, "message", *key).hex(), size_bytes, (receiver,))

    def settled(self, seat: int, filing: Filing, answer: str, time_ns: int) -> None:
        """The source's own node has decided the anchor: it is final now."""
        record, version = filing.subject
        if not answer and version.final_ns < 0:
            if record.newest_final < 0:
                self._list(record)
            version.final_ns = time_ns

    def undone(self, seat: int, filing: Filing, time_ns: int) -> None:
        """The source's node has taken the anchor back."""
        filing.subject[1].final_ns = -1

    def dropped(self, filing: Filing) -> None:
        """There was no room for the anchor; the filing says so."""

    def decided(self, seat: int, block: Block, time_ns: int) -> None:
        """A node decided a block: who waits there for a pointer may look again."""
        for tell in self.on_final:
            tell(seat)

    def _list(self, record: Record) -> None:
        shelves = [self.documents]
        if record.kind != "inpatient_stay_bundle":
            shelves.append(self.summaries)
        for shelf in shelves:
            for region in ("", self.world.regions[record.source]):
                entries = shelf.setdefault(region, [])
                if not entries or entries[-1] is not record:
                    entries.append(record)
