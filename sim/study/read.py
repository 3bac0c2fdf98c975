"""Strict reading of scenario files: every key must be known, every quantity must have its unit, every error names its key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any

from sim.kernel.errors import ScenarioError
from sim.kernel.files import near, read_whole
from sim.kernel.part import PartField, fields_of, settle
from sim.study.change import LISTS, override, words_of
from sim.study.link import Link
from sim.study.plugins import find
from sim.study.pool import Pool
from sim.study.scenario import Consensus, Corruption, Expectation, Scenario, Trouble
from sim.study.seat import Seat

MOST_BYTES = 1 << 20
_COMPARISON = re.compile(r"\s*(<=|>=|==|!=|<|>)\s*(.+?)\s*$")
_WRAPPED = {"consensus": (Consensus, "protocol"), "adversary": (Corruption, "part"), "fault": (Trouble, "part")}
_PLAIN: Mapping[str, type[Any]] = {"link": Link, "seat": Seat, "mempool": Pool}


def load(path: str | Path, overrides: Sequence[str] = ()) -> Scenario:
    """Read a scenario file; `overrides` are texts such as `gossip.fanout=6`.

    Raises ScenarioError, in one sentence with the key, for everything that is wrong with the file.
    """
    place = Path(path)
    if not str(path).strip():
        raise ScenarioError("an empty name is no scenario file; write a path such as scenarios/one-hospital-lies.toml", "scenario")
    try:
        content = read_whole(place, MOST_BYTES, "scenario file")
    except (OSError, ValueError) as error:
        near_name = _near_file(place) if isinstance(error, OSError) else ""
        raise ScenarioError(f"cannot read {place}: {getattr(error, 'strerror', None) or error}{near_name}") from None
    return loads(content, str(place), overrides)


def loads(content: bytes | str, source: str = "", overrides: Sequence[str] = ()) -> Scenario:
    """Read a scenario from TOML text."""
    try:
        text = content.decode() if isinstance(content, bytes) else content
        tables = tomllib.loads(text)
    except UnicodeDecodeError:
        raise ScenarioError(f"{source} is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{source} is not TOML: {error}") from None
    except ValueError as error:
        raise ScenarioError(f"{source} holds a number that cannot be read: {error}") from None
    except RecursionError:
        raise ScenarioError(f"{source} is nested too deeply") from None
    override(tables, overrides)
    return from_dict(tables, source, overrides)


def from_dict(tables: Mapping[str, Any], source: str = "", overrides: Sequence[str] = ()) -> Scenario:
    """A scenario from plain tables, as a TOML reader gives them."""
    entries = {entry.name: entry for entry in fields_of(Scenario) if entry.name not in ("source", "overrides")}
    _refuse_unknown(tables, list(entries), "")
    folder = Path(source).parent if source else None
    made: dict[str, Any] = {"source": source, "overrides": tuple(overrides)}
    for name, value in tables.items():
        made[name] = _table(name, value, entries[name], folder)
    for name in ("duration", "topology"):
        if name not in tables:
            raise ScenarioError("is missing; every scenario needs it", name)
    scenario = Scenario(**made)
    _check_counts(scenario)
    return scenario


def _table(name: str, value: Any, entry: PartField, folder: Path | None) -> Any:
    if name in LISTS:
        if not isinstance(value, list):
            raise ScenarioError(f"write it with double brackets, [[{name}]], one table each", name)
        return tuple(_named(name, one, f"{name}[{place}]", folder) for place, one in enumerate(value))
    if name in _PLAIN:
        return _part(_PLAIN[name], _mapping(value, name), name, folder)
    if name == "expect":
        return tuple(_expectations(_mapping(value, name), name))
    if name == "sweep":
        return tuple(_axes(_mapping(value, name), name))
    if name == "consensus" or entry.group:
        return _named(name, value, name, folder)
    return settle(value, entry, name, units_required=True)


def _axes(table: Mapping[str, Any], path: str) -> list[tuple[str, Any]]:
    """`seeds` and keys of the scenario, each with the values it is to take."""
    known = ["seeds", *(entry.name for entry in fields_of(Scenario))]
    _refuse_unknown({words_of(key)[0]: None for key in table}, known, path)
    return [(key, tuple(many) if isinstance(many, list) else many) for key, many in table.items()]


def _named(group: str, value: Any, path: str, folder: Path | None, inside_part: bool = False) -> Any:
    """A table with a `kind`: the part of that name, inside its wrapper where the group has one and no other part asks for it."""
    table = dict(_mapping(value, path))
    kind = table.pop("kind", None)
    if not isinstance(kind, str):
        raise ScenarioError(f'says which {group} it is, such as kind = "..."', f"{path}.kind")
    try:
        cls = find(group, kind)
    except ScenarioError as error:
        raise error.under(path) from None
    if group not in _WRAPPED or inside_part:
        return _part(cls, table, path, folder)
    wrapper, inside = _WRAPPED[group]
    outer = [entry.name for entry in fields_of(wrapper) if entry.name != inside]
    inner = [entry.name for entry in fields_of(cls)]
    _refuse_unknown(table, [*inner, *outer], path)
    own = {key: table.pop(key) for key in list(table) if key in inner}
    return _part(wrapper, table, path, folder, {inside: _part(cls, own, path, folder)})


def _part(cls: type[Any], table: Mapping[str, Any], path: str, folder: Path | None, ready: Mapping[str, Any] | None = None) -> Any:
    entries = {entry.name: entry for entry in fields_of(cls)}
    _refuse_unknown(table, list(entries), path)
    values: dict[str, Any] = dict(ready or {})
    for key, value in table.items():
        entry, where = entries[key], f"{path}.{key}"
        if entry.group:
            values[key] = _named(entry.group, value, where, folder, inside_part=True)
            continue
        values[key] = settle(value, entry, where, units_required=True)
        if entry.kind == "file":
            values[key] = near(values[key], folder)
    for entry in entries.values():
        if entry.required and entry.name not in values:
            raise ScenarioError(f"is missing: {entry.manual or entry.kind}", f"{path}.{entry.name}")
    try:
        return cls(**values)
    except ScenarioError as error:
        raise error.under(path) from None


def _expectations(table: Mapping[str, Any], path: str) -> list[Expectation]:
    found: list[Expectation] = []
    for key, value in table.items():
        where = f"{path}.{key}"
        if isinstance(value, Mapping):
            found += [Expectation(f"{key}.{one.path}", one.operator, one.value) for one in _expectations(value, where)]
        elif isinstance(value, list) and value:  # all of them, such as a lower and an upper bound
            found += [one for bound in value for one in _expectations({key: bound}, path)]
        elif isinstance(value, (bool, int, float)) and isfinite(value):
            found.append(Expectation(key, "==", value))
        elif isinstance(value, str) and (match := _COMPARISON.match(value)):
            found.append(Expectation(key, match[1], _number(match[2], where)))
        else:
            raise ScenarioError(f'{value!r} is no expectation; write true, a number or a comparison such as "< 4"', where)
    return found


def _number(text: str, path: str) -> float | str:
    if text.endswith("%"):
        text = str(float(text[:-1]) / 100) if _is_number(text[:-1]) else text
    if not _is_number(text):
        raise ScenarioError(f"{text!r} is not a number; times are in seconds, sizes in bytes", path)
    return float(text)


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False


def _check_counts(scenario: Scenario) -> None:
    """More corrupted seats than there are, seen before anything is built."""
    seats = getattr(scenario.topology, "seats", None)
    if isinstance(seats, Mapping):
        seats = sum(seats.values())
    for place, entry in enumerate(scenario.adversary):
        if isinstance(seats, int) and isinstance(entry.seats, int) and entry.seats > seats:
            raise ScenarioError(f"{entry.seats} seats are to be corrupted, but there are only {seats}", f"adversary[{place}].seats")


def _mapping(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        hint = ', such as { kind = "constant", value = "40 ms" }' if path == "link.latency" else ""
        raise ScenarioError(f"{value!r} was given, a table is wanted{hint}", path)
    return value


def _refuse_unknown(table: Mapping[str, Any], known: list[str], path: str) -> None:
    for key in table:
        if key not in known:
            near = get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(known) or 'none'}"
            named = key or '""'
            raise ScenarioError(f"there is no such key; {hint}", f"{path}.{named}" if path else named)


def _near_file(place: Path) -> str:
    if not place.parent.is_dir():
        return ""
    near = get_close_matches(place.name, sorted(other.name for other in place.parent.glob("*.toml")), 1)
    return f"; did you mean {place.parent / near[0]}?" if near else ""
