"""How far a command has come, on standard error: a bar on a terminal, a line every tenth elsewhere."""

from __future__ import annotations

import sys


class Bar:
    """A progress line on standard error: a bar on a terminal, a line every tenth elsewhere."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._tenth = -1

    def begin(self) -> None:
        """Say what comes first: what was never run here is compiled."""
        from sim.net.driver import beginning  # takes a while itself, which other commands need not wait for

        self(0.0, beginning())

    def __call__(self, share: float, text: str) -> None:
        """Show how far it has come."""
        if self._quiet:
            return
        if self._terminal:
            filled = round(share * 30)
            sys.stderr.write(f"\r[{'#' * filled}{'.' * (30 - filled)}] {share:4.0%}  {text:<60}")
            if share >= 1:
                sys.stderr.write("\n")
        elif int(share * 10) != self._tenth:
            self._tenth = int(share * 10)
            sys.stderr.write(f"{share:4.0%}  {text}\n")
        sys.stderr.flush()
