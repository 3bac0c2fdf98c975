"""Workload tables of a stranger's: read from JSON and looked through value by value, so that every flaw is told with its place."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from sim.health.actors import ROLE_OF, role_of
from sim.health.catalogue import Entry, profiles
from sim.health.plain_json import Flaw, parsed
from sim.kernel.errors import ScenarioError
from sim.kernel.files import place_in, shortened, shown
from sim.net.places import R48

_NUMBERS = ("size_median_B", "size_p95_B", "rate_per_actor_per_day")
_TEXTS = ("name", "actor", "hour_profile", "dow_profile", "rw")
_MOST = {"size_median_B": 1e15, "size_p95_B": 1e15, "rate_per_actor_per_day": 1e9}
_MOST_ACTORS = 1_000_000_000


@dataclass(frozen=True)
class Chapter:
    """One workload of the tables."""

    id: str
    name: str
    entries: Mapping[str, Entry]
    on_chain: Mapping[str, bool]
    slo: tuple[tuple[str, float, str], ...]
    """(name, seconds or share, source)."""


@dataclass(frozen=True)
class Place:
    """A table's text and name, and how far one has come in it: what complaints point at."""

    text: str
    source: str
    start: int = 0
    what: str = ""

    def at(self, name: str) -> Place:
        """The place, from here on, where a text of that name is first written."""
        found = self.text.find(json.dumps(name), self.start)
        if found < 0:
            found = self.text.find(json.dumps(name, ensure_ascii=False), self.start)
        return Place(self.text, self.source, self.start if found < 0 else found, self.what)

    def row(self, name: str) -> Place:
        """The beginning of the object in which a row of that name is written."""
        named = self.at(name)
        begin = self.text.rfind("{", self.start, named.start)
        return Place(self.text, self.source, named.start if begin < 0 else begin, f"{self.what} {shortened(name)}".strip())

    def flaw(self, sentence: str, key: str = "") -> ScenarioError:
        """The complaint, with line and column of the key if it is written there, of the place otherwise."""
        here = self.at(key) if key else self
        line, column = place_in(self.text, here.start)
        what = f", {self.what}" if self.what else ""
        return ScenarioError(f"{self.source} line {line} column {column}{what}: {sentence}", "table")


def tree_of(text: str, source: str) -> Any:
    """The JSON of a text."""
    try:
        return parsed(text)
    except Flaw as flaw:
        raise Place(text, source, flaw.offset).flaw(flaw.sentence) from None


def chapters_in(tree: Any, place: Place) -> dict[str, Chapter]:
    """The chapters by id; ScenarioError for the first flaw."""
    if not isinstance(tree, dict) or not isinstance(tree.get("workloads"), list):
        raise place.flaw("a table with a list 'workloads' is wanted")
    seats = _reference(tree.get("reference_network"), place)
    found: dict[str, Chapter] = {}
    for piece in tree["workloads"]:
        if not isinstance(piece, dict) or not isinstance(piece.get("id"), str) or not isinstance(piece.get("tx"), list):
            raise place.flaw("each workload needs an 'id' and a list 'tx'", "workloads")
        place = place.row(piece["id"])
        place = Place(place.text, place.source, place.start, shortened(piece["id"]))
        if piece["id"] in found:
            raise place.flaw("there are two workloads of this id")
        found[piece["id"]] = _chapter(piece, seats, place)
    return found


def _reference(network: Any, place: Place) -> dict[str, int] | None:
    """The seats by role of the network for which a table counts its actors; None where it names none."""
    if network is None:
        return None
    mix = network.get("mix") if isinstance(network, dict) else None
    if not isinstance(mix, dict) or not mix or not all(_is_count(count) and count for count in mix.values()):
        raise place.flaw("it wants a table 'mix' of roles, each with a whole number of seats above 0", "reference_network")
    seats: dict[str, int] = {}
    for name, count in mix.items():
        seats[role_of(name)] = seats.get(role_of(name), 0) + count
    return seats


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MOST_ACTORS


def _per_seat(piece: Mapping[str, Any], seats: Mapping[str, int] | None, place: Place) -> dict[str, float]:
    """For how many of each actor one seat stands; 0 where the reference network has none of them, or no seat to play them."""
    actors = piece.get("actors", {})
    if not isinstance(actors, dict) or not all(map(_is_count, actors.values())):
        raise place.flaw("'actors' is a table of names, each with a whole number", "actors")
    played = (*R48, *ROLE_OF, *(seats or ()))
    for name in actors:
        if role_of(name) not in played:
            near = get_close_matches(name[:100], played, 1)
            hint = f"did you mean {shown(near[0])}?" if near else "a role of your own stands in the 'mix' of the reference network"
            raise place.at("actors").flaw(f"no seat plays {shown(name)}; {hint}", name)
    if seats is None:
        return {name: min(count, 1.0) for name, count in actors.items()}
    return {name: count / seats.get(role_of(name), math.inf) for name, count in actors.items()}


def _chapter(piece: Mapping[str, Any], seats: Mapping[str, int] | None, place: Place) -> Chapter:
    per_seat = _per_seat(piece, seats, place)
    entries: dict[str, Entry] = {}
    on_chain: dict[str, bool] = {}
    inside = place.at("tx")
    for row in piece["tx"]:
        name = row.get("name") if isinstance(row, dict) else None
        if not isinstance(name, str) or not name:
            raise inside.flaw(f"a row of {place.what} has no name")
        inside = Place(place.text, place.source, inside.at(name).start, place.what)
        mine = Place(place.text, place.source, place.start, place.what).at("tx").row(name)
        if name in entries:
            raise inside.flaw(f"there are two rows called {shown(name)}")
        entries[name] = _entry(row, per_seat, mine)
        on_chain[name] = row.get("on_chain", False)
    return Chapter(piece["id"], str(piece.get("name", piece["id"])), entries, on_chain, _levels(piece, place))


def _levels(piece: Mapping[str, Any], place: Place) -> tuple[tuple[str, float, str], ...]:
    slo = piece.get("slo", [])
    if not isinstance(slo, list):
        raise place.flaw("'slo' is a list of [name, number, source]", "slo")
    for level in slo:
        good = isinstance(level, list) and len(level) == 3 and isinstance(level[0], str) and isinstance(level[1], int | float)
        if not good or isinstance(level[1], bool) or not math.isfinite(level[1]) or level[1] < 0:
            raise place.flaw(f"{shown(level)} is no service level; write [name, number, source]", "slo")
    return tuple((name, float(value), str(why)) for name, value, why in slo)


def _entry(row: Mapping[str, Any], per_seat: Mapping[str, float], place: Place) -> Entry:
    _check_values(row, place)
    if row["actor"] not in per_seat:
        raise place.flaw(f"nobody is called {shown(row['actor'])}; actors are {shortened(', '.join(per_seat))}", "actor")
    if not per_seat[row["actor"]]:
        raise place.flaw(f"the reference network has no {row['actor']}, or no seat to play one", "actor")
    if not 1 <= row["size_median_B"] <= row["size_p95_B"]:
        raise place.flaw("the p95 of the size lies below its median, or there is no size", "size_median_B")
    hours, weekdays = profiles()
    for key, known in (("hour_profile", hours), ("dow_profile", weekdays)):
        if row[key] not in known:
            raise place.flaw(f"no {key} is called {shown(row[key])}; there are {', '.join(known)}", key)
    if row["rw"] not in ("R", "W"):
        raise place.flaw(f"rw is R for a read or W for a write, not {shown(row['rw'])}", "rw")
    if not isinstance(row.get("on_chain", False), bool):
        raise place.flaw(f"on_chain is true or false, not {shown(row['on_chain'])}", "on_chain")
    use = "read" if row["rw"] == "R" else "chain" if row.get("on_chain") else "message"
    sizes = round(row["size_median_B"]), round(row["size_p95_B"])
    rate = float(row["rate_per_actor_per_day"])
    when = hours[row["hour_profile"]], weekdays[row["dow_profile"]]
    return Entry(row["name"], row["actor"], *sizes, rate, *when, use, per_seat[row["actor"]])


def _check_values(row: Mapping[str, Any], place: Place) -> None:
    for key in (*_NUMBERS, *_TEXTS):
        if key not in row:
            raise place.flaw(f"{key} is missing")
        value = row[key]
        if key in _TEXTS and not isinstance(value, str):
            raise place.flaw(f"{key} is {shown(value)}, a text is wanted", key)
        if key in _TEXTS:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise place.flaw(f"{key} is {shown(value)}, a number is wanted", key)
        if not 0 <= value <= _MOST[key]:
            raise place.flaw(f"{key} is {shown(value)}, at least 0 and at most {_MOST[key]:g} is wanted", key)
