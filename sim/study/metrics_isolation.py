"""How long seats are cut off from news that most others have: the measure of an eclipse.

A seat is *behind* while there is a published thing that at least half of the honest seats hold and it does not. Its isolation
is the total time it is behind. Every seat is behind a little, once an item, so victims are shown beside all other honest seats.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.study.distribution import distribution
from sim.study.evidence import Evidence
from sim.study.metrics_rows import SECOND_NS, read
from sim.study.metrics_spread import judged_spreads

_FOREVER = np.iinfo(np.int64).max


def isolation_s(evidence: Evidence) -> NDArray[np.float64]:
    """float64[seats]: seconds for which each seat was behind."""
    honest = np.flatnonzero(np.asarray(evidence.honest, dtype=bool))
    spells = []
    for spread in judged_spreads(evidence):
        arrival = np.asarray(spread.arrival_ns)
        known = np.sort(np.where(arrival < 0, _FOREVER, arrival)[honest])
        half_ns = int(known[(len(known) - 1) // 2]) if len(known) else _FOREVER
        if half_ns != _FOREVER:
            spells.append((half_ns, arrival))
    behind_ns = np.zeros(evidence.seats, np.int64)
    until_ns = np.zeros(evidence.seats, np.int64)
    for half_ns, arrival in sorted(spells, key=lambda spell: spell[0]):
        here_ns = np.where(arrival < 0, evidence.duration_ns, arrival)
        behind_ns += np.maximum(0, here_ns - np.maximum(half_ns, until_ns))
        until_ns = np.maximum(until_ns, here_ns)
    return behind_ns / SECOND_NS


def isolation(evidence: Evidence) -> dict[str, Any] | None:
    """The report's table `gossip.isolation`; None where nobody was singled out by an adversary.

    `victims_s` is over the honest seats that were, `others_s` over the honest seats that were not.
    """
    victims = np.zeros(evidence.seats, np.bool_)
    victims[[row[2] for row in read(evidence).of("target")]] = True
    if not victims.any():
        return None
    honest = np.asarray(evidence.honest, dtype=bool)
    behind_s = isolation_s(evidence)
    return {
        "victims": int((victims & honest).sum()),
        "victims_s": distribution(behind_s[victims & honest]),
        "others_s": distribution(behind_s[~victims & honest]),
    }
