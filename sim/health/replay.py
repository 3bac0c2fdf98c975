"""A user's own events: read from a file, checked line by line, played in place of drawn arrivals.

CSV with a header, or one JSON object a line; columns `time_s` (from the start of the run, never falling), `row` (of the workload's
table), `organisation` (the name of a seat) and, if wanted, `size_bytes`.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice
from typing import Any

from sim.health.plain_json import Flaw, parsed
from sim.kernel.errors import ScenarioError
from sim.kernel.files import located, place_in, read_whole, shortened, shown

MOST_FILE_BYTES = 200_000_000
MOST_LINE = 10_000
WANTED, SIZE = ("time_s", "row", "organisation"), "size_bytes"
Event = tuple[int, str, str, int]


def events_of(file: str, rows: tuple[str, ...]) -> list[Event]:
    """(time_ns, row, organisation, size_bytes or 0) of every event; ScenarioError names line and column of the first flaw."""
    try:
        text = read_whole(located(file), MOST_FILE_BYTES, "file of events").decode("utf-8-sig")
    except OSError as error:
        raise ScenarioError(f"{file} cannot be read: {error.strerror}", "events") from None
    except UnicodeDecodeError as error:
        line, column = place_in(error.object, error.start)
        raise _flaw(file, line, column, "this is not UTF-8 text") from None
    return list(_checked(file, text, rows))


def unknown_organisation(file: str, index: int, name: str, names: tuple[str, ...]) -> ScenarioError:
    """The complaint about an event at a place that the network does not have."""
    near = get_close_matches(name[:100], names, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"the first ones are {', '.join(names[:3])}"
    return ScenarioError(
        f"{file} {place_of(file, index)}: no organisation of this network is called {shown(name)}; {hint}", "events"
    )


def place_of(file: str, index: int) -> str:
    """Where the organisation of the event of that number stands in a file that was read before."""
    lines = _lines_of(file, read_whole(located(file), MOST_FILE_BYTES, "file of events").decode("utf-8-sig"))
    line, columns, _ = next(islice(lines, index, None))
    return f"line {line} column {columns['organisation']}"


def _lines_of(file: str, text: str) -> Iterator[tuple[int, dict[str, int], dict[str, Any]]]:
    lines = text.split("\n")
    for line, written in enumerate(lines, start=1):
        if len(written) > MOST_LINE:
            raise _flaw(file, line, MOST_LINE + 1, f"the line has {len(written):,} characters, at most {MOST_LINE:,} are wanted")
        if "\0" in written:
            raise _flaw(file, line, written.index("\0") + 1, "a byte 0 is no text")
    return _json_lines(file, lines) if text.lstrip().startswith("{") else _csv_lines(file, lines)


@lru_cache(maxsize=4)
def _checked(file: str, text: str, rows: tuple[str, ...]) -> tuple[Event, ...]:
    found: list[Event] = []
    for line, columns, fields in _lines_of(file, text):
        found.append(_event(file, line, columns, fields, rows))
        if len(found) > 1 and found[-1][0] < found[-2][0]:
            raise _flaw(file, line, columns["time_s"], f"{fields['time_s']} s lies before the event above it")
    if not found:
        raise _flaw(file, 1, 1, "it has no events")
    return tuple(found)


def _flaw(file: str, line: int, column: int, what: str) -> ScenarioError:
    return ScenarioError(f"{file} line {line} column {column}: {what}", "events")


def _csv_lines(file: str, lines: list[str]) -> Iterator[tuple[int, dict[str, int], dict[str, Any]]]:
    head: list[str] | None = None
    for line, written in enumerate(lines, start=1):
        if written.count('"') % 2:
            raise _flaw(file, line, written.rindex('"') + 1, "this quotation mark has no other on its line")
        written = written.rstrip("\r")
        if "\r" in written:
            raise _flaw(file, line, written.index("\r") + 1, "a carriage return stands inside the line; lines end with a line feed")
        cells = next(csv.reader([written]), [])
        if not cells or cells[0].startswith("#"):
            continue
        if head is None:
            head = [cell.strip() for cell in cells]
            for name in WANTED:
                if name not in head:
                    raise _flaw(file, line, 1, f"the header has no column {name}; it has {shortened(', '.join(head))}")
            for name in (*WANTED, SIZE):
                if head.count(name) > 1:
                    raise _flaw(file, line, 1, f"the header has the column {name} twice")
            _check_size_name(file, line, tuple(head))
            continue
        if len(cells) != len(head):
            raise _flaw(file, line, 1, f"{len(cells)} cells were given, the header has {len(head)}")
        starts = [1 + sum(len(cell) + 1 for cell in cells[:place]) for place in range(len(cells))]
        yield line, dict(zip(head, starts, strict=True)), dict(zip(head, cells, strict=True))


def _json_lines(file: str, lines: list[str]) -> Iterator[tuple[int, dict[str, int], dict[str, Any]]]:
    for line, written in enumerate(lines, start=1):
        if not written.strip():
            continue
        try:
            fields = parsed(written)
        except Flaw as flaw:
            raise _flaw(file, line, flaw.offset + 1, flaw.sentence) from None
        if not isinstance(fields, dict):
            raise _flaw(file, line, 1, "an object {...} is wanted on each line")
        for name in WANTED:
            if name not in fields:
                raise _flaw(file, line, 1, f"{name} is missing")
        _check_size_name(file, line, tuple(fields))
        yield line, {name: written.find(f'"{name}"') + 1 for name in fields}, fields


def _check_size_name(file: str, line: int, names: tuple[str, ...]) -> None:
    """Other columns are nobody's business, but one that is nearly `size_bytes` was meant to be it."""
    near = None if SIZE in names else _like_size(names)
    if near is not None:
        raise _flaw(file, line, 1, f"{shown(near)} is nothing that is read; did you mean {SIZE}?")


@lru_cache(maxsize=64)
def _like_size(names: tuple[str, ...]) -> str | None:
    return next(iter(get_close_matches(SIZE, names, 1, 0.75)), None)


def _event(file: str, line: int, columns: dict[str, int], fields: dict[str, Any], rows: tuple[str, ...]) -> Event:
    given = fields["time_s"]
    time_s = _number(given)
    if time_s is None:
        raise _flaw(file, line, columns["time_s"], f"{shown(given)} is no time in seconds")
    if not (math.isfinite(time_s) and 0 <= time_s < 1e9):
        raise _flaw(file, line, columns["time_s"], f"{shortened(str(given))} s is no time from the start of the run on")
    row, organisation = fields["row"], fields["organisation"]
    if not isinstance(row, str) or row.strip() not in rows:
        raise _flaw(file, line, columns["row"], f"no row is called {shown(row)}; there are {', '.join(rows)}")
    if not isinstance(organisation, str) or not organisation.strip():
        raise _flaw(file, line, columns["organisation"], f"{shown(organisation)} is no name of an organisation")
    given = fields.get(SIZE, "")
    size = 0.0 if isinstance(given, str) and not given.strip() else _number(given)
    if size is None or not 0 <= size < 1 << 50 or size != int(size):
        raise _flaw(file, line, columns[SIZE], f"{shown(given)} is no number of bytes")
    return round(time_s * 1e9), row.strip(), organisation.strip(), int(size)


def _number(given: Any) -> float | None:
    """What is written, as a number; None where it is none."""
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return None
    try:
        return float(given)
    except (ValueError, OverflowError):
        return None
