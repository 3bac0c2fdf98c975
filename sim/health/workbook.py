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

SEATS_OF: Mapping[str, tuple[str, ...]] = {
    "site_hospital": ("hospital",),
    "hospital_pharmacy": ("hospital",),
    "central_lab": ("lab",),
    "sequencing_lab": ("lab",),
    "imaging_centre": ("clinic",),
    "wholesaler_dc": ("wholesaler",),
    "sponsor_cro": ("sponsor",),
    "irb_dsmb": ("regulator",),
    "licensing_board": ("regulator",),
    "auditor_regulator": ("regulator",),
    "public_health": ("regulator",),
    "data_access_committee": ("regulator",),
    "university": ("hospital",),
    "researcher": ("sponsor",),
    "rpm_vendor": ("manufacturer",),
    "device_gateway": ("hospital",),
    "clearinghouse": ("hie",),
    "hie_registry": ("hie",),
}
"""The seats of a network that play an actor of the tables; an actor that is not here is a role of the same name."""

MOST_FILE_BYTES = 10_000_000


def seats_of(actor: str, roles: tuple[str, ...]) -> list[int]:
    """The seats that play an actor. In a network without any role of the tables every seat plays every part."""
    wanted = SEATS_OF.get(actor, (actor,))
    found = [seat for seat, role in enumerate(roles) if role in wanted]
    if not found and not any(role in _known_roles() for role in roles):
        return list(range(len(roles)))
    return found


@cache
def _known_roles() -> frozenset[str]:
    named = {role for chapter in workbook().values() for actor in chapter.actors for role in SEATS_OF.get(actor, (actor,))}
    return frozenset(named | {"regulator", "sponsor", "hie"})


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
