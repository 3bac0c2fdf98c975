"""Strict reading of scenario files: every key must be known, every quantity must have its unit, every error names its key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sim.kernel.errors import ScenarioError
from sim.kernel.files import read_whole
from sim.kernel.part import fields_of, settle
from sim.study.change import override
from sim.study.scenario import TABLES, Scenario, table
from sim.study.tables import refuse_unknown

MOST_BYTES = 1 << 20
_ENDLESS_KEY = re.compile(r"""(?<![\w"'.-])(?:[\w"'-]++[ \t]*+\.[ \t]*+){100}""")
"""A key of a hundred words, with which `tomllib` would be busy for the square of their number."""


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
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        if _ENDLESS_KEY.search(text):
            raise ScenarioError(f"{source} has a key of a hundred words; no key has more than a few")
        tables = tomllib.loads(text)
    except UnicodeDecodeError:
        raise ScenarioError(f"{source} is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{source} is not TOML: {error}") from None
    except ValueError:
        raise ScenarioError(f"{source} holds a number of too many digits") from None
    except RecursionError:
        raise ScenarioError(f"{source} is nested too deeply") from None
    override(tables, overrides)
    return from_dict(tables, source, overrides)


def from_dict(tables: Mapping[str, Any], source: str = "", overrides: Sequence[str] = ()) -> Scenario:
    """A scenario from plain tables, as a TOML reader gives them."""
    entries = {entry.name: entry for entry in fields_of(Scenario) if entry.name not in ("source", "overrides")}
    refuse_unknown(tables, list(entries), "")
    folder = Path(source).parent if source else None
    made: dict[str, Any] = {"source": source, "overrides": tuple(overrides)}
    for name, value in tables.items():
        made[name] = table(name, value, folder) if name in TABLES else settle(value, entries[name], name, units_required=True)
    for name in ("duration", "topology"):
        if name not in tables:
            raise ScenarioError("is missing; every scenario needs it", name)
    scenario = Scenario(**made)
    _check_counts(scenario)
    return scenario


def _check_counts(scenario: Scenario) -> None:
    """More corrupted seats than there are, seen before anything is built."""
    seats = getattr(scenario.topology, "seats", None)
    if isinstance(seats, Mapping):
        seats = sum(seats.values())
    for place, entry in enumerate(scenario.adversary):
        if isinstance(seats, int) and isinstance(entry.seats, int) and entry.seats > seats:
            raise ScenarioError(f"{entry.seats} seats are to be corrupted, but there are only {seats}", f"adversary[{place}].seats")


def _near_file(place: Path) -> str:
    if not place.parent.is_dir():
        return ""
    near = get_close_matches(place.name, sorted(other.name for other in place.parent.glob("*.toml") if other.is_file()), 1)
    return f"; did you mean {place.parent / near[0]}?" if near else ""
