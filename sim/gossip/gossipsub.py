"""GossipSub v1.1 with v1.2's IDONTWANT: eager push over a mesh, gossip about the rest, scores against misbehaviour.

Specifications: libp2p/specs, pubsub/gossipsub, gossipsub-v1.0.md, v1.1.md and v1.2.md. Defaults: go-libp2p-pubsub. Vyzovitis
et al., "GossipSub: attack-resilient message propagation in the Filecoin and ETH2.0 networks", 2020.

Cost: each link of the mesh carries a body once or twice, so a seat gets about D - 2 copies more than it needs (validation
V22), fewer where IDONTWANT comes in time; beside it, lists of ids to `d_lazy` neighbours in each heartbeat that has news.

What differs from a real network: one topic, to which all subscribe; the connections are the topology's links, so there is
no peer exchange, and P5 (application) and P6 (addresses) do not exist. What a graylisted neighbour sends crosses the downlink and
is not looked at. A neighbour that has crashed
stays in the mesh, as no connection is seen to break, until P3 finds it silent. With CPU costs on, IDONTWANT leaves after
the check of the body, not before it. A heartbeat announces at most the 960 newest ids.

P3 wants care, here as in the field: it punishes whoever has nothing to deliver, so it needs a topic in which many publish.
With one or two publishers their neighbours are always late, seats prune honest peers, and the mesh falls apart.
"""

from __future__ import annotations

from dataclasses import field

from sim.gossip.gossipsub_rule import MOST_LISTS, SLOT_BITS, SPAN, rule
from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration, Share, Size
from sim.net.gossipsub_mesh import LINK_WORDS, MOST, ONE, OPTIONS, UNSCORED_LINK_WORDS, WINDOWS
from sim.net.strategy import Strategy
from sim.net.topology import Topology

MOST_MEMORY_WORDS = 2**28


@part
class GossipSub:
    """Push bodies over a mesh of about `d` neighbours, tell others what came of late; without weights nobody is scored."""

    d: Count = 6  # size of the mesh that is aimed at
    d_low: Count = 5  # graft below
    d_high: Count = 12  # prune above
    d_lazy: Count = 6  # least neighbours outside the mesh that are told what came of late
    d_out: Count = 2  # least members of the mesh whose connection this seat opened itself
    d_score: Count = 4  # members that stay for their score when the mesh is pruned
    heartbeat: Duration = 1_000_000_000  # time between two rounds of upkeep
    gossip_factor: Share = 0.25  # share of the neighbours outside the mesh that are told, if more than `d_lazy`
    history_length: Count = 5  # heartbeats for which a body can be asked for
    history_gossip: Count = 3  # heartbeats for which it is announced
    flood_publish: bool = False  # send what one publishes to all neighbours, not to the mesh only
    prune_backoff: Duration = 60_000_000_000  # how long no GRAFT may follow a PRUNE
    retransmissions: Count = 3  # how often a neighbour may ask for the same body
    most_ihave: Count = 10  # announcements of one neighbour that are read between two heartbeats
    most_iwant: Count = 5000  # ids asked of one neighbour between two heartbeats
    followup: Duration = 3_000_000_000  # an announced body that has not come by then is a broken promise
    idontwant: Size = 1024  # on bodies of at least this size, tell the mesh not to send another copy
    idontwant_lasts: Count = 3  # heartbeats for which that is remembered
    control_size: Size = 44  # bytes of a control packet with its topic, without ids
    id_size: Size = 40  # bytes of a message's id; go-libp2p: peer and sequence number
    mesh_weight: float = 0.0  # P1: points for each quantum in the mesh
    mesh_quantum: Duration = 1_000_000_000
    mesh_cap: Count = 300  # most quanta that count
    first_weight: float = 0.0  # P2: points for each item first heard from this neighbour
    first_decay: Share = 0.99  # what is left of P2 after each `decay_every`
    first_cap: Count = 100
    deliveries_weight: float = field(default=0.0, metadata={"signed": True})  # P3, P3b: points for the square of what is missing
    deliveries_due: Count = 0  # items a member of the mesh should have delivered, first or within the window
    deliveries_decay: Share = 0.97
    deliveries_cap: Count = 100
    deliveries_window: Duration = 2_000_000_000  # how long after the first copy another one counts
    activation: Duration = 30_000_000_000  # P3 does not count before so long in the mesh
    behaviour_weight: float = field(default=0.0, metadata={"signed": True})  # P7: points for the square of the penalties
    behaviour_free: Count = 0  # penalties that cost nothing
    behaviour_decay: Share = 0.99
    invalid_weight: float = field(
        default=0.0, metadata={"signed": True}
    )  # P4: points for the square of the bodies that failed their check
    invalid_decay: Share = 0.99
    decay_every: Count = 1  # heartbeats
    gossip_threshold: float = field(default=0.0, metadata={"signed": True})  # no gossip to or from neighbours below
    publish_threshold: float = field(default=0.0, metadata={"signed": True})  # no flooded items to neighbours below
    graylist_threshold: float = field(default=0.0, metadata={"signed": True})  # control packets of neighbours below are not read
    opportunistic_threshold: float = field(
        default=0.0, metadata={"signed": True}
    )  # graft better ones if the mesh's median is lower
    opportunistic_every: Count = 60  # heartbeats
    opportunistic_peers: Count = 2

    def check(self) -> None:
        """The mesh's sizes are in order, every number fits the rule's arithmetic."""
        if not self.d_out <= self.d_low <= self.d <= self.d_high or self.d_score > self.d or self.d < 1:
            raise ScenarioError("the mesh needs d_out <= d_low <= d <= d_high and d_score <= d, and d at least 1")
        if self.slots > SLOT_BITS:
            raise ScenarioError(
                f"a mesh of more than {SLOT_BITS - 4} (d_high, d_out and opportunistic_peers together) is too large"
            )
        for name in ("heartbeat", "history_gossip", "mesh_quantum", "decay_every", "opportunistic_every"):
            if getattr(self, name) == 0:
                raise ScenarioError("0 was given, at least 1 is wanted", name)
        for name in ("mesh_weight", "first_weight", "deliveries_weight", "behaviour_weight", "invalid_weight"):
            if abs(getattr(self, name)) > 1000:
                raise ScenarioError("a weight lies between -1000 and 1000", name)
        for name in ("deliveries_weight", "behaviour_weight", "invalid_weight"):
            if getattr(self, name) > 0:
                raise ScenarioError("this weight punishes and is at most 0", name)
        for name in ("mesh_cap", "first_cap", "deliveries_cap", "deliveries_due", "behaviour_free"):
            if getattr(self, name) > MOST // ONE:
                raise ScenarioError(f"at most {MOST // ONE} can be counted", name)

    @property
    def slots(self) -> int:
        """Room in a mesh: `d_high`, and what outbound and opportunistic grafts may add."""
        return self.d_high + self.d_out + self.opportunistic_peers + 4

    @property
    def scored(self) -> bool:
        """Whether any weight is set."""
        return any((self.mesh_weight, self.first_weight, self.deliveries_weight, self.behaviour_weight, self.invalid_weight))

    def options(self, key: int) -> tuple[int, ...]:
        """The rule's options, in the order of `sim.net.gossipsub_mesh`."""
        mesh = (key, self.slots, self.d, self.d_low, self.d_high, self.d_lazy, self.d_out, self.d_score, self.heartbeat)
        gossip = (round(self.gossip_factor * ONE), self.history_length, self.history_gossip, int(self.flood_publish))
        limits = (self.prune_backoff, self.retransmissions, self.most_ihave, self.most_iwant, self.followup)
        sizes = (self.idontwant, self.idontwant_lasts, self.control_size, self.id_size)
        times = (self.opportunistic_every, self.opportunistic_peers, int(self.scored), self.mesh_quantum)
        more = (self.activation, self.deliveries_window, self.decay_every)
        shares = (
            *(self.mesh_weight, self.mesh_cap, self.first_weight, self.first_cap, self.first_decay),
            *(self.deliveries_weight, self.deliveries_due, self.deliveries_cap, self.deliveries_decay, self.deliveries_decay),
            *(self.behaviour_weight, self.behaviour_free, self.behaviour_decay),
            *(self.gossip_threshold, self.publish_threshold, self.graylist_threshold, self.opportunistic_threshold),
            *(self.invalid_weight, self.invalid_decay),
        )
        found = (*mesh, *gossip, *limits, *sizes, *times, *more, *(round(share * ONE) for share in shares))
        assert len(found) == OPTIONS
        return found

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        degree = topology.largest_degree
        words = WINDOWS + 2 * self.history_gossip + self.slots + degree * (LINK_WORDS if self.scored else UNSCORED_LINK_WORDS)
        if words * topology.n > MOST_MEMORY_WORDS:
            raise ScenarioError(f"{topology.n} seats that remember up to {degree} neighbours each do not fit in memory")
        told = max(self.d_lazy, int(self.gossip_factor * degree) + 1)
        upkeep = 1 + 2 * self.slots + self.d + self.d_out + self.opportunistic_peers + MOST_LISTS * min(told, degree)
        return Strategy(
            rule,
            options=(*self.options(dice.key("gossipsub") >> 1), degree),
            memory_words=words,
            most_actions=max(upkeep, SPAN, 2 * self.slots, degree),
            starts=True,
            tells_copies=self.deliveries_weight != 0,
            screens=self.scored,
        )


@part
class GossipSubEthereum(GossipSub):
    """GossipSub as Ethereum's consensus clients run it, with the scores of a topic of blocks.

    Mesh and heartbeat: consensus-specs, p2p-interface. Thresholds: Lighthouse. Weights: Prysm's for `beacon_block`, which
    leaves P3 at 0.
    """

    d: Count = 8
    d_low: Count = 6
    heartbeat: Duration = 700_000_000
    history_length: Count = 6
    control_size: Size = 48
    id_size: Size = 20
    mesh_weight: float = 0.0267  # 0.8 (the topic's weight) * 10 points / 300 quanta
    mesh_quantum: Duration = 12_000_000_000
    first_weight: float = 0.8
    first_decay: Share = 0.9928
    first_cap: Count = 23
    activation: Duration = 48_000_000_000
    behaviour_weight: float = field(default=-15.92, metadata={"signed": True})
    behaviour_free: Count = 6
    behaviour_decay: Share = 0.9857
    invalid_weight: float = field(default=-112.36, metadata={"signed": True})  # 0.8 * -140.4475
    invalid_decay: Share = 0.9971  # to 1 % in 50 epochs
    decay_every: Count = 17  # about a slot of 12 s
    gossip_threshold: float = field(default=-4000.0, metadata={"signed": True})
    publish_threshold: float = field(default=-8000.0, metadata={"signed": True})
    graylist_threshold: float = field(default=-16000.0, metadata={"signed": True})
    opportunistic_threshold: float = field(default=5.0, metadata={"signed": True})
