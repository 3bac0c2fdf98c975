"""The EHR workload writes as often and as much as its tables say, and its outcomes are those of the scene it was put in."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

import numpy as np
import pytest

from sim.health import reading as reading_module
from sim.health.catalogue import HOUR_NS, Calendar, ehr_entries, exponential_sums, profiles
from sim.health.ehr import EHR, actors_of
from sim.health.synthetic import Synthetic
from sim.health.tally import distribution
from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.ledger.block import Block, Transaction
from sim.ledger.chain import Chain
from sim.ledger.tree import BlockTree

S = 1_000_000_000
R48 = {"hospital": 12, "clinic": 12, "lab": 4, "pharmacy": 6, "hie_registry": 1}


class FakeWorld:
    """One block a second, decided everywhere after `lag_ns[seat]`; copies arrive at once, answers take 50 ms."""

    def __init__(self, roles: dict[str, int], duration_ns: int, seed: int = 1) -> None:
        self.roles = tuple(role for role, count in roles.items() for _ in range(count))
        self.names = tuple(f"{role}{place}" for place, role in enumerate(self.roles))
        self.regions = tuple("north" if place % 2 else "south" for place in range(len(self.roles)))
        self.dice, self.duration_ns, self.now_ns = Dice(seed), duration_ns, 0
        self.memory: dict[str, Any] = {}
        self.shared: dict[str, Any] = {}
        self.rows: list[tuple[Any, ...]] = []
        self.honest = np.ones(len(self.roles), np.bool_)
        self.lag_ns = [0] * len(self.roles)
        self.down: set[int] = set()
        self.altering: set[int] = set()
        self.refused: set[int] = set()
        self.sent: list[tuple[int, str, int, tuple[int, ...]]] = []
        self.submitted: list[Transaction] = []
        self._tree, self._pending, self._serial = BlockTree(), [], 0
        self._chains = [Chain(self._tree) for _ in self.roles]
        self._maker = Chain(self._tree)
        self._events: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._listeners: list[Callable[[int, Block, int], None]] = []

    @property
    def trace(self) -> FakeWorld:
        return self

    def record(self, kind: str, seat: int, *fields: Any) -> None:
        self.rows.append((self.now_ns, kind, seat, *fields))

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        return [row for row in self.rows if row[1] == kind]

    def at(self, time_ns: int, function: Callable[..., None], *args: Any) -> None:
        self._serial += 1
        heappush(self._events, (time_ns, self._serial, function, args))

    def submit(self, transaction: Transaction) -> int:
        self.submitted.append(transaction)
        if transaction.submitter in self.refused:
            return -1
        self._pending.append(transaction)
        return len(self.submitted) - 1

    def publish_record(self, seat: int, digest: str, size_bytes: int, placement: tuple[int, ...], *, stored: bool = False) -> None:
        assert seat not in placement and len(set(placement)) == len(placement)
        self.sent.append((seat, digest, size_bytes, placement))

    def fetch_record(
        self, reader: int, digest: str, holders: tuple[int, ...], deadline_ns: int, on_done: Callable[[str, int], None]
    ) -> None:
        up = any(holder not in self.down for holder in holders)
        when_ns = self.now_ns + 50_000_000 if up else deadline_ns
        self.at(when_ns, on_done, "served" if up else "unavailable", when_ns - self.now_ns)

    def is_up(self, seat: int) -> bool:
        return seat not in self.down

    def chain_of(self, seat: int) -> Chain:
        return self._chains[seat]

    retry_ns = 0

    def on_displace(self, callback: Any) -> None:
        """There is always room."""

    def on_decide(self, callback: Callable[[int, Block, int], None], late: bool = False) -> None:
        self._listeners.append(callback)

    def on_revoke(self, callback: Callable[[int, Block, int], None]) -> None:
        """Nobody takes a block back here."""

    def serve_alters(self, holder: int, digest: str = "") -> bool:
        return holder in self.altering

    def run(self, workload: Any) -> dict[str, Any]:
        workload.setup(self)
        workload.start(self)
        self.at(S, self._make)
        while self._events and self._events[0][0] <= self.duration_ns:
            self.now_ns, _, function, args = heappop(self._events)
            function(*args)
        self.now_ns = self.duration_ns
        outcome: dict[str, Any] = workload.outcome(self)
        return outcome

    def _make(self) -> None:
        if self._pending:
            block = Block.of(self._maker.tip, self._maker.height + 1, 0, self.now_ns, tuple(self._pending))
            self._pending = []
            self._maker.append(block)
            for seat, lag_ns in enumerate(self.lag_ns):
                self.at(self.now_ns + lag_ns, self._decide, seat, block)
        self.at(self.now_ns + S, self._make)

    def _decide(self, seat: int, block: Block) -> None:
        self._chains[seat].append(block)
        for tell in self._listeners:
            tell(seat, block, self.now_ns)


def within(count: int, mean: float, sigmas: float = 4.5) -> bool:
    return abs(count - mean) <= sigmas * math.sqrt(mean) + 1


# tables, sizes, arrivals ---------------------------------------------------------------------------------------------


def test_profiles_are_shares_and_multipliers() -> None:
    hours, weekdays = profiles()
    assert len(hours) == 11 and len(weekdays) == 6
    for shares in hours.values():
        assert math.fsum(shares) == pytest.approx(1, abs=2e-3)
    for multipliers in weekdays.values():
        assert math.fsum(multipliers) / 7 == pytest.approx(1, abs=2e-3)


def test_anchors_are_as_many_as_encounters_in_the_table() -> None:
    rate = Counter[tuple[str, str]]()
    for entry in ehr_entries():
        rate[entry.role, entry.use] += entry.rate_per_day
    assert rate["hospital", "encounter"] == rate["hospital", "anchor"] == 448
    assert rate["clinic", "encounter"] == rate["clinic", "anchor"] == 200
    assert 12 * rate["hospital", "anchor"] + 12 * rate["clinic", "anchor"] == 7776  # the published load of R48


@pytest.mark.parametrize("entry", ehr_entries(), ids=lambda entry: entry.name)
def test_sizes_have_the_median_and_p95_of_the_table(entry: Any) -> None:
    sizes = np.array([entry.size_bytes(chance) for chance in Dice(3).stream("sizes", entry.name, count=60_000)])
    # the sampling error of a p95 grows with sigma; four standard errors where that is above 2 %
    sigma = math.log(entry.p95_bytes / entry.median_bytes) / 1.645
    slack = max(0.02, 4 * sigma * 2.11 / math.sqrt(60_000))
    assert np.median(sizes) == pytest.approx(entry.median_bytes, rel=0.02)
    assert np.quantile(sizes, 0.95) == pytest.approx(entry.p95_bytes, rel=slack)
    assert sizes.min() >= entry.median_bytes // 4 and sizes.max() <= 20 * entry.median_bytes
    grid = sorted(entry.size_bytes((place + 0.5) / 2001) for place in range(2001))  # exact quantiles, no chance
    assert grid[1000] == pytest.approx(entry.median_bytes, rel=0.005)
    assert grid[1900] == pytest.approx(entry.p95_bytes, rel=0.02)


@pytest.mark.parametrize("entry", [e for e in ehr_entries() if e.use != "anchor"], ids=lambda entry: entry.name)
def test_counts_per_kind_and_hour_lie_in_poisson_bands(entry: Any) -> None:
    calendar, actors = Calendar(8, 0, 1.0), 12
    hours = Counter[int]()
    for actor in range(actors):
        times = calendar.arrivals_ns(entry, 1.0, 24 * HOUR_NS, Dice(5), entry.name, actor)
        assert times == sorted(times)
        hours.update(time_ns // HOUR_NS for time_ns in times)
    assert within(hours.total(), actors * math.fsum(calendar.expected(entry, 1.0, hour) for hour in range(24)))
    for hour in range(24):
        share = entry.hours[(8 + hour) % 24] * entry.weekdays[0 if hour < 16 else 1]
        mean = actors * entry.rate_per_day * share
        assert within(hours[hour], mean), (hour, hours[hour], mean)
        assert mean > 0 or hours[hour] == 0


def test_a_clinic_is_quiet_on_sunday_and_busy_on_monday() -> None:
    entry = next(entry for entry in ehr_entries() if entry.name == "clinic_visit_bundle")
    counts = [
        sum(len(Calendar(0, day, 1.0).arrivals_ns(entry, 1.0, 24 * HOUR_NS, Dice(5), "x", actor)) for actor in range(12))
        for day in (0, 6)
    ]
    assert within(counts[0], 2400 * 1.38) and within(counts[1], 2400 * 0.08)


def test_compression_keeps_the_counts_and_shrinks_the_time() -> None:
    entry = ehr_entries()[2]
    slow = Calendar(8, 0, 1.0).arrivals_ns(entry, 1.0, 24 * HOUR_NS, Dice(5), "x")
    fast = Calendar(8, 0, 24.0).arrivals_ns(entry, 1.0, HOUR_NS, Dice(5), "x")
    assert len(slow) == len(fast) > 300
    assert all(abs(one - 24 * other) <= 48 for one, other in zip(slow, fast, strict=True))


def test_a_longer_run_and_another_actor_disturb_no_arrival() -> None:
    sums = exponential_sums(50.0, Dice(1), "a")
    assert exponential_sums(500.0, Dice(1), "a")[: len(sums)] == sums
    assert exponential_sums(50.0, Dice(1), "b") != sums

    def starts(roles: dict[str, int]) -> list[tuple[str, int]]:
        world = FakeWorld(roles, 2 * HOUR_NS // 24)
        world.run(EHR(compression=24, reads=False, amended=0))
        return [(str(one.fact("organisation")), one.submitted_ns) for one in world.submitted if one.submitter < 3]

    assert starts({"hospital": 3}) == starts({"hospital": 3, "clinic": 2}) != []


# scenes --------------------------------------------------------------------------------------------------------------


def short_day(**fields: Any) -> EHR:
    return EHR(**{"compression": 24, "scale": 0.5, "amend_after": "60 s", **fields})


def slo(outcome: dict[str, Any], name: str) -> float | None:
    return next(level["attained_share"] for level in outcome["slo"] if level["name"] == name)


def test_a_healthy_day_serves_everything() -> None:
    world = FakeWorld(R48, HOUR_NS // 3)
    outcome = world.run(short_day(amended=0))
    ends = outcome["outcomes"]
    assert ends["served"] > 400 and outcome["final"] > 1000
    assert (ends["stale"], ends["unavailable"], ends["tampered_detected"], ends["tampered_undetected"]) == (0, 0, 0, 0)
    assert slo(outcome, "emergency read") == slo(outcome, "routine read") == slo(outcome, "anchor final") == 1.0
    assert slo(outcome, "payload availability") == 1.0 and ends["fetched_per_useful_byte"] == 1.0
    assert outcome["submitted"] == ends["encounters"] == len(world.submitted)
    assert 0 < outcome["finality_s"]["min"] <= outcome["finality_s"]["p50"] <= outcome["finality_s"]["max"] <= 1.0
    assert len(world.of("read")) == ends["served"] and not world.of("reject") and ends["note"] == ""
    assert ends["metadata_exposure"] == {"triples": outcome["final"], "linked_pseudonyms": 0}
    assert all(len(placement) == 2 for _, digest, _, placement in world.sent if digest in anchored(world))


def anchored(world: FakeWorld) -> set[str]:
    return {version.digest for record in world.memory["writing"].records for version in record.versions}


def test_the_same_seed_gives_the_same_rows_and_another_seed_does_not() -> None:
    runs = []
    for seed in (1, 1, 2):
        world = FakeWorld(R48, HOUR_NS // 24, seed)
        runs.append((world.run(short_day()), world.rows, [one.id for one in world.submitted]))
    assert runs[0] == runs[1] != runs[2]


def test_a_reader_whose_chain_lags_reads_stale_versions() -> None:
    world = FakeWorld(R48, HOUR_NS // 6)
    world.lag_ns[:6] = [40 * S] * 6
    outcome = world.run(short_day(amended=1.0, amend_after="90 s"))
    ends = outcome["outcomes"]
    assert ends["stale"] > 0 and ends["tampered_undetected"] == 0 and ends["amendments"] > 50
    assert ends["metadata_exposure"]["linked_pseudonyms"] > 0
    # who lags reads stale; who does not, does not
    assert {row[2] for row in world.of("read") if row[5] == "stale"} <= set(range(6))
    assert ends["unavailable_because"]["no_pointer"] > 0  # emergencies do not wait 40 s


def test_silent_holders_make_records_unavailable_at_the_deadline() -> None:
    world = FakeWorld(R48, HOUR_NS // 6)
    world.at(200 * S, lambda: world.down.update(range(6, len(world.roles))))
    outcome = world.run(short_day(replicas=1))
    ends = outcome["outcomes"]
    assert ends["unavailable_because"]["holders_silent"] == ends["unavailable"] > 0
    level = slo(outcome, "payload availability")
    assert level is not None and level < 0.999 and ends["not_asked"] > 0 and ends["not_written"] > 0
    late = {row[4]: row[6] for row in world.of("read") if row[5] == "unavailable"}
    assert late.get("routine") == 30 * S and late.get("emergency", 5 * S) == 5 * S


def test_altered_copies_are_rejected_and_the_next_holder_is_asked() -> None:
    world = FakeWorld(R48, HOUR_NS // 6)
    world.altering = set(range(0, len(world.roles), 3))
    workload = short_day()
    outcome = world.run(workload)
    ends = outcome["outcomes"]
    assert ends["tampered_detected"] == len(world.of("reject")) == len(world.of("tamper")) > 0
    assert ends["tampered_undetected"] == 0 and ends["served"] > 0 and ends["fetched_per_useful_byte"] > 1
    assert {row[2] for row in world.of("tamper")} <= world.altering
    assert workload.check(world)[0]["verdict"] == "pass"


def test_where_all_copies_are_altered_nothing_is_served() -> None:
    world = FakeWorld(R48, HOUR_NS // 12)
    world.altering = set(range(len(world.roles)))
    ends = world.run(short_day(encrypt="real", scale=0.1))["outcomes"]
    assert ends["served"] == ends["stale"] == ends["tampered_undetected"] == 0
    assert ends["unavailable"] == ends["unavailable_because"]["copies_altered"] > 0


def test_a_reader_that_checks_nothing_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_module.Reading, "_flaw", lambda *_: "")
    world = FakeWorld(R48, HOUR_NS // 12)
    world.altering = set(range(len(world.roles)))
    workload = short_day()
    assert world.run(workload)["outcomes"]["tampered_undetected"] > 0
    assert workload.check(world)[0]["verdict"] == "fail"


def test_real_encryption_serves_as_the_modelled_one_does() -> None:
    ends = [FakeWorld(R48, HOUR_NS // 24).run(short_day(scale=0.2, encrypt=way)) for way in ("real", "modelled")]
    assert ends[0] == ends[1] and ends[0]["outcomes"]["served"] > 0


def test_dropped_and_unfinished_anchors_count_against_the_level() -> None:
    world = FakeWorld({"hospital": 4}, HOUR_NS // 6)
    world.refused = {0}
    outcome = world.run(short_day(anchor_deadline="60 s", scale=2.0))
    assert outcome["dropped"] > 0 and outcome["final"] <= outcome["submitted"] - outcome["dropped"]
    level = slo(outcome, "anchor final")
    assert level is not None and 0.5 < level < 0.95


def test_missing_roles_are_named_and_members_count_as_hospitals() -> None:
    world = FakeWorld({"hospital": 3, "payer": 1}, HOUR_NS // 24)
    assert "clinic_visit_bundle" in world.run(short_day())["outcomes"]["note"]
    assert actors_of(("member", "member", "observer"))["hospital"] == [0, 1]
    assert actors_of(("validator", "validator"))["hospital"] == [0, 1]
    assert "hospital" not in actors_of(("clinic", "member"))


def test_nothing_asked_is_not_measured_rather_than_zero() -> None:
    outcome = FakeWorld({"hospital": 2}, S).run(short_day(scale=0.0))
    assert outcome["submitted"] == 0 and outcome["finality_s"]["p50"] is None
    assert [level["attained_share"] for level in outcome["slo"]] == [None] * 4
    assert EHR().check() == []


@pytest.mark.parametrize(
    ("fields", "word"),
    [({"start_hour": 24}, "start_hour"), ({"compression": 0}, "compression"), ({"replicas": 0}, "replicas"),
     ({"encrypt": "rot13"}, "encrypt"), ({"emergency_deadline": "5 parsecs"}, "emergency_deadline")],
)  # fmt: skip
def test_wrong_fields_are_refused_by_name(fields: dict[str, Any], word: str) -> None:
    with pytest.raises(ScenarioError, match=word):
        EHR(**fields)


# synthetic load ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arrivals", ["steady", "poisson"])
def test_a_synthetic_load_has_its_rate_and_size(arrivals: str) -> None:
    world = FakeWorld({"member": 5}, 100 * S)
    world.refused = {4}
    outcome = world.run(Synthetic(rate=20, size="300 B", arrivals=arrivals))
    assert within(outcome["submitted"], 2000) and {one.size_bytes for one in world.submitted} == {300}
    seats = Counter(one.submitter for one in world.submitted)
    assert all(within(seats[seat], 400) for seat in range(5))
    assert outcome["dropped"] == seats[4] and outcome["final"] == pytest.approx(1600, abs=150)
    assert arrivals == "poisson" or outcome["submitted"] == 2000


def test_a_synthetic_seat_that_is_down_submits_nothing() -> None:
    world = FakeWorld({"member": 4}, 10 * S)
    world.down = {2}
    outcome = world.run(Synthetic(rate=8, arrivals="steady"))
    assert outcome["submitted"] == 60 and outcome["outcomes"]["not_submitted"] == 20
    with pytest.raises(ScenarioError, match="rate"):
        Synthetic(rate=0)


def test_quantiles_are_values_that_occurred() -> None:
    assert distribution([4.0, 1.0, 3.0, 2.0]) == {
        "n": 4, "mean": 2.5, "sd": math.sqrt(5 / 3), "min": 1.0, "p50": 2.0, "p90": 4.0, "p95": 4.0, "p99": 4.0, "max": 4.0,
    }  # fmt: skip
    assert distribution([])["n"] == 0 and distribution([])["mean"] is None
