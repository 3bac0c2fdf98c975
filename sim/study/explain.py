"""The manual, made from what the code runs on: parts, their keys and defaults, and every value of a scenario."""

from __future__ import annotations

import inspect
from dataclasses import MISSING
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sim.kernel import units
from sim.kernel.errors import ScenarioError
from sim.kernel.part import fields_of, is_part
from sim.study.plugins import GROUPS, find, names
from sim.study.scenario import Scenario, kind_of, plain

_UNIT_KINDS = ("duration", "size", "rate", "share")


def listing(group: str | None = None) -> list[tuple[str, str, str]]:
    """(group, kind, first line of its manual) for every part of a group, or of all groups."""
    if group is not None:
        _must_be(group, "list")
    groups = GROUPS if group is None else (group,)
    return [(one, kind, _first_line(find(one, kind))) for one in groups for kind in names(one)]


def _must_be(group: str, command: str) -> None:
    if group not in GROUPS:
        near = get_close_matches(group, GROUPS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"groups are {', '.join(GROUPS)}"
        raise ScenarioError(f"there is no group {group!r}; {hint}", command)


def promised() -> list[dict[str, str]]:
    """What the source article promises: statement, the scenario that puts it to the test, and the metric that would tell."""
    from sim.health.promises import PROMISES

    return [{"statement": one.statement, "scenario": one.scenario, "metric": one.metric} for one in PROMISES]


def meant(word: str) -> str:
    """What `explain` is asked for: a bare kind is a part if it is no file, and belongs to one group alone."""
    if "." in word or Path(word).exists():
        return word
    if word in GROUPS:
        raise ScenarioError(
            f"names a whole group, which `medgossip list {word}` shows; one part is {word}.{names(word)[0]}", "explain"
        )
    found = [f"{group}.{word}" for group in GROUPS if word in names(group)]
    if len(found) > 1:
        raise ScenarioError(f"{word!r} may be {' or '.join(found)}; write which", "explain")
    return found[0] if found else word


def part_table(group: str, kind: str) -> dict[str, Any]:
    """The manual entry of a part as JSON; defaults in base units, null where there is none."""
    _must_be(group, "explain")
    cls = find(group, kind)
    return {
        "group": group,
        "kind": kind,
        "about": inspect.cleandoc(cls.__doc__ or ""),
        "more": _told_of_file(cls),
        "keys": [
            {
                "name": entry.name,
                "kind": entry.kind,
                "required": entry.required,
                "default": None if entry.required else plain(entry.default),
                "about": entry.manual,
            }
            for entry in fields_of(cls)
        ],
        "presets": {name: preset.shown() for name, preset in getattr(cls, "presets", {}).items()},
    }


def scenario_table(scenario: Scenario) -> dict[str, Any]:
    """Every value of a scenario as JSON, in base units, and what the run would not model."""
    from sim.study.pricing import not_modelled

    return {
        "digest": scenario.digest(),
        "scenario": scenario.to_dict(),
        "odd": list(scenario.doubts()),
        "not_modelled": list(not_modelled(scenario)),
    }


def explain_part(group: str, kind: str) -> str:
    """The manual entry of a part: what it is, its keys with defaults and meaning, its paper and what is left out."""
    _must_be(group, "explain")
    cls = find(group, kind)
    lines = [f"{group} {kind}", "", inspect.cleandoc(cls.__doc__ or ""), ""]
    for entry in fields_of(cls):
        default = "required" if entry.default is MISSING else shown(entry.default, entry.kind)
        lines.append(f"  {entry.name:<18} {entry.kind:<10} {default:<14} {entry.manual}")
    if hasattr(cls, "rows"):
        lines += ["", "  rows of its tables, which events of your own name: " + ", ".join(cls.rows())]
    presets = getattr(cls, "presets", {})
    if presets:
        lines += ["", "  presets, whose values a key that is given overrides:"]
        lines += [f"  {name:<18} {preset.told}: {preset.shown()}" for name, preset in presets.items()]
    return "\n".join([*lines, "", _told_of_file(cls)]).rstrip()


def _told_of_file(cls: type[Any]) -> str:
    """What the file of a part says about itself: the paper, how it works, what is left out."""
    return inspect.cleandoc(inspect.getmodule(cls).__doc__ or "")


def explain_scenario(scenario: Scenario) -> str:
    """Every value of a scenario, defaults marked, and what the run would not model."""
    from sim.study.pricing import not_modelled

    lines = [f"{scenario.title}", f"digest {scenario.digest()}", ""]
    lines += _values(scenario, "")
    lines += ["", *(f"odd: {sentence}" for sentence in scenario.doubts())]
    lines += ["not modelled: " + ", ".join(not_modelled(scenario))]
    return "\n".join(lines)


def shown(value: Any, kind: str) -> str:
    """A value as a scenario file writes it."""
    if kind in _UNIT_KINDS and isinstance(value, (int, float)) and not isinstance(value, bool):
        return units.show(value, kind)
    return "none" if value is None else str(value)


def _values(owner: Any, prefix: str) -> list[str]:
    lines = []
    for entry in fields_of(type(owner)):
        value, key = getattr(owner, entry.name), f"{prefix}{entry.name}"
        if entry.name in ("source", "sweep", "expect") and not value:
            continue
        if is_part(value):
            lines += [f"{key:<34} {kind_of(value)}", *_values(value, f"{key}.")]
        elif isinstance(value, tuple) and value and is_part(value[0]):
            for place, one in enumerate(value):
                lines += [f"{key}[{place}]".ljust(34) + f" {kind_of(one)}", *_values(one, f"{key}[{place}].")]
        elif entry.name == "expect":
            lines += [f"expect.{one.path:<27} {one.operator} {one.value}" for one in value]
        else:
            mark = "   (default)" if entry.default is not MISSING and value == entry.default else ""
            lines.append(f"{key:<34} {shown(value, entry.kind)}{mark}")
    return lines


def _first_line(cls: type[Any]) -> str:
    presets = ", ".join(getattr(cls, "presets", {}))
    return (inspect.getdoc(cls) or "").split("\n")[0] + (f" [presets: {presets}]" if presets else "")
