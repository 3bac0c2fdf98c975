"""Shrinking: from a run in which a check failed to a smaller one in which the same check still fails.

Most failures need very few events (Yuan et al., "Simple testing can prevent most critical failures", OSDI 2014: at most three in nine
out of ten), and a run that has no more than those can be read. Each step proposes something simpler, plays it, and keeps
it if the check fails still: an enemy or a fault fewer, no loss, the same delay for every copy, a shorter run, an enemy from the start.
As chance is keyed, what is taken away changes no draw of what stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from sim.net.laws import Constant
from sim.study.scenario import Scenario

MOST_TRIES = 200

Fails = Callable[[Scenario], bool]
"""Whether the check in question fails in a run of this scenario."""


def shrunk(scenario: Scenario, fails: Fails, most_tries: int = MOST_TRIES) -> Scenario:
    """The simplest scenario on the way down from one that fails, after so many plays at most; the given one where nothing can go."""
    smallest, tries = scenario, 0
    found = True
    while found:
        found = False
        for simpler in _simpler(smallest):
            if tries == most_tries:
                return smallest
            tries += 1
            if fails(simpler):
                smallest, found = simpler, True
                break
    return smallest


def _simpler(scenario: Scenario) -> Iterator[Scenario]:
    """What is one step simpler, the boldest steps first."""
    for name in ("fault", "adversary"):
        entries = getattr(scenario, name)
        if len(entries) > 1:
            yield scenario.but(**{name: ()})
        for place in range(len(entries)):
            yield scenario.but(**{name: entries[:place] + entries[place + 1 :]})
    if scenario.link.loss:
        yield scenario.but(**{"link.loss": 0})
    if not isinstance(scenario.link.latency, Constant):
        yield scenario.but(**{"link.latency": Constant(value=20_000_000)})
    for part_of_it in (2, 4 / 3, 8 / 7):
        shorter = int(scenario.duration / part_of_it)
        if all(entry.at <= shorter for entry in (*scenario.fault, *scenario.adversary)):
            yield scenario.but(duration=shorter)
    for place, entry in enumerate(scenario.adversary):
        if entry.at:
            sooner = replace(entry, at=0)
            yield scenario.but(adversary=(*scenario.adversary[:place], sooner, *scenario.adversary[place + 1 :]))
