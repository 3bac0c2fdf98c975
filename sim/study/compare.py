"""Two scenarios under the same weather: run both on the same seeds and ask for each metric whether they differ.

Chance is keyed, so one seed gives both scenarios the same latencies, losses and patients (common random numbers). The
difference is therefore taken seed by seed, and its 95 % t-interval is far narrower than that of two separate means.
Each interval stands by itself: among twenty metrics that do not differ, one verdict is expected to be wrong.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from sim.kernel.errors import ScenarioError
from sim.study.checks import flattened
from sim.study.distribution import finite_or_none, mean_interval
from sim.study.report_text import aligned, number

if TYPE_CHECKING:
    from sim.study.contest import Contest

Seeds = int | Iterable[int]
Told = Callable[[int, int], None] | None
LETTERS = "abcdefghijklmnopqrstuvwxyz"
HIGHER_IS_BETTER = (
    "consensus.decided", "consensus.throughput_tx_s", "consensus.goodput_bytes_s", "gossip.reached_share",
    "availability.available_share", "availability.reads.served_share",
)  # fmt: skip
LOWER_IS_BETTER = (
    "consensus.consensus_time_s.mean", "consensus.consensus_time_s.p99", "consensus.first_decide_s.mean",
    "consensus.last_decide_s.mean", "consensus.finality_s.mean", "consensus.finality_s.p99",
    "consensus.block_interval_s.mean", "consensus.view_changes", "consensus.stale_rate", "consensus.reverted",
    "consensus.messages_per_decision", "consensus.bytes_per_decision", "gossip.coverage_s.p50", "gossip.coverage_s.p99",
    "gossip.coverage_s.p100", "gossip.redundancy", "gossip.messages", "gossip.bytes", "gossip.bytes_per_seat.max",
    "gossip.by_seat.stranded_seats", "gossip.by_seat.longest_wait_s.max", "gossip.by_seat.hops.mean",
    "availability.time_to_available_s.mean", "availability.reads.latency_s.mean", "availability.reads.stale_share",
)  # fmt: skip
A_BETTER, B_BETTER, CANNOT_TELL = "a better", "b better", "cannot tell"


@dataclass(frozen=True)
class Difference:
    """One metric: means over the seeds where both were measured, difference a - b, ends of its 95 % interval, verdict."""

    metric: str
    pairs: int
    a: float | None
    b: float | None
    difference: float | None
    low: float | None
    high: float | None
    verdict: str


@dataclass(frozen=True)
class Comparison:
    """What came of comparing a with b. `failed` names checks and expectations that failed, by scenario and seed."""

    a: str
    b: str
    seeds: tuple[int, ...]
    differences: tuple[Difference, ...]
    failed: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain tables, fit for JSON."""
        return {
            "a": self.a,
            "b": self.b,
            "seeds": list(self.seeds),
            "metrics": [vars(one) for one in self.differences],
            "failed": list(self.failed),
        }

    def text(self) -> str:
        """The comparison as a table for a terminal."""
        head = ["metric", "seeds", "a", "b", "a - b", "95 % from", "to", "verdict"]
        rows = []
        for one in self.differences:
            values = (one.pairs, one.a, one.b, one.difference, one.low, one.high)
            rows.append([one.metric, *map(number, values), one.verdict])
        lines = [f"a: {self.a}", f"b: {self.b}", f"{len(self.seeds)} seeds, the same for both", ""]
        lines += aligned([head, *rows], right=True)
        if self.failed:
            lines += ["", "failed", *(f"  ✗ {one}" for one in self.failed)]
        return "\n".join(lines) + "\n"

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.text())}</pre>"


def differ(metric: str, pairs: Iterable[tuple[float, float]], higher_is_better: bool) -> Difference:
    """Judge one metric by its pairs (a, b), one for each seed; fewer than two pairs cannot tell."""
    kept = list(pairs)
    if not kept:
        return Difference(metric, 0, None, None, None, None, None, CANNOT_TELL)
    count = len(kept)
    mean, low, high = mean_interval([a - b for a, b in kept])
    verdict = CANNOT_TELL
    if low > 0 or high < 0:
        verdict = A_BETTER if (low > 0) == higher_is_better else B_BETTER
    means = (math.fsum(a for a, _ in kept) / count, math.fsum(b for _, b in kept) / count)
    return Difference(metric, count, *means, mean, finite_or_none(low), finite_or_none(high), verdict)


def compare_tables(a: list[Mapping[str, Any]], b: list[Mapping[str, Any]]) -> tuple[Difference, ...]:
    """Compare reports (as dicts) pairwise: a[i] and b[i] have the same seed. Metrics that neither measured are left out."""
    leaves = [(flattened(one), flattened(other)) for one, other in zip(a, b, strict=True)]
    differences = []
    for metric in (*HIGHER_IS_BETTER, *LOWER_IS_BETTER):
        values = [(one.get(metric), other.get(metric)) for one, other in leaves]
        if any(value is not None for pair in values for value in pair):
            pairs = [(float(one), float(other)) for one, other in values if one is not None and other is not None]
            differences.append(differ(metric, pairs, metric in HIGHER_IS_BETTER))
    return tuple(differences)


@overload
def compare(a: Any, b: Any, /, *, seeds: Seeds = 20, progress: Told = None) -> Comparison:
    """Two scenarios."""


@overload
def compare(a: Any, b: Any, c: Any, /, *more: Any, seeds: Seeds = 20, progress: Told = None, names: Sequence[str] = ()) -> Contest:
    """Three and more."""


def compare(*scenarios: Any, seeds: Seeds = 20, progress: Told = None, names: Sequence[str] = ()) -> Comparison | Contest:
    """Run scenarios on the same seeds (a count from 0, or the seeds themselves) and compare their reports.

    Two make a `Comparison`, metric by metric, of one with the other; three and more a `Contest` of all with the first. `names`
    are what a contest calls them, by default their titles. `progress(done, total)` is called after each run. ScenarioError for
    fewer than two.
    """
    if len(scenarios) < 2:
        raise ScenarioError(f"{len(scenarios)} scenario cannot be compared; give at least two", "compare")
    result = contest(scenarios, seeds, progress, names)
    return pair_of(*result) if len(scenarios) == 2 else result[0]


def contest(
    scenarios: Sequence[Any], seeds: Seeds = 20, progress: Told = None, names: Sequence[str] = ()
) -> tuple[Contest, list[list[Mapping[str, Any]]]]:
    """Run any number of scenarios on the same seeds: the `Contest`, and the reports as dicts by scenario and seed."""
    from sim.study.contest import Contest, contest_of
    from sim.study.run import run

    chosen = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
    if not chosen:
        raise ScenarioError(f"{seeds} seeds are none; write at least 1", "seeds")
    tables: list[list[Mapping[str, Any]]] = [[] for _ in scenarios]
    failed: list[str] = []
    for place, seed in enumerate(chosen):
        for side, scenario in enumerate(scenarios):
            report = run(scenario, seed=seed)
            table = report.to_dict()
            tables[side].append(table)
            broken = [f"{one['name']}: {one['evidence']}" for one in table["checks"] if one["verdict"] == "fail"]
            letter = LETTERS[side % len(LETTERS)]
            failed += [f"{letter}, seed {seed}: {sentence}" for sentence in (*broken, *report.failed_expectations)]
            if progress is not None:
                progress(len(scenarios) * place + side + 1, len(scenarios) * len(chosen))
    called = tuple(names) or tuple(str(getattr(one, "title", one)) for one in scenarios)
    return Contest(called, chosen, contest_of(called, chosen, tables), tuple(failed)), tables


def pair_of(result: Contest, tables: Sequence[list[Mapping[str, Any]]]) -> Comparison:
    """A contest of two as the comparison of one with the other."""
    return Comparison(result.names[0], result.names[1], result.seeds, compare_tables(*tables), result.failed)
