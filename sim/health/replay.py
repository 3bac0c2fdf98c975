"""A user's own events: read from a file, checked line by line, played in place of drawn arrivals.

CSV with a header, or one JSON object a line; columns `time_s` (from the start of the run, never falling), `row` (of the workload's
table), `organisation` (the name of a seat) and, if wanted, `size_bytes`.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from sim.kernel.errors import ScenarioError
from sim.kernel.files import located, read_whole

MOST_FILE_BYTES = 200_000_000
WANTED = ("time_s", "row", "organisation")
Event = tuple[int, str, str, int]


def events_of(file: str, rows: tuple[str, ...]) -> list[Event]:
    """(time_ns, row, organisation, size_bytes or 0) of every event; ScenarioError names line and column of the first flaw."""
    try:
        text = read_whole(located(file), MOST_FILE_BYTES, "file of events").decode("utf-8-sig")
    except OSError as error:
        raise ScenarioError(f"{file} cannot be read: {error.strerror}", "events") from None
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{file} is not UTF-8 at byte {error.start}", "events") from None
    return list(_checked(file, text, rows))


@lru_cache(maxsize=4)
def _checked(file: str, text: str, rows: tuple[str, ...]) -> tuple[Event, ...]:
    found: list[Event] = []
    lines = _json_lines(file, text) if text.lstrip().startswith("{") else _csv_lines(file, text)
    for line, columns, fields in lines:
        found.append(_event(file, line, columns, fields, rows))
        if len(found) > 1 and found[-1][0] < found[-2][0]:
            raise _flaw(file, line, columns["time_s"], f"{fields['time_s']} s lies before the event above it")
    if not found:
        raise ScenarioError(f"{file} has no events", "events")
    return tuple(found)


def _flaw(file: str, line: int, column: int, what: str) -> ScenarioError:
    return ScenarioError(f"{file} line {line} column {column}: {what}", "events")


def _csv_lines(file: str, text: str) -> Iterator[tuple[int, dict[str, int], dict[str, Any]]]:
    reader = csv.reader(text.splitlines())
    head: list[str] | None = None
    for cells in reader:
        line = reader.line_num
        if not cells or cells[0].startswith("#"):
            continue
        if head is None:
            head = [cell.strip() for cell in cells]
            for name in WANTED:
                if name not in head:
                    raise _flaw(file, line, 1, f"the header has no column {name}; it has {', '.join(head)}")
            continue
        if len(cells) != len(head):
            raise _flaw(file, line, 1, f"{len(cells)} cells were given, the header has {len(head)}")
        starts = [1 + sum(len(cell) + 1 for cell in cells[:place]) for place in range(len(cells))]
        yield line, dict(zip(head, starts, strict=True)), dict(zip(head, cells, strict=True))


def _json_lines(file: str, text: str) -> Iterator[tuple[int, dict[str, int], dict[str, Any]]]:
    for line, written in enumerate(text.splitlines(), start=1):
        if not written.strip():
            continue
        try:
            fields = json.loads(written)
        except json.JSONDecodeError as error:
            raise _flaw(file, line, error.colno, error.msg) from None
        if not isinstance(fields, dict):
            raise _flaw(file, line, 1, "an object {...} is wanted on each line")
        for name in WANTED:
            if name not in fields:
                raise _flaw(file, line, 1, f"{name} is missing")
        yield line, {name: written.find(f'"{name}"') + 1 for name in fields}, fields


def _event(file: str, line: int, columns: dict[str, int], fields: dict[str, Any], rows: tuple[str, ...]) -> Event:
    try:
        time_s = float(fields["time_s"])
    except (TypeError, ValueError):
        raise _flaw(file, line, columns["time_s"], f"{fields['time_s']!r} is no time in seconds") from None
    if not (math.isfinite(time_s) and 0 <= time_s < 1e9):
        raise _flaw(file, line, columns["time_s"], f"{fields['time_s']} s is no time from the start of the run on")
    row = str(fields["row"]).strip()
    if row not in rows:
        raise _flaw(file, line, columns["row"], f"no row is called {row!r}; there are {', '.join(rows)}")
    given = fields.get("size_bytes", "")
    try:
        size_bytes = int(given) if str(given).strip() else 0
    except ValueError:
        raise _flaw(file, line, columns["size_bytes"], f"{given!r} is no number of bytes") from None
    if not 0 <= size_bytes < 1 << 50:
        raise _flaw(file, line, columns["size_bytes"], f"{given} is no number of bytes")
    return round(time_s * 1e9), row, str(fields["organisation"]).strip(), size_bytes
