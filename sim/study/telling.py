"""What a terminal is told when something goes wrong, and what is done when it listens no more."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

MOST_TOLD = 800
"""Characters of an error; longer ones lose their middle."""


def one_line(error: BaseException) -> str:
    """What went wrong in one line of bearable length, whatever a file, a name or a number in it holds."""
    text = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror + (f": {error.filename}" if error.filename else "")
    text = "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
    return text if len(text) <= MOST_TOLD else f"{text[: MOST_TOLD - 200]} ... {text[-200:]}"


class _Left(io.FileIO):
    """A stream whose reader may leave, as `head` does: the rest goes nowhere, and the command ends as it would have ended."""

    def write(self, said: Any, /) -> int:
        """How many bytes were taken."""
        try:
            return super().write(said)
        except BrokenPipeError:
            _to_nowhere(self.fileno())
            return memoryview(said).nbytes


def settle_output() -> None:
    """Streams that are closed or whose reader leaves swallow what is said; letters that standard output does not have become question marks.

    None is a fault of the run: a daemon has no streams, `head` has seen enough while results are still to be saved and a verdict
    is to be given, and a table that goes to a file may have to be in a code page without a tick.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
        elif type(stream) is io.TextIOWrapper and not isinstance(getattr(stream.buffer, "raw", None), _Left):
            pipe = io.BufferedWriter(_Left(stream.fileno(), "w", closefd=False))
            by_line = stream.line_buffering or stream.write_through
            setattr(sys, name, io.TextIOWrapper(pipe, stream.encoding, stream.errors, line_buffering=by_line))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _to_nowhere(descriptor: int) -> None:
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), descriptor)


def give_up_on_output() -> None:
    """Where standard output takes no more, what is still waiting for it goes nowhere, or Python would complain at the very end."""
    try:
        sys.stdout.flush()
    except OSError:
        _to_nowhere(sys.stdout.fileno())
