"""SimBlock's relay: announce, request, and one upload at a time, of which the next begins only when the last has arrived.

Aoki, Otsuki, Kaneko, Banno, Shudo, "SimBlock: a blockchain network simulator", INFOCOM workshops 2019, as its source has it
(github.com/dsg-titech/simblock, commit 5fc7f9f7: SimulatedNode, AbstractMessageTask, BlockMessageTask). Announcements and
requests take `overhead` and the latency; a body takes `processing`, its size over the slower of the two rates, and the
latency. A seat keeps requests in order and serves the next one when the body before it has arrived, as if it were told.

It is a model of others, to compare with: uploads that wait for the light of the last one make blocks slower than in Bitcoin.
Nothing is asked for twice, so what is lost stays lost at that seat. Validation V38.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import Dice, draw64
from sim.kernel.jit import njit
from sim.kernel.part import part
from sim.kernel.units import MS, Duration
from sim.net.core import state as st
from sim.net.core.links import latency_of, serialise_ns
from sim.net.core.state import World
from sim.net.strategy import Strategy
from sim.net.topology import Topology

OVERHEAD, PROCESSING = 0, 1
"""Places in the options."""
FREE_NS = 0
"""Place in a seat's memory: when its last upload has arrived."""


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """Options: overhead, processing. A tick's number is the seat whose turn has come."""
    if event == st.PUBLISHED or event == st.GOT:
        count = 0
        for place in range(w.offsets[seat], w.offsets[seat + 1]):
            if w.neighbours[place] != peer:
                _say(w, count, st.ANNOUNCE, w.neighbours[place], w.options[OVERHEAD])
                count += 1
        return count
    if event == st.ANNOUNCED:
        if w.held[w.items[item]["row"], seat] != st.ABSENT:
            return 0
        w.held[w.items[item]["row"], seat] = st.WANTED
        _say(w, 0, st.REQUEST, peer, w.options[OVERHEAD])
        return 1
    if event == st.TICKED:
        _say(w, 0, st.BODY, peer, w.options[PROCESSING])
        return 1
    if event != st.REQUESTED:
        return 0
    now_ns = w.clock[st.NOW]
    start_ns = max(now_ns, w.memory[seat, FREE_NS])
    w.memory[seat, FREE_NS] = start_ns + w.options[PROCESSING] + _upload_ns(w, seat, peer, item, start_ns)
    if start_ns > now_ns:
        _say(w, 0, st.TICK, peer, start_ns - now_ns)
    else:
        _say(w, 0, st.BODY, peer, w.options[PROCESSING])
    return 1


@njit
def _say(w: World, at: int, packet: int, target: int, delay_ns: int) -> None:
    w.actions[at, st.PACKET] = packet
    w.actions[at, st.TARGET] = target
    w.actions[at, st.DELAY_NS] = delay_ns


@njit
def _upload_ns(w: World, seat: int, peer: int, item: int, start_ns: int) -> int:
    """How long a body that is sent off at `start_ns` will be under way: chance is keyed, so the draw can be looked up before.

    The core makes the same draw for that copy, from the same key (`relay._item_envelope`), on links that are idle.
    """
    key = draw64(draw64(w.items[item]["key"], np.uint64(st.BODY)), np.uint64(start_ns))
    latency_ns = latency_of(w, key, seat, peer)
    here, there = w.seats[seat], w.seats[peer]
    slowest = max(here["up_ns_per_byte"], there["down_ns_per_byte"])
    return latency_ns + serialise_ns(w.items[item]["size_bytes"], slowest)


@part
class SimBlock:
    """Announce, request, and one upload at a time, the next when the last has arrived: the relay of the simulator SimBlock."""

    overhead: Duration = 10 * MS  # added to every announcement and request
    processing: Duration = 2 * MS  # before a body goes out

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        options = (self.overhead, self.processing)
        return Strategy(rule, options, memory_words=1, most_actions=max(1, topology.largest_degree))
