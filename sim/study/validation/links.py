"""Group A, links: latency laws and matrices, one message over a link, chains, stars."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.study.validation.case import EQUAL, Case, Errors, Measured, common, mean_of
from sim.study.validation.worlds import MS, constant, delays_ns, evidence, first_seat, spreading

_VAC = "vac.dev 2024-10-31, Large Message Handling in GossipSub; T = S/B + L"
_SIMBLOCK = "SimBlock Network.java, Gervais et al. CCS 2016; (m-5)/U^(1/(0.2m))"
_LEAVES = 1000


# V1 ---------------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _pareto_ms(mean_ms: int, runs: int) -> NDArray[np.float64]:
    """100,000 delays a run: a hub sends 100 rumours to 1,000 leaves."""
    star = {"kind": "star", "seats": _LEAVES + 1}
    rumours = {"size": "1 kB", "count": 100, "every": "1 ms", "origin": first_seat(_LEAVES + 1)}
    tables = spreading(star, {"kind": "pareto", "mean": f"{mean_ms} ms"}, rumours, duration="1000 s")
    found = [delays_ns(evidence(tables, seed))[:, 1:] for seed in range(1, runs + 1)]
    return np.concatenate([one.ravel() for one in found]) / MS


def _pareto_mean(mean_ms: int) -> Callable[[int], Measured]:
    return lambda runs: mean_of(_pareto_ms(mean_ms, runs))


def _pareto_quantile(mean_ms: int, share: float) -> Callable[[int], Measured]:
    """A quantile; its error is sqrt(share (1 - share) / draws) over the density there."""
    shape = mean_ms / 5
    expected = (mean_ms - 5) * (1 - share) ** (-1 / shape)
    density = shape * (1 - share) / expected

    def measure(runs: int) -> Measured:
        draws = _pareto_ms(mean_ms, runs)
        error = math.sqrt(share * (1 - share) / draws.size) / density
        return Measured(float(np.quantile(draws, share)), error, draws.size)

    return measure


def _pareto_cases() -> list[Case]:
    found = []
    for mean_ms in (36, 310, 9):
        shape = mean_ms / 5
        if mean_ms != 9:  # the variance is infinite at 9 ms: the mean of a sample says nothing there
            what = f"Pareto latency of mean {mean_ms} ms: mean"
            found.append(
                Case(
                    id="V1",
                    what=what,
                    unit="ms",
                    source=_SIMBLOCK,
                    expected=mean_ms,
                    rule=Errors(),
                    measure=_pareto_mean(mean_ms),
                )
            )
        for share, name in ((0.5, "median"), (0.99, "p99")):
            found.append(
                Case(
                    id="V1",
                    what=f"Pareto latency of mean {mean_ms} ms: {name}",
                    unit="ms",
                    source=_SIMBLOCK,
                    expected=(mean_ms - 5) * (1 - share) ** (-1 / shape),
                    rule=Errors(),
                    measure=_pareto_quantile(mean_ms, share),
                )
            )
    return found


# V2, V3, V5 -------------------------------------------------------------------------------------------------------------


def _last_ms(topology: dict[str, Any], size: str = "1 MB") -> Callable[[int], Measured]:
    """When the last seat has a message that seat 0 publishes: 100 Mbit/s up, 100 ms."""
    rumour = {"size": size, "origin": first_seat(topology["seats"])}
    tables = spreading(topology, constant("100 ms"), rumour, up="100 Mbit/s")
    return lambda runs: common(delays_ns(evidence(tables)).max(axis=1) / MS)


def _fair_ms(runs: int) -> Measured:
    """When the leaves have what a hub sends to all of them at once; not a number unless they all have it at one instant."""
    star = {"kind": "star", "seats": 51}
    seat = {"seat": {"up": "100 Mbit/s", "sharing": "fair"}}
    delays = delays_ns(evidence(spreading(star, constant("100 ms"), {"size": "1 MB", "origin": first_seat(51)}, more=seat)))
    return common(delays[0, 1:] / MS)


def _leaves_mean_ms(runs: int) -> Measured:
    star = {"kind": "star", "seats": 51}
    tables = spreading(star, constant("100 ms"), {"size": "1 MB", "origin": first_seat(51)}, up="100 Mbit/s")
    delays = np.sort(delays_ns(evidence(tables))[0, 1:]) / MS
    in_turn = (delays == 80.0 * np.arange(1, 51) + 100).all()  # the i-th leaf at 80 i + 100, each of them
    return Measured(float(delays.mean()) if in_turn else math.nan)


# V12 --------------------------------------------------------------------------------------------------------------------

_CLOUDPING = "cloudping.co p50, July 2025, 33 AWS regions"


@lru_cache(maxsize=1)
def _round_trips_ms() -> NDArray[np.float64]:
    """Round trips between the 33 regions, [33, 33], from what each copy of one flood over 66 seats took on the wire."""
    from sim.net.matrices import load_matrix

    regions, _ = load_matrix("aws-2025")
    overlay = {"kind": "regions", "seats": dict.fromkeys(regions, 2), "degree": 2 * len(regions) - 1, "matrix": "aws-2025"}
    found = evidence(spreading(overlay, None, {"size": "1 kB"}, more={"trace": "wire"}))
    wire = found.trace.wire()
    place = np.array([regions.index(region) for region in found.regions])
    table = np.full((len(regions), len(regions)), np.nan)
    table[place[wire["source"]], place[wire["seat"]]] = 2 * (wire["time_ns"] - wire["sent_ns"]) / MS
    return table


def _of_matrix(number: Callable[[NDArray[np.float64]], float]) -> Callable[[int], Measured]:
    return lambda runs: Measured(float(number(_round_trips_ms())))


def _apart(table: NDArray[np.float64]) -> NDArray[np.float64]:
    return table[~np.eye(len(table), dtype=bool)]


def _asymmetry(table: NDArray[np.float64]) -> float:
    """Over all 33 x 33 entries, the diagonal's zeros included: only so does the table have the published number."""
    return float(np.abs(table - table.T).mean())


_MATRIX = (
    ("mean between two", 157.137, lambda table: _apart(table).mean()),
    ("median between two", 156.005, lambda table: np.median(_apart(table))),
    ("largest", 420.724, lambda table: table.max()),
    ("mean within one", 3.546, lambda table: np.diag(table).mean()),
    ("mean asymmetry", 2.104, _asymmetry),
)

# V13 d ------------------------------------------------------------------------------------------------------------------


def _relabelled(runs: int) -> Measured:
    """Wire rows that differ, by name, between a flood over 12 places and the same with the places in another order."""
    return Measured(float(len(_wire_by_name(range(12)) ^ _wire_by_name([7, 2, 11, 0, 9, 4, 1, 10, 5, 8, 3, 6]))))


def _wire_by_name(order: Any) -> frozenset[tuple[Any, ...]]:
    regions = [f"place{number}" for number in order]
    rows = [[0 if one == other else 20 + (37 * one + 101 * other) % 211 + one / 16 for other in order] for one in order]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "round-trips.csv"
        lines = [",".join(("from", *regions))]
        lines += [",".join((region, *map(str, row))) for region, row in zip(regions, rows, strict=True)]
        path.write_text("\n".join(lines), encoding="utf-8")
        overlay = {"kind": "regions", "seats": dict.fromkeys(regions, 1), "degree": 11, "matrix": str(path)}
        found = evidence(spreading(overlay, None, {"size": "1 kB", "origin": "place0-0"}, more={"trace": "wire"}))
    wire, names = found.trace.wire(), found.names
    ends = [(names[source], names[seat]) for source, seat in zip(wire["source"], wire["seat"], strict=True)]
    return frozenset(zip(wire["time_ns"].tolist(), wire["sent_ns"].tolist(), wire["fate"].tolist(), ends, strict=True))


CASES = (
    *_pareto_cases(),
    Case(
        id="V2",
        what="10 kB over 100 Mbit/s and 100 ms",
        unit="ms",
        source=_VAC,
        expected=100.8,
        measure=_last_ms({"kind": "line", "seats": 2}, "10 kB"),
    ),
    Case(
        id="V2",
        what="1 MB over 100 Mbit/s and 100 ms",
        unit="ms",
        source=_VAC,
        expected=180,
        measure=_last_ms({"kind": "line", "seats": 2}),
    ),
    Case(
        id="V2",
        what="1 MB to the last of 8 peers over one uplink",
        unit="ms",
        source=_VAC,
        expected=740,
        measure=_last_ms({"kind": "star", "seats": 9}),
    ),
    Case(
        id="V3",
        what="1 MB over a chain of 5 hops, stored and forwarded",
        unit="ms",
        source="CF: h (S/B + L)",
        expected=900,
        measure=_last_ms({"kind": "line", "seats": 6}),
    ),
    Case(
        id="V5",
        what="1 MB to 50 leaves, FIFO uplink: last",
        unit="ms",
        source="CF: 80 i + 100",
        expected=4100,
        measure=_last_ms({"kind": "star", "seats": 51}),
    ),
    Case(
        id="V5",
        what="1 MB to 50 leaves, FIFO uplink: mean",
        unit="ms",
        source="CF: 80 i + 100",
        expected=2140,
        measure=_leaves_mean_ms,
    ),
    Case(
        id="V5",
        what="1 MB to 50 leaves, fairly shared uplink: every one",
        unit="ms",
        source="CF: all at 80 N + 100",
        expected=4100,
        measure=_fair_ms,
    ),
    *(
        Case(
            id="V12",
            what=f"round trips of 33 AWS regions as copies meet them: {name}",
            unit="ms",
            source=_CLOUDPING,
            expected=expected,
            rule=Errors(printed=0.0005),
            measure=_of_matrix(number),
        )
        for name, expected, number in _MATRIX
    ),
    Case(
        id="V13",
        what="(d) relabelled places: rows of the wire that differ",
        source="CF: relabelled trace",
        expected=0,
        rule=EQUAL,
        measure=_relabelled,
    ),
)
