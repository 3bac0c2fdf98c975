"""A table becomes a part: its `kind` names the class, every other key is a field; as strict with a notebook's dict as with a file."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sim.kernel.errors import ScenarioError
from sim.kernel.files import near
from sim.kernel.part import fields_of, is_part, settle
from sim.study.plugins import find

Wrapper = tuple[type[Any], str]
"""A class around a part, such as `Corruption`, and its field that holds the part; scenario files write the keys of both in one table."""


def named(group: str, value: Any, path: str, folder: Path | None = None, wrapper: Wrapper | None = None) -> Any:
    """A table with a `kind`: the part of that name, inside its wrapper if there is one. Files are looked for in `folder` first.

    Raises ScenarioError with the path of the key for whatever is no such table.
    """
    table = dict(mapping(value, path))
    kind = table.pop("kind", None)
    if not isinstance(kind, str):
        raise ScenarioError(f'says which {group} it is, such as kind = "..."', f"{path}.kind")
    try:
        cls = find(group, kind)
    except ScenarioError as error:
        raise error.under(path) from None
    if wrapper is None:
        return part_of(cls, table, path, folder)
    around, inside = wrapper
    outer = [entry.name for entry in fields_of(around) if entry.name != inside]
    inner = [entry.name for entry in fields_of(cls)]
    refuse_unknown(table, [*inner, *outer], path)
    own = {key: table.pop(key) for key in list(table) if key in inner}
    return part_of(around, table, path, folder, {inside: part_of(cls, own, path, folder)})


def part_of(
    cls: type[Any], table: Mapping[str, Any], path: str, folder: Path | None, ready: Mapping[str, Any] | None = None
) -> Any:
    """A part of this class from the table of its keys; `ready` are fields that need no reading."""
    entries = {entry.name: entry for entry in fields_of(cls)}
    refuse_unknown(table, list(entries), path)
    values: dict[str, Any] = dict(ready or {})
    for key, value in table.items():
        entry, where = entries[key], f"{path}.{key}"
        if entry.group:
            values[key] = value if is_part(value) else named(entry.group, value, where, folder)
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


def mapping(value: Any, path: str) -> Mapping[str, Any]:
    """The value, if it is a table; raises ScenarioError otherwise."""
    if not isinstance(value, Mapping):
        hint = ', such as { kind = "constant", value = "40 ms" }' if path == "link.latency" else ""
        raise ScenarioError(f"{value!r} was given, a table is wanted{hint}", path)
    return value


def refuse_unknown(table: Mapping[str, Any], known: list[str], path: str) -> None:
    """Raise ScenarioError for the first key that is not known, with the nearest one that is."""
    for key in table:
        if key not in known:
            close = get_close_matches(str(key), known, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"known keys are {', '.join(known) or 'none'}"
            shown = key or '""'
            raise ScenarioError(f"there is no such key; {hint}", f"{path}.{shown}" if path else shown)
