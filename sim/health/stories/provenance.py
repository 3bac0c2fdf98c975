"""Provenance and audit (W5): every access leaves a line in a local log; each minute's lines are sealed by one root on the chain.

A leaf seals up to a sixteenth of a window. Clinics have no root of their own in the tables: their lines go under the root of the
hospital they are bound to. An auditor picks windows and checks one leaf against the root that the auditor's own node has.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from sim.health.catalogue import Entry
from sim.health.courier import Fetch
from sim.health.levels import Ask, Level
from sim.health.outcomes.provenance import LogWindow, audit_gap, log_tampering
from sim.health.play import Act, Play, Window
from sim.health.registrar import Filing
from sim.ledger import merkle

if TYPE_CHECKING:
    from sim.health.provenance import Provenance

FINAL = Level("C3", "root final", 600)
UNANCHORED = Level("C3", "window without a root", 300)
DETECTED = Level("C4", "tampering detected", 86_400)
MOST_LEAVES = 16
ROOT_BYTES = 190
PATIENCE_NS = 30_000_000_000


class ProvenanceStory:
    """Logs as they are kept, and as some are rewritten."""

    family = "provenance"
    levels = (FINAL, UNANCHORED, DETECTED)

    def __init__(self, play: Play) -> None:
        self.play, self.part = play, cast("Provenance", play.part)
        self.acts: dict[str, Act] = {"inclusion_proof_check": self.check}
        every = self.part.window / 1e9
        self.windows: dict[str, Window] = {
            "audit_event_clinic": Window(every, self.hand_over),
            "provenance": Window(every, self.note),
            "audit_event": Window(every, self.seal),
        }
        self.sealed: list[LogWindow] = []
        self.checked = 0
        self._open: dict[int, int] = {}
        """Lines that wait for the next root, by hospital."""

    def open(self) -> None:
        """No log has lines yet."""

    def note(self, seat: int, entry: Entry, number: int, count: int, size_bytes: int) -> None:
        """Lines about where things came from go under the same root."""
        self._open[seat] = self._open.get(seat, 0) + count

    def hand_over(self, seat: int, entry: Entry, number: int, count: int, size_bytes: int) -> None:
        """A clinic's lines go to its hospital."""
        hospitals = self.play.seats("hospital")
        if hospitals and count:
            home = hospitals[seat % len(hospitals)]
            self.play.courier.send(seat, (home,), 32 * min(count, MOST_LEAVES), entry.name, seat, number, kept=False)
            self._open[home] = self._open.get(home, 0) + count

    def _leaves(self, seat: int, number: int, count: int) -> list[str]:
        return [f"{self.play.world.names[seat]}/{number}/{leaf}" for leaf in range(min(count, MOST_LEAVES))]

    def seal(self, seat: int, entry: Entry, number: int, count: int, size_bytes: int) -> None:
        """A window ends: one root over its lines goes to the chain."""
        play, now_ns = self.play, self.play.world.now_ns
        events = count + self._open.pop(seat, 0)
        leaves = self._leaves(seat, number, max(1, events))
        rewrites = play.world.commits(seat, "rewrite-log")
        early = rewrites and play.chance(self.part.before_root, "before root", seat, number)
        if early:
            leaves[0] += "/altered"
        facts = (("number", number), ("leaves", len(leaves)), ("until_ns", play.world.clock_ns(seat)))
        filing = play.file(seat, "audit_root_anchor", "C3", facts, size_bytes=ROOT_BYTES, anchor=merkle.root(leaves))
        play.count("audit_root_anchor")
        self.sealed.append(LogWindow(seat, number, len(leaves), events, now_ns, filing, now_ns if rewrites else -1, early))

    def check(self, seat: int, entry: Entry, index: int) -> None:
        """An auditor has one leaf of some window proved, over the network."""
        play = self.play
        if not self.sealed:
            return
        window = self.sealed[play.pick(len(self.sealed), "audited", seat, index)]
        found = play.world.chain_of(seat).find(window.filing.transaction.id)
        if found is None or window.organisation == seat:
            play.count("no_root_yet")
            return
        key = (entry.name, play.world.names[seat], index)
        parcel = play.courier.place((window.organisation,), play.size_bytes(entry, seat, index), *key, anchored=False)
        proved = partial(self._proved, window, found[1].anchor, index)
        play.courier.fetch(seat, parcel, (window.organisation,), PATIENCE_NS, parcel.anchor, proved)

    def _proved(self, window: LogWindow, root: str, index: int, fetch: Fetch) -> None:
        """The organisation shows a leaf and a proof; both are computed, and the proof is verified against the chain's root."""
        if fetch.outcome != "served":
            self.play.count("proof_withheld")
            return
        self.checked += 1
        leaves = self._leaves(window.organisation, window.number, window.leaves)
        if window.rewritten_ns >= 0:
            leaves[0] += "/altered"  # what the log says now, whatever was sealed
        shown = self.play.pick(window.leaves, "leaf", window.organisation, window.number, index)
        if not merkle.verify(leaves[shown], merkle.prove(leaves, shown), root) and window.flagged_ns < 0:
            window.flagged_ns = self.play.world.now_ns

    def settled(self, seat: int, filing: Filing, answer: str, time_ns: int) -> None:
        """Nothing follows from a root."""

    def undone(self, seat: int, filing: Filing, time_ns: int) -> None:
        """A root that is lost is counted at the end."""

    def asks(self) -> list[Ask]:
        """Roots where they were filed; alterations from the moment of rewriting."""
        asks = [self.play.filing_ask(window.filing, level) for window in self.sealed for level in (FINAL, UNANCHORED)]
        altered = [window for window in self.sealed if window.rewritten_ns >= 0]
        return asks + [Ask(DETECTED, window.rewritten_ns, window.flagged_ns) for window in altered]

    def outcomes(self) -> dict[str, Any]:
        """M4, M11."""
        registrar = self.play.registrar
        tip = registrar.canonical_tip()

        def canonical(filing: Filing) -> str | None:
            return registrar.machine.answer(filing.transaction.id, tip)

        return {
            "audit_gap": audit_gap(self.sealed, UNANCHORED.deadline_ns(1.0), self.play.world.now_ns, canonical),
            "tamper_undetected": log_tampering(self.sealed, self.checked),
        }
