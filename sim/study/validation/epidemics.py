"""Group B, epidemics: how far random push reaches."""

from __future__ import annotations

from collections.abc import Callable

from sim.study.validation.case import Case, Errors, Measured, mean_of
from sim.study.validation.theory import harmonic, pushed_share
from sim.study.validation.worlds import constant, delays_ns, evidence, spreading

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


CASES = (
    *(
        Case(
            id="V15",
            what=f"synchronous push, complete graph of {n}: rounds to inform all",
            source="CF: exact Markov chain; Frieze and Grimmett 1985, Pittel 1987",
            expected=expected,
            missing="push that goes on round after round",
        )
        for n, expected in ((10, 6.0471), (100, 12.3045), (1000, 18.0383))
    ),
    *(
        Case(
            id="V17",
            what=f"asynchronous push, complete graph of {n}: time to inform all",
            source="CF: 2 (n - 1) / n * H(n - 1)",
            expected=2 * (n - 1) / n * harmonic(n - 1),
            missing="push that goes on, each seat at the beats of a Poisson clock",
        )
        for n in (10, 1000)
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
            source="CF: Demers et al. PODC 1987",
            expected=expected,
            missing="rumour mongering that loses interest",
        )
        for k, expected in enumerate((0.203188, 0.059520, 0.019827, 0.006977, 0.002516), 1)
    ),
)
