"""Reads of the ledger by people without a copy, who check what they are told: headers from several nodes, an inclusion proof from one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log1p
from typing import Any, ClassVar

from sim.health.forgery import Forgery
from sim.health.presence import Span, absences, back_ns
from sim.health.tally import distribution, share
from sim.health.world import WorkloadWorld
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration, Rate
from sim.ledger.block import HEADER_BYTES, Block
from sim.ledger.light import Headers, Shown, header_of, show

OUTCOMES = ("served", "fooled", "unavailable")


@dataclass
class Readers:
    """What the readers of one workload came to in one run, and what there was to be asked for."""

    entries: list[tuple[int, int, int]] = field(default_factory=list)
    """(time of its first decision, height, place in its block) of every entry."""
    height: int = 0
    headers: dict[tuple[int, int], Headers] = field(default_factory=dict)
    """By home and client."""
    forgery: Forgery = field(default_factory=Forgery)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys((*OUTCOMES, "lies_rejected", "no_headers", "not_asked"), 0)
    )
    waited_ns: list[int] = field(default_factory=list)
    proof_bytes: int = 0
    entry_bytes: int = 0
    header_bytes: int = 0

    def decided(self, seat: int, block: Block, time_ns: int) -> None:
        """Some node has decided a block; the first to do so makes its entries known."""
        if block.height == self.height + 1:
            self.height += 1
            self.entries += [(time_ns, block.height, index) for index in range(len(block.transactions))]


@part
class ProvenReads:
    """Light clients that ask for entries and take none without a proof: a path of hashes to the root in a header they have.

    Touches: reads. A client asks its home, then its witnesses in turn. Before, it takes the headers it lacks: at each height the one
    that more than half of home and witnesses name, if its name is its content's and it follows the one before. A seat held by
    `tamper` tells a ledger of its own in which every entry is altered, with roots and headers to fit; liars agree with each other.
    So an altered entry is rejected unless most of those asked lie; with `proofs = false` it is believed. That an entry is kept back
    cannot be proven: the next one is asked. Certificates on headers are not checked, so `witnesses` stand for them. Blocks that name
    no parent (a DAG's) give no headers. Verification by headers: Nakamoto 2008, section 8.
    """

    clients: Count = 1  # light clients of each home
    homes: object = 1.0  # which seats have them: a count, a share, names, a role or a region
    every: Duration = 5_000_000_000  # mean time between two reads of a client
    online: Duration = 600_000_000_000  # mean time for which a client is online
    offline: Duration = 0  # mean time for which it is not, and its next read waits until it is back; 0: it always is
    settled: Duration = 5_000_000_000  # how long ago an entry was first decided somewhere before anybody asks for it
    witnesses: Count = 4  # seats beside its home that a client asks for headers, drawn once
    proofs: bool = True  # whether a client wants a proof, or takes its home's word
    access: Duration = 20_000_000  # one way between a client and any seat, on a line of its own
    rate: Rate = 10_000_000  # of that line
    open_to: ClassVar[tuple[str, ...]] = ("tamper",)

    def check(self, world: WorkloadWorld | None = None) -> list[dict[str, str]]:
        """Time passes; the clients give no verdicts of their own."""
        if world is None and (self.every < 1_000_000 or self.rate < 1):
            raise ScenarioError("at least 1 ms is wanted" if self.rate else "a line has a rate", "every" if self.rate else "rate")
        if world is None and self.online < 1_000_000:
            raise ScenarioError("at least 1 ms is wanted", "online")
        if world is None and not self.offline and self.online != ProvenReads.online:
            raise ScenarioError("has no effect while offline = 0; say for how long clients are offline", "online")
        if world is None and not self.proofs and self.witnesses != ProvenReads.witnesses:
            raise ScenarioError("has no effect with proofs = false", "witnesses")
        return []

    def setup(self, world: WorkloadWorld) -> None:
        """Listen to what can be asked for."""
        if not world.has_ledger:
            raise ScenarioError("proofs are of a ledger, and nothing is agreed on here; name a consensus", "kind")
        world.memory["readers"] = Readers()
        world.on_decide(world.memory["readers"].decided)

    def start(self, world: WorkloadWorld) -> None:
        """Every client asks by a Poisson process of its own."""
        for home in world.choose(self.homes):
            for client in range(self.clients):
                others = [seat for seat in range(len(world.names)) if seat != home]
                witnesses: list[int] = []
                for turn in range(min(self.witnesses, len(others))):
                    witnesses.append(
                        others.pop(world.dice.below(len(others), "witness", world.number, world.names[home], client, turn))
                    )
                self._plan(world, (home, *witnesses), client, 0, absences(world, home, client, self.online, self.offline))

    def _plan(self, world: WorkloadWorld, asked: tuple[int, ...], client: int, turn: int, away: Sequence[Span]) -> None:
        chance = world.dice.uniform("proven read", world.number, world.names[asked[0]], client, turn)
        wait_ns = max(1, round(-log1p(-chance) * self.every))
        asks_ns = back_ns(away, world.now_ns + wait_ns)
        if asks_ns < world.duration_ns:
            world.at(asks_ns, self._read, world, asked, client, turn, away)

    def _read(self, world: WorkloadWorld, asked: tuple[int, ...], client: int, turn: int, away: Sequence[Span]) -> None:
        self._plan(world, asked, client, turn + 1, away)
        readers: Readers = world.memory["readers"]
        known = [one for one in readers.entries if one[0] + self.settled <= world.now_ns]
        if not known:
            readers.counts["not_asked"] += 1
            return
        _, height, index = known[world.dice.below(len(known), "proven entry", world.number, world.names[asked[0]], client, turn)]
        headers = readers.headers.setdefault((asked[0], client), Headers())
        before = headers.size_bytes
        if self.proofs:
            self._sync(world, readers, headers, asked)
        moved_bytes, trips, outcome = headers.size_bytes - before, int(self.proofs), "unavailable"
        rejected: list[tuple[int, str]] = []
        readers.header_bytes += moved_bytes
        for seat in asked if self.proofs else asked[:1]:
            trips += 1
            shown = self._answer(world, readers, seat, height, index)
            if shown is None:
                continue
            moved_bytes += shown.size_bytes
            readers.proof_bytes += shown.size_bytes - shown.transaction.size_bytes
            readers.entry_bytes += shown.transaction.size_bytes
            lie = world.serve_alters(seat)
            if self.proofs and not headers.proves(shown, height, index):
                readers.counts["lies_rejected" if lie else "no_headers"] += 1
                rejected += [(seat, shown.transaction.id)] if lie else []
                continue
            outcome = "fooled" if lie else "served"
            if lie:
                world.trace.record("tamper", seat, "entry", shown.transaction.id)
            for liar, name in rejected if not lie else ():  # a reader has no seat: the one who served it vouches
                world.trace.record("tamper", liar, "entry", name)
                world.trace.record("reject", seat, "entry", name, "its proof does not lead to the header's root")
            break
        self._finish(world, asked[0], outcome, trips * 2 * self.access + moved_bytes * 8_000_000_000 // self.rate)

    def _sync(self, world: WorkloadWorld, readers: Readers, headers: Headers, asked: tuple[int, ...]) -> None:
        """Give up headers that most no longer name, and take those that most have in common."""
        telling = [seat for seat in asked if world.is_up(seat) and world.serves(seat)]

        def common(height: int) -> Block | None:
            told: Counter[str] = Counter()
            found: dict[str, Block] = {}
            for seat in telling:
                blocks = world.chain_of(seat).blocks
                if len(blocks) >= height:
                    block = readers.forgery.of(blocks[:height]) if world.serve_alters(seat) else blocks[height - 1]
                    told[block.digest] += 1
                    found[block.digest] = block
            if not told:
                return None
            digest, votes = told.most_common(1)[0]
            return found[digest] if 2 * votes > len(asked) else None

        while headers.height and ((block := common(headers.height)) is None or block.digest != headers.tip):
            headers.rewind(headers.height - 1)
        while (block := common(headers.height + 1)) is not None and block.parent == headers.tip:
            headers.take(header_of(block))

    def _answer(self, world: WorkloadWorld, readers: Readers, seat: int, height: int, index: int) -> Shown | None:
        """What a full node hands out for a place in the ledger; None where it is silent or has not come so far."""
        blocks = world.chain_of(seat).blocks
        if not (world.is_up(seat) and world.serves(seat)) or len(blocks) < height or index >= len(blocks[height - 1].transactions):
            return None
        return show(readers.forgery.of(blocks[:height]) if world.serve_alters(seat) else blocks[height - 1], index)

    def _finish(self, world: WorkloadWorld, home: int, outcome: str, waited_ns: int) -> None:
        readers: Readers = world.memory["readers"]
        readers.counts[outcome] += 1
        if outcome != "unavailable":
            readers.waited_ns.append(waited_ns)
        told = {"served": "served", "fooled": "served", "unavailable": "unavailable"}[outcome]
        world.trace.record("read", home, "entry", "proven" if self.proofs else "believed", told, waited_ns)

    def outcome(self, world: WorkloadWorld) -> dict[str, Any]:
        """The workload's table in the report."""
        readers: Readers = world.memory["readers"]
        reads = sum(readers.counts[name] for name in OUTCOMES)
        return {
            "kind": "proven-reads",
            "submitted": 0,
            "final": None,
            "dropped": 0,
            "finality_s": None,
            "slo": [],
            "outcomes": {
                "reads": reads,
                **readers.counts,
                "served_share": share(readers.counts["served"], reads),
                "header_bytes": readers.header_bytes,
                "headers": readers.header_bytes // HEADER_BYTES,
                "proof_bytes": readers.proof_bytes,
                "entry_bytes": readers.entry_bytes,
                "waited_s": distribution([waited_ns / 1e9 for waited_ns in readers.waited_ns]),
            },
        }
