"""Group C, Gasper: slots until a block is final, by its place in its epoch."""

from __future__ import annotations

import math
from functools import lru_cache

from sim.study.metrics_rows import read
from sim.study.validation.case import Case, Measured, common
from sim.study.validation.worlds import SECOND, agreeing, constant, evidence

_SLOT_S, _PER_EPOCH = 12, 32


@lru_cache(maxsize=1)
def _waits() -> dict[int, float]:
    """Slots from a block's own to its finality at every node, of the 32 places of epoch 1; not a number where nodes differ."""
    duration = f"{4 * _PER_EPOCH * _SLOT_S + 1} s"
    found = evidence(agreeing("gasper", _PER_EPOCH, constant("100 ms"), duration=duration, consensus={}))
    known = read(found).decisions
    waits: dict[int, list[float]] = {}
    for time_ns, code in zip(known.time_ns.tolist(), known.code.tolist(), strict=True):
        slot = found.blocks[known.digests[code]].time_ns // (_SLOT_S * SECOND)
        if slot // _PER_EPOCH == 1:
            waits.setdefault(slot % _PER_EPOCH, []).append(time_ns / (_SLOT_S * SECOND) - slot)
    return {place: common(values).value for place, values in waits.items()}


def _at(place: int) -> Measured:
    return Measured(_waits().get(place, math.nan))


def _mean(runs: int) -> Measured:
    waits = _waits()
    return Measured(math.fsum(waits.values()) / _PER_EPOCH if len(waits) == _PER_EPOCH else math.nan)


CASES = (
    *(
        Case(
            id="V65",
            what=f"Gasper, everybody there, block in slot {place} of its epoch: to finality",
            source="CF: 64, or 96 - j",
            unit="slots",
            expected=expected,
            measure=lambda runs, place=place: _at(place),  # type: ignore[misc]
        )
        for place, expected in ((0, 64), (1, 95), (31, 65))
    ),
    Case(
        id="V65",
        what="Gasper, everybody there: mean to finality",
        source="CF: 2544 / 32",
        unit="slots",
        expected=79.5,
        measure=_mean,
    ),
)
