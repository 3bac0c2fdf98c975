"""Many runs: every combination of a scenario's axes times seeds, on all cores, resuming where it was stopped.

Each finished run is one JSON file that appears whole or not at all; a later sweep into the same folder does not run it again.
"""

from __future__ import annotations

import html
import json
import os
import pickle
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from multiprocessing import active_children
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any, TypeVar

from sim.kernel.errors import ScenarioError
from sim.study.checks import judge
from sim.study.distribution import distribution
from sim.study.expect import Expectation
from sim.study.read import load
from sim.study.report import again, write_whole
from sim.study.run import run
from sim.study.scenario import Scenario

T = TypeVar("T")
Told = Callable[[int, int], None]
Job = tuple[str | Scenario, tuple[str, ...], dict[str, Any], int]
"""Scenario file (or the scenario itself, where no file says the same), overrides, settings of the axes, seed."""
_HEADLINES = (
    ("consensus", "consensus_time_s", "p50"),
    ("consensus", "consensus_time_s", "p99"),
    ("consensus", "finality_s", "p99"),
    ("consensus", "messages_per_decision"),
    ("gossip", "redundancy"),
    ("availability", "available_share"),
)


@dataclass(frozen=True)
class Sweep:
    """The finished runs of a sweep: (settings, seed, report) each."""

    runs: tuple[tuple[dict[str, Any], int, dict[str, Any]], ...]
    failed: tuple[str, ...] = ()
    """One sentence for each check that failed and each expectation that was not kept, with the command that shows it again."""

    def ok(self) -> bool:
        """Whether no check failed and every expectation held, in every run."""
        return not self.failed

    def rows(self) -> list[dict[str, Any]]:
        """One row per combination: its settings and the distribution over seeds of each headline metric."""
        groups: dict[str, list[dict[str, Any]]] = {}
        for settings, _, report in self.runs:
            groups.setdefault(json.dumps(settings, sort_keys=True), []).append(report)
        return [
            {"settings": json.loads(key)}
            | {
                ".".join(path): distribution([value for one in reports if (value := _at(one, path)) is not None])
                for path in _HEADLINES
            }
            for key, reports in groups.items()
        ]

    def headlines(self) -> list[str]:
        """The metrics that a row has."""
        return [".".join(path) for path in _HEADLINES]

    def to_dict(self) -> dict[str, Any]:
        """Rows, whether all checks and expectations held, and which did not."""
        return {"ok": self.ok(), "rows": self.rows(), "failed": list(self.failed)}

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.text())}</pre>"

    def text(self) -> str:
        """A table: one line per combination, medians over seeds; then what failed."""
        names = self.headlines()
        lines = ["  ".join([f"{'settings':<40}", *(f"{name.split('.', 1)[1]:>22}" for name in names)])]
        for row in self.rows():
            told = ", ".join(f"{key}={_short(value)}" for key, value in row["settings"].items()) or "(all)"
            cells = [row[name]["p50"] for name in names]
            lines.append("  ".join([f"{told:<40}", *(f"{'-' if cell is None else format(cell, '.4g'):>22}" for cell in cells)]))
        if self.failed:
            lines += ["", "failed", *(f"  ✗ {sentence}" for sentence in self.failed)]
        return "\n".join(lines)


def sweep(
    scenario: Scenario,
    seeds: int | None = None,
    out: str | None = None,
    progress: Told | None = None,
) -> Sweep:
    """Run all combinations of the scenario's `[sweep]` axes over seeds 1 to `seeds`, in as many processes as there are cores.

    A scenario with a part that other processes cannot be given, such as a function typed into a notebook, is run in this one.
    """
    axes = dict(scenario.sweep)
    count = seeds if seeds is not None else int(axes.pop("seeds", 10))
    axes.pop("seeds", None)
    if count < 1:
        raise ScenarioError("a sweep needs at least one seed", "sweep.seeds")
    origin = scenario.source if _is_read_again(scenario) else scenario
    jobs: list[Job] = []
    expectations: list[tuple[Expectation, ...]] = []
    for settings in _combinations(axes):
        asked = _asked(origin, scenario.overrides, settings)  # what is wrong is said before anything runs
        jobs += [(origin, scenario.overrides, settings, seed) for seed in range(1, count + 1)]
        expectations += [asked.expect] * count
    folder = None if out is None else Path(out)
    done: dict[int, dict[str, Any]] = {}
    waiting = []
    for place, job in enumerate(jobs):
        kept = _kept(folder, scenario, job)
        if kept is None:
            waiting.append(place)
        else:
            done[place] = kept
    with _workers(origin) as each:
        for place, report in zip(waiting, each(_one, [jobs[place] for place in waiting]), strict=True):
            done[place] = report
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
                write_whole(_path(folder, scenario, jobs[place]), json.dumps(report).encode())
            if progress is not None:
                progress(len(done), len(jobs))
    done_runs = tuple((jobs[place][2], jobs[place][3], done[place]) for place in range(len(jobs)))
    failed = [sentence for place, job in enumerate(jobs) for sentence in _failed(job, done[place], expectations[place])]
    made = Sweep(done_runs, tuple(failed))
    if folder is not None:
        draw(made, folder)
    return made


def _is_read_again(scenario: Scenario) -> bool:
    """Whether its file, read anew, says the same: not where there is none, nor where it has been written anew since."""
    return bool(scenario.source) and load(scenario.source, scenario.overrides).digest() == scenario.digest()


@contextmanager
def _workers(origin: str | Scenario) -> Iterator[Callable[..., Iterable[Any]]]:
    """Something like `map` that works in other processes, or in this one where they could not be told what to run."""
    try:
        pickle.dumps(origin)
    except (pickle.PicklingError, AttributeError, TypeError):
        yield map
        return
    others = active_children()
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        try:
            yield lambda work, jobs: _undisturbed(lambda: pool.map(work, jobs))
        except BaseException:  # an interruption above all: what has begun would be waited for, be it hours
            for worker in active_children():
                if worker not in others:
                    worker.terminate()
            raise


def _undisturbed(start: Callable[[], T]) -> T:
    """Start workers; an interruption meanwhile comes when all are known, for Python loses it in the middle of a fork."""
    if current_thread() is not main_thread():
        return start()
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        started = start()
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt
    return started


def draw(made: Sweep, folder: Path) -> None:
    """Write `sweep.png`, if one of the axes is made of numbers."""
    from sim.study.plots_sweep import numeric_axis, sweep_png

    if numeric_axis(made):
        write_whole(folder / "sweep.png", sweep_png(made))


def _failed(job: Job, report: dict[str, Any], expectations: Sequence[Expectation]) -> list[str]:
    """What one run did not keep, each with how to see it again."""
    origin, changes, settings, seed = job
    if isinstance(origin, str):
        told = again(origin, (*changes, *_texts(settings)), seed)
    else:
        told = f"sim.run(scenario.but(**{settings!r}), seed={seed})"
    broken = [f"{check['name']}: {check['evidence']}" for check in report["checks"] if check["verdict"] == "fail"]
    return [f"{sentence}\n    again: {told}" for sentence in (*broken, *judge(report, expectations))]


def _texts(settings: dict[str, Any]) -> list[str]:
    """Settings of the axes as overrides."""
    return [f"{key}={_toml(value)}" for key, value in settings.items()]


def _short(value: Any) -> Any:
    """A setting for a table's cell: of a table of numbers what they come to."""
    from sim.study.plots_sweep import measure_of

    total = measure_of(value) if isinstance(value, dict) else None
    return value if total is None else f"{total:g} in {len(value)}"


def _toml(value: Any) -> str:
    """A value as TOML writes it; a table on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(one)}" for key, one in value.items()) + " }"
    return "[" + ", ".join(map(_toml, value)) + "]" if isinstance(value, (list, tuple)) else json.dumps(value)


def _one(job: Job) -> dict[str, Any]:
    return run(_asked(*job[:3]), job[3]).to_dict()


def _asked(origin: str | Scenario, changes: Sequence[str], settings: dict[str, Any]) -> Scenario:
    """The scenario of one combination."""
    return load(origin, [*changes, *_texts(settings)]) if isinstance(origin, str) else origin.but(**settings)


def _combinations(axes: dict[str, Any]) -> Iterator[dict[str, Any]]:
    lists = [value if isinstance(value, tuple) else (value,) for value in axes.values()]
    for values in product(*lists):
        yield dict(zip(axes, values, strict=True))


def _path(folder: Path, scenario: Scenario, job: Job) -> Path:
    from hashlib import blake2b

    name = blake2b(json.dumps([scenario.digest(), job[2], job[3]], sort_keys=True).encode(), digest_size=8).hexdigest()
    return folder / f"run-{name}.json"


def _kept(folder: Path | None, scenario: Scenario, job: Job) -> dict[str, Any] | None:
    if folder is None:
        return None
    try:
        kept: dict[str, Any] = json.loads(_path(folder, scenario, job).read_bytes())
    except (OSError, ValueError):
        return None
    return kept


def _at(report: dict[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = report
    for word in path:
        found = found.get(word) if isinstance(found, dict) else None
    return found
