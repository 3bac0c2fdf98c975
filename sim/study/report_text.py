"""A report as text for a terminal: sections, aligned columns, units, and a mark for each verdict."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

MARKS = {"pass": "✓", "fail": "✗", "unknown": "?"}
SHOWN = ("n", "mean", "p50", "p90", "p99", "max")
SECTIONS = ("run", "consensus", "gossip", "membership", "availability", "load")
APART = ("by_kind", "by_packet", "by_seat")
"""Tables of `gossip` that the JSON document and the plots have in full; the first is shown in short."""
WIDTH = 100
NOTHING = "-"


def number(value: Any) -> str:
    """A number for people: four significant digits below a thousand, thin groups above; '-' for not measured."""
    if value is None:
        return NOTHING
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def unit_of(key: str) -> str:
    """The unit that a key of the contract ends in, and nothing for plain counts."""
    if key in ("throughput_tx_s", "deliveries_per_s"):
        return "1/s"
    if key == "goodput_bytes_s":
        return "B/s"
    if key.endswith("_s"):
        return "s"
    return "B" if "bytes" in key else ""


def plain_of(key: str) -> str:
    """A key as words, without its unit."""
    name = key.removesuffix("_s") if unit_of(key) in ("s", "1/s", "B/s") else key
    return name.replace("deliveries_per", "deliveries per s").replace("_", " ")


def is_distribution(value: Any) -> bool:
    """Whether a value is a table of a distribution."""
    return isinstance(value, Mapping) and "p50" in value and "sd" in value


def _rows(prefix: str, tree: Mapping[str, Any]) -> tuple[list[list[str]], list[list[str]]]:
    """(name, value, unit) of the plain entries, (name, unit, shown quantiles) of the distributions."""
    plain: list[list[str]] = []
    spread: list[list[str]] = []
    for key, value in tree.items():
        name = f"{prefix}{plain_of(key)}"
        if is_distribution(value):
            spread.append([name, unit_of(key), *(number(value.get(column)) for column in SHOWN)])
        elif isinstance(value, Mapping):
            if "p50" in value:
                shown = "  ".join(f"{percent} {number(one)}" for percent, one in value.items())
                plain.append([name, shown, unit_of(key)])
            else:
                inner_plain, inner_spread = _rows(f"{name}: ", value)
                plain += inner_plain
                spread += inner_spread
        elif key == "saturated":
            plain.append([name, ", ".join(map(plain_of, value)) or "nothing", ""])
        elif isinstance(value, list):
            plain += [[f"{name}: {one.get('name', '')}", _inline(one), ""] for one in value if isinstance(one, Mapping)]
        elif key != "kind":
            plain.append([name, number(value), unit_of(key) if value is not None else ""])
    return plain, spread


def _inline(table: Mapping[str, Any]) -> str:
    return "  ".join(f"{plain_of(key)} {number(value)}" for key, value in table.items() if key != "name")


def aligned(rows: Sequence[Sequence[str]], right: bool = False) -> list[str]:
    """Rows with their columns brought under each other; the first column is flush left, others flush right if asked."""
    if not rows:
        return []
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if right and place > 1 else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines


def _section(title: str, table: Mapping[str, Any]) -> list[str]:
    plain, spread = _rows("", table)
    lines = [title, *aligned([[name, f"{value} {unit}".rstrip()] for name, value, unit in plain])]
    if spread:
        lines += aligned([["", "", *SHOWN], *spread], right=True)
    return [*lines, ""]


def _wrapped(mark: str, sentence: str, indent: int = 4) -> list[str]:
    return textwrap.wrap(f"  {mark} {sentence}", WIDTH, subsequent_indent=" " * indent) or [f"  {mark}"]


def _by_kind(kinds: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """One line for each kind of thing that travelled."""
    head = [
        "what travelled",
        "",
        "published",
        "p50 (s)",
        "p99 (s)",
        "last hop",
        "redundancy",
        "stranded",
        "messages",
        "bytes",
        "wait (s)",
    ]
    rows = []
    for kind, table in kinds.items():
        coverage, last_hop = table["coverage_s"] or {}, table["last_hop"] or {}
        cells = (table["published"], coverage.get("p50"), coverage.get("p99"), last_hop.get("p50"), table["redundancy"])
        rows.append([kind, "", *map(number, (*cells, table["stranded_seats"], table["messages"], table["bytes"], table["wait_s"]))])
    return aligned([head, *rows], right=True)


def terminal_text(tables: Mapping[str, Any], failed: Sequence[str], reproduce: str | None) -> str:
    """The whole report; `failed` are the expectations that did not hold, `reproduce` the line that runs it again."""
    own = tables["medgossip"]
    lines = [
        f"{own['scenario'] or 'untitled'}",
        f"  medgossip {own['version']}   seed {own['seed']}   scenario {number(own['scenario_digest'])}   "
        f"trace {number(own['trace_digest'])}",
        "",
    ]
    for name in SECTIONS:
        if name not in tables:
            continue
        table = tables[name]
        kind = table.get("kind", "")
        if "kind" in table and kind is None:
            lines += [f"{name}: none", ""]
            continue
        plain = {key: value for key, value in table.items() if key not in APART}
        lines += _section(f"{name}: {kind}" if kind else name, plain)
        if table.get("by_kind"):
            lines += [*_by_kind(table["by_kind"]), ""]
    for table in tables["workload"]:
        lines += _section(f"workload: {table.get('kind', '')}", table)
    if tables["recovery"]:
        rows = [[one["fault"], number(one["healed_at_s"]), number(one["recovered_after_s"])] for one in tables["recovery"]]
        lines += ["recovery", *aligned([["fault", "healed at (s)", "recovered after (s)"], *rows]), ""]
    lines.append("checks")
    width = max((len(one["name"]) for one in tables["checks"]), default=0)
    for one in tables["checks"]:
        head = f"{MARKS[one['verdict']]} {one['verdict'].ljust(7)} {one['name'].ljust(width)}"
        lines += _wrapped(head, one["evidence"], indent=width + 13)
    lines.append("")
    if failed:
        lines += ["expectations that did not hold", *(line for sentence in failed for line in _wrapped("✗", sentence)), ""]
    if tables["not_modelled"]:
        lines += ["not modelled in this run", *(line for one in tables["not_modelled"] for line in _wrapped("·", one)), ""]
    if reproduce is not None:
        lines += ["run it again with", f"  {reproduce}", ""]
    return "\n".join(lines)
