"""The ten workloads as tables: who does what how often, how large it is, and when (W1 to W10).

The numbers lie in `tables/workloads.json` (own work; sources are given there row by row). A file of the same shape may take its
place, so that a hospital can bring its own rates; what is wrong in it is said with its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files

from sim.health.workbook_check import Chapter, Place, chapters_in, tree_of
from sim.kernel.errors import ScenarioError
from sim.kernel.files import located, place_in, read_whole, shortened

MOST_FILE_BYTES = 10_000_000


@cache
def workbook() -> Mapping[str, Chapter]:
    """The shipped chapters by id."""
    text = files("sim.health").joinpath("tables", "workloads.json").read_text(encoding="utf-8")
    return chapters(text, "workloads.json")


def chapter_of(workload: str, file: str) -> Chapter:
    """The chapter of a workload, from the shipped tables or from a file of the user's. ScenarioError says what is wrong where."""
    if not file:
        return workbook()[workload]
    try:
        text = read_whole(located(file), MOST_FILE_BYTES, "workload file").decode("utf-8-sig")
    except OSError as error:
        raise ScenarioError(f"{file} cannot be read: {error.strerror}", "table") from None
    except UnicodeDecodeError as error:
        line, column = place_in(error.object, error.start)
        raise ScenarioError(f"{file} line {line} column {column}: this is not UTF-8 text", "table") from None
    found = chapters(text, file)
    if workload not in found:
        has = shortened(", ".join(found)) or "none"
        raise ScenarioError(f"{file} has no workload {workload}; it has {has}", "table")
    return found[workload]


@lru_cache(maxsize=4)
def chapters(text: str, source: str) -> dict[str, Chapter]:
    """The chapters in a JSON text; ScenarioError with line and column of the first flaw."""
    return chapters_in(tree_of(text, source), Place(text, source))
