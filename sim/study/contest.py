"""Several scenarios under the same weather, side by side: for each metric a mean and its interval, and a verdict against the first.

Verdicts are pairwise, seed by seed, as in compare.py; the intervals that are shown are those of each mean by itself, which
overlap more often than the verdicts are in doubt.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.kernel.errors import ScenarioError
from sim.study.checks import flattened
from sim.study.compare import A_BETTER, B_BETTER, CANNOT_TELL, HIGHER_IS_BETTER, LETTERS, LOWER_IS_BETTER, differ
from sim.study.distribution import finite_or_none, mean_interval
from sim.study.report import write_into
from sim.study.report_text import aligned, number

BETTER, WORSE = "better", "worse"
MARKS = {BETTER: "+", WORSE: "-", CANNOT_TELL: "?", "": ""}
_VERDICTS = {A_BETTER: WORSE, B_BETTER: BETTER, CANNOT_TELL: CANNOT_TELL}


@dataclass(frozen=True)
class Standing:
    """One scenario on one metric: over how many seeds it was measured, mean, ends of its 95 % interval, verdict against the first."""

    pairs: int
    mean: float | None
    low: float | None
    high: float | None
    verdict: str


@dataclass(frozen=True)
class Contest:
    """What came of comparing several scenarios; `standings` has one entry a scenario for each metric that any of them measured."""

    names: tuple[str, ...]
    seeds: tuple[int, ...]
    standings: Mapping[str, tuple[Standing, ...]]
    failed: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """The contest as plain tables, fit for JSON."""
        return {
            "scenarios": list(self.names),
            "seeds": list(self.seeds),
            "metrics": [{"metric": metric, "standings": [vars(one) for one in row]} for metric, row in self.standings.items()],
            "failed": list(self.failed),
        }

    def text(self) -> str:
        """A table for a terminal: mean ± half of the 95 % interval, with + - ? for better, worse, cannot tell (against a)."""
        letters = LETTERS[: len(self.names)]
        rows = [["metric", "", *letters]]
        for metric, row in self.standings.items():
            rows.append([metric, "", *(cell(one, len(self.seeds)) for one in row)])
        lines = [f"{letter}: {name}" for letter, name in zip(letters, self.names, strict=True)]
        lines += [f"{len(self.seeds)} seeds, the same for all; mean ± half of its 95 % interval;"]
        lines += ["+ better than a, - worse, ? cannot tell, by differences seed by seed; (n) measured with n seeds only", ""]
        lines += aligned(rows, right=True)
        if self.failed:
            lines += ["", "failed", *(f"  ✗ {one}" for one in self.failed)]
        return "\n".join(lines) + "\n"

    def plot(self, metric: str = "gossip.coverage_s.p99", axes: Any = None) -> Any:
        """One metric: a point and the 95 % interval of the mean for each scenario; returns the Axes."""
        from sim.study.plots_contest import standings

        return standings(self, metric, axes)

    def save(self, directory: str | Path, text: str, document: Any) -> list[Path]:
        """Write comparison.json, comparison.txt and comparison.png (not without matplotlib); returns the paths written.

        Raises EnvironmentTrouble where the directory cannot be written.
        """
        contents = {"comparison.json": (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()}
        contents["comparison.txt"] = text.encode()
        try:
            from sim.study.plots_contest import contest_png

            contents["comparison.png"] = contest_png(self)
        except ImportError:
            pass
        return write_into(directory, contents, "the comparison")

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.text())}</pre>"


def cell(one: Standing, seeds: int) -> str:
    """One standing as a table shows it."""
    if one.mean is None:
        return "-"
    rounding = abs(one.mean) * 1e-12  # equal values, whose mean is not quite them
    half = "" if one.high is None else f" ± {number(0 if one.high - one.mean <= rounding else one.high - one.mean)}"
    few = f" ({one.pairs})" if one.pairs < seeds else ""
    return f"{number(one.mean)}{half}{few} {MARKS[one.verdict] or ' '}"


def varied(
    files: Sequence[str], settings: Sequence[str], vary: str | None, load: Callable[[str, list[str]], Any]
) -> dict[str, Any]:
    """The scenarios of a contest by name: every file, with every value of `vary` ("gossip.kind=flood,push") if it is given.

    `load(file, settings)` reads one. ScenarioError for a `vary` without values and for fewer than two scenarios.
    """
    if vary is None:
        values = [""]
    else:
        key, sign, listed = vary.partition("=")
        values = [f"{key.strip()}={value}" for value in _split(listed)]
        if not sign or not key.strip() or not all(value.partition("=")[2] for value in values):
            raise ScenarioError(f"{vary!r} names no values; write key=one,another, such as gossip.kind=flood,push", "--vary")
    found: dict[str, Any] = {}
    for file in files:
        for value in values:
            scenario = load(file, [*settings, value] if value else list(settings))
            words = [*([str(scenario.title or file)] if len(files) > 1 else []), *([value.partition("=")[2]] if value else [])]
            name = ", ".join(words) or str(scenario.title or file)
            found[f"{name} ({file})" if name in found else name] = scenario
    if len(files) * len(values) < 2:
        raise ScenarioError("one scenario alone cannot be compared; name another file, or values with --vary", "compare")
    return found


def _split(listed: str) -> list[str]:
    """Values between commas, save those inside quotes and brackets."""
    values, depth, quoted = [""], 0, False
    for letter in listed:
        if letter == "," and not depth and not quoted:
            values.append("")
            continue
        quoted ^= letter == '"'
        depth += 0 if quoted else (letter in "[{") - (letter in "]}")
        values[-1] += letter
    return [value.strip() for value in values]


def contest_of(names: Sequence[str], seeds: Sequence[int], tables: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Standings by metric from reports as dicts: `tables[scenario][place of the seed]`."""
    leaves = [[flattened(one) for one in reports] for reports in tables]
    found: dict[str, tuple[Standing, ...]] = {}
    for metric in (*HIGHER_IS_BETTER, *LOWER_IS_BETTER):
        values = [[one.get(metric) for one in reports] for reports in leaves]
        if any(value is not None for row in values for value in row):
            found[metric] = tuple(standing_of(values, place, metric in HIGHER_IS_BETTER) for place in range(len(names)))
    return found


def standing_of(values: Sequence[Sequence[Any]], place: int, higher_is_better: bool) -> Standing:
    """How the scenario at `place` stands: `values[scenario][place of the seed]`, None where it was not measured."""
    mine = [float(value) for value in values[place] if value is not None]
    if not mine:
        return Standing(0, None, None, None, "" if place == 0 else CANNOT_TELL)
    mean, low, high = mean_interval(mine)
    verdict = ""
    if place:
        pairs = [(float(a), float(b)) for a, b in zip(values[0], values[place], strict=True) if a is not None and b is not None]
        verdict = _VERDICTS[differ("", pairs, higher_is_better).verdict]
    return Standing(len(mine), mean, finite_or_none(low), finite_or_none(high), verdict)
