"""Hunt: many short runs of one protocol, each under another drawn mixture of enemies and weather, until safety breaks.

What is drawn, and how far apart: which lies the corrupted seats tell and when they begin, how the network behaves before it
settles, how long links take, whether copies are lost. Votes go straight to everybody. Every run is a scenario of its own, so a break is told as one that anybody can run.
Correct protocols must outlast any number of runs with at most f corrupted seats; with f + 1 a break must come (without that
control, silence means that the hunter is blind).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sim.kernel.dice import Dice
from sim.kernel.rubbish import rarely_collected
from sim.study.build import build, clear_up
from sim.study.checks_safety import agreement, integrity, prefix_order, validity
from sim.study.checks_votes import one_vote
from sim.study.evidence import Evidence
from sim.study.read import from_dict
from sim.study.run import evidence_of, turn
from sim.study.scenario import Consensus, Scenario
from sim.study.verdict import Verdict

SAFETY: tuple[Callable[[Evidence], Verdict], ...] = (agreement, prefix_order, validity, integrity, one_vote)
LIES = ("equivocate", "silent", "late", "favour", "replay", "mutate", "withhold-votes", "lazy-vote", "amnesia")
CRASHES = ("silent", "late", "favour", "withhold-votes")
"""What a protocol that bears crashes only is hunted with: nothing false is said, and nothing written down is lost."""
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
    tell: Callable[[int], None] | None = None,
) -> Prey | None:
    """The first break of safety in so many drawn runs; None where there was none.

    `liars` is how many seats are corrupted (by default as many as the protocol must bear), `lies` what they may do (default: all),
    `tell` is called with the number of each run that is over. Give the protocol timers that fit blocks every 200 ms.
    """
    crash_only = getattr(protocol, "crash_tolerant", False)
    bound = (seats - 1) // (2 if crash_only else 3)
    kinds = tuple(lies or (CRASHES if crash_only else LIES))
    for number in range(runs):
        tables = drawn(Dice(seed), number, seats, bound if liars is None else liars, kinds, duration)
        consensus = Consensus(protocol=protocol, block_interval=block_interval_ns)
        scenario = from_dict(tables).but(consensus=consensus)
        verdict = first_break(scenario, number)
        if verdict is not None:
            return Prey(number, scenario, number, verdict)
        if tell is not None:
            tell(number)
    return None


def drawn(dice: Dice, number: int, seats: int, liars: int, kinds: Sequence[str], duration: str) -> dict[str, Any]:
    """The tables of one run, consensus apart."""

    def below(bound: int, what: str) -> int:
        return dice.below(bound, "hunt", number, what)

    order = dice.shuffled(seats, "hunt", number, "liars")
    adversaries = []
    for place, seat in enumerate(order[:liars]):
        for again in range(1 + below(2, f"how-many-{place}")):
            kind = kinds[below(len(kinds), f"kind-{place}-{again}")]
            adversaries.append({"kind": kind, "seats": [f"seat-{seat}"], "at": f"{100 * below(20, f'at-{place}-{again}')} ms"})
    together = [{"kind": "equivocate", "seats": [f"seat-{seat}" for seat in order[:liars]]}]
    tables: dict[str, Any] = {
        "duration": duration,
        "topology": {"kind": "complete", "seats": seats},
        "link": {"latency": WEATHERS[below(len(WEATHERS), "weather")], "loss": ("0 %", "0 %", "2 %")[below(3, "loss")]},
        "gossip": {"kind": "flood"},
    }
    if liars:
        tables["adversary"] = together if "equivocate" in kinds and below(3, "together") == 0 else adversaries
    if below(2, "turmoil"):
        tables["fault"] = [
            {
                "kind": "turmoil",
                "at": f"{100 * below(20, 'turmoil-at')} ms",
                "lasts": f"{500 * (1 + below(6, 'turmoil-lasts'))} ms",
                "every": f"{100 * (1 + below(8, 'turmoil-every'))} ms",
            }
        ]
    return tables


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
