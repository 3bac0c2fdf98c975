"""One workload in one run: arrivals by the tables, filings on the ledger, bodies beside it, and what became of them.

What happens at an arrival is told by the workload's story. A row of the tables is played in one of three ways: `acts` are single
arrivals, `windows` are streams that are too dense to follow one by one and come as a count and a weight for each stretch of time,
and all other rows follow from something else (a remittance from a claim), at the rate that the tables say they have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any, Protocol

from sim.health.actors import seats_of
from sim.health.bounds import check_bounds
from sim.health.catalogue import HOUR_NS, Entry, mean_bytes, poisson_quantile
from sim.health.courier import Courier
from sim.health.desks import Desks
from sim.health.levels import Ask, Level, class_table, slo_table
from sim.health.outcomes.ledger import clinical_reorg, geographic_fairness, time_to_final
from sim.health.registrar import Filing, registrar_of
from sim.health.replay import unknown_organisation
from sim.health.tally import distribution
from sim.health.world import WorkloadWorld
from sim.ledger.block import Fact, Transaction

if TYPE_CHECKING:
    from sim.health.timetable import Timetable

Act = Callable[[int, Entry, int], None]
"""Called with the seat, its row and the number of the arrival."""
ANCHOR_BYTES = 449
"""A salted hash with pointer and time as JSON, the size of an anchor whose body is elsewhere (D3)."""


@dataclass(frozen=True)
class Window:
    """A stream in stretches: `act(seat, entry, number, count, size_bytes)` at the end of each, every `every_s` of the clock."""

    every_s: float
    act: Callable[[int, Entry, int, int, int], None]


class Story(Protocol):
    """What happens in one workload."""

    family: str
    levels: Sequence[Level]
    acts: Mapping[str, Act]
    windows: Mapping[str, Window]

    def open(self) -> None:
        """Write the founding state."""

    def settled(self, seat: int, filing: Filing, answer: str, time_ns: int) -> None:
        """A party's node decided a filing of this workload."""

    def undone(self, seat: int, filing: Filing, time_ns: int) -> None:
        """A party's node took it back."""

    def asks(self) -> list[Ask]:
        """Service levels that are known only at the end, such as those of what must reach every node."""

    def outcomes(self) -> dict[str, Any]:
        """The workload's own metrics, from the ground truth."""


class Play:
    """The engine under a story."""

    def __init__(self, world: WorkloadWorld, part: Timetable) -> None:
        self.world, self.part, self.name = world, part, part.kind
        self.dice = world.dice
        self.chapter, self.calendar = part.chapter, part.calendar
        self.registrar = registrar_of(world)
        self.courier = Courier(world, self.name, part.encrypt, part.content == "shaped")
        self.filings: list[Filing] = []
        self.measured: list[Ask] = []
        self.counts: dict[str, int] = {}
        """How often each row of the tables happened; `not_done` counts arrivals at seats that were down."""
        self.story: Story
        self._desks = Desks(world, part.clerks, self.filings)

    # before the run -------------------------------------------------------------------------------------------------

    def open(self, story: Story) -> None:
        """Take the story and let it write the founding state."""
        self.story = story
        story.open()

    def seats(self, actor: str) -> list[int]:
        """The seats that play an actor of the tables."""
        return seats_of(actor, self.world.roles)

    def start(self) -> None:
        """Schedule the first arrival of every actor and row; each one schedules its successor."""
        if self.part.events:
            self._replay()
            return
        check_bounds(self.part, self.story.acts, self.world.roles, self.world.duration_ns)
        for name, act in self.story.acts.items():
            entry = self.chapter.entries.get(name)
            for seat in self.seats(entry.role) if entry else ():
                assert entry is not None
                times = self.arrivals_ns(entry, seat)
                if times:
                    self.world.at(times[0], self._happen, entry, act, seat, times, 0)
        for name, window in self.story.windows.items():
            entry = self.chapter.entries.get(name)
            for seat in self.seats(entry.role) if entry else ():
                assert entry is not None
                self.world.at(self._window_ns(window), self._window, entry, window, seat, 0)

    def arrivals_ns(self, entry: Entry, seat: int) -> list[int]:
        """When a row happens at a seat: the usual arrivals, and beside them those that a burst adds."""
        part, world, scale = self.part, self.world, self.part.scale_of(entry)
        key = (self.name, world.names[seat], entry.name)
        times = self.calendar.arrivals_ns(entry, scale, world.duration_ns, self.dice, *key) if scale else []
        if part.burst > 1 and self._struck(seat):
            more = self.calendar.arrivals_ns(entry, scale * (part.burst - 1), world.duration_ns, self.dice, "burst", *key)
            end_ns = part.burst_at + part.burst_lasts
            times = sorted(times + [time_ns for time_ns in more if part.burst_at <= time_ns < end_ns])
        return times

    def _struck(self, seat: int) -> bool:
        world, wanted = self.world, self.part.burst_seats
        return not wanted or any(word in wanted for word in (world.names[seat], world.roles[seat], world.regions[seat]))

    def _replay(self) -> None:
        world = self.world
        for index, (time_ns, row, organisation, size_bytes) in enumerate(self.part.replayed()):
            if organisation not in world.names:
                raise unknown_organisation(self.part.events, index, organisation, world.names)
            act = self.story.acts.get(row)
            entry = self.chapter.entries[row]
            if act is not None and time_ns < world.duration_ns:
                world.at(time_ns, self._do, entry.weighing(size_bytes), act, world.names.index(organisation), index)

    # during the run -------------------------------------------------------------------------------------------------

    def _happen(self, entry: Entry, act: Act, seat: int, times: list[int], index: int) -> None:
        if index + 1 < len(times):
            self.world.at(times[index + 1], self._happen, entry, act, seat, times, index + 1)
        self._do(entry, act, seat, index)

    def _do(self, entry: Entry, act: Act, seat: int, index: int) -> None:
        if not self.world.is_up(seat):
            self.count("not_done")
            return
        self.count(entry.name)
        act(seat, entry, index)

    def _window_ns(self, window: Window) -> int:
        return round(window.every_s * 1e9 / self.part.compression)

    def _window(self, entry: Entry, window: Window, seat: int, number: int) -> None:
        world, every_ns = self.world, self._window_ns(window)
        begun_ns = world.now_ns - every_ns
        world.at(world.now_ns + every_ns, self._window, entry, window, seat, number + 1)
        hour = int(begun_ns / self.calendar.hour_ns)
        mean = self.calendar.expected(entry, self.part.scale_of(entry), hour) * window.every_s * 1e9 / HOUR_NS
        if self.part.burst > 1 and self._struck(seat) and 0 <= begun_ns - self.part.burst_at < self.part.burst_lasts:
            mean *= self.part.burst
        chance = self.dice.uniform("window", self.name, world.names[seat], entry.name, number)
        happened = poisson_quantile(mean, chance)
        if not world.is_up(seat):
            self.count("not_done", happened)
            return
        self.count(entry.name, happened)
        window.act(seat, entry, number, happened, round(happened * mean_bytes(entry)))

    def count(self, what: str, times: int = 1) -> None:
        """Note that something happened."""
        self.counts[what] = self.counts.get(what, 0) + times

    def size_bytes(self, entry: Entry, *key: int | str) -> int:
        """The size of one body of a row."""
        if entry.median_bytes == entry.p95_bytes:
            return entry.median_bytes
        return entry.size_bytes(self.dice.uniform("size", self.name, entry.name, *key))

    def file(
        self,
        seat: int,
        row: str,
        urgency: str,
        facts: Sequence[Fact],
        *,
        parties: Sequence[int] = (),
        subject: Any = None,
        size_bytes: int = ANCHOR_BYTES,
        anchor: str = "",
    ) -> Filing:
        """Submit a transaction from `seat` now; parties are told when their own nodes have decided it."""
        transaction = Transaction(
            self.story.family, seat, size_bytes, tuple(facts), anchor, self.world.now_ns, urgency
        )  # two equal transactions of one instant would be one: facts name what they are about
        filing = Filing(transaction, row, self, tuple(parties), subject, patient=self.part.clerks > 0)
        self.filings.append(filing)
        return self.registrar.file(filing)

    def by_clerk(self, seat: int, work: Callable[[], None]) -> None:
        """File now, or, in a closed loop, as soon as one of the seat's clerks is free."""
        self._desks.bring(seat, work)

    def settled(self, seat: int, filing: Filing, answer: str, time_ns: int) -> None:
        """Tell the story; a clerk who waited for it takes up the next."""
        self.story.settled(seat, filing, answer, time_ns)
        if seat == filing.seat:
            self._desks.done(filing)

    def dropped(self, filing: Filing) -> None:
        """A clerk who waited for it takes up the next."""
        self._desks.done(filing)

    def undone(self, seat: int, filing: Filing, time_ns: int) -> None:
        """Tell the story."""
        self.story.undone(seat, filing, time_ns)

    def begin(self, level: Level) -> Ask:
        """A service level begins to run now."""
        ask = Ask(level, self.world.now_ns)
        self.measured.append(ask)
        return ask

    def pick(self, count: int, *key: int | str) -> int:
        """One of `count`."""
        return self.dice.below(count, self.name, *key)

    def chance(self, share: float, *key: int | str) -> bool:
        """Whether something of this probability happens."""
        return self.dice.uniform(self.name, *key) < share

    def later(self, delay_ns: int, function: Callable[..., None], *args: Any) -> None:
        """Call a function after a while."""
        self.world.at(self.world.now_ns + delay_ns, partial(function, *args))

    # after the run --------------------------------------------------------------------------------------------------

    def outcome(self) -> dict[str, Any]:
        """The workload's table in the report."""
        story, end_ns, compression = self.story, self.world.now_ns, self.part.compression
        asks = [*self.measured, *story.asks()]
        final = [filing for filing in self.filings if filing.final_ns >= 0]
        shares = self.registrar.everywhere_ns
        outcomes: dict[str, Any] = {
            "classes": class_table(asks, end_ns, compression),
            **story.outcomes(),
            "clinical_reorg": clinical_reorg(self.filings),
            "time_to_final": time_to_final(self.filings, shares),
            "geographic_fairness": geographic_fairness(self.filings, self.world.regions),
            "happened": dict(sorted(self.counts.items())),
            "refused": self.refusals(),
            "told_to_wait": sum(filing.told_to_wait > 0 for filing in self.filings),
        }
        return {
            "kind": self.name,
            "submitted": len(self.filings),
            "final": len(final),
            "dropped": sum(filing.dropped for filing in self.filings),
            "finality_s": distribution([(filing.final_ns - filing.submitted_ns) / 1e9 for filing in final]),
            "slo": slo_table(story.levels, asks, end_ns, compression),
            "outcomes": outcomes,
        }

    def refusals(self) -> dict[str, int]:
        """How many final filings the contracts refused, by row."""
        found: dict[str, int] = {}
        for filing in self.filings:
            if filing.final_ns >= 0 and filing.answer:
                found[filing.row] = found.get(filing.row, 0) + 1
        return found

    def filing_ask(self, filing: Filing, level: Level, everywhere: bool = False) -> Ask:
        """The service level of a filing: final at its submitter, or at the last honest node."""
        done_ns = self.registrar.everywhere_ns(filing) if everywhere else filing.first_final_ns
        return Ask(level, filing.submitted_ns, done_ns)

    def hours(self) -> int:
        """How many hours of the clock the run lasts, begun ones included."""
        return ceil(self.world.duration_ns / self.calendar.hour_ns)
