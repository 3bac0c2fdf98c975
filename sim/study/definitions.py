"""The report's definitions as the manual tells them: the docstrings of the functions that measure, section by section."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType

from sim.kernel.errors import ScenarioError

SECTIONS: dict[str, tuple[str, ...]] = {
    "consensus": ("metrics_consensus",),
    "gossip": ("metrics_spread", "metrics_travel", "metrics_isolation"),
    "membership": ("metrics_members",),
    "availability": ("metrics_availability", "metrics_sampling"),
    "load": ("metrics_load",),
    "recovery": ("metrics",),
}
"""In which files of `sim.study` the keys of each section are measured."""


def explain_report(section: str = "") -> str:
    """What each section of the report is, or every definition of one. Raises ScenarioError for a section that there is not."""
    if not section:
        lines = ["report: sections whose definitions `medgossip explain report.SECTION` tells", ""]
        return "\n".join([*lines, *(f"  {name:<14} {_first_line(_modules(name)[0])}" for name in SECTIONS)])
    if section not in SECTIONS:
        near = get_close_matches(section, SECTIONS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(SECTIONS)}"
        raise ScenarioError(f"the report has no section {section!r} with definitions of its own; {hint}", "explain")
    lines = [f"report.{section}", ""]
    for module in _modules(section):
        lines += [inspect.cleandoc(module.__doc__ or ""), ""]
        for name, told in _definitions(module):
            lines += [f"  {name}", *(f"      {line}".rstrip() for line in told.splitlines()), ""]
    return "\n".join(lines).rstrip()


def _modules(section: str) -> list[ModuleType]:
    return [import_module(f"sim.study.{name}") for name in SECTIONS[section]]


def _definitions(module: ModuleType) -> Iterator[tuple[str, str]]:
    """(Name, docstring) of each public function that is defined here, in the order of the file."""
    for name, found in vars(module).items():
        if inspect.isfunction(found) and found.__module__ == module.__name__ and not name.startswith("_") and found.__doc__:
            yield name, inspect.cleandoc(found.__doc__)


def _first_line(module: ModuleType) -> str:
    return (module.__doc__ or "").strip().split("\n")[0]
