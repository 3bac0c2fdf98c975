"""What a scenario wants of its report, as `[expect]` says it: true, a number, or a comparison."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from typing import Any

from sim.kernel.errors import ScenarioError
from sim.study.checks import CHECKS

_COMPARISON = re.compile(r"\s*(<=|>=|==|!=|<|>)\s*(.+?)\s*$")


@dataclass(frozen=True)
class Expectation:
    """What a scenario wants of its report: a path in it or the name of a check, and a comparison."""

    path: str
    operator: str
    value: Any


def expectations(table: Mapping[str, Any], path: str) -> list[Expectation]:
    """All that a table expects, inner tables with their path in front; raises ScenarioError for what is no expectation."""
    found: list[Expectation] = []
    for key, value in table.items():
        where = f"{path}.{key}"
        if isinstance(value, Mapping):
            found += [Expectation(f"{key}.{one.path}", one.operator, one.value) for one in expectations(value, where)]
        elif isinstance(value, list) and value:  # all of them, such as a lower and an upper bound
            found += [one for bound in value for one in expectations({key: bound}, path)]
        elif isinstance(value, bool) and (meant := _misspelt_check(key)):
            raise ScenarioError(f"there is no such check; did you mean {meant!r}?", where)
        elif isinstance(value, (bool, int, float)) and isfinite(value):
            found.append(Expectation(key, "==", value))
        elif isinstance(value, str) and (match := _COMPARISON.match(value)):
            found.append(Expectation(key, match[1], _number(match[2], where)))
        else:
            raise ScenarioError(f'{value!r} is no expectation; write true, a number or a comparison such as "< 4"', where)
    return found


def _misspelt_check(name: str) -> str:
    """The check that a word, which is none, is so near to that it would be waited for in vain to the end of the run; or ''."""
    name = name.replace("_", "-")
    return "" if name in CHECKS else next(iter(get_close_matches(name, CHECKS, 1, 0.75)), "")


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
