"""Chains that are safe by chance only: how likely a drawn run breaks, and how many breaks are neither too many nor too few.

Proof of work and Praos promise that what lies deep is taken back rarely, not never. A break of one run proves nothing against them;
how many of many runs broke does. Clique and Aura promise more, as long as blocks reach everybody within a step, so no break is chance there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from sim.adversary.double_spend import DoubleSpend
from sim.adversary.favour import Favour
from sim.adversary.selfish import Selfish
from sim.consensus.forking.forest import FETCH_AFTER_NS
from sim.consensus.nakamoto import USUAL_INTERVAL_NS, Nakamoto
from sim.consensus.praos import Praos
from sim.fault.crash import Crash
from sim.study.race import Race, favour, selfish, split, thief
from sim.study.scenario import Scenario
from sim.study.verdict import Verdict

TAIL = 1e-3
"""Counts that are farther out than this, on one side, are not put down to chance."""


def is_exact(scenario: Scenario) -> bool:
    """Whether `break_chance` is the chance itself; under Praos it is a bound, since most honest seats refuse to go so far back."""
    return not isinstance(scenario.consensus.protocol, Praos)


def is_chance(scenario: Scenario, verdict: Verdict) -> bool:
    """Whether such a failure is one that the protocol leaves to chance in such a run."""
    return verdict.name in ("settled", "agreement") and break_chance(scenario) > 0


def break_chance(scenario: Scenario) -> float:
    """How likely a run as `hunt` draws it takes a decision back: seats of equal power, one pool, at most one crash.

    0 where nobody works in secret, and where blocks are made in turn, of which a pool has too few.
    """
    protocol, seats = scenario.consensus.protocol, scenario.topology.seats
    if not isinstance(protocol, (Nakamoto, Praos)) or not scenario.adversary:
        return 0.0
    entry = scenario.adversary[0]
    plot, pool = entry.part, len(entry.seats)
    if isinstance(plot, DoubleSpend):
        return _run(Race(thief(plot.confirmations, plot.give_up)), scenario, (pool, seats - pool)).chance()
    if isinstance(plot, Selfish):
        return _run(Race(selfish(protocol.depth)), scenario, (pool, seats - pool)).chance()
    if isinstance(plot, Favour):
        half = int(plot.towards * seats)  # the pool may be among those it favours: all choices are alike
        chances = []
        for friends in range(max(0, half - pool), min(half, seats - pool) + 1):
            race = _run(Race(favour(protocol.depth), 3), scenario, (pool, friends, seats - pool - friends))
            ways = math.comb(seats - pool, friends) * math.comb(pool, half - friends) / math.comb(seats, half)
            chances.append(ways * race.chance(lambda state: split(state, protocol.depth)) if friends else 0.0)
        return math.fsum(chances)
    return 0.0


def _run(race: Race, scenario: Scenario, sides: tuple[int, ...]) -> Race:
    """The race at the end of the run; `sides` is how many seats each side has, the pool first."""
    protocol, seats = scenario.consensus.protocol, scenario.topology.seats
    honest = seats - sides[0]
    for lasts_ns, at_work in _honest_at_work(scenario, honest):
        powers = [sides[0] / seats, *(side / seats * at_work / honest for side in sides[1:])]
        if isinstance(protocol, Praos):
            race.slots(round(lasts_ns / protocol.slot), [1 - (1 - protocol.active) ** power for power in powers])
        else:
            race.finds(lasts_ns / _interval_ns(scenario) * sum(powers), [power / sum(powers) for power in powers])
    return race


def _interval_ns(scenario: Scenario) -> float:
    """The mean time from one block to the next."""
    protocol: Any = scenario.consensus.protocol
    if isinstance(protocol, Praos):
        return protocol.slot / protocol.active
    return float(scenario.consensus.block_interval or USUAL_INTERVAL_NS)


def _honest_at_work(scenario: Scenario, honest: int) -> Iterator[tuple[float, int]]:
    """(for how long, honest seats at work) from the adversary's beginning on, one stretch after another.

    A seat that comes up works on what it knew, in vain, until the next block has come and its parent been asked for.
    """
    end_ns = float(scenario.duration)
    down_ns = up_ns = end_ns
    for entry in scenario.fault:
        if isinstance(entry.part, Crash) and entry.lasts is not None:
            block_ns = _interval_ns(scenario) * scenario.topology.seats / honest
            missed = 1 - math.exp(-entry.lasts / block_ns)
            down_ns = float(entry.at)
            up_ns = min(end_ns, down_ns + entry.lasts + missed * (block_ns + FETCH_AFTER_NS))
    here_ns = float(scenario.adversary[0].at)
    for until_ns, seats in ((down_ns, honest), (up_ns, honest - 1), (end_ns, honest)):
        yield max(0.0, until_ns - here_ns), seats
        here_ns = max(here_ns, until_ns)


def band(expected: float, is_exact: bool) -> tuple[int, int]:
    """The fewest and most breaks that chance explains, of so many expected (Poisson); a bound explains any smaller number."""
    number, mass, below = 0, math.exp(-expected), 0.0
    low = 0
    while below + mass < 1 - TAIL:
        below, number = below + mass, number + 1
        mass = math.exp(number * math.log(expected) - expected - math.lgamma(number + 1))
        if is_exact and below < TAIL:
            low = number
    return low, number
