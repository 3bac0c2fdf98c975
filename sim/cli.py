"""The command line. Exit status: 0 all held, 1 a check or expectation failed, 2 the request is wrong, 3 the surroundings
failed, 130 interrupted. Results go to standard output, progress and errors to standard error."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sim.arguments import parser
from sim.study.bar import Bar
from sim.study.interruption import INTERRUPTED, heard_at_once
from sim.study.telling import give_up_on_output, one_line, settle_output

HELD, FAILED, WRONG, TROUBLE = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    settle_output()
    try:
        options = parser().parse_args(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    if options.command is None and not options.version:
        parser().print_help()
        return WRONG
    from sim.kernel.errors import EnvironmentTrouble, ScenarioError, SimError

    try:
        with heard_at_once(), Bar(getattr(options, "quiet", False)) as options.bar:
            status = _COMMANDS["version" if options.version else options.command](options)
        sys.stdout.flush()
        return status
    except ScenarioError as error:
        return _told(error, WRONG)
    except EnvironmentTrouble as error:
        return _told(error, TROUBLE)
    except SimError as error:
        return _told(error, FAILED)
    except (OSError, MemoryError) as error:
        give_up_on_output()
        return _told(error, TROUBLE)
    except KeyboardInterrupt:
        sys.stderr.write("\nmedgossip: interrupted\n")
        return INTERRUPTED


def _told(error: BaseException, status: int) -> int:
    sys.stderr.write(f"medgossip: {one_line(error)}\n")
    return status


def _print_json(document: Any) -> None:
    """One document; letters that standard output may not have are escaped."""
    legible = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=not legible, allow_nan=False) + "\n")


def _loaded(path: str, options: argparse.Namespace) -> Any:
    """A scenario from a file with the settings of the command line."""
    return _read(path, options.set)


def _read(path: str, settings: Sequence[str]) -> Any:
    """A scenario from a file; what is odd about it is said before it runs."""
    from sim.study.read import load

    scenario = load(path, settings)
    for sentence in scenario.doubts():
        sys.stderr.write(f"medgossip: odd: {sentence}\n")
    return scenario


def _run(options: argparse.Namespace) -> int:
    from sim.study.run import run

    scenario, seed = _loaded(options.scenario, options), _seed(options.seed)
    _make_folder(options.out)
    report = run(scenario, seed, options.bar)
    if options.json:
        _print_json(report.to_dict())
    else:
        print(report.text())
    _save(options, lambda out: report.save(out))
    return HELD if report.ok() else FAILED


def _save(options: argparse.Namespace, save: Callable[[str], Iterable[Any]]) -> None:
    """Write results to the folder that was asked for, if one was."""
    if options.out:
        if not options.quiet:
            sys.stderr.write("drawing plots\n")
        for path in save(options.out):
            sys.stderr.write(f"wrote {path}\n")


def _check(options: argparse.Namespace) -> int:
    from sim.study.run import run

    rows = []
    seed = _seed(options.seed)
    for path, scenario in [(path, _loaded(path, options)) for path in options.scenarios]:
        report = run(scenario, seed, options.bar)
        judged = report.to_dict()["checks"]
        rows.append({"scenario": path, "ok": report.ok(), "checks": judged, "expectations": list(report.failed_expectations)})
        if not options.json:
            print(f"{'ok  ' if report.ok() else 'FAIL'}  {path}")
            for one in judged:
                print(f"      {one['verdict']:<8} {one['name']}: {one['evidence']}")
            for sentence in report.failed_expectations:
                print(f"      fail     {sentence}")
            if not report.ok():
                print(f"      again: {report.reproduce_line()}")
    if options.json:
        _print_json(rows)
    return HELD if all(row["ok"] for row in rows) else FAILED


def _explain(options: argparse.Namespace) -> int:
    from sim.kernel.errors import ScenarioError
    from sim.study import explain
    from sim.study.graph import write_graph
    from sim.study.read import load

    group, _, kind = explain.meant(options.scenario).partition(".")
    if (kind or group == "report") and not options.scenario.endswith(".toml"):
        if options.graph or options.set or options.seed is not None:
            raise ScenarioError(
                f"has no effect on the manual entry {options.scenario}; name a scenario file", "--graph, --set, --seed"
            )
        if group == "report":
            from sim.study.definitions import explain_report

            _print_json({"key": kind, "about": explain_report(kind)}) if options.json else print(explain_report(kind))
            return HELD
        _print_json(explain.part_table(group, kind)) if options.json else print(explain.explain_part(group, kind))
        return HELD
    scenario = load(options.scenario, options.set)
    written = write_graph(scenario, options.graph, _seed(options.seed)) if options.graph else None
    _print_json(explain.scenario_table(scenario)) if options.json else print(explain.explain_scenario(scenario))
    if written is not None:
        sys.stderr.write(f"wrote {written}\n")
    return HELD


def _compare(options: argparse.Namespace) -> int:
    from sim.study.compare import contest, pair_of
    from sim.study.contest import varied

    named = varied(options.scenarios, options.set, options.vary, _read)
    seeds = _count(options.seeds, 20)
    _make_folder(options.out)
    options.bar.begin()
    result, tables = contest(
        list(named.values()), seeds, lambda done, total: options.bar(done / total, f"{done} of {total} runs"), list(named)
    )
    shown: Any = pair_of(result, tables) if len(named) == 2 else result
    if options.decision:
        from sim.study.decision import decision_of

        shown = decision_of(list(named), result.seeds, tables, result.failed)
    _print_json(shown.to_dict()) if options.json else print(shown.text())
    _save(options, shown.save if options.decision else lambda out: result.save(out, shown.text(), shown.to_dict()))
    return FAILED if result.failed else HELD


def _count(given: int | None, usual: int) -> int:
    """How many seeds; at least one."""
    from sim.kernel.errors import ScenarioError

    if given is not None and given < 1:
        raise ScenarioError(f"{given} seeds are none; write at least 1", "--seeds")
    return usual if given is None else given


def _seed(given: int | None) -> int | None:
    from sim.study.scenario import checked_seed

    return None if given is None else checked_seed(given, "--seed")


def _make_folder(place: str | None) -> None:
    """The folder for results, before hours of work are lost for want of it."""
    if place is None:
        return
    from sim.kernel.errors import EnvironmentTrouble, ScenarioError

    if not place.strip():
        raise ScenarioError("names no folder; write one that results may go to", "--out")
    try:
        os.makedirs(place, exist_ok=True)
    except FileExistsError:
        raise ScenarioError(f"{place} is a file and no folder; name another", "--out") from None
    except (OSError, ValueError) as error:
        raise EnvironmentTrouble(f"--out: the folder {place} cannot be made: {getattr(error, 'strerror', None) or error}") from None
    if not os.access(place, os.W_OK | os.X_OK):
        raise EnvironmentTrouble(f"--out: nothing can be written to the folder {place}")


def _sweep(options: argparse.Namespace) -> int:
    from sim.study.sweep import sweep

    scenario = _loaded(options.scenario, options)
    _make_folder(options.out)
    options.bar.begin()
    done = sweep(scenario, options.seeds, options.out, lambda n, of: options.bar(n / of, f"{n} of {of} runs"))
    _print_json(done.to_dict()) if options.json else print(done.text())
    return HELD if done.ok() else FAILED


def _list(options: argparse.Namespace) -> int:
    from sim.study.explain import listing, promised
    from sim.study.report_text import aligned

    if options.group == "promises":
        _print_json(promised()) if options.json else print("\n".join(aligned([list(one.values()) for one in promised()])))
        return HELD
    rows = listing(options.group)
    if options.json:
        _print_json([{"group": group, "kind": kind, "about": about} for group, kind, about in rows])
        return HELD
    for group, kind, about in rows:
        print(f"{group:<13} {kind:<15} {about}")
    return HELD


def _validate(options: argparse.Namespace) -> int:
    from sim.study.validation import judge

    options.bar.quiet |= options.json
    table = sys.stderr if options.json else sys.stdout
    seeds = None if options.seeds is None else _count(options.seeds, 1)
    cases = judge.chosen(options.cases)
    rows = []
    options.bar.begin()
    if not (options.json and options.quiet):
        print(judge.head(), file=table)
    for row in judge.validate(cases, seeds, options.quick, lambda done, total, name: options.bar(done / total, name)):
        rows.append(row)
        if not (options.json and options.quiet):
            print(row.text(), file=table, flush=True)
    options.bar(1.0, f"{len(rows)} of {len(rows)}")
    _print_json(judge.to_dict(rows)) if options.json else print(judge.summary(rows))
    return FAILED if any(row.verdict == "fail" for row in rows) else HELD


def _calibrate(options: argparse.Namespace) -> int:
    from sim.study import calibrate

    calibrate.check_request(options.curve, options.out)
    table = None if options.json and options.quiet else sys.stderr if options.json else sys.stdout
    measured = calibrate.measured(lambda row: table and print(row, file=table, flush=True))
    if options.json:
        _print_json([vars(one) for one in measured])
    calibrate.write(options.out, measured, options.curve)
    return HELD


def _live(options: argparse.Namespace) -> int:
    from sim.sockets.live import live

    lived = live(_loaded(options.scenario, options), options.seconds, _seed(options.seed), options.bar, options.blocks)
    _print_json(lived.to_dict()) if options.json else print(lived.text())
    return HELD if lived.ok() else FAILED


def _serve(options: argparse.Namespace) -> int:
    from sim.dashboard.server import serve

    serve(options.folder, options.port, lambda link: print(f"medgossip: open {link} in a browser; Ctrl-C stops", flush=True))
    return HELD


def _version(options: argparse.Namespace) -> int:
    from sim import __version__

    print(f"medgossip {__version__}")
    return HELD


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": _run,
    "check": _check,
    "explain": _explain,
    "compare": _compare,
    "sweep": _sweep,
    "list": _list,
    "validate": _validate,
    "calibrate": _calibrate,
    "live": _live,
    "serve": _serve,
    "version": _version,
}
