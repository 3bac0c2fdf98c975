"""What travels beside the ledger: sealed bodies sent from site to site, and bodies asked for and checked against their anchor.

A body is named by a pseudonym; its content is drawn again whenever it is needed, so nothing is kept. A sender who hears nothing
sends again (three times, three seconds apart; that the acknowledgement itself may be lost is not modelled).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from sim.health.records import Record, Vault
from sim.health.world import WorkloadWorld
from sim.ledger.crypt import OVERHEAD_BYTES, flip_bit
from sim.ledger.integrity import Tampered

AGAIN_NS = 3_000_000_000
MOST_ATTEMPTS = 3
SECOND_NS = 1_000_000_000


@dataclass(eq=False, slots=True)
class Parcel:
    """One body on its way, or stored at its source."""

    digest: str
    size_bytes: int
    source: int
    receivers: tuple[int, ...]
    sent_ns: int
    record: Record
    number: int = 0
    anchor: str = ""
    """The salted hash that the chain is to vouch for."""


@dataclass(eq=False, slots=True)
class Fetch:
    """One body asked for: from whom, until when, and what came of it."""

    reader: int
    parcel: Parcel
    left: tuple[int, ...]
    begun_ns: int
    deadline_ns: int
    outcome: str = ""
    """served, unavailable, or altered (passed the check although it was another body)."""
    rejected: int = 0
    """Copies that did not fit the anchor."""
    waited_ns: int = 0
    fetched_bytes: int = 0


class Courier:
    """All bodies of one workload in one run."""

    def __init__(self, world: WorkloadWorld, name: str, way: str, in_shape: bool = False) -> None:
        self.world = world
        self.vault = Vault(world.dice, name, way, in_shape)
        self.fetches: list[Fetch] = []
        self._name = name

    def send(
        self,
        source: int,
        receivers: Sequence[int],
        content_bytes: int,
        *key: int | str,
        anchored: bool = False,
        kept: bool = True,
        stored: bool = False,
    ) -> Parcel:
        """Seal a body at `source` and send it to `receivers` (none: it is only stored). `anchored` computes its salted hash.

        With `kept` false nobody asks later whether it arrived, and it is sent once. What is `stored` lies in shares where the scenario
        has a scheme for it, whoever the receivers are.
        """
        world, size_bytes = self.world, content_bytes + OVERHEAD_BYTES
        record = Record(self._pseudonym(*key), str(key[0]), source)
        digest, anchor = record.pseudonym, ""
        if anchored:
            sealed = self.vault.sealed(record, 0, size_bytes)
            digest, anchor = sealed.digest, self.vault.anchored_hash(record, sealed.ciphertext)
        others = tuple(seat for seat in receivers if seat != source)
        parcel = Parcel(digest, size_bytes, source, others, world.now_ns, record, 0, anchor)
        world.publish_record(source, digest, size_bytes, others, stored=stored)
        if kept and others:
            world.at(world.now_ns + AGAIN_NS, self._again, parcel, 1)
        return parcel

    def place(self, holders: Sequence[int], content_bytes: int, *key: int | str, anchored: bool = True) -> Parcel:
        """A body that its holders (the source first) have already; nothing travels. What a holder says in its own name needs no anchor."""
        size_bytes = content_bytes + OVERHEAD_BYTES
        record = Record(self._pseudonym(*key), str(key[0]), holders[0])
        digest, anchor = record.pseudonym, ""
        if anchored:
            sealed = self.vault.sealed(record, 0, size_bytes)
            digest, anchor = sealed.digest, self.vault.anchored_hash(record, sealed.ciphertext)
        every = tuple(dict.fromkeys(holders))
        self.world.place_record(every, digest, size_bytes)
        return Parcel(digest, size_bytes, every[0], every[1:], self.world.now_ns, record, 0, anchor)

    def _pseudonym(self, *key: int | str) -> str:
        """128 bits of chance that name a body."""
        dice = self.world.dice
        return f"{dice.key('body', self._name, *key):016x}{dice.key('body, second half', self._name, *key):016x}"

    def _again(self, parcel: Parcel, attempt: int) -> None:
        world = self.world
        missing = [seat for seat in parcel.receivers if world.arrived_ns(seat, parcel.digest) < 0]
        if not missing:
            return
        if world.is_up(parcel.source):
            world.send_record(parcel.source, parcel.digest, tuple(missing))
        if attempt < MOST_ATTEMPTS:
            world.at(world.now_ns + AGAIN_NS * (attempt + 1), self._again, parcel, attempt + 1)

    def can_read(self, parcel: Parcel, keys: Sequence[Record]) -> bool:
        """Whether somebody who has the keys of these records can open a body; each is really tried on it."""
        ciphertext = self.vault.sealed(parcel.record, parcel.number, parcel.size_bytes).ciphertext
        for record in keys:
            with suppress(Tampered):
                self.vault.open(record, ciphertext)
                return True
        return False

    def arrived_ns(self, parcel: Parcel, seat: int) -> int:
        """When the body was whole at a seat; -1 never."""
        return parcel.sent_ns if seat == parcel.source else self.world.arrived_ns(seat, parcel.digest)

    def fetch(
        self, reader: int, parcel: Parcel, holders: Sequence[int], patience_ns: int, anchor: str, on_done: Callable[[Fetch], None]
    ) -> Fetch:
        """Ask the holders in turn; a copy that does not fit `anchor` is rejected and the next one asked. `on_done` is called once.

        With an empty `anchor` the reader's chain has nothing to hold the copy against, and any copy passes. What lies in shares is
        asked for once: which holders to ask, and for how long each, is then the scheme's business.
        """
        now_ns, storage = self.world.now_ns, self.world.storage
        asked = tuple(seat for seat in holders if seat != reader)
        if storage is not None and storage.knows(parcel.digest):
            asked = (parcel.source,)
        fetch = Fetch(reader, parcel, asked, now_ns, now_ns + patience_ns)
        self.fetches.append(fetch)
        self._next(fetch, anchor, on_done)
        return fetch

    def _next(self, fetch: Fetch, anchor: str, on_done: Callable[[Fetch], None]) -> None:
        now_ns = self.world.now_ns
        if not fetch.left or now_ns >= fetch.deadline_ns:
            self._finish(fetch, "unavailable", on_done)
            return
        holder, fetch.left = fetch.left[0], fetch.left[1:]
        until_ns = now_ns + (fetch.deadline_ns - now_ns) // (len(fetch.left) + 1)
        arrived = partial(self._arrived, fetch, holder, anchor, on_done)
        self.world.fetch_record(fetch.reader, fetch.parcel.digest, (holder,), until_ns, arrived)

    def _arrived(
        self, fetch: Fetch, holder: int, anchor: str, on_done: Callable[[Fetch], None], outcome: str, _waited_ns: int
    ) -> None:
        if fetch.outcome:
            return
        if outcome != "served":
            self._next(fetch, anchor, on_done)
            return
        fetch.fetched_bytes += fetch.parcel.size_bytes
        alters = self.world.serve_alters(holder, fetch.parcel.digest)
        if alters and self._rejects(fetch, holder, anchor):
            fetch.rejected += 1
            self.world.trace.record("reject", fetch.reader, "record", fetch.parcel.digest, "its hash is not the anchored one")
            self._next(fetch, anchor, on_done)
            return
        self._finish(fetch, "altered" if alters else "served", on_done)

    def _rejects(self, fetch: Fetch, holder: int, anchor: str) -> bool:
        """Whether the reader sees that a holder's altered copy is not the anchored one: the hash is really computed."""
        parcel = fetch.parcel
        genuine = self.vault.sealed(parcel.record, parcel.number, parcel.size_bytes).ciphertext
        bit = self.world.dice.below(8 * len(genuine), "altered bit", self._name, parcel.digest, holder)
        if self.world.honest[fetch.reader]:
            self.world.trace.record("tamper", holder, "record", parcel.digest)
        return bool(anchor) and self.vault.anchored_hash(parcel.record, flip_bit(genuine, bit)) != anchor

    def _finish(self, fetch: Fetch, outcome: str, on_done: Callable[[Fetch], None]) -> None:
        fetch.outcome, fetch.waited_ns = outcome, self.world.now_ns - fetch.begun_ns
        on_done(fetch)
