"""The runs that the page has started: a process each, and what it has said so far, for whoever looks now or comes later."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import deque
from pathlib import Path
from typing import Any

from sim.kernel.errors import ScenarioError

MOST_AT_ONCE = 2
MOST_KEPT = 20
MOST_WAITING = 256
"""Lines that a slow onlooker may be behind; then it loses the oldest and is told so."""
_MOST_LINE_BYTES = 1 << 25


class Run:
    """One process, its lines, and how it ended."""

    def __init__(self, number: int, scenario: str) -> None:
        self.number, self.scenario = number, scenario
        self.lines: list[str] = []
        self.report: dict[str, Any] | None = None
        self.state = "starting"
        self.process: asyncio.subprocess.Process | None = None

    def about(self) -> dict[str, Any]:
        """What a list of runs says of it."""
        return {"run": self.number, "scenario": self.scenario, "state": self.state}

    @property
    def over(self) -> bool:
        """Whether its process has ended."""
        return self.state in ("finished", "refused", "stopped")


class Onlooker:
    """One open page: lines wait here until its socket takes them. One that does not keep up loses the oldest."""

    def __init__(self) -> None:
        self._waiting: deque[str] = deque()
        self._lost = 0
        self._fresh = asyncio.Event()

    def give(self, line: str) -> None:
        """Let it have a line; never waits."""
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self._lost += 1
        self._waiting.append(line)
        self._fresh.set()

    async def take(self) -> str:
        """Its next line; after a loss first a line that says how many are missing."""
        while not self._waiting:
            self._fresh.clear()
            await self._fresh.wait()
        if self._lost:
            lost, self._lost = self._lost, 0
            return json.dumps({"kind": "gap", "lost": lost})
        return self._waiting.popleft()


class Runs:
    """All runs of one server."""

    def __init__(self) -> None:
        self.runs: dict[int, Run] = {}
        self.onlookers: list[Onlooker] = []
        self._following: list[asyncio.Task[None]] = []
        self._last = 0

    async def start(self, scenario: str, path: Path, seed: int | None, settings: list[str]) -> Run:
        """Begin a run; returns once the scenario has been accepted.

        Raises ScenarioError, in one sentence, where the scenario is wrong or enough runs are under way.
        """
        if sum(not run.over for run in self.runs.values()) >= MOST_AT_ONCE:
            raise ScenarioError(f"{MOST_AT_ONCE} runs are under way, which is what this page allows; stop one or wait", "runs")
        self._last += 1
        run = self.runs[self._last] = Run(self._last, scenario)
        run.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sim.dashboard.player"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=_MOST_LINE_BYTES,
        )
        assert run.process.stdin is not None
        run.process.stdin.write(json.dumps({"path": str(path), "seed": seed, "set": settings}).encode() + b"\n")
        run.process.stdin.close()
        first = await self._next(run)
        if first is None or first["kind"] == "refused":
            del self.runs[run.number]
            await run.process.wait()
            raise ScenarioError("the run ended before it began" if first is None else first["text"], "")
        run.state = "running"
        self._pass_on(run, first)
        self._following.append(asyncio.ensure_future(self._follow(run)))
        self._forget_old()
        return run

    async def stop(self, run: Run) -> None:
        """End a run's process; nothing happens to one that is over."""
        if run.process is not None and run.process.returncode is None:
            run.state = "stopped"
            run.process.kill()
            await run.process.wait()

    async def close(self) -> None:
        """End whatever still runs."""
        for run in self.runs.values():
            await self.stop(run)
        for task in self._following:
            await task

    def look(self) -> Onlooker:
        """A new onlooker, with the last run's lines so far waiting for it."""
        onlooker = Onlooker()
        if self.runs:
            for line in self.runs[max(self.runs)].lines[-MOST_WAITING:]:
                onlooker.give(line)
        self.onlookers.append(onlooker)
        return onlooker

    async def _follow(self, run: Run) -> None:
        while (frame := await self._next(run)) is not None:
            if frame["kind"] == "report":
                run.report, run.state = frame["report"], "finished"
            elif frame["kind"] == "refused":
                run.state = "refused"
            self._pass_on(run, frame)
        if not run.over:
            run.state = "refused"
            self._pass_on(run, {"kind": "refused", "text": "the run's process ended before the run did"})
        elif run.state == "stopped":
            self._pass_on(run, {"kind": "stopped"})

    async def _next(self, run: Run) -> dict[str, Any] | None:
        assert run.process is not None
        assert run.process.stdout is not None
        line = await run.process.stdout.readline()
        frame: dict[str, Any] | None = json.loads(line) if line.endswith(b"\n") else None
        return frame

    def _pass_on(self, run: Run, frame: dict[str, Any]) -> None:
        line = json.dumps({"run": run.number, **frame}, ensure_ascii=False, separators=(",", ":"))
        if frame["kind"] != "progress":  # old news of progress is worth nothing to a page that opens later
            run.lines.append(line)
        for onlooker in self.onlookers:
            onlooker.give(line)

    def _forget_old(self) -> None:
        for number in sorted(self.runs)[:-MOST_KEPT]:
            if self.runs[number].over:
                del self.runs[number]
