"""How far a command has come, on standard error: a bar on a terminal, a line every tenth elsewhere."""

from __future__ import annotations

import sys
from threading import Timer

PATIENCE_S = 1.0


class Bar:
    """A progress line on standard error: a bar on a terminal, a line every tenth elsewhere.

    What a run does first is told only once it has taken a second: a slip in a scenario is found sooner, and told in one line.
    """

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._tenth = -1
        self._later: Timer | None = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *error: object) -> None:
        self._forget()

    def begin(self) -> None:
        """Say at once what comes first, where much is to come: what was never run here is compiled."""
        from sim.net.driver import beginning  # takes a while itself, which other commands need not wait for

        if not self.quiet:
            self._show(0.0, beginning())

    def __call__(self, share: float, text: str) -> None:
        """Show how far it has come; 0 is the beginning of something new."""
        self._forget()
        if self.quiet:
            return
        if share == 0:
            self._tenth = -1
            self._later = Timer(PATIENCE_S, self._show, (share, text))
            self._later.daemon = True
            self._later.start()
        else:
            self._show(share, text)

    def _forget(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later.join()
            self._later = None

    def _show(self, share: float, text: str) -> None:
        if self._terminal:
            filled = round(share * 30)
            sys.stderr.write(f"\r[{'#' * filled}{'.' * (30 - filled)}] {share:4.0%}  {text:<60}")
            if share >= 1:
                sys.stderr.write("\n")
        elif int(share * 10) != self._tenth:
            self._tenth = int(share * 10)
            sys.stderr.write(f"{share:4.0%}  {text}\n")
        sys.stderr.flush()
