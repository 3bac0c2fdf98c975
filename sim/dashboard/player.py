"""One run in a process of its own: a request as a line of JSON on standard input, what happens as lines on standard output.

So the server stays quick, a run can be stopped at once, and two runs use two cores. Started by `sim.dashboard.runs`.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from sim.kernel.errors import SimError
from sim.study.live import Frame, as_line, report_frame, watched
from sim.study.read import load


def _tell(frame: Frame) -> None:
    sys.stdout.write(as_line(frame) + "\n")
    sys.stdout.flush()


def _progress(share: float, text: str) -> None:
    _tell({"kind": "progress", "share": share, "text": text})


def play(request: dict[str, Any]) -> None:
    """Run `request["path"]` with `set` and `seed`; the first line is accepted or refused, the last one report or refused."""
    try:
        scenario = load(request["path"], request["set"])
        _tell({"kind": "accepted", "title": scenario.title, "odd": list(scenario.doubts())})
        _tell(report_frame(watched(scenario, request["seed"], _tell, _progress)))
    except (SimError, OSError, MemoryError) as error:
        _tell({"kind": "refused", "text": str(error) or type(error).__name__})


if __name__ == "__main__":
    try:
        play(json.loads(sys.stdin.readline()))
    except (BrokenPipeError, KeyboardInterrupt):
        sys.exit(1)
