"""Play drawn adversarial runs of every protocol and keep a ledger of them: `python -m benchmarks.hunt LEDGER [--runs 20000] [NAME ...]`.

The ledger is a file of JSON lines that only grows, each time as a whole (written beside and renamed), so a killed hunt goes on where
it was. A line is one stretch of runs: protocol, liars, first run, how many, CPU seconds, commit, and the break that ended it or null.
Where a break may be chance (see `sim.study.by_chance`) it ends nothing: the line lists it under "by_chance", with how many were "expected".
Lines of another world, another drawing, another protocol setting or other checks stay in the file and do not count. `--again RUN` plays one run of one
protocol anew and tells what fails in it: the line that a break prints.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any

from benchmarks.timers import FORKING, MS, PACE, SAMPLED, SEATS, TIMED
from sim.kernel.dice import Dice
from sim.node.terms import bounds
from sim.study import hunt as hunting
from sim.study.by_chance import band, break_chance, is_chance, is_exact
from sim.study.drawing import drawn, slow_down
from sim.study.scenario import Scenario

STRETCH = 200
HUNTED = {**TIMED, **FORKING, **SAMPLED}
WORLD = "a crash takes the votes that were counted"
"""What of the world changed last that a hunt meets whatever is drawn: runs played before do not count."""
HERE = Path(__file__).parent
Line = dict[str, Any]


def main(arguments: list[str] | None = None) -> int:
    """Play round after round until every protocol has its runs; exit status 1 where safety broke."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hunt", description="Drawn adversarial runs, resumable.")
    parser.add_argument("ledger", type=Path, help="with --again it is not opened; write -")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(HUNTED))
    parser.add_argument("--again", type=int, metavar="RUN", help="play this run of one protocol alone")
    parser.add_argument("--runs", type=int, default=20_000, help="how many of each protocol")
    parser.add_argument("--extra", type=int, default=0, help="liars beyond the bound: 1 for the positive control")
    options = parser.parse_intermixed_args(arguments)
    unknown = [name for name in options.names if name not in HUNTED]
    if unknown:
        parser.error(f"no protocol is called {unknown[0]!r}; there are {', '.join(HUNTED)}")
    names = options.names or list(HUNTED)
    if options.again is not None:
        if len(options.names) != 1:
            parser.error("--again plays a run of one protocol; name it")
        return again(names[0], options.again, options.extra)
    lines = read(options.ledger)
    while open_names := [name for name in names if not over(lines, name, options.runs, options.extra)]:
        for name in open_names:
            lines.append(stretch(lines, name, options.runs, options.extra))
            write(options.ledger, lines)
    print(table(lines, names, options.extra))
    return int(any(is_broken(counted(lines, name, options.extra), name) for name in names))


def again(name: str, run: int, extra: int) -> int:
    """One run anew; tells every safety check that fails in it. Exit status 1 where one does."""
    prey = hunted(name, run, 1, extra)
    for verdict in () if prey is None else hunting.breaks(prey.scenario, prey.seed):
        print(f"run {run}: {verdict.name}: {verdict.evidence}")
    if prey is None:
        print(f"run {run}: no safety check fails")
    return int(prey is not None)


def commit() -> str:
    """The commit that is played, with a + where files differ from it."""
    told = subprocess.run(["git", "describe", "--always", "--dirty=+", "--exclude=*"], capture_output=True, text=True, cwd=HERE)
    return told.stdout.strip() or "unknown"


def drawing(name: str) -> str:
    """Names what is drawn, of what protocol and judged by what: runs of another drawing do not count."""
    seats = SEATS.get(name, 4)
    kinds = hunting.kinds_for(HUNTED[name])
    sample = [drawn(Dice(0), number, seats, 1, kinds, "6 s") for number in range(50)]
    judges = [judge.__name__ for judge in hunting.SAFETY]
    if name in FORKING:
        sample = [hunting.forked(HUNTED[name], number, seats, 1, "6 s") for number in range(50)]
        for tables in sample:
            slow_down(tables, PACE.get(name, 1))
        judges.append("settled")
    return blake2b(repr((WORLD, sample, repr(HUNTED[name]), judges)).encode(), digest_size=6).hexdigest()


def counted(lines: Iterable[Line], name: str, extra: int) -> list[Line]:
    """The lines of this protocol and drawing."""
    key = drawing(name)
    return [line for line in lines if (line["protocol"], line["drawing"], line["extra"]) == (name, key, extra)]


def over(lines: Iterable[Line], name: str, runs: int, extra: int) -> bool:
    """Whether all is played, or safety broke."""
    mine = counted(lines, name, extra)
    return any(line["broken"] for line in mine) or sum(line["runs"] for line in mine) >= runs


def is_broken(mine: list[Line], name: str) -> bool:
    """Whether safety broke in a way, or a number of times, that chance does not explain."""
    low, high = explained(mine, name)
    return any(line["broken"] for line in mine) or not low <= by_chance(mine) <= high


def by_chance(mine: list[Line]) -> int:
    """How many breaks were put down to chance, one by one."""
    return sum(len(line.get("by_chance", ())) for line in mine)


def explained(mine: list[Line], name: str) -> tuple[int, int]:
    """How few and how many of those chance explains."""
    return band(sum(line.get("expected", 0.0) for line in mine), is_exact(scene(name, 0, 0)))


def liars_of(name: str, extra: int) -> int:
    """How many seats are corrupted."""
    return bounds(HUNTED[name], SEATS.get(name, 4))[0] + extra


def hunted(name: str, first: int, runs: int, extra: int) -> hunting.Prey | None:
    """The first break of so many runs of a protocol."""
    seats, pace = SEATS.get(name, 4), PACE.get(name, 1)
    return hunting.hunt(HUNTED[name], runs, seats=seats, liars=liars_of(name, extra), first=first, pace=pace)


def scene(name: str, number: int, extra: int) -> Scenario:
    """One of the runs that `hunted` plays."""
    kinds, pace = hunting.kinds_for(HUNTED[name]), PACE.get(name, 1)
    return hunting.scene(HUNTED[name], number, SEATS.get(name, 4), liars_of(name, extra), kinds, "6 s", 200 * MS, 0, pace)


def stretch(lines: Iterable[Line], name: str, runs: int, extra: int) -> Line:
    """The next runs of a protocol; they end early with a break that cannot be chance."""
    first = sum(line["runs"] for line in counted(lines, name, extra))
    end = first + min(STRETCH, runs - first)
    begun = time.process_time()
    lucky = list[str]()
    here = first
    while here < end and (prey := hunted(name, here, end - here, extra)) is not None:
        here = prey.run + 1
        if not is_chance(prey.scenario, prey.verdict):
            break
        lucky.append(str(prey))
    else:
        here, prey = end, None
    line = {
        "protocol": name,
        "drawing": drawing(name),
        "extra": extra,
        "liars": liars_of(name, extra),
        "seats": SEATS.get(name, 4),
        "first": first,
        "runs": here - first,
        "cpu_s": round(time.process_time() - begun, 2),
        "commit": commit(),
        "broken": None if prey is None else str(prey),
    }
    if name in FORKING and (expected := sum(break_chance(scene(name, number, extra)) for number in range(first, here))):
        line |= {"by_chance": lucky, "expected": round(expected, 6)}
    return line


def read(ledger: Path) -> list[Line]:
    """What has been played."""
    return [json.loads(line) for line in ledger.read_text().splitlines()] if ledger.exists() else []


def write(ledger: Path, lines: Iterable[Line]) -> None:
    """Replace the file as a whole, so that a kill leaves the old one or the new one."""
    beside = ledger.with_suffix(".part")
    beside.write_text("".join(json.dumps(line) + "\n" for line in lines))
    os.replace(beside, ledger)


def table(lines: Iterable[Line], names: Iterable[str], extra: int) -> str:
    """One line per protocol."""
    told = [f"{'protocol':<18}{'seats':>6}{'liars':>6}{'runs':>8}{'runs/s':>8}  broken"]
    for name in names:
        mine = counted(lines, name, extra)
        if mine:
            runs, cpu_s = sum(line["runs"] for line in mine), sum(line["cpu_s"] for line in mine)
            broken = next((line["broken"] for line in mine if line["broken"]), "-")
            if broken == "-" and (expected := sum(line.get("expected", 0.0) for line in mine)):
                most = "" if is_exact(scene(name, 0, extra)) else "at most "
                low, high = explained(mine, name)
                broken = f"{by_chance(mine)} by chance, {most}{expected:.1f} expected: {low} to {high} are explained"
            elif broken != "-":
                broken += f"; again: python -m benchmarks.hunt - {name} --extra {extra} --again {broken.split()[1].rstrip(':')}"
            told.append(f"{name:<18}{mine[0]['seats']:>6}{mine[0]['liars']:>6}{runs:>8}{runs / max(cpu_s, 0.01):>8.0f}  {broken}")
    return "\n".join(told)


if __name__ == "__main__":
    raise SystemExit(main())
