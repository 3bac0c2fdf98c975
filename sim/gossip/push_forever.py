"""Push, infect forever: a seat that holds an item sends it to random neighbours again and again, for so many rounds.

Eugster, Guerraoui, Kermarrec, Massoulié, "Epidemic information dissemination in distributed systems", IEEE Computer 2004
("infect forever"); Frieze, Grimmett, "The shortest-path problem for graphs with random arc-lengths", 1985. With `fanout` 1 on
a complete graph, all n seats are reached in about log2 n + ln n rounds of a common clock (validation V15), and in
2 (n - 1) / n H(n - 1) mean periods of Poisson clocks (V17). It costs `rounds` times `fanout` bodies a seat, wanted or not.
SWIM stops after 4 ceil(log10(n + 1)) rounds, 12 for 100 to 999 seats. A seat that goes down forgets what it was telling.
"""

from __future__ import annotations

from sim.kernel.dice import Dice
from sim.kernel.part import part
from sim.kernel.units import Count, Duration
from sim.net.core.state import BODY, DELAY_NS, GOT, PACKET, PUBLISHED, TARGET, TICK, TICKED, World
from sim.net.rounds import OWN, PERIOD, Clock, aim, beat_options, must_pass_time, until_beat_ns
from sim.net.strategy import Strategy
from sim.net.topology import Topology

FANOUT, ROUNDS = OWN, OWN + 1


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """Options: those of rounds, fanout, rounds. The number of a tick is how many rounds the seat has told the item."""
    count = 0
    told = 0
    if event == TICKED:
        count = aim(w, seat, w.options[FANOUT], 0)
        for place in range(count):
            w.actions[place, PACKET] = BODY
        told = peer + 1
    elif event != PUBLISHED and event != GOT:
        return 0
    if told < w.options[ROUNDS]:
        w.actions[count, PACKET] = TICK
        w.actions[count, TARGET] = told
        w.actions[count, DELAY_NS] = until_beat_ns(w, seat, item, w.options[PERIOD])
        count += 1
    return count


@part
class PushForever:
    """Every `period` send the body to `fanout` random neighbours, for `rounds` rounds.

    Eugster et al., "Epidemic information dissemination in distributed systems", IEEE Computer 2004 (infect forever). With fanout 1
    n linked seats are reached in about log2 n + ln n periods; it costs `rounds` times `fanout` bodies a seat, wanted or not.
    """

    fanout: Count = 1  # neighbours told in each round
    rounds: Count = 12  # rounds for which a seat tells an item
    period: Duration = 200_000_000  # from round to round; the mean where gaps are drawn
    clock: Clock = "own"  # rounds at the seat's own phase, at common instants, or after exponential gaps (poisson)

    def check(self) -> None:
        """A round takes time."""
        must_pass_time(self.period, "period")

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        options = beat_options(self.clock, self.period, dice.key("push-forever"), self.fanout, self.rounds)
        return Strategy(rule, options, most_actions=1 + min(self.fanout, topology.largest_degree), samples=True)
