"""Files that a scenario names: where they are looked for, and how they are read without being flooded.

A relative name in a scenario file is looked for beside that file first, then in the working folder; in Python, where there is
no scenario file, in the working folder. The name stays as it was written, so a scenario has one digest on every machine.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Annotated, Any

from sim.kernel.errors import ScenarioError

_MOST_SHOWN = 60

FileName = Annotated[str, "file"]
"""A part's field that names a file."""


class Near(str):
    """A file's name as it was written, and the folder of the scenario that wrote it."""

    folder: Path | None = None


def near(name: str, folder: Path | None) -> str:
    """The same name, which remembers beside what it was written."""
    made = Near(name)
    made.folder = folder
    return made


def place_in(content: bytes | str, offset: int) -> tuple[int, int]:
    """Line and column of a place in a file's content, counted from 1."""
    before = content[:offset]
    newline: Any = b"\n" if isinstance(before, bytes) else "\n"
    return before.count(newline) + 1, offset - before.rfind(newline)


def shortened(text: str) -> str:
    """A text of a stranger's as it can stand in a sentence: what cannot be printed is escaped, of a long one the beginning is shown."""
    plain = text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 3] + "..."
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in plain)


def shown(value: object) -> str:
    """A stranger's value as it can stand in a sentence: texts in quotation marks, all else as written in Python."""
    if isinstance(value, str):
        return f"'{shortened(value)}'"
    if isinstance(value, dict | list):
        return f"a {'table' if isinstance(value, dict) else 'list'}"
    return "a number of too many digits" if isinstance(value, int) and abs(value) >= 1 << 100 else shortened(repr(value))


def located(name: str) -> Path:
    """Where the file is: beside its scenario if it is there, else as the name says."""
    folder: Path | None = getattr(name, "folder", None)
    beside = None if folder is None else folder / name
    return beside if beside is not None and beside.exists() else Path(name)


def read_whole(place: Path, most_bytes: int, what: str = "file") -> bytes:
    """The file's content; OSError where it cannot be read, ScenarioError where it is no ordinary file or too large.

    Kind and size are looked at first: a pipe may never end, and a device never does.
    """
    kind = place.stat().st_mode
    if stat.S_ISDIR(kind):
        raise ScenarioError(f"{place} is a folder, not a {what}")
    if not stat.S_ISREG(kind):
        raise ScenarioError(f"{place} is a pipe or a device, not a {what}; write what comes out of it to a file first")
    size_bytes = place.stat().st_size
    if size_bytes > most_bytes:
        raise ScenarioError(f"{place} has {size_bytes:,} bytes; a {what} has at most {most_bytes:,}")
    with place.open("rb") as file:
        return file.read(most_bytes)
