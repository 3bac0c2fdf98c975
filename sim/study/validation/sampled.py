"""Group E, sampling and custody: data behind blocks of which the least that cannot be rebuilt is kept back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from math import comb
from typing import Any

from sim.study.validation.case import Case, Errors, Measured, mean_of, share_of
from sim.study.validation.worlds import FLOOD, Table, evidence, play

LIGHT = 1000
"""Nodes that sample in one run."""


def fooled(shares: int, released: int, samples: int) -> float:
    """The chance that samples, all different, meet only released shares."""
    return comb(released, samples) / comb(shares, samples)


def tolerated(shares: int, released: int, samples: int, missing: int) -> float:
    """The chance that at most so many of the samples meet shares that were kept back."""
    hidden = shares - released
    return sum(comb(hidden, lost) * comb(released, samples - lost) for lost in range(min(missing, samples) + 1)) / comb(
        shares, samples
    )


def kept_back(scheme: Mapping[str, Any], seats: Mapping[str, int], blocks: int) -> Table:
    """Tables of a scenario in which a publisher keeps back the least that cannot be rebuilt, of every block."""
    return {
        "duration": f"{blocks} s",
        "topology": {"kind": "regions", "seats": {**seats, "publisher": 1}, "degree": 4},
        "gossip": dict(FLOOD),
        "availability": {"deadline": "1 s", **scheme},
        "workload": [{"kind": "rumour", "size": "1 kB", "count": blocks, "every": "1 s", "origin": "publisher-0"}],
        "adversary": [{"kind": "withhold-shares", "seats": "publisher", "pattern": "minimal"}],
    }


def sampled(dimensions: int, side: int, samples: int, light: int = LIGHT) -> Callable[[int], Measured]:
    """Share of light nodes that are satisfied although the data can never be rebuilt; too few tries for even one of them tell nothing."""

    def measure(blocks: int) -> Measured:
        scheme = {"kind": "sampling", "dimensions": dimensions, "side": side, "samples": samples, "servers": "server", "turns": 0}
        found = play(kept_back(scheme, {"server": 2, "light": light}, blocks)).to_dict()["availability"]["sampling"]
        pairs = blocks * light
        half = side // 2
        withheld = half + 1 if dimensions == 1 else (half + 1) ** 2
        shares = side**dimensions
        expected = fooled(shares, shares - withheld, samples)
        if expected * pairs < 1:
            return Measured(found["false_accept"], math.nan, pairs)
        return share_of(round(found["false_accept"] * pairs), pairs, expected)

    return measure


def _noticed(samples: int) -> Callable[[int], Measured]:
    """The same the other way round: share of light nodes that notice."""

    def measure(blocks: int) -> Measured:
        missed = sampled(2, 64, samples)(blocks)
        return Measured(1 - missed.value, missed.error, missed.runs)

    return measure


def by_custody(samples: int, enough: int = 64, columns: int = 128) -> Callable[[int], Measured]:
    """Share of nodes whose own columns all come although one column too few is released."""

    def measure(runs: int) -> Measured:
        scheme = {"kind": "custody", "custody": samples, "samples": samples, "turns": 0, "enough": enough, "columns": columns}
        tables = kept_back({**scheme, "blob": "64 kB"}, {"node": 500}, 1)
        shares = [play(tables, seed).to_dict()["availability"]["sampling"]["false_accept"] for seed in range(runs)]
        return share_of(round(sum(shares) * 500), 500 * runs, fooled(columns, enough - 1, samples))

    return measure


def uncovered(nodes: int, custody: int = 4, columns: int = 128) -> Callable[[int], list[int]]:
    """In each run, how many columns none of so many nodes keeps."""

    def count(runs: int) -> list[int]:
        scheme = {"kind": "custody", "custody": custody, "samples": custody, "columns": columns, "enough": columns, "blob": "64 kB"}
        tables = {**kept_back(scheme, {"node": nodes}, 1), "adversary": []}
        return [int((evidence(tables, seed).shared[0].first_ns < 0).sum()) for seed in range(runs)]

    return count


def _uncovered(nodes: int) -> Callable[[int], Measured]:
    """The mean of these counts. Where hardly a column is left uncovered, the error is that of the law and not of the sample."""
    expected = 128 * (31 / 32) ** nodes

    def measure(runs: int) -> Measured:
        found = mean_of(uncovered(nodes)(runs))
        return Measured(found.value, math.sqrt(expected / runs), runs) if expected < 1 else found

    return measure


def _all_covered(nodes: int) -> Callable[[int], Measured]:
    expected = (1 - (31 / 32) ** nodes) ** 128

    def measure(runs: int) -> Measured:
        return share_of(sum(count == 0 for count in uncovered(nodes)(runs)), runs, expected)

    return measure


CASES = (
    *(
        Case(
            id="V78",
            what=f"2-D sampling, k = 32, {samples} samples: P(detect)",
            source="Al-Bassam et al. 2018",
            expected=expected,
            rule=Errors(printed=5e-7),
            measure=_noticed(samples),
            runs=runs,
            quick=quick,
        )
        for samples, expected, runs, quick in (
            (1, 0.265869, 20, 2),
            (3, 0.604447, 20, 2),
            (5, 0.786949, 20, 2),
            (10, 0.954710, 20, 2),
            (15, 0.990394, 20, 2),
            (20, 0.997967, 60, 2),
            (30, 0.999910, 200, 2),
        )
    ),
    *(
        Case(
            id="V79",
            what=f"1-D sampling, 2k = 128, {samples} samples: P(fooled)",
            source="CF: C(k - 1, s) / C(2k, s)",
            expected=expected,
            rule=Errors(printed=5e-6),
            measure=sampled(1, 128, samples),
            runs=100,
            quick=20,
        )
        for samples, expected in ((4, 5.584e-2), (8, 2.709e-3))
    ),
    Case(
        id="V79",
        what="1-D sampling, 2k = 128, 16 samples: P(fooled)",
        source="CF: C(k - 1, s) / C(2k, s)",
        expected=3.925e-6,
        rule=Errors(printed=5e-10),
        measure=sampled(1, 128, 16, light=10_000),
        runs=240,
        quick=1,
    ),
    Case(
        id="V79",
        what="the same by custody of 8 columns of 128",
        source="CF: C(k - 1, s) / C(2k, s)",
        expected=2.709e-3,
        rule=Errors(printed=5e-7),
        measure=by_custody(8),
        runs=60,
        quick=10,
    ),
    *(
        Case(
            id="V82",
            what=f"PeerDAS custody, {nodes} nodes: uncovered columns",
            source="CF, MC: 128 (31/32)^n",
            expected=128 * (31 / 32) ** nodes,
            rule=Errors(),
            measure=_uncovered(nodes),
            runs=runs,
            quick=quick,
        )
        for nodes, runs, quick in ((100, 300, 60), (300, 1000, 40))
    ),
    *(
        Case(
            id="V82",
            what=f"PeerDAS custody, {nodes} nodes: P(all columns covered)",
            source="CF, MC: about (1 - (31/32)^n)^128",
            expected=(1 - (31 / 32) ** nodes) ** 128,
            rule=Errors(),
            measure=_all_covered(nodes),
            runs=runs,
            quick=40,
        )
        for nodes, runs in ((100, 1000), (300, 300))
    ),
)
