"""CometBFT's reactor: a routine for each peer that sends what the peer lacks, and sleeps when there is nothing.

CometBFT, consensus reactor (`gossipDataRoutine`, `gossipVotesRoutine`, `PeerGossipSleepDuration`), as described in its
specification, "Consensus reactor". Whoever gets a vote or a block part tells all its peers (HasVote, HasProposalBlockPart),
and each peer's routine, when it wakes, sends it unless the peer has said so by then. So a hop costs the link's delay and on
the average half a sleep, which in a local network is most of the time, and the sleep is what keeps copies few.

A routine wakes on a fixed beat of its own, drawn once; what a peer has is remembered for at most 62 peers.
"""

from __future__ import annotations

import numpy as np

from sim.kernel.dice import Dice, draw64
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Duration
from sim.net.core.state import ANNOUNCE, ANNOUNCED, BODY, GOT, NOW, PUBLISHED, REQUESTED, TICK, TICKED, World
from sim.net.strategy import Strategy
from sim.net.topology import Topology

MOST_PEERS = 62  # bits of a note


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """Options: sleep in ns, key. Bit p of `notes`: the peer at place p is known to have the item."""
    row = w.items[item]["row"]
    first = w.offsets[seat]
    if event == REQUESTED:
        w.actions[0, 0] = BODY
        w.actions[0, 1] = peer
        w.actions[0, 2] = 0
        return 1
    if event == TICKED:
        if w.notes[row, seat] >> np.int64(peer) & 1:
            return 0
        w.notes[row, seat] |= np.int64(1) << np.int64(peer)
        w.actions[0, 0] = BODY
        w.actions[0, 1] = w.neighbours[first + peer]
        w.actions[0, 2] = 0
        return 1
    last = w.offsets[seat + 1]
    if event == ANNOUNCED:
        for place in range(first, last):
            if w.neighbours[place] == peer:
                w.notes[row, seat] |= np.int64(1) << np.int64(place - first)
        return 0
    if event != GOT and event != PUBLISHED:
        return 0
    sleep_ns = w.options[0]
    count = 0
    for place in range(first, last):
        if w.neighbours[place] == peer:
            w.notes[row, seat] |= np.int64(1) << np.int64(place - first)
            continue
        w.actions[count, 0] = ANNOUNCE
        w.actions[count, 1] = w.neighbours[place]
        w.actions[count, 2] = 0
        beat_ns = np.int64((draw64(np.uint64(w.options[1]), np.uint64(place)) >> np.uint64(1)) % np.uint64(sleep_ns))
        w.actions[count + 1, 0] = TICK
        w.actions[count + 1, 1] = place - first
        w.actions[count + 1, 2] = (beat_ns - w.clock[NOW]) % sleep_ns
        count += 2
    return count


@part
class CometBFT:
    """CometBFT's gossip: tell all peers what has come, and send to each, on a beat of its own, what it has not told to have."""

    sleep: Duration = 100_000_000  # how long a peer's routine sleeps when it has nothing to send

    def check(self) -> None:
        """A routine that never slept would be flooding."""
        if self.sleep <= 0:
            raise ScenarioError("must be longer than nothing; for no sleep at all there is flood", "sleep")

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        if topology.largest_degree > MOST_PEERS:
            raise ScenarioError(
                f"a seat has {topology.largest_degree} neighbours; CometBFT's defaults are 50 and at most {MOST_PEERS} are kept apart"
            )
        return Strategy(
            rule, options=(self.sleep, dice.key("cometbft-beat") >> 1), most_actions=max(1, 2 * topology.largest_degree)
        )
