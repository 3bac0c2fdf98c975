"""What a terminal is told when something goes wrong, and what is done when it listens no more."""

from __future__ import annotations

import io
import os
import sys

MOST_TOLD = 800
"""Characters of an error; longer ones lose their middle."""


def one_line(error: BaseException) -> str:
    """What went wrong in one line of bearable length, whatever a file, a name or a number in it holds."""
    text = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror + (f": {error.filename}" if error.filename else "")
    text = "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
    return text if len(text) <= MOST_TOLD else f"{text[: MOST_TOLD - 200]} ... {text[-200:]}"


def settle_output() -> None:
    """Closed streams swallow what is said, and letters that standard output does not have become question marks.

    Neither is a fault of the run: a daemon has no streams, and a table that goes to a file may have to be in a code page without a tick.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def give_up_on_output() -> None:
    """Where standard output takes no more, what is still waiting for it goes nowhere, or Python would complain at the very end."""
    try:
        sys.stdout.flush()
    except OSError:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
