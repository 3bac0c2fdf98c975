"""Finding parts by name: built-ins and strangers' parts alike are entry points of the group `medgossip.<group>`.

Only the part that is asked for is imported. A source tree that is not installed is read from its own `pyproject.toml`.
"""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from sim.kernel.errors import ScenarioError

GROUPS = ("topology", "latency", "gossip", "membership", "consensus", "availability", "workload", "adversary", "fault")


@cache
def _places(group: str) -> dict[str, str]:
    """`module:attribute` by kind."""
    found = {entry.name: entry.value for entry in entry_points(group=f"medgossip.{group}")}
    project = Path(__file__).parent.parent.parent / "pyproject.toml"
    if project.is_file():
        with project.open("rb") as file:
            own = tomllib.load(file).get("project", {}).get("entry-points", {}).get(f"medgossip.{group}", {})
        found = {**found, **own}
    return found


def names(group: str) -> list[str]:
    """All kinds of a group, in alphabetical order."""
    return sorted(_places(group))


@cache
def registered(cls: Any) -> str | None:
    """The kind under which a class is registered in any group."""
    place = f"{cls.__module__}:{cls.__qualname__}"
    return next((kind for group in GROUPS for kind, known in _places(group).items() if known == place), None)


def kind_of(part: Any) -> str:
    """What reports call a part: the kind under which it is registered, else the name of its class."""
    cls: Any = type(part)
    return registered(cls) or cls.__name__.lower()


def find(group: str, kind: str) -> type[Any]:
    """The class of a part; ScenarioError with the nearest known name where there is none."""
    place = _places(group).get(kind) if isinstance(kind, str) else None
    if place is None:
        known = names(group)
        near = get_close_matches(str(kind), known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known) or 'none'}"
        raise ScenarioError(f"no {group} is called {kind!r}; {hint}", "kind")
    module, _, attribute = place.partition(":")
    try:
        found: type[Any] = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ScenarioError(f"the {group} {kind!r} is registered as {place}, which cannot be imported: {error}", "kind") from None
    return found
