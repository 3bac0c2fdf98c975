"""Announce: tell neighbours what you have, send the body to those that ask (INV / GETDATA / BLOCK).

Bitcoin's relay (Decker, Wattenhofer, "Information propagation in the Bitcoin network", P2P 2013, section 3). A hop costs
three latencies and one body (validation V33); each body crosses each seat's downlink once. A seat asks one announcer at a
time and turns to another when the body has not come within `patience`.
"""

from __future__ import annotations

from sim.kernel.dice import Dice
from sim.kernel.jit import njit
from sim.kernel.part import part
from sim.kernel.units import Duration
from sim.net.core.state import ABSENT, ANNOUNCE, ANNOUNCED, BODY, CHECKING, GOT, PUBLISHED, REQUEST, REQUESTED, TICK, WANTED, World
from sim.net.strategy import Strategy
from sim.net.topology import Topology


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """Options: patience."""
    if event == PUBLISHED or event == GOT:
        count = 0
        for place in range(w.offsets[seat], w.offsets[seat + 1]):
            neighbour = w.neighbours[place]
            if neighbour != peer:
                w.actions[count, 0] = ANNOUNCE
                w.actions[count, 1] = neighbour
                w.actions[count, 2] = 0
                count += 1
        return count
    return ask_or_answer(w, event, seat, peer, item)


@njit
def ask_or_answer(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """Everything but first sight: request what is announced, send what is requested, turn to another announcer when patience ends.

    `notes` keeps another announcer's seat plus one, should the first not deliver; the first option is the patience in ns.
    """
    row = w.items[item]["row"]
    w.actions[0, 1] = peer
    w.actions[0, 2] = 0
    if event == REQUESTED:
        w.actions[0, 0] = BODY
        return 1
    if w.held[row, seat] >= CHECKING:
        return 0
    if event == ANNOUNCED and w.held[row, seat] == WANTED:
        w.notes[row, seat] = peer + 1
        return 0
    if event != ANNOUNCED:  # the body has not come in time
        if w.notes[row, seat] == 0:
            w.held[row, seat] = ABSENT
            return 0
        w.actions[0, 1] = w.notes[row, seat] - 1
        w.notes[row, seat] = 0
    w.held[row, seat] = WANTED
    w.actions[0, 0] = REQUEST
    w.actions[1, 0] = TICK
    w.actions[1, 1] = 0
    w.actions[1, 2] = w.options[0]
    return 2


@part
class Announce:
    """Announce to all neighbours, send the body to those that ask for it."""

    patience: Duration = 2_000_000_000  # how long to wait for a body before asking another announcer

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        return Strategy(rule, options=(self.patience,), most_actions=max(2, topology.largest_degree))
