"""Measured delays between regions, read from a table: the square of base latencies that a topology carries."""

from __future__ import annotations

import csv
import difflib
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.kernel.errors import ScenarioError
from sim.kernel.files import located, read_whole

TABLES = Path(__file__).parent / "tables"
MATRICES = {
    "aws-2025": ("aws_rtt_cloudping_p50_2025_33regions.csv", 2),
    "aws-2025-p90": ("aws_rtt_cloudping_p90_2025_33regions.csv", 2),
    "aws-relab": ("aws_rtt_relab_21regions.csv", 2),
    "azure-2024": ("azure_rtt_p50_2024_5regions.csv", 2),
    "aws-2019": ("aws_rtt_2019_wittgenstein.csv", 2),
    "simblock-2015": ("simblock_latency_2015.csv", 1),
    "simblock-2019": ("simblock_latency_2019.csv", 1),
}
"""File and divisor: round trips are halved, SimBlock's numbers are one-way already."""
_MOST_BYTES = 1 << 28


def region_matrix(name: str, regions: tuple[str, ...]) -> NDArray[np.int64]:
    """One-way base latency in ns between `regions`, in their order, int64[S, S]; ScenarioError for names not in the table."""
    known, delays_ns = load_matrix(name)
    places = {region: place for place, region in enumerate(known)}
    for region in regions:
        if region not in places:
            near = difflib.get_close_matches(region, known, 1, 0.4)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known[:8])}{' ...' if len(known) > 8 else ''}"
            raise ScenarioError(f"no region {region!r} in matrix {name!r}; {hint}", "seats")
    chosen = [places[region] for region in regions]
    return delays_ns[np.ix_(chosen, chosen)]


def load_matrix(name: str) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The regions of a built-in table or of a CSV file of round trips in ms, and the one-way delays in ns, int64[S, S]."""
    file, divisor = MATRICES.get(name, ("", 2))
    if not file and not name.lower().endswith(".csv"):
        near = difflib.get_close_matches(name, MATRICES, 1, 0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ScenarioError(f"no matrix {name!r}; {hint}There are {', '.join(MATRICES)}, or a path ending in .csv", "matrix")
    return _read(TABLES / file if file else located(name), divisor)


def table_lines(path: Path, key: str) -> list[str]:
    """The lines of a CSV file without comments and blanks; ScenarioError at `key` where it cannot be read."""
    try:
        lines = read_whole(path, _MOST_BYTES).decode("utf-8-sig").splitlines()
    except ScenarioError as error:
        raise error.under(key) from None
    except (OSError, ValueError) as error:
        raise ScenarioError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'no UTF-8 text'}", key) from None
    return [line for line in lines if line.strip() and not line.startswith("#")]


def _read(path: Path, divisor: int) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    rows = [[cell.strip() for cell in row] for row in csv.reader(table_lines(path, "matrix"))]
    if len(rows) < 2:
        raise ScenarioError(f"{path} holds no table", "matrix")
    regions = tuple(rows[0][1:])
    if len(set(regions)) < len(regions) or [row[0] for row in rows[1:]] != list(regions):
        raise ScenarioError(f"{path}: the first row and the first column must name the same regions in one order", "matrix")
    delays_ns = np.zeros((len(regions), len(regions)), np.int64)
    for here, row in enumerate(rows[1:]):
        if len(row) != len(regions) + 1:
            raise ScenarioError(f"{path}: the row of {row[0]!r} has {len(row) - 1} numbers, {len(regions)} are wanted", "matrix")
        for there, cell in enumerate(row[1:]):
            delays_ns[here, there] = round(_milliseconds(cell, path, row[0]) * 1_000_000 / divisor)
    return regions, delays_ns


def _milliseconds(cell: str, path: Path, region: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 3_600_000:
        raise ScenarioError(f"{path}: {cell!r} in the row of {region!r} is no delay in ms", "matrix")
    return value
