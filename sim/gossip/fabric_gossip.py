"""Fabric gossip: the leader of each organisation takes blocks from an orderer; push, pull and state transfer bring them to its peers.

Hyperledger Fabric's block gossip (docs/source/gossip.rst; sampleconfig/core.yaml, whose defaults these are), switched off by
default in Fabric 3. An organisation is a region of the topology. A peer that gets a block from the stream or
by push sends it to `push` peers of its organisation after `burst`. Every `pull_every` it asks `pull` peers for digests, waits
`digest_wait`, and requests what it lacks of the newest `stored` blocks. Every `state_every` it tells `pull` peers of any organisation its height;
every `check_every` it asks the highest it heard of for `batch` blocks that it lacks. Leaders say that they live; after
`leader_alive` of silence the peers propose themselves, and after `election` the one that heard of no smaller one leads.

Push with fanout k leaves a share x = exp(-k (1 - x)) of an organisation to the pull (validation V23: 6 % with 3): the heavy
tail measured by Berendea et al., "Fair and efficient gossip in Hyperledger Fabric", ICDCS 2020.

Simplified: heights are counts of blocks; the first peer of each organisation leads from the start; the publisher's copies to the
other orderers stand for the replication that consensus does; digests and lists of lacking blocks are as of when they were sent.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from sim.gossip.fabric_rule import MOST_DIGESTS, TABLE, rule
from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration
from sim.net.choose import choose
from sim.net.strategy import Strategy
from sim.net.topology import Topology


@part
class FabricGossip:
    """Organisations' leaders stream blocks from the orderers; push, pull and state transfer spread them among their peers."""

    orderers: object = 5  # the ordering service: a count, a share, names, a role or a region; all others are peers
    push: Count = 3  # peers of the organisation to which a new block is pushed
    burst: Duration = 10_000_000  # how long a block waits for others before it is pushed
    pull: Count = 3  # peers asked for digests, and told the height; at most 16
    pull_every: Duration = 4_000_000_000
    digest_wait: Duration = 1_000_000_000  # from asking for digests to requesting blocks
    stored: Count = 10  # newest blocks that digests tell of
    state_every: Duration = 4_000_000_000  # between two tellings of the height
    check_every: Duration = 10_000_000_000  # between two comparisons of the own height with the greatest heard of
    batch: Count = 10  # blocks in one state transfer
    leader_alive: Duration = 10_000_000_000  # silence of a leader after which peers propose themselves
    election: Duration = 5_000_000_000  # from proposing to deciding

    def check(self) -> None:
        """Clocks tick, and digests fit."""
        for key in ("pull_every", "state_every", "check_every", "leader_alive"):
            if getattr(self, key) < 1_000_000:
                raise ScenarioError("the peers would do nothing else; give at least 1 ms", key)
        if self.pull > MOST_DIGESTS:
            raise ScenarioError(f"at most {MOST_DIGESTS} digests are compared, not {self.pull}", "pull")

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        try:
            orderers = choose(self.orderers, topology, dice, "fabric-orderers")
        except ScenarioError as error:
            raise ScenarioError(error.sentence, "orderers") from None
        if not orderers:
            raise ScenarioError("without an orderer no block is delivered; give at least 1", "orderers")
        n = topology.n
        places = {seat: place for place, seat in enumerate(orderers)}
        peers = sorted((seat for seat in range(n) if seat not in places), key=lambda seat: (topology.regions[seat], seat))
        regions = [topology.regions[seat] for seat in peers]
        bounds = [(bisect_left(regions, region), bisect_right(regions, region)) for region in topology.regions]
        keys = (self.push, self.burst, self.pull, self.pull_every, self.digest_wait, self.stored, self.state_every)
        more = (self.check_every, self.batch, self.leader_alive, self.election, dice.key("fabric-gossip") >> 1)
        pad = [0] * len(orderers)
        lists = (*orderers, *[0] * len(peers), *(places.get(seat, -1) for seat in range(n)), *peers, *pad)
        options = (*keys, *more, len(orderers), len(peers), *lists, *(edge for pair in bounds for edge in pair))
        words = TABLE + max(2 * MOST_DIGESTS, n // 62 + 1)
        most = 2 * n + 8 + max(self.batch, self.stored)
        return Strategy(rule, options=options, memory_words=words, most_actions=most, starts=True)
