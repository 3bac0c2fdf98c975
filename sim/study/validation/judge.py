"""Playing cases and judging them: one row each, as a line of text and as a table of the JSON document."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from sim.kernel.errors import ScenarioError
from sim.study.distribution import finite_or_none
from sim.study.validation.case import Case, Measured
from sim.study.validation.cases import GROUPS, all_cases

Told = Callable[[int, int, str], None]
"""Called with how many cases are done, of how many, and the name of the next."""
_HEAD = f"{'case':<5} {'what':<72} {'expected':>11} {'measured':>11} {'error':>9} {'z':>6}  {'verdict':<8}source"


@dataclass(frozen=True)
class Row:
    """One case, played and judged; `measured` is None where it cannot be played."""

    case: Case
    measured: Measured | None

    @property
    def tolerance(self) -> float | None:
        """The largest difference accepted, in the case's unit."""
        return None if self.measured is None else self.case.rule.tolerance(self.case.expected, self.measured)

    @property
    def verdict(self) -> str:
        """pass, fail, or unknown: it cannot be played, or one run does not tell its own error. What is no number fails."""
        if self.measured is None or self.tolerance is None or math.isnan(self.tolerance):
            return "unknown"
        return "pass" if abs(self.measured.value - self.case.expected) <= self.tolerance else "fail"

    @property
    def z(self) -> float | None:
        """The difference in standard errors; None where no chance is in it."""
        if self.measured is None or not self.measured.error:
            return None
        return (self.measured.value - self.case.expected) / self.measured.error

    def to_dict(self) -> dict[str, Any]:
        """The row as the JSON document has it; what is not known is None."""
        case, measured = self.case, self.measured
        return {
            "case": case.id,
            "group": case.group,
            "what": case.what,
            "unit": case.unit or None,
            "expected": finite_or_none(case.expected),
            "measured": None if measured is None else finite_or_none(measured.value),
            "standard_error": None if measured is None or measured.error is None else finite_or_none(measured.error),
            "z": None if self.z is None else finite_or_none(self.z),
            "rule": None if measured is None else case.rule.told(),
            "tolerance": None if self.tolerance is None else finite_or_none(self.tolerance),
            "runs": None if measured is None else measured.runs,
            "source": case.source,
            "verdict": self.verdict,
            "missing": case.missing or None,
        }

    def text(self) -> str:
        """One line of the table."""
        case, measured = self.case, self.measured
        what = f"{case.what}, {case.unit}" if case.unit else case.what
        numbers = f"{_short(case.expected):>11} {_short(measured.value) if measured else '-':>11}"
        error = _short(measured.error, 3) if measured is not None and measured.error is not None else "-"
        z = "-" if self.z is None else f"{self.z:+.2f}"
        last = f"needs {case.missing}" if case.missing else case.source
        return f"{case.id:<5} {what:<72} {numbers} {error:>9} {z:>6}  {self.verdict:<8}{last}"


def head() -> str:
    """The line above the table."""
    return _HEAD


def summary(rows: Sequence[Row]) -> str:
    """The line below the table."""
    verdicts = [row.verdict for row in rows]
    counted = ", ".join(f"{verdicts.count(one)} {one}" for one in ("pass", "fail", "unknown"))
    return f"{len(rows)} numbers of {len({row.case.id for row in rows})} cases: {counted}"


def to_dict(rows: Sequence[Row]) -> dict[str, Any]:
    """The JSON document: whether nothing failed, how many of each verdict, and the rows."""
    verdicts = [row.verdict for row in rows]
    return {
        "ok": "fail" not in verdicts,
        **{one: verdicts.count(one) for one in ("pass", "fail", "unknown")},
        "rows": [row.to_dict() for row in rows],
    }


def chosen(words: Sequence[str]) -> tuple[Case, ...]:
    """The cases of these numbers (V21) or groups (B), in the order of the list; all without words.

    Raises ScenarioError, with the nearest known word, for one that is neither.
    """
    cases = all_cases()
    known = [*GROUPS, *dict.fromkeys(case.id for case in cases)]
    wanted = [word.upper() for word in words]
    for word in wanted:
        if word not in known:
            near = get_close_matches(word, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"groups are {', '.join(GROUPS)}, cases V1 to {known[-1]}"
            raise ScenarioError(f"there is no case or group {word!r}; {hint}", "validate")
    return tuple(case for case in cases if not wanted or case.id in wanted or case.group in wanted)


def judged(case: Case, seeds: int | None = None, quick: bool = False) -> Row:
    """Play one case, with `seeds` independent runs where given, else its usual or its quick number."""
    if case.measure is None:
        return Row(case, None)
    return Row(case, case.measure(seeds if seeds is not None else case.quick if quick else case.runs))


def validate(cases: Sequence[Case], seeds: int | None = None, quick: bool = False, told: Told | None = None) -> Iterator[Row]:
    """Play the cases one after another."""
    for place, case in enumerate(cases):
        if told is not None:
            told(place, len(cases), case.name)
        yield judged(case, seeds, quick)


def _short(value: float, digits: int = 7) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}g}"
