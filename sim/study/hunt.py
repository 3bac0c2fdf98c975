"""Hunt: many short runs of one protocol, each under another drawn mixture of enemies and weather, until safety breaks.

What is drawn, and how far apart: which lies the corrupted seats tell and when they begin, how the network behaves before it
settles, how long links take, whether copies are lost, which seats crash and come back, by which of its routes votes travel (a liar's go
straight to everybody). Every run is a scenario of its own, so a break is told as one that anybody can run.
Correct protocols must outlast any number of runs with at most f corrupted seats; with f + 1 a break must come (without that
control, silence means that the hunter is blind).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sim.kernel.dice import Dice
from sim.kernel.rubbish import rarely_collected
from sim.node.terms import USUAL_ROUTES, bounds
from sim.study.build import build, clear_up
from sim.study.checks_logs import leader_completeness, log_matching
from sim.study.checks_places import leader_uniqueness, view_monotonicity
from sim.study.checks_quorums import certificate_soundness, lock_monotonicity
from sim.study.checks_recovery import external_validity
from sim.study.checks_safety import agreement, integrity, prefix_order, validity
from sim.study.checks_settled import settled
from sim.study.checks_votes import one_vote
from sim.study.drawing import CRASHES, LIES, drawn, slow_down
from sim.study.drawing_forks import drawn_forks
from sim.study.evidence import Evidence
from sim.study.read import from_dict
from sim.study.run import turn
from sim.study.scenario import Consensus, Scenario
from sim.study.shrink import MOST_TRIES, shrunk
from sim.study.verdict import Verdict
from sim.study.witness import evidence_of

SAFETY: tuple[Callable[[Evidence], Verdict], ...] = (
    agreement,
    prefix_order,
    validity,
    integrity,
    one_vote,
    certificate_soundness,
    lock_monotonicity,
    view_monotonicity,
    leader_uniqueness,
    log_matching,
    leader_completeness,
    external_validity,
)


@dataclass(frozen=True)
class Prey:
    """A run in which safety broke."""

    run: int
    """Which of the drawn runs, counted from 0."""
    scenario: Scenario
    seed: int
    verdict: Verdict
    again: str = ""
    """The call of `hunt` that finds it anew, alone; it names the protocol as Python writes it."""

    def __str__(self) -> str:
        return f"run {self.run}: {self.verdict.name}: {self.verdict.evidence}"

    def smallest(self, most_tries: int = MOST_TRIES) -> Prey:
        """The simplest run found on the way down from this one in which the same check fails; plays up to `most_tries` runs."""
        name = self.verdict.name

        def failed(scenario: Scenario) -> list[Verdict]:
            return [verdict for verdict in breaks(scenario, self.seed) if verdict.name == name]

        scenario = shrunk(self.scenario, lambda one: bool(failed(one)), most_tries)
        return replace(self, scenario=scenario, verdict=failed(scenario)[0])


def hunt(
    protocol: Any,
    runs: int,
    *,
    seats: int = 4,
    liars: int | None = None,
    seed: int = 0,
    duration: str = "6 s",
    block_interval_ns: int = 200_000_000,
    lies: Sequence[str] | None = None,
    first: int = 0,
    pace: int = 1,
    tell: Callable[[int], None] | None = None,
) -> Prey | None:
    """The first break of safety in so many drawn runs; None where there was none.

    `liars` is how many seats are corrupted (by default as many as the protocol must bear), `lies` what they may do (default: all), `first`
    the number of the first run, `tell` is called with the number of each run that is over. Give the protocol timers that fit blocks every 200 ms.
    """
    bound, _ = bounds(protocol, seats)
    kinds = kinds_for(protocol, lies)
    liars = bound if liars is None else liars
    for number in range(first, first + runs):
        scenario = scene(protocol, number, seats, liars, kinds, duration, block_interval_ns, seed, pace)
        verdict = first_break(scenario, number)
        if verdict is not None:
            said = {"seats": seats, "liars": liars, "seed": seed, "duration": duration, "block_interval_ns": block_interval_ns}
            told = ", ".join(f"{name}={value!r}" for name, value in {**said, "lies": lies, "first": number, "pace": pace}.items())
            return Prey(number, scenario, number, verdict, f"hunt({protocol!r}, 1, {told})")
        if tell is not None:
            tell(number)
    return None


def scene(
    protocol: Any,
    number: int,
    seats: int,
    liars: int,
    kinds: Sequence[str],
    duration: str,
    block_interval_ns: int,
    seed: int,
    pace: int = 1,
) -> Scenario:
    """The drawn run of that number; its seed is the number. Chains that fork are drawn without cuts: see `drawing_forks`."""
    if getattr(protocol, "finality", "certain") == "probable":
        forks = forked(protocol, number, seats, liars, duration, seed)
        slow_down(forks, pace)
        return from_dict(forks).but(consensus=Consensus(protocol=protocol, block_interval=block_interval_ns * pace))
    tables = drawn(Dice(seed), number, seats, liars, kinds, duration, getattr(protocol, "routes", USUAL_ROUTES))
    slow_down(tables, pace)
    route = tables.pop("consensus")["route"]
    return from_dict(tables).but(consensus=Consensus(protocol=protocol, block_interval=block_interval_ns * pace, route=route))


def forked(protocol: Any, number: int, seats: int, pool: int, duration: str, seed: int = 0) -> dict[str, Any]:
    """The tables of the drawn run of that number of a chain that forks, consensus apart."""
    return drawn_forks(Dice(seed), number, seats, pool, depth_of(protocol, seats), duration, getattr(protocol, "no_lie", ()))


def kinds_for(protocol: Any, lies: Sequence[str] | None = None) -> tuple[str, ...]:
    """What liars may do against a protocol: everything, or these, but nothing for which it has no lie, nor false words where only crashes are borne."""
    wanted = lies or (CRASHES if getattr(protocol, "crash_tolerant", False) else LIES)
    return tuple(kind for kind in wanted if kind not in getattr(protocol, "no_lie", ()))


def depth_of(protocol: Any, seats: int) -> int:
    """How many blocks must stand on a decided one; where the protocol leaves that open, a majority of the seats."""
    return int(getattr(protocol, "depth", 0)) or seats // 2 + 1


def first_break(scenario: Scenario, seed: int) -> Verdict | None:
    """The first safety check that a run fails."""
    return next(iter(breaks(scenario, seed)), None)


@rarely_collected()
def breaks(scenario: Scenario, seed: int) -> tuple[Verdict, ...]:
    """Every safety check that a run fails."""
    world = build(scenario, seed)
    try:
        turn(world)
        evidence = evidence_of(world)
    except Exception as error:  # whatever a liar says, an honest node must live through it
        return (Verdict("no-crash", "fail", f"honest code stopped: {type(error).__name__}: {error}"),)
    finally:
        clear_up(world)
    judges = (*SAFETY, settled) if evidence.finality == "probable" else SAFETY
    return tuple(verdict for verdict in (judge(evidence) for judge in judges) if verdict.verdict == "fail")
