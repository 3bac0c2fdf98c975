"""The ten workloads as tables: who does what how often, how large it is, and when (W1 to W10).

The numbers lie in `tables/workloads.json` (own work; sources are given there row by row). A file of the same shape may take its
place, so that a hospital can bring its own rates; what is wrong in it is said with its place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from sim.health.catalogue import Entry, profiles
from sim.kernel.errors import ScenarioError
from sim.kernel.files import located, read_whole

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
_NUMBERS = ("size_median_B", "size_p95_B", "rate_per_actor_per_day")
_TEXTS = ("name", "actor", "hour_profile", "dow_profile", "rw")


@dataclass(frozen=True)
class Chapter:
    """One workload of the tables."""

    id: str
    name: str
    actors: Mapping[str, int]
    """How many there are of each actor in the reference network."""
    entries: Mapping[str, Entry]
    on_chain: Mapping[str, bool]
    slo: tuple[tuple[str, float, str], ...]
    """(name, seconds or share, source)."""


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
        text = read_whole(located(file), MOST_FILE_BYTES, "workload file").decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}", "table") from None
    found = chapters(text, file)
    if workload not in found:
        raise ScenarioError(f"{file} has no workload {workload}; it has {', '.join(found) or 'none'}", "table")
    return found[workload]


def chapters(text: str, source: str) -> dict[str, Chapter]:
    """The chapters in a JSON text; ScenarioError with line and column, or with the place of a wrong value."""
    try:
        tree = json.loads(text)
    except json.JSONDecodeError as error:
        raise ScenarioError(f"{source} line {error.lineno} column {error.colno}: {error.msg}", "table") from None
    if not isinstance(tree, dict) or not isinstance(tree.get("workloads"), list):
        raise ScenarioError(f"{source}: a table with a list 'workloads' is wanted", "table")
    return {one.id: one for one in (_chapter(piece, source, text) for piece in tree["workloads"])}


def _chapter(piece: Any, source: str, text: str) -> Chapter:
    if not isinstance(piece, dict) or not isinstance(piece.get("id"), str) or not isinstance(piece.get("tx"), list):
        raise ScenarioError(f"{source}: each workload needs an 'id' and a list 'tx'", "table")
    actors = piece.get("actors", {})
    entries, on_chain = {}, {}
    for row in piece["tx"]:
        entry = _entry(row, piece["id"], actors, source, text)
        entries[entry.name] = entry
        on_chain[entry.name] = bool(row.get("on_chain", False))
    slo = tuple((str(name), float(value), str(why)) for name, value, why in piece.get("slo", ()))
    return Chapter(piece["id"], str(piece.get("name", piece["id"])), actors, entries, on_chain, slo)


def _entry(row: Any, workload: str, actors: Any, source: str, text: str) -> Entry:
    name = row.get("name") if isinstance(row, dict) else None
    if not isinstance(name, str) or not name:
        raise ScenarioError(f"{source}: a row of {workload} has no name", "table")
    where = f"{source} line {_line_of(text, workload, name)}, {workload} {name}"
    for key in (*_NUMBERS, *_TEXTS):
        value = row.get(key)
        if key in _TEXTS and not isinstance(value, str):
            raise ScenarioError(f"{where}: {key} is missing", "table")
        if key in _NUMBERS and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise ScenarioError(f"{where}: {key} is missing", "table")
        if key in _NUMBERS and not 0 <= value < 1e15:
            raise ScenarioError(f"{where}: {key} is {value}, at least 0 is wanted", "table")
    if row["actor"] not in actors:
        raise ScenarioError(f"{where}: nobody is called {row['actor']!r}; actors are {', '.join(actors)}", "table")
    if not 0 < row["size_median_B"] <= row["size_p95_B"]:
        raise ScenarioError(f"{where}: the p95 of the size lies below its median, or there is no size", "table")
    hours, weekdays = profiles()
    for key, known in (("hour_profile", hours), ("dow_profile", weekdays)):
        if row[key] not in known:
            raise ScenarioError(f"{where}: no {key} is called {row[key]!r}; there are {', '.join(known)}", "table")
    use = "read" if row["rw"] == "R" else "chain" if row.get("on_chain") else "message"
    sizes = round(row["size_median_B"]), round(row["size_p95_B"])
    rate = float(row["rate_per_actor_per_day"])
    return Entry(name, row["actor"], *sizes, rate, hours[row["hour_profile"]], weekdays[row["dow_profile"]], use)


def _line_of(text: str, workload: str, name: str) -> int:
    """The line on which a row names itself, counted from 1."""
    start = max(0, text.find(f'"{workload}"'))
    return text.count("\n", 0, max(start, text.find(f'"{name}"', start))) + 1
