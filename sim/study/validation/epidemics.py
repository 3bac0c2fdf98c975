"""Group B, epidemics: how far random push reaches and how long it takes, and whom rumour mongering leaves out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from sim.study.validation.case import Case, Errors, Measured, mean_of
from sim.study.validation.theory import harmonic, pushed_share, residue
from sim.study.validation.worlds import SECOND, constant, delays_ns, evidence, spreading

_SEATS = 2000
_RUMOURS = 50  # in one run; each has draws of its own


def _pushed(fanout: int) -> Callable[[int], Measured]:
    """Share of the seats reached by each rumour that has not died out at once."""
    gossip = {"kind": "push", "fanout": fanout}
    rumours = {"size": "1 kB", "count": _RUMOURS}
    tables = spreading({"kind": "complete", "seats": _SEATS}, constant("10 ms"), rumours, gossip=gossip)

    def measure(runs: int) -> Measured:
        shares = [(delays_ns(evidence(tables, seed)) >= 0).mean(axis=1) for seed in range(1, runs + 1)]
        return mean_of([share for one in shares for share in one if share > 0.1])

    return measure


_ROUNDS = 60  # for which a seat goes on telling: far more than it takes to inform all
_TOLD = 20  # rumours in one run, one after the other


def _push_forever(n: int, clock: str, latency: str) -> dict[str, Any]:
    """Every informed seat tells one other a second, `n` seats all linked; rumours begin half-way between two seconds."""
    gossip = {"kind": "push-forever", "rounds": _ROUNDS, "period": "1 s", "clock": clock}
    rumours = {"size": "1 kB", "count": _TOLD, "every": "200 s", "first": "500 ms"}
    complete = {"kind": "complete", "seats": n}
    return spreading(complete, constant(latency), rumours, gossip=gossip, duration=f"{200 * _TOLD} s")


def _rounds_to_all(n: int) -> Callable[[int], Measured]:
    """Common rounds, at whole seconds, until the last seat has the rumour; a copy takes 1 ms."""
    tables = _push_forever(n, "common", "1 ms")

    def measure(runs: int) -> Measured:
        found = np.concatenate([delays_ns(evidence(tables, seed)) for seed in range(1, runs + 1)])
        if (found < 0).any():
            return Measured(math.nan)
        return mean_of((found.max(axis=1) + SECOND // 2) // SECOND)

    return measure


def _periods_to_all(n: int) -> Callable[[int], Measured]:
    """Mean gaps of the Poisson clocks until the last seat has the rumour; a copy takes no time."""
    tables = _push_forever(n, "poisson", "0 s")

    def measure(runs: int) -> Measured:
        found = np.concatenate([delays_ns(evidence(tables, seed)) for seed in range(1, runs + 1)])
        return Measured(math.nan) if (found < 0).any() else mean_of(found.max(axis=1) / SECOND)

    return measure


def _residue(k: int) -> Callable[[int], Measured]:
    """Share of the seats that a rumour never reaches."""
    gossip = {"kind": "mongering", "k": k, "ending": "coin", "contacts": "feedback", "period": "1 s", "clock": "poisson"}
    rumours = {"size": "1 kB", "count": _RUMOURS, "every": "1000 s"}
    complete = {"kind": "complete", "seats": _SEATS}
    tables = spreading(complete, constant("0 s"), rumours, gossip=gossip, duration=f"{1000 * _RUMOURS} s")
    return lambda runs: mean_of(
        np.concatenate([(delays_ns(evidence(tables, seed)) < 0).mean(axis=1) for seed in range(1, runs + 1)])
    )


CASES = (
    *(
        Case(
            id="V15",
            what=f"synchronous push, complete graph of {n}: rounds to inform all",
            source="CF: exact Markov chain; Frieze and Grimmett 1985, Pittel 1987",
            expected=expected,
            rule=Errors(printed=0.00005),
            measure=_rounds_to_all(n),
            runs=runs,
            quick=2,
        )
        for n, expected, runs in ((10, 6.0471, 100), (100, 12.3045, 40), (1000, 18.0383, 20))
    ),
    *(
        Case(
            id="V17",
            what=f"asynchronous push, complete graph of {n}: time to inform all",
            source="CF: 2 (n - 1) / n * H(n - 1)",
            expected=2 * (n - 1) / n * harmonic(n - 1),
            rule=Errors(),
            measure=_periods_to_all(n),
            runs=runs,
            quick=2,
        )
        for n, runs in ((10, 100), (1000, 20))
    ),
    *(
        Case(
            id="V23",
            what=f"infect-and-die push, fanout {fanout}, {_SEATS} seats: share reached",
            source="CF: x = 1 - exp(-f x), Eugster et al. 2004",
            expected=pushed_share(fanout),
            rule=Errors(),
            measure=_pushed(fanout),
            runs=12,
            quick=1,
        )
        for fanout in (2, 3, 5)
    ),
    *(
        Case(
            id="V25",
            what=f"rumour mongering that loses interest with chance 1/{k}: residue",
            source="CF: s = exp(-(k + 1)(1 - s)), Demers et al. PODC 1987",
            expected=residue(k),
            rule=Errors(),
            measure=_residue(k),
            runs=10,
            quick=1,
        )
        for k in (1, 2, 3, 4, 5)
    ),
)
