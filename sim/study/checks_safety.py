"""Safety: nothing bad ever happened. Judged over honest seats only, always, whatever the network did.

`SafetyWatch` judges agreement and prefix order at every decision as it happens; the checks judge the whole run afterwards.
Prefix order is a question of successors: if every seat decides slots in rising order, and all seats name the same
successor to the same slot, then of any two seats one's decisions are the beginning of the other's. After a restart a seat
may go on from any slot, since what it caught up with while it was down left no rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel.trace import Trace
from sim.study.evidence import Evidence
from sim.study.metrics_rows import Reading, read, transaction_name
from sim.study.sequence import BEGINNING, first_out_of_order
from sim.study.verdict import Verdict, at, short, who

_START = -(1 << 62)
_UNKNOWN = _START - 1


@dataclass(frozen=True)
class Violation:
    """The first decision that broke safety: which check, when, at which seat and slot, and what stood against what."""

    check: str
    time_ns: int
    seat: int
    slot: int
    digest: str
    expected: str


class SafetyWatch:
    """Agreement and prefix order, judged at each event; keeps the first violation and goes on counting."""

    def __init__(self, honest: Sequence[bool] | NDArray[np.bool_], finality: str = "certain") -> None:
        self._certain = finality == "certain"
        self._honest = bytes(map(bool, honest))
        self._digest_of: dict[int, str] = {}
        self._after: dict[int, int] = {}
        self._last: defaultdict[int, int] = defaultdict(lambda: _START)
        self.violation: Violation | None = None

    def watch(self, trace: Trace) -> SafetyWatch:
        """Subscribe to the trace's decisions and restarts; returns itself."""
        trace.subscribe("decide", self.decided, self.decided_many)
        trace.subscribe("revoke", self.revoked)
        trace.subscribe("restart", self.restarted)
        return self

    def decided(self, time_ns: int, seat: int, slot: int, digest: str) -> None:
        """A seat decided: compare with what is known of the slot and of the slot before."""
        if not self._honest[seat]:
            return
        known = self._digest_of.setdefault(slot, digest)
        if known != digest and self._certain:
            self._broken("agreement", time_ns, seat, slot, digest, known)
        last = self._last[seat]
        if last != _UNKNOWN:
            following = self._after.setdefault(last, slot) if slot > last else None
            if following != slot:
                expected = f"a slot above {last}" if following is None else f"slot {following}"
                self._broken("prefix-order", time_ns, seat, slot, digest, expected)
        self._last[seat] = slot

    def decided_many(
        self, times: NDArray[np.int64], seats: NDArray[np.int64], slots: NDArray[np.int64], digests: Sequence[str]
    ) -> None:
        """Several seats decided, in this order. Where only the first of each slot could tell anything new, only those are asked."""
        last, slot = self._last, int(slots[0])
        honest = [seat for seat in seats.tolist() if self._honest[seat]]
        before = [last[seat] for seat in honest]
        same = not (slots != slot).any() and before.count(slot - 1) == len(before) and self._after.get(slot - 1) == slot
        if self._certain or not same:
            for row in zip(times.tolist(), seats.tolist(), slots.tolist(), digests, strict=True):
                self.decided(*row)
            return
        if honest:
            self._digest_of.setdefault(slot, digests[0])
        for seat in honest:
            last[seat] = slot

    def revoked(self, time_ns: int, seat: int, slot: int, digest: str) -> None:
        """A seat took its last decision back: a breach where decisions are certain; where they are only probable, nothing can be
        said of the slot any more until all have settled, which `agreement` looks at afterwards.
        """
        if self._honest[seat]:
            if self._certain:
                self._broken("agreement", time_ns, seat, slot, "nothing", digest)
            self._last[seat] = _UNKNOWN
            self._digest_of.pop(slot, None)

    def restarted(self, time_ns: int, seat: int) -> None:
        """A seat came up again: whatever it decides next is in order."""
        self._last[seat] = _UNKNOWN

    @property
    def slots(self) -> int:
        """How many slots have been decided by some honest seat."""
        return len(self._digest_of)

    def _broken(self, check: str, time_ns: int, seat: int, slot: int, digest: str, expected: str) -> None:
        if self.violation is None:
            self.violation = Violation(check, time_ns, seat, slot, digest, expected)


def agreement(evidence: Evidence) -> Verdict:
    """No two honest seats decide different blocks for one slot, and none decides a slot in two ways.

    Where decisions are certain, none is revoked. Where they are only probable, the ones that stand at the end are judged, and
    the evidence tells how many do not (`reverted` in the report).
    """
    reading = read(evidence)
    known = reading.decisions
    if evidence.finality == "certain" and reading.revocations:
        time_ns, seat, slot, _ = reading.revocations[0]
        return Verdict("agreement", "fail", f"{at(time_ns)} {who(evidence, seat)} took back what it had decided for slot {slot}")
    lost = f"; {len(reading.revocations)} more were taken back" if reading.revocations else ""
    if not known.slot.size:
        return Verdict("agreement", "unknown", "no honest seat decided anything")
    here = reading.split
    if here < 0:
        return Verdict(
            "agreement", "pass", f"{known.slot.size} decisions of {reading.by_slot[0].size} slots, one block to each slot{lost}"
        )
    there = _first_there(reading, here)
    mine, theirs = (known.digests[known.code[place]] for place in (here, there))
    return Verdict(
        "agreement",
        "fail",
        f"{at(int(known.time_ns[here]))} {who(evidence, int(known.seat[here]))} decided {short(mine)} for slot "
        f"{known.slot[here]}, but {who(evidence, int(known.seat[there]))} had decided {short(theirs)} "
        f"{at(int(known.time_ns[there]))}",
    )


def _first_there(reading: Reading, place: int) -> int:
    """The place of the first decision for the slot of this one."""
    _, first, which = reading.by_slot
    return int(first[which[place]])


def prefix_order(evidence: Evidence) -> Verdict:
    """Of any two honest seats, the decisions of one are the beginning of the decisions of the other: same slots, same blocks, no gaps."""
    reading = read(evidence)
    known = reading.decisions
    if not known.slot.size:
        return Verdict("prefix-order", "unknown", "no honest seat decided anything")
    slots, _, which = reading.by_slot
    ups = np.array([(place, seat) for place, seat, up in reading.turns if up], np.int64).reshape(-1, 2)
    place, before, due = first_out_of_order(known.seat, which, ups, reading.seats, len(slots))
    if place >= 0:
        previous = "its beginning" if before == BEGINNING else f"slot {slots[before]}"
        why = "which does not rise" if due == BEGINNING else f"where slot {slots[due]} comes next elsewhere"
        told = f"decided slot {known.slot[place]} after {previous}, {why}"
        return Verdict("prefix-order", "fail", f"{at(int(known.time_ns[place]))} {who(evidence, int(known.seat[place]))} {told}")
    place = reading.split
    if place >= 0:
        other = who(evidence, int(known.seat[_first_there(reading, place)]))
        told = f"decided {short(known.digests[known.code[place]])} for slot {known.slot[place]}, where {other} has another block"
        return Verdict("prefix-order", "fail", f"{at(int(known.time_ns[place]))} {who(evidence, int(known.seat[place]))} {told}")
    return Verdict("prefix-order", "pass", f"{known.slot.size} decisions, each seat's a beginning of the longest one's")


def validity(evidence: Evidence) -> Verdict:
    """Each decided block had been published by someone, and each of its transactions had been submitted before."""
    reading = read(evidence)
    if not reading.first_decisions:
        return Verdict("validity", "unknown", "no honest seat decided anything")
    for decision in reading.first_decisions:
        when, _, _, digest = decision
        row = reading.published.get(digest)
        if row is None or row[0] > when:
            return Verdict("validity", "fail", f"{told(evidence, decision)}, which nobody had published")
        block: Any = evidence.blocks.get(digest)
        for transaction in () if block is None else block.transactions:
            name = transaction_name(transaction)
            origin = reading.submitted.get(name)
            if origin is None or origin[0] > when:
                what = f"{told(evidence, decision)} with transaction {short(name)}, which nobody had submitted"
                return Verdict("validity", "fail", what)
    many = len(reading.first_decisions)
    return Verdict("validity", "pass", f"{many} decided blocks, all published and made of submitted transactions")


def told(evidence: Evidence, decision: tuple[int, int, int, str]) -> str:
    """One decision in words: when, who, what, and for which slot."""
    time_ns, seat, slot, digest = decision
    return f"{at(time_ns)} {who(evidence, seat)} decided {short(digest)} for slot {slot}"


def integrity(evidence: Evidence) -> Verdict:
    """The decided chain is whole: each block well formed and child of the one before, no transaction in it twice.

    Loose blocks need no parent, and repeat a transaction in vain; but none is decided twice, nor after one that points to it.
    """
    reading = read(evidence)
    seen: dict[str, int] = {}
    pointed: dict[str, int] = {}
    previous: str | None = None
    judged = 0
    for decision in reading.first_decisions:
        _, _, slot, digest = decision
        block: Any = evidence.blocks.get(digest)
        if block is not None:
            judged += 1
            if reading.flaws[digest]:
                return Verdict("integrity", "fail", f"{told(evidence, decision)}, which is not well formed")
            loose = bool(getattr(block, "loose", False))
            if loose:
                if digest in pointed:
                    what = f"{told(evidence, decision)}, after slot {pointed[digest]}, which stands on it or is the same"
                    return Verdict("integrity", "fail", what)
                pointed |= dict.fromkeys((digest, *block.edges), slot)
            elif previous is not None and block.parent != previous:
                said, due = short(str(block.parent)), short(previous)
                what = f"{told(evidence, decision)}, whose parent is {said}, not the {due} decided before it"
                return Verdict("integrity", "fail", what)
            for name in map(transaction_name, block.transactions):
                if name in seen and not loose:
                    twice = f"{told(evidence, decision)} with transaction {short(name)}, decided in slot {seen[name]}"
                    return Verdict("integrity", "fail", twice)
                seen.setdefault(name, slot)
        previous = digest
    if not judged:
        return Verdict("integrity", "unknown", "no decided block can be looked into")
    whole = f"{judged} decided blocks linked and well formed, {len(seen)} transactions once each"
    return Verdict("integrity", "pass", whole)
