"""A scenario with some keys changed: as tables before they are read (`--set`, sweeps) and as an object (`Scenario.but`).

Changing a `kind` chooses another part. What was set for the old one and the new one has no key for goes with it, and what both
have stays, save a preset; a key that is itself among the changes is never dropped, so a wrong one is still refused.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from sim.kernel.errors import ScenarioError
from sim.kernel.part import fields_of, is_part
from sim.study.plugins import GROUPS, find
from sim.study.tables import named

_INSIDE = ("protocol", "part")
"""The field of a wrapper that holds the part itself; scenario files write the keys of both in one table."""


LISTS = ("workload", "adversary", "fault")
"""Tables of which a scenario may have several."""
_PLACE = re.compile(r"\[(\d+)\](?=\.|$)")


class _Branch(dict[str, Any]):
    """Changes further down, by the next word of their path; a table that is a value is no branch."""


def override(tables: dict[str, Any], texts: Sequence[str]) -> None:
    """Change tables as a TOML reader gives them, by texts such as `gossip.fanout=6`."""
    settings = [_parsed(text) for text in texts]
    for way, value in {way: value for way, value in settings if way[-1] == "kind"}.items():
        _drop_old_keys(_owner(tables, way), way[:-1], value)
    for way, value in settings:
        _owner(tables, way)[way[-1]] = value


def _parsed(text: str) -> tuple[tuple[str, ...], Any]:
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise ScenarioError(f"{text!r} is no setting; write key=value, such as gossip.fanout=6", "--set")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except ValueError:
        parsed = value.strip()
    return words_of(key.strip()), parsed


def words_of(key: str) -> tuple[str, ...]:
    """A key as the words of its path: `adversary[0].seats`, as errors and `explain` write it, and `adversary.0.seats` are the same."""
    return tuple(_PLACE.sub(r".\1", key).split("."))


def _owner(tables: dict[str, Any], way: tuple[str, ...]) -> dict[str, Any]:
    """The table that holds the key at the end of the way; tables that are missing are made."""
    owner: Any = tables
    for word in way[:-1]:
        if isinstance(owner, list) and word.isdigit() and int(word) < len(owner):
            owner = owner[int(word)]
        elif isinstance(owner, dict):
            if owner is tables and word in LISTS and word not in owner:
                raise ScenarioError(f"the scenario has no {word} that could be changed", f"--set {'.'.join(way)}")
            owner = owner.setdefault(word, {})
        else:
            raise ScenarioError(f"there is no {word!r} in the scenario", f"--set {'.'.join(way)}")
    if not isinstance(owner, dict):
        raise ScenarioError("names no key of the scenario", f"--set {'.'.join(way)}")
    return owner


def _drop_old_keys(table: dict[str, Any], way: tuple[str, ...], kind: Any) -> None:
    """Forget what was set for the old kind alone. Where a kind is not known, the reader will say so better."""
    group = "latency" if way[:1] == ("link",) else way[0] if way else ""
    old = table.get("kind", kind)
    if group not in GROUPS or old == kind or not all(isinstance(one, str) for one in (old, kind)):
        return
    try:
        before, after = (_keys(find(group, one)) for one in (old, kind))
    except ScenarioError:
        return
    for key in [key for key in table if key in before and (key not in after or key == "preset")]:
        del table[key]


def changed(owner: Any, changes: Mapping[str, Any]) -> Any:
    """A copy of a part with some keys changed, all at once; inner keys are written with dots (`gossip.fanout`)."""
    tree = _Branch()
    for key, value in changes.items():
        *way, last = words_of(key)
        branch = tree
        for word in way:
            branch = branch.setdefault(word, _Branch())
            if not isinstance(branch, _Branch):
                raise ScenarioError(f"{word!r} is given as a whole and in part; give it once", key)
        if last in branch:
            raise ScenarioError(f"{last!r} is given as a whole and in part; give it once", key)
        branch[last] = value
    return _changed(owner, tree, "", "")


def _changed(owner: Any, tree: _Branch, path: str, group: str) -> Any:
    if isinstance(owner, tuple):
        return _changed_items(owner, tree, path, group)
    if not is_part(owner):
        raise _no_such_key(next(iter(tree)), (), path)
    kind: Any = type(owner)
    kept = {name: getattr(owner, name) for name in _keys(kind)}
    if "preset" in tree or "kind" in tree:
        kept = _beside_preset(owner, kept)
    tree = _Branch(tree)
    if group and "kind" in tree and "kind" not in kept:
        kind, kept = _other_kind(owner, group, tree.pop("kind"), path)
    entries = {entry.name: entry for entry in fields_of(kind)}
    inner = _Branch({key: value for key, value in tree.items() if key not in entries})
    wrapped = next((name for name in _INSIDE if name in entries), None)
    if inner and wrapped is None:
        raise _no_such_key(next(iter(inner)), tuple(entries), path)
    for name, value in tree.items():
        if name in entries:
            kept[name] = _value(kept.get(name), value, f"{path}{name}", entries[name].group)
    if inner and wrapped is not None:
        kept[wrapped] = _changed(kept[wrapped], inner, path, entries[wrapped].group)
    for entry in entries.values():
        if entry.required and entry.name not in kept:
            raise ScenarioError(f"is missing: {entry.manual or entry.kind}", f"{path}{entry.name}")
    try:
        return kind(**kept)
    except ScenarioError as error:
        raise (error.under(path[:-1]) if path else error) from None


def _value(old: Any, new: Any, path: str, group: str) -> Any:
    """What a key is to be: a part that stands there with some keys changed, a part made from a table, or what was given."""
    if isinstance(new, _Branch) and old is not None:
        return _changed(old, new, f"{path}.", group)
    inside = "." in path  # the tables of the scenario itself are read where it is made, with what wraps their parts
    return named(group, new, path) if inside and group and isinstance(new, Mapping) else new


def _beside_preset(owner: Any, kept: dict[str, Any]) -> dict[str, Any]:
    """What was said beside the preset, which goes: by a protocol, or by the wrapper around one."""
    told = next((name for name in ("protocol", "preset") if name in kept), "")
    preset = kept.get(told)
    if not preset or (told == "protocol" and not getattr(preset, "preset", "")):
        return kept
    plain = type(owner)(**{told: preset})
    return {name: value for name, value in kept.items() if name == told or value != getattr(plain, name)}


def _changed_items(owner: tuple[Any, ...], tree: _Branch, path: str, group: str) -> tuple[Any, ...]:
    items = list(owner)
    for word, value in tree.items():
        if not word.isdigit() or int(word) >= len(items):
            raise ScenarioError(f"there are {len(items)} of them; write a number below that", f"{path}{word}")
        place = int(word)
        items[place] = _changed(items[place], value, f"{path}{word}.", group) if isinstance(value, _Branch) else value
    return tuple(items)


def _other_kind(owner: Any, group: str, name: Any, path: str) -> tuple[Any, dict[str, Any]]:
    """The class of that name, and what the old part says of the new one's keys that is not merely the old one's default."""
    try:
        kind = find(group, name)
    except ScenarioError as error:
        raise error.under(path[:-1]) from None
    if kind is type(owner):
        return kind, {key: getattr(owner, key) for key in _keys(kind)}
    said = _beside_preset(owner, {entry.name: getattr(owner, entry.name) for entry in fields_of(type(owner))})
    said.pop("preset", None)
    usual = {entry.name: entry.default for entry in fields_of(type(owner))}
    return kind, {key: said[key] for key in _keys(kind) if key in said and said[key] != usual[key]}


def _keys(kind: Any) -> tuple[str, ...]:
    return tuple(entry.name for entry in fields_of(kind))


def _no_such_key(name: str, known: tuple[str, ...], path: str) -> ScenarioError:
    return ScenarioError(f"there is no such key here; known keys are {', '.join(known) or 'none'}", f"{path}{name}")
