"""Draw one adversarial run: who lies and how, what the network does before it settles, who crashes, by which way votes travel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sim.kernel.dice import Dice

Below = Callable[[int, str], int]
"""A whole number from 0 up to below a bound, drawn for a purpose."""
LIES = ("equivocate", "silent", "late", "favour", "replay", "mutate", "withhold-votes", "lazy-vote", "amnesia", "twins", "doctor")
CRASHES = ("silent", "late", "favour", "withhold-votes")
"""What a protocol that bears crashes only is hunted with: nothing false is said, and nothing written down is lost."""
PLOTS = ("each", "each", "equivocate", "twins", "amnesia", "doctor", "doctor")
"""What the liars do together; "each" lies as it likes. Second lives and forgotten votes meet a network that falls apart anew and anew."""
LOSSES = ("0 %", "0 %", "2 %")
WEATHERS: tuple[dict[str, Any], ...] = (
    {"kind": "constant", "value": "20 ms"},
    {"kind": "uniform", "low": "1 ms", "high": "100 ms"},
    {"kind": "exponential", "mean": "40 ms"},
    {"kind": "lognormal", "median": "30 ms", "sigma": 1.0},
)


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
    if plot in ("twins", "amnesia") or (plot == "doctor" and below(2, "doctor-apart")):
        faults = [_turmoil(below, 2), *faults[1:]]
    if plot == "twins" and below(2, "long-states"):  # long enough for each side to decide by itself, where that takes many views
        faults = [{**faults[0], "every": "2000 ms", "lasts": "4000 ms", "factor": 1, "islands": "0 %"}]
    if faults:
        tables["fault"] = faults
    return tables


def _names(seats: Sequence[int]) -> list[str]:
    return [f"seat-{seat}" for seat in seats]


def _lies(below: Below, kinds: Sequence[str], place: int, seat: int) -> list[dict[str, Any]]:
    """One or two lies of one seat, from some instant on."""
    found = []
    for again in range(1 + below(2, f"how-many-{place}")):
        kind = [kind for kind in kinds if kind != "twins"][below(len(kinds) - ("twins" in kinds), f"kind-{place}-{again}")]
        found.append({"kind": kind, "seats": [f"seat-{seat}"], "at": f"{100 * below(20, f'at-{place}-{again}')} ms"})
    return found


def _turmoil(below: Below, sides: int) -> dict[str, Any]:
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


def _faults(below: Below, seats: int) -> list[dict[str, Any]]:
    """What nobody means: turmoil in two runs of three, and in two of three seats that crash and come back, now and then all at once."""
    faults = [] if below(3, "turmoil") == 0 else [_turmoil(below, 1 + below(3, "turmoil-sides"))]
    for again in range((0, 1 + below(3, "crashes"), 3 + below(8, "more-crashes"))[below(3, "crash")]):
        some = below(8, f"crash-many-{again}")
        names = _names(range(seats)) if some == 0 else [f"seat-{below(seats, f'crash-{again}')}"]
        at, lasts = below(50, f"crash-at-{again}"), 1 + below(12, f"crash-lasts-{again}")
        faults.append({"kind": "crash", "seats": names, "at": f"{100 * at} ms", "lasts": f"{100 * lasts} ms"})
    return faults


def slow_down(tables: dict[str, Any], pace: int) -> None:
    """Make everything but the links so many times slower, for protocols with longer timers."""
    for table in (tables, *tables.get("adversary", ()), *tables.get("fault", ())):
        for key in ("duration", "at", "lasts", "every"):
            if key in table and pace != 1:
                number, unit = table[key].split()
                table[key] = f"{int(number) * pace} {unit}"
