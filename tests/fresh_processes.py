"""Scenarios played in processes of their own, under another hash seed, zone or folder, compiled or not.

To begin a process and load the core's machine code takes longer than most of these runs. So one process for each environment is
kept, and forks for each run: what one run leaves behind, no other one sees.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
LONGEST_S = 300
PROGRAM = """
import dataclasses, hashlib, json, os, sys, traceback
import sim


def told(path, seed, duration):
    scenario = sim.load(path)
    faults = tuple(dataclasses.replace(one, at=10**9, lasts=10**9) for one in scenario.fault)
    report = sim.run(scenario.but(duration=duration, heal=0, trace="wire", fault=faults), seed)
    tables = dict(report.to_dict())
    measured = dict(tables.pop("run"))
    del tables["not_modelled"]  # tells whether anything was compiled
    for clock in ("wall_s", "deliveries_per_s", "peak_rss_bytes"):
        del measured[clock]
    said = hashlib.blake2b(json.dumps([measured, tables]).encode(), digest_size=16)
    for spread in report.evidence.spreads:
        said.update(spread.arrival_ns.tobytes())
    return [report.to_dict()["medgossip"]["trace_digest"], said.hexdigest(), str(report.evidence.counters["delivered"])]


sim.run(sim.loads(sys.argv[1]))  # loads the core
for line in sys.stdin:
    folder, path, seed, duration = json.loads(line)
    child = os.fork()
    if child == 0:
        try:
            os.chdir(folder)
            answer = told(path, seed, duration)
        except BaseException:
            answer = traceback.format_exc()
        print(json.dumps(answer), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""
"""Tells of each run a digest of the trace, one of all arrivals and all that was measured, and how many copies were delivered."""
TRIFLE = """
duration = "1 s"
[topology]
kind = "complete"
seats = 4
[link]
latency = { kind = "constant", value = "20 ms" }
[gossip]
kind = "flood"
[consensus]
kind = "pbft"
block_interval = "500 ms"
"""


@cache
def _process(environment: tuple[tuple[str, str], ...]) -> subprocess.Popen[str]:
    """The process that plays under these variables; it ends when the tests do, with its standard input."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, TRIFLE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **dict(environment)},
    )


def digests(path: Path, folder: Path, seed: int = 1, duration: str = "3 s", **environment: str) -> list[str]:
    """Of the trace, of all arrivals and all that was measured; and how many copies were delivered."""
    process = _process(tuple(sorted(environment.items())))
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps([str(folder), str(path), seed, duration]) + "\n")
    process.stdin.flush()
    ready, _, _ = select.select([process.stdout], [], [], LONGEST_S)
    assert ready, f"{path.name} took longer than {LONGEST_S} s"
    answer = json.loads(process.stdout.readline())
    assert isinstance(answer, list), answer
    return answer
