"""Cyclon: every seat knows a few random others, and keeps swapping some of them, so that the knowledge stays random and fresh.

Voulgaris, Gavidia, van Steen, "CYCLON: inexpensive membership management for unstructured P2P overlays", J. Network and Systems
Management 13(2), 2005, section 3 (enhanced shuffling). Once a period a seat turns to the oldest entry of its view, drops it, and
sends it `swapped` entries, its own name among them; it gets as many back. Entries that came fill empty slots, then those whose
entries were given away. Who has crashed does not answer and is gone from every view once each has turned to it.

Gossip that turns to random peers (push, push-forever, pull, push-pull, mongering) takes them from the view and not from the
topology's links, which only say whom a seat knows at the start, and again when its view has run empty.

Cost: two packets a seat and period. Numbers of seats that know one are alike, the paper's "highly symmetric node degrees", where
the network is much larger than a view and swaps seldom overlap: with views of 20 and a period of 10 s they scatter by 4.1 among
400 seats, 1.9 among 4,000 and 1.6 among 20,000, in a random graph by 4.5. Periods near a round trip undo it.

What differs: views begin as the neighbours in the topology instead of by a join's random walks, and a seat that comes back has
the view with which it went. The list of a packet is read in its sender's memory, where the last 32 stand.
"""

from __future__ import annotations

from typing import ClassVar

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration, Size
from sim.net import cyclon as c
from sim.net.core.state import HEARD, STARTED, UP, World
from sim.net.lists import KIND_BITS, RING, phase_ns, wait
from sim.net.membership import Membership
from sim.net.topology import Topology


def rule(w: World, event: int, seat: int, peer: int, word: int) -> int:
    """One event at one seat; the parts are in `sim.net.cyclon`."""
    options = w.member_options
    if event == STARTED:
        c.enter_by_links(w, seat)
        return wait(w, 0, phase_ns(w, options[c.KEY], seat, options[c.PERIOD_NS]), c.PERIOD)
    if event == HEARD:
        if word & ((1 << KIND_BITS) - 1) == c.SWAP:
            return c.answer_swap(w, seat, peer, word)
        c.take(w, seat, peer, word, w.member_memory[seat, c.sent_at(w)])
        w.member_memory[seat, c.sent_at(w)] = 0
        return 0
    count = wait(w, 0, options[c.PERIOD_NS], c.PERIOD)
    return c.begin_swap(w, seat, count) if w.seats[seat]["flags"] & UP else count


@part
class Cyclon:
    """Peer sampling by swapping entries of small views with the one known longest."""

    samples: ClassVar[bool] = True

    period: Duration = 10_000_000_000  # from one swap of a seat to its next
    view: Count = 20  # seats that each seat knows
    swapped: Count = 8  # entries that go over in a swap, each way
    head_size: Size = 60  # bytes of a packet without entries
    entry_size: Size = 10  # bytes of an entry: address and age

    def check(self) -> None:
        """Something is swapped, and a view fits."""
        if self.period == 0:
            raise ScenarioError("a round takes time: give a duration above 0, such as '10 s'", "period")
        if not 1 <= self.swapped <= self.view <= c.MOST_SLOTS:
            raise ScenarioError(f"a swap needs 1 <= swapped <= view <= {c.MOST_SLOTS}", "swapped")

    def membership(self, topology: Topology, dice: Dice) -> Membership:
        """The rule and what it wants to be given."""
        words = 2 * self.view + 2 + RING * (1 + self.swapped)
        options = (dice.key("cyclon") >> 1, self.period, self.view, self.swapped, self.head_size, self.entry_size)
        return Membership(rule, options, words, 2, view=self.view)
