"""The report of one run: what the JSON contract promises, as a table for the terminal, for a notebook and as files.

All numbers are computed once from the evidence, in `Report.of`; whatever shows them afterwards only lays them out.
"""

from __future__ import annotations

import html
import json
import os
import shlex
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.kernel.errors import EnvironmentTrouble, ScenarioError
from sim.kernel.trace import Row, first_divergence
from sim.study import metrics_rows
from sim.study.checks import Expectation, check, judge
from sim.study.distribution import finite_or_none
from sim.study.evidence import Evidence
from sim.study.metrics import measure
from sim.study.metrics_rows import SECOND_NS
from sim.study.metrics_travel import seat_columns
from sim.study.report_text import terminal_text


def again(source: str, overrides: Iterable[str], seed: int) -> str:
    """The command that runs a scenario's file again, with what was set beside it."""
    return shlex.join(["medgossip", "run", source, "--seed", str(seed), *(word for text in overrides for word in ("--set", text))])


def _told(owner: Any, names: Sequence[str]) -> Any:
    """The first of these attributes that the scenario has, called if it is a method; None where it has none."""
    for name in names:
        value = getattr(owner, name, None)
        if value is not None:
            return value() if callable(value) else value
    return None


@dataclass(frozen=True)
class Report:
    """One run, measured and judged. `tables` is the contract's document; `evidence` is kept for plots and frames."""

    evidence: Evidence = field(repr=False)
    tables: dict[str, Any] = field(repr=False)
    failed_expectations: tuple[str, ...] = ()
    source: str | None = None
    """The scenario's file, where it came from one."""
    overrides: tuple[str, ...] = ()
    """What was set beside the file."""

    @classmethod
    def of(
        cls,
        evidence: Evidence,
        scenario: Any,
        seed: int,
        wall_s: float,
        trace_digest: str,
        version: str,
        deliveries: int,
        peak_rss_bytes: int | None,
        expectations: Iterable[Expectation] = (),
    ) -> Report:
        """Measure and judge `evidence`. Only wall_s, deliveries_per_s and peak_rss_bytes differ between equal runs."""
        source, overrides = _told(scenario, ("source", "path", "file")), tuple(getattr(scenario, "overrides", ()))
        tables: dict[str, Any] = {
            "medgossip": {
                "version": version,
                "scenario": scenario if isinstance(scenario, str) else _told(scenario, ("title", "name")),
                "scenario_digest": _told(scenario, ("digest", "scenario_digest")),
                "seed": seed,
                "trace_digest": trace_digest,
            },
            "run": {
                "simulated_s": evidence.duration_ns / SECOND_NS,
                "wall_s": wall_s,
                "deliveries": deliveries,
                "deliveries_per_s": deliveries / wall_s if wall_s > 0 else None,
                "peak_rss_bytes": peak_rss_bytes,
            },
            **measure(evidence),
            "checks": [verdict.to_dict() for verdict in check(evidence)],
            "not_modelled": list(evidence.not_modelled),
        }
        return cls(evidence, tables, tuple(judge(tables, expectations)), None if source is None else str(source), overrides)

    def to_dict(self) -> dict[str, Any]:
        """The report as the contract has it: sections and keys in its order, None for what was not measured."""
        return self.tables

    def to_json(self) -> str:
        """One JSON document; refuses numbers that JSON does not have."""
        return json.dumps(self.tables, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def ok(self) -> bool:
        """Whether no check failed and every expectation held (an unknown verdict is no failure)."""
        return not self.failed_expectations and all(one["verdict"] != "fail" for one in self.tables["checks"])

    def reproduce_line(self) -> str:
        """The command that runs this very run again; of a scenario made or changed in Python the call."""
        seed = self.tables["medgossip"]["seed"]
        return again(self.source, self.overrides, seed) if self.source else f"sim.run(scenario, seed={seed})"

    def first_divergence(self, other: Report) -> tuple[int, Row | None, Row | None] | None:
        """Where the trace of another run parts from this one's: (place, row here, row there); None where they are the same."""
        return first_divergence(self.evidence.trace, other.evidence.trace)

    def text(self) -> str:
        """The report as a table for a terminal; ends with how to run it again where something failed."""
        return terminal_text(self.tables, self.failed_expectations, None if self.ok() else self.reproduce_line())

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        colour = "#009E73" if self.ok() else "#D55E00"
        return f'<pre style="border-left:4px solid {colour};padding-left:1em">{html.escape(self.text())}</pre>'

    def columns(self) -> dict[str, dict[str, list[Any]]]:
        """Plain columns by table: decisions, blocks, seats, checks, recovery. Times in seconds, sizes in bytes."""
        reading = metrics_rows.read(self.evidence)
        known = reading.decisions
        blocks = list(reading.published.values())
        tables, evidence = self.tables, self.evidence
        seats: dict[str, list[Any]] = {
            "name": list(evidence.names),
            "role": list(evidence.roles),
            "region": list(evidence.regions),
            "honest": evidence.honest.tolist(),
        }
        for name, column in seat_columns(evidence).items():
            seats[name] = [finite_or_none(value) for value in column.tolist()]
        return {
            "decisions": {
                "time_s": (known.time_ns / SECOND_NS).tolist(),
                "seat": known.seat.tolist(),
                "slot": known.slot.tolist(),
                "digest": [known.digests[code] for code in known.code.tolist()],
            },
            "blocks": {
                "digest": [row[3] for row in blocks],
                "publisher": [row[2] for row in blocks],
                "published_s": [row[0] / SECOND_NS for row in blocks],
                "size_bytes": [row[4] for row in blocks],
            },
            "seats": seats,
            "checks": {key: [one[key] for one in tables["checks"]] for key in ("name", "verdict", "evidence")},
            "recovery": {key: [one[key] for one in tables["recovery"]] for key in ("fault", "healed_at_s", "recovered_after_s")},
        }

    def plot(self, picture: str = "coverage", axes: Any = None) -> Any:
        """Draw one picture of the run, on `axes` or on new ones, and return the Axes; `plot("?")` says which there are.

        ScenarioError for a picture that is not there; ImportError where matplotlib is not installed.
        """
        from sim.study.plots_world import plotters

        known = plotters()
        if picture not in known:
            raise ScenarioError(f"there is no picture {picture!r}; there are {', '.join(known)}", "plot")
        return known[picture](self.evidence, axes=axes)

    def frames(self) -> dict[str, Any]:
        """`columns()` as pandas data frames; ImportError with advice where pandas is not installed."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError("data frames need pandas: pip install pandas, or use Report.columns()") from error
        return {name: pandas.DataFrame(columns) for name, columns in self.columns().items()}

    def save(self, directory: str | Path, plots: bool = True) -> list[Path]:
        """Write report.json, report.txt and the plots; each file appears whole or not at all. Returns the paths written.

        Raises EnvironmentTrouble where the directory cannot be written. Plots are left out where matplotlib is missing.
        """
        pictures: dict[str, bytes] = {}
        if plots:
            try:
                from sim.study.plots_world import pictures_of

                pictures = pictures_of(self.evidence)
            except ImportError:
                pictures = {}
        documents = {"report.json": self.to_json().encode(), "report.txt": self.text().encode(), **pictures}
        return write_into(directory, documents, "the report")


def write_into(directory: str | Path, documents: Mapping[str, bytes], what: str) -> list[Path]:
    """Write files into a folder, which is made if need be; returns their paths. EnvironmentTrouble, naming `what`, where that fails."""
    folder = Path(directory)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in documents.items():
            write_whole(folder / name, content)
    except OSError as error:
        raise EnvironmentTrouble(f"{what} cannot be written to {folder}: {error}") from error
    return [folder / name for name in documents]


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, finds the old content or the new and nothing between."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp files are private; a report is for whoever may read files made here.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
