"""What a report can hold, known before the run: an expectation of anything else is a slip of the pen, not a failed run.

At the first instant all is measured of a world in which nothing has happened. What is there then is there at the end. What has
happened by the end adds only names to tables that are empty or null at first (kinds of messages, regions, faults) and to what
workloads bring along, so a path that leads elsewhere leads nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher, get_close_matches
from typing import Any

from sim.kernel.errors import ScenarioError
from sim.study.checks import CHECKS, Expectation, find, flattened
from sim.study.definitions import SECTIONS
from sim.study.distribution import KEYS

_OPEN = ("workload", "recovery", "checks")
"""Sections whose tables are known at the end only."""
_ALIKE = 0.88
"""How alike a name is to one of the report, at least, to be taken for a slip where only the end of a path is given."""


def foresee(tables: Mapping[str, Any], expectations: Iterable[Expectation]) -> ScenarioError | None:
    """What to raise for the first expectation that no report can hold whose tables were like these at the first instant."""
    leaves = flattened({name: table for name, table in tables.items() if name != "checks"})
    for wanted in expectations:
        if wanted.path.removeprefix("checks.").replace("_", "-") in CHECKS:
            continue
        meant = find(leaves, wanted.path)
        if len(meant) > 1:
            return ScenarioError(f"this may mean {' or '.join(meant)}; give more of the path", f"expect.{wanted.path}")
        section = wanted.path.split(".")[0]
        is_whole = section in tables or section in SECTIONS
        if meant or not (_leads_nowhere(tables, wanted.path) if is_whole else _is_slip(leaves, wanted.path)):
            continue
        why = f"the report of this scenario holds nothing of this name{_hint(leaves, wanted.path)}"
        if section in SECTIONS and section not in tables:
            why = f"this scenario has no {section} to report on; give it one, or drop the key"
        return ScenarioError(why, f"expect.{wanted.path}")
    return None


def _leads_nowhere(tables: Mapping[str, Any], path: str) -> bool:
    """Whether a path from the root comes to a table that is complete and lacks the next name, or goes on behind a value."""
    first, *names = path.split(".")
    if first in _OPEN:
        return False
    if first not in tables:  # such as a membership where there is none
        return True
    place: Any = tables[first]
    for name in names:
        if place is None or place == {} or isinstance(place, list | tuple):
            return False
        if not isinstance(place, Mapping) or name not in place:
            return True
        place = place[name]
    return isinstance(place, Mapping) and bool(place)  # a table is no number


def _is_slip(leaves: Mapping[str, Any], path: str) -> bool:
    """Whether the last name before a distribution's is none of the report's, but much like one."""
    names = path.split(".")
    name = next((one for one in reversed(names) if one not in KEYS), names[0])
    known = {one for leaf in leaves for one in leaf.split(".")}
    return name not in known and bool(get_close_matches(name, sorted(known), 1, _ALIKE))


def _hint(leaves: Mapping[str, Any], path: str) -> str:
    """The report's path that is most like this one, or whose end is."""
    depth = path.count(".") + 1

    def likeness(leaf: str) -> float:
        ends = (leaf, ".".join(leaf.split(".")[-depth:]))
        return max(SequenceMatcher(None, path, one).ratio() for one in ends)

    near = max(leaves, key=likeness, default="")
    return f"; did you mean {near}?" if near and likeness(near) > 0.5 else ""
