"""When a protocol decides for the first time at the very best: all honest, nothing lost, a millisecond from node to node."""

from __future__ import annotations

from sim.kernel.errors import ScenarioError
from sim.net.laws import Constant
from sim.sockets.playable import MOST_SECONDS
from sim.study.build import build, clear_up
from sim.study.link import Link
from sim.study.plugins import kind_of
from sim.study.run import turn
from sim.study.scenario import Scenario
from sim.study.seat import Seat

_SECOND_NS = 1_000_000_000


def first_decision_s(scenario: Scenario, seed: int) -> float | None:
    """Seconds of virtual time until any node decides; None for not within the longest live run."""
    calm = scenario.but(
        duration=round(MOST_SECONDS) * _SECOND_NS,
        heal=0,
        link=Link(latency=Constant(value=1_000_000)),
        seat=Seat(),
        fault=(),
        expect=(),
    )
    world = build(calm, seed)
    found: list[int] = []

    def note(seat: int, slot: int, digest: str) -> None:
        found.append(world.loop.now_ns)
        world.loop.halt()

    world.society.on_decide.append(note)
    turn(world)
    clear_up(world)
    return found[0] / _SECOND_NS if found else None


def check_patience(scenario: Scenario, seed: int, seconds: float) -> None:
    """ScenarioError where nothing can be decided in so short a time, as with blocks every 20 s of which 2,160 make one final."""
    soonest_s = first_decision_s(scenario, seed)
    if soonest_s is not None and soonest_s < seconds:
        return
    when = f"within {MOST_SECONDS:g} s" if soonest_s is None else f"before {soonest_s:.1f} s have passed"
    advice = "shorten" if soonest_s is None else "give it more, or shorten"
    kind = kind_of(scenario.consensus.protocol)
    raise ScenarioError(
        f"{kind!r} decides nothing {when} even on the fastest network; {advice} the times in [consensus]", "--seconds"
    )
