"""Hunt: many short runs of one protocol, each under another drawn mixture of enemies and weather, until safety breaks.

What is drawn, and how far apart: which lies the corrupted seats tell and when they begin, how the network behaves before it
settles, how long links take, whether copies are lost, which seats crash and come back, by which of its routes votes travel (a liar's go
straight to everybody). Every run is a scenario of its own, so a break is told as one that anybody can run.
Correct protocols must outlast any number of runs with at most f corrupted seats; with f + 1 a break must come (without that
control, silence means that the hunter is blind).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sim.kernel.dice import Dice
from sim.kernel.rubbish import rarely_collected
from sim.node.terms import USUAL_ROUTES, bounds
from sim.study.build import build, clear_up
from sim.study.checks_places import leader_uniqueness, view_monotonicity
from sim.study.checks_quorums import certificate_soundness, lock_monotonicity
from sim.study.checks_safety import agreement, integrity, prefix_order, validity
from sim.study.checks_votes import one_vote
from sim.study.evidence import Evidence
from sim.study.read import from_dict
from sim.study.run import evidence_of, turn
from sim.study.scenario import Consensus, Scenario
from sim.study.verdict import Verdict

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
)
LIES = ("equivocate", "silent", "late", "favour", "replay", "mutate", "withhold-votes", "lazy-vote", "amnesia", "twins")
CRASHES = ("silent", "late", "favour", "withhold-votes")
"""What a protocol that bears crashes only is hunted with: nothing false is said, and nothing written down is lost."""
PLOTS = ("each", "each", "equivocate", "twins", "amnesia")
"""What the liars do together; "each" lies as it likes. Second lives and forgotten votes meet a network that falls apart anew and anew."""
LOSSES = ("0 %", "0 %", "2 %")
WEATHERS: tuple[dict[str, Any], ...] = (
    {"kind": "constant", "value": "20 ms"},
    {"kind": "uniform", "low": "1 ms", "high": "100 ms"},
    {"kind": "exponential", "mean": "40 ms"},
    {"kind": "lognormal", "median": "30 ms", "sigma": 1.0},
)


@dataclass(frozen=True)
class Prey:
    """A run in which safety broke."""

    run: int
    """Which of the drawn runs, counted from 0."""
    scenario: Scenario
    seed: int
    verdict: Verdict

    def __str__(self) -> str:
        return f"run {self.run}: {self.verdict.name}: {self.verdict.evidence}"


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
    tell: Callable[[int], None] | None = None,
) -> Prey | None:
    """The first break of safety in so many drawn runs; None where there was none.

    `liars` is how many seats are corrupted (by default as many as the protocol must bear), `lies` what they may do (default: all), `first`
    the number of the first run, `tell` is called with the number of each run that is over. Give the protocol timers that fit blocks every 200 ms.
    """
    crash_only = getattr(protocol, "crash_tolerant", False)
    bound, _ = bounds(protocol, seats)
    kinds = tuple(lies or (CRASHES if crash_only else LIES))
    for number in range(first, first + runs):
        scenario = scene(protocol, number, seats, bound if liars is None else liars, kinds, duration, block_interval_ns, seed)
        verdict = first_break(scenario, number)
        if verdict is not None:
            return Prey(number, scenario, number, verdict)
        if tell is not None:
            tell(number)
    return None


def scene(
    protocol: Any, number: int, seats: int, liars: int, kinds: Sequence[str], duration: str, block_interval_ns: int, seed: int
) -> Scenario:
    """The drawn run of that number; its seed is the number."""
    tables = drawn(Dice(seed), number, seats, liars, kinds, duration, getattr(protocol, "routes", USUAL_ROUTES))
    route = tables.pop("consensus")["route"]
    return from_dict(tables).but(consensus=Consensus(protocol=protocol, block_interval=block_interval_ns, route=route))


def drawn(
    dice: Dice, number: int, seats: int, liars: int, kinds: Sequence[str], duration: str, routes: Sequence[str] = ("direct",)
) -> dict[str, Any]:
    """The tables of one run, consensus apart from its route."""

    def below(bound: int, what: str) -> int:
        return dice.below(bound, "hunt", number, what)

    order = dice.shuffled(seats, "hunt", number, "liars")
    plot = PLOTS[below(len(PLOTS), "plot")] if liars else "none"
    if plot not in ("each", "none") and plot not in kinds:
        plot = "each"
    route = routes[below(len(routes), "route")] if plot != "twins" else "direct"
    tables: dict[str, Any] = {
        "duration": duration,
        "topology": {"kind": "complete", "seats": seats + (liars if plot == "twins" else 0)},
        "link": {"latency": WEATHERS[below(len(WEATHERS), "weather")], "loss": LOSSES[below(len(LOSSES), "loss")]},
        "gossip": {"kind": "flood"},
        "consensus": {"route": route},
    }
    if plot == "each":
        tables["adversary"] = [one for place, seat in enumerate(order[:liars]) for one in _lies(below, kinds, place, seat)]
    elif plot == "twins":
        second = [f"seat-{seat}" for seat in range(seats, seats + liars)]
        tables["adversary"] = [{"kind": "twins", "seats": [*_names(order[:liars]), *second]}]
    elif plot == "amnesia":
        every = f"{200 * (2 + below(8, 'forget-every'))} ms"
        tables["adversary"] = [{"kind": "amnesia", "seats": _names(order[:liars]), "every": every}]
    elif liars:
        tables["adversary"] = [{"kind": plot, "seats": _names(order[:liars])}]
    faults = _faults(below, seats)
    if plot in ("twins", "amnesia"):
        faults = [_turmoil(below, 2), *faults[1:]]
    if faults:
        tables["fault"] = faults
    return tables


def _names(seats: Sequence[int]) -> list[str]:
    return [f"seat-{seat}" for seat in seats]


def _lies(below: Callable[[int, str], int], kinds: Sequence[str], place: int, seat: int) -> list[dict[str, Any]]:
    """One or two lies of one seat, from some instant on."""
    found = []
    for again in range(1 + below(2, f"how-many-{place}")):
        kind = [kind for kind in kinds if kind != "twins"][below(len(kinds) - ("twins" in kinds), f"kind-{place}-{again}")]
        found.append({"kind": kind, "seats": [f"seat-{seat}"], "at": f"{100 * below(20, f'at-{place}-{again}')} ms"})
    return found


def _turmoil(below: Callable[[int, str], int], sides: int) -> dict[str, Any]:
    """A network scheduled by an adversary until it settles."""
    return {
        "kind": "turmoil",
        "at": f"{100 * below(20, 'turmoil-at')} ms",
        "lasts": f"{500 * (1 + below(8, 'turmoil-lasts'))} ms",
        "every": f"{100 * (1 + below(10, 'turmoil-every'))} ms",
        "factor": (1, 5, 20)[below(3, "turmoil-factor")],
        "islands": ("0 %", "20 %")[below(2, "turmoil-islands")],
        "sides": sides,
    }


def _faults(below: Callable[[int, str], int], seats: int) -> list[dict[str, Any]]:
    """What nobody means: turmoil in two runs of three, and in one of three seats that crash and come back."""
    faults = [] if below(3, "turmoil") == 0 else [_turmoil(below, 1 + below(3, "turmoil-sides"))]
    if below(3, "crash") == 0:
        for again in range(1 + below(3, "crashes")):
            seat, at, lasts = below(seats, f"crash-{again}"), below(40, f"crash-at-{again}"), 1 + below(15, f"crash-lasts-{again}")
            faults.append({"kind": "crash", "seats": [f"seat-{seat}"], "at": f"{100 * at} ms", "lasts": f"{100 * lasts} ms"})
    return faults


@rarely_collected()
def first_break(scenario: Scenario, seed: int) -> Verdict | None:
    """The first safety check that a run fails."""
    world = build(scenario, seed)
    try:
        turn(world)
        evidence = evidence_of(world)
    except Exception as error:  # whatever a liar says, an honest node must live through it
        return Verdict("no-crash", "fail", f"honest code stopped: {type(error).__name__}: {error}")
    finally:
        clear_up(world)
    return next((verdict for verdict in (judge(evidence) for judge in SAFETY) if verdict.verdict == "fail"), None)
