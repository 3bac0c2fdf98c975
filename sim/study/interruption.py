"""Ctrl-C on the command line: heard at once, also by the compiler."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130


@contextmanager
def heard_at_once() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt as ever, but inside the compiler it ends the process, with the usual line and status.

    There it would pass through callbacks and destructors, in which Python drops exceptions: runs went on to their end as if nothing
    had been said. Nothing has come of a run yet that could be lost.
    """
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, _interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupted(number: int, frame: FrameType | None) -> None:
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith(("numba.", "llvmlite.")):
            sys.stderr.write("\nmedgossip: interrupted\n")
            sys.stderr.flush()
            os._exit(INTERRUPTED)
        frame = frame.f_back
    raise KeyboardInterrupt
