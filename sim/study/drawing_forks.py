"""Draw one adversarial run of a chain that forks: a pool that works in secret or keeps silent, and a network that is never cut.

Such a chain promises nothing while it is cut in two, and takes back what lies deep only with a probability that falls with the depth and
rises with the pool's share (Nakamoto 2008, section 11; Rosenfeld 2014). So delays are short against the time between blocks, nobody is
kept apart, and what is looked for is a decision that was taken back.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sim.kernel.dice import Dice

PLOTS = ("double-spend", "double-spend", "selfish", "equivocate", "equivocate", "favour", "silent", "late", "none")
"""What the pool does; nobody can lie about a block's work or turn, and whoever's work makes but one block cannot show two."""
WEATHERS: tuple[dict[str, Any], ...] = (
    {"kind": "constant", "value": "2 ms"},
    {"kind": "uniform", "low": "1 ms", "high": "15 ms"},
    {"kind": "exponential", "mean": "5 ms"},
)


def drawn_forks(
    dice: Dice, number: int, seats: int, pool: int, depth: int, duration: str, no_lie: Collection[str] = ()
) -> dict[str, Any]:
    """The tables of one run, consensus apart; the thief among the plots waits until a payment is decided at `depth`."""
    plots = [plot for plot in PLOTS if plot not in no_lie]

    def below(bound: int, what: str) -> int:
        return dice.below(bound, "hunt-forks", number, what)

    order = dice.shuffled(seats, "hunt-forks", number, "pool")
    names = [f"seat-{seat}" for seat in order[:pool]]
    plot = plots[below(len(plots), "plot")] if pool else "none"
    tables: dict[str, Any] = {
        "duration": duration,
        "topology": {"kind": "complete", "seats": seats},
        "link": {"latency": WEATHERS[below(len(WEATHERS), "weather")]},
        "gossip": {"kind": "flood"},
    }
    if plot == "double-spend":
        terms = {"confirmations": depth + 1, "give_up": 3 * depth + 3}
        tables["adversary"] = [{"kind": plot, "seats": names, "at": f"{100 * below(10, 'at')} ms", **terms}]
    elif plot != "none":
        tables["adversary"] = [{"kind": plot, "seats": names, "at": f"{100 * below(10, 'at')} ms"}]
    if below(2, "crash"):
        lasts = f"{100 * (1 + below(10, 'crash-lasts'))} ms"
        tables["fault"] = [
            {"kind": "crash", "seats": [f"seat-{order[-1]}"], "at": f"{100 * below(40, 'crash-at')} ms", "lasts": lasts}
        ]
    return tables
