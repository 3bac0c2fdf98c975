"""Run the benchmarks, each in a process of its own, and print a table or one JSON document."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

from benchmarks import data, forks, health
from benchmarks.overlay import HEAVY
from benchmarks.work import BENCHMARKS, Result

COLUMNS = ("ratio", "per_cpu_s", "baseline_per_cpu_s", "cpu_s", "set_up_cpu_s", "deliveries", "rss_bytes", "bytes_per_seat")


def main() -> int:
    """Exit status 0 when every benchmark did its work."""
    known = {**BENCHMARKS, **data.BENCHMARKS, **data.HEAVY, **HEAVY, **forks.HEAVY, **health.HEAVY}
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Process CPU, beside a plain heapq event loop.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    options = parser.parse_args()
    names = options.names or [*BENCHMARKS, *data.BENCHMARKS]  # the heavy ones only when asked for
    unknown = [name for name in names if name not in known]
    if unknown:
        parser.error(f"no benchmark is called {unknown[0]!r}; there are {', '.join(known)}")
    if len(names) == 1:
        results = {names[0]: known[names[0]]()}
    else:
        results = {}
        for name in names:
            sys.stderr.write(f"{name} ...\n")
            results |= apart(name)
    print(json.dumps(results, indent=2) if options.json else table(results))
    return 0


def apart(name: str) -> dict[str, Result]:
    """One benchmark in a fresh process, so that its peak of memory is its own."""
    done = subprocess.run([sys.executable, "-m", "benchmarks", name, "--json"], stdout=subprocess.PIPE, check=True)
    found: dict[str, Result] = json.loads(done.stdout)
    return found


def table(results: dict[str, Result]) -> str:
    """One line per benchmark; a dash where something is not measured."""
    lines = ["".join([f"{'':<22}", *(f"{column:>20}" for column in COLUMNS)])]
    for name, result in results.items():
        cells = [result.get(column) for column in COLUMNS]
        lines.append(f"{name:<22}" + "".join(f"{'-' if cell is None else format(cell, ',.4g' if isinstance(cell, float) else ',d'):>20}"
                                              for cell in cells))  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
