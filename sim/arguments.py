"""The commands and their options, apart from what they do, so that `--help` loads nothing else."""

from __future__ import annotations

import argparse
import sys
from typing import Any


class _Parser(argparse.ArgumentParser):
    """argparse, but a wrong option is one sentence."""

    def error(self, message: str) -> Any:
        sys.stderr.write(f"medgossip: {message}; see {self.prog} --help\n")
        raise SystemExit(2)


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = _Parser(prog="medgossip", description="Simulate how a network of organisations gossips, agrees and keeps its records.")
    top.add_argument("--version", action="store_true", help="print the version and stop")
    commands = top.add_subparsers(dest="command", metavar="command", parser_class=_Parser)
    run = commands.add_parser("run", help="run one scenario and report")
    check = commands.add_parser("check", help="run scenarios and print only what was judged")
    explain = commands.add_parser(
        "explain", help="print every value of a scenario, or the manual entry of a part (consensus.pbft) or of the report"
    )
    compare = commands.add_parser("compare", help="run two or more scenarios over the same seeds and compare them")
    sweep = commands.add_parser("sweep", help="run a scenario over its [sweep] axes and seeds on all cores")
    lists = commands.add_parser("list", help="list the parts of a group, or all groups")
    validate = commands.add_parser("validate", help="compare runs with published and exact numbers, case by case")
    calibrate = commands.add_parser(
        "calibrate", help="measure signing, hashing, coding, executing and commitments on this machine, for [seat] cpu"
    )
    calibrate.add_argument("--out", metavar="FILE", help='write the service times there (.toml), for cpu = "FILE"')
    calibrate.add_argument("--curve", default="ed25519", help="whose signatures go into FILE: ed25519, ecdsa-p256 or secp256k1")
    live = commands.add_parser("live", help="run a scenario's protocol in real time, its nodes joined by sockets on this machine")
    live.add_argument("--seconds", type=float, default=5.0, help="how long, in real time (5)")
    live.add_argument("--blocks", type=int, help="stop earlier, once every node has decided so many")
    serve = commands.add_parser("serve", help="a page on this machine that runs scenarios and shows what happens in them")
    for one in (run, explain, sweep, live):
        one.add_argument("scenario", help="a scenario file (TOML)")
    check.add_argument("scenarios", nargs="+", metavar="scenario", help="scenario files")
    compare.add_argument("scenarios", nargs="+", metavar="scenario", help="scenario files; one is enough with --vary")
    compare.add_argument(
        "--vary", metavar="KEY=A,B,...", help="each file with each of these values, such as gossip.kind=flood,push"
    )
    compare.add_argument("--decision", action="store_true", help="say what it comes to for patients, payers and trust instead")
    lists.add_argument(
        "group",
        nargs="?",
        help="topology, latency, gossip, membership, consensus, availability, workload, adversary, fault; or promises",
    )
    validate.add_argument("cases", nargs="*", metavar="case", help="numbers of cases (V21) or groups (A to E); all if left out")
    effort = validate.add_mutually_exclusive_group()
    effort.add_argument("--seeds", type=int, help="how many independent runs for each case with chance in it")
    effort.add_argument("--quick", action="store_true", help="few runs: about a minute in all, wider tolerances")
    for one in (run, check, explain, compare, sweep, live):
        one.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key, such as gossip.fanout=6")
    explain.add_argument("--graph", metavar="FILE", help="write its network: .graphml, .gexf, .edges or .adjlist")
    for one in (run, check, explain, live):
        one.add_argument("--seed", type=int, help="instead of the scenario's own seed")
    for one in (compare, sweep):
        one.add_argument("--seeds", type=int, help="how many seeds")
    for one in (run, sweep, compare):
        one.add_argument("--out", metavar="DIR", help="write the report as JSON and text, and plots, there")
    for one in (run, check, compare, sweep, lists, validate, calibrate, live):
        one.add_argument("--json", action="store_true", help="print exactly one JSON document")
    explain.add_argument("--json", action="store_true", help="print exactly one JSON document, in base units (ns, bytes, bit/s)")
    for one in (run, check, compare, sweep, lists, validate, calibrate, live):
        one.add_argument("--quiet", action="store_true", help="no progress on standard error")
    serve.add_argument("folder", nargs="?", default="scenarios", help="where the scenario files are (scenarios)")
    serve.add_argument("--port", type=int, default=8000, help="0 takes any free one (8000)")
    return top
