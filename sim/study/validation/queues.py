"""Group A, queues and clocks: M/D/1 at one uplink, memoryless arrivals, and laws of the engine itself."""

from __future__ import annotations

import itertools
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.kernel.errors import EnvironmentTrouble
from sim.study.read import loads
from sim.study.run import run
from sim.study.validation.case import Case, Errors, Measured, mean_of, share_of
from sim.study.validation.theory import kolmogorov
from sim.study.validation.worlds import MS, SECOND, constant, delays_ns, evidence, first_seat, spreading

# V7 ---------------------------------------------------------------------------------------------------------------------

_SERVICE_MS, _LOAD, _MESSAGES, _BATCHES = 80, 0.5, 30_000, 50


@lru_cache(maxsize=4)
def _queue(runs: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Publication times and waits in ns, each int64[runs, messages]: 1 MB bodies over one uplink of 100 Mbit/s and 100 ms."""
    rumour = {"size": "1 MB", "count": _MESSAGES, "every": "160 ms", "arrivals": "poisson", "origin": first_seat(2)}
    # room for all of them: they need 4800 s on average, with a standard deviation of 28 s
    tables = spreading({"kind": "line", "seats": 2}, constant("100 ms"), rumour, up="100 Mbit/s", duration="6000 s")
    published, waits = [], []
    for seed in range(1, runs + 1):
        found = evidence(tables, seed)
        published.append([spread.published_ns for spread in found.spreads])
        delays = delays_ns(found)
        if (delays < 0).any():
            raise EnvironmentTrouble("a message of the queue was still waiting at the end of the run")
        waits.append(delays.max(axis=1) - 180 * MS)
    return np.array(published, np.int64), np.array(waits, np.int64)


def _batched(number: Callable[[NDArray[np.float64]], float]) -> Callable[[int], Measured]:
    """A number of the waits in ms; waits hang together, so that its error comes from batches of 600."""

    def measure(runs: int) -> Measured:
        waits = _queue(runs)[1] / MS
        batches = np.array([number(batch) for batch in waits.reshape(runs * _BATCHES, -1)])
        return Measured(number(waits.ravel()), float(batches.std(ddof=1) / math.sqrt(batches.size)), waits.size)

    return measure


def _against_lindley(runs: int) -> Measured:
    """The largest difference in ns between a wait and Lindley's recursion on the same arrivals."""
    published, waits = _queue(runs)
    largest = 0
    for times, row in zip(published.tolist(), waits.tolist(), strict=True):
        wait = 0
        for place, (earlier, later) in enumerate(itertools.pairwise([*times, times[-1]])):
            largest = max(largest, abs(row[place] - wait))
            wait = max(0, wait + _SERVICE_MS * MS - (later - earlier))
    return Measured(float(largest))


_MEAN_WAIT = _LOAD * _SERVICE_MS / (2 * (1 - _LOAD))
_SD_WAIT = _SERVICE_MS * math.sqrt(_LOAD / (3 * (1 - _LOAD)) + _LOAD**2 / (4 * (1 - _LOAD) ** 2))


def _sd_about_mean(runs: int) -> Measured:
    """From the mean square about the known mean: batches about their own means would come out too small."""
    squares = (_queue(runs)[1] / MS - _MEAN_WAIT) ** 2
    variance = mean_of(squares.reshape(runs * _BATCHES, -1).mean(axis=1))
    sd = math.sqrt(variance.value)
    return Measured(sd, (variance.error or 0.0) / (2 * sd), squares.size)


# V14 --------------------------------------------------------------------------------------------------------------------

_PERIOD_S, _GAPS = 300, 4000


@lru_cache(maxsize=4)
def _gaps_s(runs: int) -> NDArray[np.float64]:
    """Times between Poisson publications of mean 300 s, as the trace has them."""
    rumour = {"size": "1 kB", "count": _GAPS + 1, "every": f"{_PERIOD_S} s", "arrivals": "poisson"}
    tables = spreading({"kind": "line", "seats": 2}, constant("1 ms"), rumour, duration=f"{2 * _PERIOD_S * _GAPS} s")
    found = [np.diff([row[0] for row in evidence(tables, seed).trace.of("publish")]) for seed in range(1, runs + 1)]
    return np.concatenate(found) / SECOND


def _gaps_until(limit_s: float) -> Callable[[int], Measured]:
    def measure(runs: int) -> Measured:
        gaps = _gaps_s(runs)
        return share_of(int((gaps <= limit_s).sum()), gaps.size, 1 - math.exp(-limit_s / _PERIOD_S))

    return measure


def _distance_accepted(runs: int) -> Measured:
    """1 where the Kolmogorov-Smirnov test of the gaps against Exp(300 s) has p > 0.001, else 0."""
    ranked = np.sort(_gaps_s(runs))
    law = 1 - np.exp(-ranked / _PERIOD_S)
    steps = np.arange(ranked.size + 1) / ranked.size
    largest = max(float((steps[1:] - law).max()), float((law - steps[:-1]).max()))
    return Measured(float(kolmogorov(largest, ranked.size) > 0.001), None, ranked.size)


# V13 a, b ---------------------------------------------------------------------------------------------------------------

_BUSY = """
title = "A world with chance, votes and queues"
duration = "DURATION"
seed = 11
trace = "wire"
[topology]
kind = "random-regular"
seats = 13
degree = 4
[link]
latency = LATENCY
[seat]
up = "UP"
[consensus]
kind = "pbft"
patience = "PATIENCE"
block_interval = "INTERVAL"
filler = "40 kB"
[[fault]]
kind = "crash"
seats = ["seat-00"]
"""
_CHANCY = {
    "LATENCY": '{ kind = "lognormal", median = "20 ms" }',
    "DURATION": "20 s",
    "UP": "80 Mbit/s",
    "PATIENCE": "2 s",
    "INTERVAL": "1 s",
}


def _busy(values: dict[str, str]) -> str:
    text = _BUSY
    for word, value in values.items():
        text = text.replace(word, value)
    return text


def _digests(runs: int) -> Measured:
    """How many different trace digests three runs have: two in this process, one in another under another hash seed."""
    text = _busy(_CHANCY)
    digests = [run(loads(text)).to_dict()["medgossip"]["trace_digest"] for _ in range(2)]
    root = str(Path(__file__).parents[3])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "busy.toml"
        file.write_text(text, encoding="utf-8")
        other = subprocess.run(
            [sys.executable, "-m", "sim", "run", str(file), "--json", "--quiet"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": path},
        )
    try:
        digests.append(json.loads(other.stdout)["medgossip"]["trace_digest"])
    except ValueError:
        raise EnvironmentTrouble(f"a run in another process gave no report: {other.stderr.strip()[-200:]}") from None
    return Measured(float(len(set(digests))), None, 3)


def _scaled(runs: int) -> Measured:
    """Rows that differ when all delays, timers and serialisation times are four times as long and times are divided by four."""
    once = {**_CHANCY, "LATENCY": '{ kind = "constant", value = "20 ms" }'}
    slow = '{ kind = "constant", value = "80 ms" }'
    fourfold = {"LATENCY": slow, "DURATION": "80 s", "UP": "20 Mbit/s", "PATIENCE": "8 s", "INTERVAL": "4 s"}
    short, long = (run(loads(_busy(values))).evidence.trace for values in (once, fourfold))
    rows = [[(row[0] * factor, *row[1:3]) for row in trace] for trace, factor in ((short, 4), (long, 1))]
    wires = [[trace.wire()[name] * factor for name in ("time_ns", "sent_ns")] for trace, factor in ((short, 4), (long, 1))]
    if len(rows[0]) != len(rows[1]) or wires[0][0].shape != wires[1][0].shape:
        return Measured(math.nan)
    unlike = sum(one != other for one, other in zip(*rows, strict=True))
    unlike += sum(int((one != other).sum()) for one, other in zip(*wires, strict=True))
    return Measured(float(unlike), None, len(rows[0]))


_CLOCK = "CF: 1 - exp(-t/T), T = 300 s"
CASES = (
    Case(
        id="V7",
        what="M/D/1 uplink at load 0.5, 80 ms of service: mean wait",
        unit="ms",
        source="CF: rho s / (2 (1 - rho))",
        expected=_MEAN_WAIT,
        rule=Errors(),
        measure=_batched(lambda waits: float(waits.mean())),
        runs=20,
    ),
    Case(
        id="V7",
        what="M/D/1 uplink at load 0.5: standard deviation of the wait",
        unit="ms",
        source="CF: Pollaczek and Khinchine",
        expected=_SD_WAIT,
        rule=Errors(),
        measure=_sd_about_mean,
        runs=20,
    ),
    Case(
        id="V7",
        what="M/D/1 uplink at load 0.5: share that does not wait",
        source="CF: 1 - rho",
        expected=1 - _LOAD,
        rule=Errors(),
        measure=_batched(lambda waits: float((waits == 0).mean())),
        runs=20,
    ),
    Case(
        id="V7",
        what="M/D/1 uplink: largest difference to Lindley's recursion",
        unit="ns",
        source="CF: Lindley 1952, on the run's own arrivals",
        expected=0,
        measure=_against_lindley,
    ),
    Case(
        id="V13",
        what="(a) same seed, another process and hash seed: different digests",
        source="CF: one trace",
        expected=1,
        measure=_digests,
    ),
    Case(
        id="V13",
        what="(b) everything four times as slow: rows whose times do not fit",
        source="CF: same order, times * c",
        expected=0,
        measure=_scaled,
    ),
    *(
        Case(
            id="V14",
            what=f"memoryless clock of mean 300 s: share of gaps up to {limit_s} s",
            source=_CLOCK,
            expected=1 - math.exp(-limit_s / _PERIOD_S),
            rule=Errors(),
            measure=_gaps_until(limit_s),
            runs=25,
            quick=5,
        )
        for limit_s in (10, 30, 60, 120, 300, 600, 1200, 1800)
    ),
    Case(
        id="V14",
        what="memoryless clock: Kolmogorov-Smirnov p > 0.001 (1: yes)",
        source=_CLOCK,
        expected=1,
        measure=_distance_accepted,
        runs=25,
        quick=5,
    ),
)
