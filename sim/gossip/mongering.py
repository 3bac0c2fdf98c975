"""Rumour mongering: tell the news to one random neighbour a round until it seems to be old.

Demers et al., "Epidemic algorithms for replicated database maintenance", PODC 1987, section 1.4. A seat loses interest after
`k` contacts (`counter`) or after each contact with chance 1/k (`coin`); with `feedback` only contacts count in which the other
already knew, and the other says so in a packet of 48 bytes; without (`blind`) all count. A share s of the seats never hears it: with
feedback and coin s = exp(-(k + 1)(1 - s)), k = 1: 20 %, 2: 6 %, 3: 2 %, 4: 0.7 %, 5: 0.25 % (validation V25); blind
s = exp(-k (1 - s)). Each variant costs m bodies a seat with s = exp(-m). It is no complete method alone: back it up by `pull`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from sim.kernel.dice import Dice, draw64
from sim.kernel.errors import ScenarioError
from sim.kernel.jit import njit
from sim.kernel.part import part
from sim.kernel.units import Count, Duration
from sim.net.core.state import (
    BODY,
    CONTROL,
    DELAY_NS,
    GOT,
    HEARD,
    NOW,
    PACKET,
    PUBLISHED,
    REPEATED,
    SIZE_BYTES,
    TARGET,
    TICK,
    TICKED,
    World,
)
from sim.net.rounds import KEY, OWN, PERIOD, Clock, aim, beat_options, must_pass_time, until_beat_ns
from sim.net.strategy import Strategy
from sim.net.topology import Topology

K, COIN, FEEDBACK = range(OWN, OWN + 3)
KNOWN_BYTES = 48  # "I knew": an id of 32 bytes and a header
_COIN = np.uint64(0xC019)


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """Options: those of rounds, k, whether by coin, whether with feedback. `notes` counts the contacts that count."""
    if event == PUBLISHED or event == GOT:
        return _again(w, seat, item, 0)
    if event == REPEATED:
        w.actions[0, PACKET] = CONTROL
        w.actions[0, TARGET] = peer
        w.actions[0, DELAY_NS] = 0
        w.actions[0, SIZE_BYTES] = KNOWN_BYTES
        return 1
    row = w.items[item]["row"]
    if event == HEARD:
        _tire(w, seat, item, peer)
        return 0
    if event != TICKED or w.notes[row, seat] >= w.options[K]:
        return 0
    count = aim(w, seat, 1, 0)
    if count == 0:
        return 0
    w.actions[0, PACKET] = BODY
    if w.options[FEEDBACK] == 0:
        _tire(w, seat, item, seat)
        if w.notes[row, seat] >= w.options[K]:
            return 1
    return _again(w, seat, item, 1)


@njit
def _again(w: World, seat: int, item: int, count: int) -> int:
    """The next contact is due in a while; after so many actions."""
    w.actions[count, PACKET] = TICK
    w.actions[count, TARGET] = 0
    w.actions[count, DELAY_NS] = until_beat_ns(w, seat, item, w.options[PERIOD])
    return count + 1


@njit
def _tire(w: World, seat: int, item: int, peer: int) -> None:
    """A contact that counts: one more of k, or all of them at once with chance 1/k."""
    row = w.items[item]["row"]
    if w.options[COIN] == 0:
        w.notes[row, seat] += 1
        return
    key = draw64(draw64(np.uint64(w.options[KEY]) ^ w.items[item]["key"] ^ _COIN, np.uint64(seat)), np.uint64(peer))
    luck = np.int64(draw64(key, np.uint64(w.clock[NOW])) >> np.uint64(33))
    if luck % w.options[K] == 0:
        w.notes[row, seat] = w.options[K]


@part
class Mongering:
    """Tell one random neighbour a round, until `k` others knew already (feedback) or were told (blind).

    Demers et al., "Epidemic algorithms for replicated database maintenance", PODC 1987, section 1.4. A share s never hears it: with
    feedback s = exp(-(k + 1)(1 - s)), 20 %, 6 %, 2 %, 0.7 % for k = 1 to 4; blind s = exp(-k (1 - s)). It costs -ln s bodies a seat.
    """

    k: Count = 3  # contacts until a seat loses interest; for a coin their mean
    ending: Literal["counter", "coin"] = "counter"  # after exactly k contacts, or after each with chance 1/k
    contacts: Literal["feedback", "blind"] = "feedback"  # only contacts with seats that knew already count, or all
    period: Duration = 200_000_000  # from round to round; the mean where gaps are drawn
    clock: Clock = "own"  # rounds at the seat's own phase, at common instants, or after exponential gaps (poisson)

    def check(self) -> None:
        """A round takes time, and interest ends after something."""
        must_pass_time(self.period, "period")
        if self.k == 0:
            raise ScenarioError("with 0 contacts nobody would tell anything; give at least 1", "k")

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        told = self.contacts == "feedback"
        own = (self.k, int(self.ending == "coin"), int(told))
        options = beat_options(self.clock, self.period, dice.key("mongering"), *own)
        return Strategy(rule, options, most_actions=2, tells_copies=told, samples=True)
