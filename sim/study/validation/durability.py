"""Group E, codes and durability: objects in fragments that are lost on their way, or that fail and are repaired."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sim.availability.durability import Lives, binomial_below
from sim.study.validation.case import Case, Errors, Measured, mean_of, share_of
from sim.study.validation.worlds import Table, evidence

_LIFE_S = 1000
"""Mean life of a fragment, the unit of time of the chain."""


def mean_life(pieces: int, enough: int, repair_rate: float) -> float:
    """Mean time until fewer than `enough` of `pieces` are left, in mean lives of one; each missing one is repaired at `repair_rate`."""
    return Lives(pieces, enough, 1.0, repair_rate).mean_s()


def stored(pieces: int, enough: int, objects: int, more: Mapping[str, Any]) -> Table:
    """Tables of a scenario that stores small objects at twice as many seats as fragments, by a writer who keeps none."""
    scheme = {"kind": "erasure", "pieces": pieces, "enough": enough, "place": "random", "seats": "shelf", "resend": 0}
    return {
        "duration": "100 s",
        "topology": {"kind": "regions", "seats": {"shelf": 2 * pieces, "writer": 1}, "degree": 2},
        "gossip": {"kind": "flood"},
        "workload": [{"kind": "archive", "objects": objects, "size": "1 kB", "every": "1 ms", "writers": "writer", "reads": 0}],
        **more,
        "availability": {**scheme, **more.get("availability", {})},
    }


def lost_on_the_way(pieces: int, enough: int, loss: float) -> Callable[[int], Measured]:
    """Share of objects of which too few fragments reach their holders, when each copy is lost with a chance of its own."""

    def measure(objects: int) -> Measured:
        tables = stored(pieces, enough, objects, {"link": {"loss": f"{100 * loss} %"}, "duration": f"{objects / 1000 + 5} s"})
        kept = evidence(tables).kept
        missed = sum(one.rebuildable_ns < 0 for one in kept)
        return share_of(missed, len(kept), binomial_below(pieces, 1 - loss, enough))

    return measure


def life_in_repair(pieces: int, enough: int, repair_rate: float) -> Callable[[int], Measured]:
    """Mean life of objects, in lives of a fragment, with exponential failures and repairs."""

    def measure(objects: int) -> Measured:
        span_s = 30 * mean_life(pieces, enough, repair_rate) * _LIFE_S  # all but one in 10^13 are lost by then
        more = {
            "duration": f"{span_s} s",
            "availability": {"repair": {"kind": "exponential", "mean": f"{_LIFE_S / repair_rate} s"}},
            "fault": [{"kind": "disk-loss", "life": f"{_LIFE_S} s"}],
        }
        tables = stored(pieces, enough, objects, more)
        lives = [(one.lost_ns - one.put_ns) / 1e9 / _LIFE_S if one.lost_ns >= 0 else float("nan") for one in evidence(tables).kept]
        return mean_of(lives)

    return measure


CASES = (
    *(
        Case(
            id="V77",
            what=f"Reed-Solomon (64, 32), loss {loss:g}: failure",
            source="CF: P(Bin(n, 1 - p) < k)",
            expected=expected,
            rule=Errors(printed=printed),
            measure=lost_on_the_way(64, 32, loss),
            runs=runs,
            quick=quick,
        )
        for loss, expected, printed, runs, quick in ((0.3, 2.504e-4, 5e-8, 20_000, 2_000), (0.4, 4.024e-2, 5e-6, 10_000, 1_000))
    ),
    *(
        Case(
            id="V84",
            what=f"({pieces}, {enough}) fragments, repair rate 10: mean time to loss",
            unit="lives",
            source="CF, MC: birth-death chain",
            expected=expected,
            rule=Errors(printed=printed),
            measure=life_in_repair(pieces, enough, 10),
            runs=1_000,
            quick=200,
        )
        for pieces, enough, expected, printed in ((2, 1, 6.5, 0.0), (3, 1, 46.8333, 5e-5), (6, 3, 33.1167, 5e-5))
    ),
)
