"""Eclipse: Sybils take the places of a victim's honest neighbours, crowd into its mesh, and keep the world from it.

Heilman et al., "Eclipse attacks on Bitcoin's peer-to-peer network", USENIX Security 2015, for filling a victim's inbound slots;
the mesh takeover by a flood of GRAFTs is the one that GossipSub v1.1 guards against with outbound quotas (go-libp2p-pubsub,
`handleGraft`; Vyzovitis et al. 2020, section 5). To all others the Sybils are good neighbours, so nobody else notices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Duration, Share, Size
from sim.net.bending import bend, bent, mark, say
from sim.net.choose import seats_called
from sim.net.core.state import DIALS, SHUNS, SILENCES
from sim.net.gossipsub_mesh import GRAFT
from sim.net.topology import Topology, relinked
from sim.node.surroundings import Surroundings


@part
class Eclipse:
    """Take `takes` of the target's connections, tell it nothing, pass on nothing that it says; with gossipsub also take its mesh."""

    target: str  # the name of the victim
    takes: Share = 1.0  # share of its connections that lead to the adversary, as far as there are seats enough
    graft_every: Duration = 1_000_000_000  # how often each Sybil asks into the victim's mesh; 0: never. Only gossipsub has one
    graft_size: Size = 44  # bytes of such a packet

    def fits(self, world: Surroundings) -> None:
        """The victim exists, and is not the adversary's own."""
        self._victim(world.topology)

    def spares(self, topology: Topology, dice: Dice) -> tuple[int, ...]:
        """Whom a count or a share of seats leaves out: the victim is not drawn into the adversary's own ranks."""
        return (self._victim(topology),)

    def rewire(self, topology: Topology, seats: Sequence[int], dice: Dice) -> Topology:
        """The network in which Sybils have dialled the victim until so many of its connections are theirs.

        Honest links of the victim, drawn at random, give way. Raises ScenarioError where the rest would fall apart.
        """
        victim = self._victim(topology)
        if victim in seats:
            raise ScenarioError(f"{self.target!r} is among the adversary's own seats; name another one", "target")
        near = [int(peer) for peer in topology.neighbours_of(victim)]
        theirs = [peer for peer in near if peer in seats]
        fresh = [seat for seat in seats if seat not in near]
        wanted = min(round(self.takes * len(near)) - len(theirs), len(fresh))
        if wanted <= 0:
            return topology
        honest = [peer for peer in near if peer not in seats]
        given_up = [honest[place] for place in dice.choice(wanted, len(honest), "eclipse", victim)]
        dialling = [fresh[place] for place in dice.choice(wanted, len(fresh), "sybils", victim)]
        return relinked(topology, [(victim, peer) for peer in given_up], [(victim, peer) for peer in dialling], "kind")

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Close the ring."""
        network, loop = world.society.network, world.society.loop
        victim = self._victim(world.topology)
        group = mark(network, (victim,))
        world.society.trace.record("target", victim, "eclipse")
        near = frozenset(world.topology.neighbours_of(victim).tolist())
        ring = [seat for seat in seats if seat in near]
        over: list[bool] = []
        for seat in seats:
            network.set_flag(seat, DIALS, True)
            for column in (SHUNS, SILENCES):
                bend(network, seat, column, bent(network, seat, column) | group)

        def crowd() -> None:
            if over:
                return
            for seat in ring:
                say(network, seat, victim, GRAFT, self.graft_size)
            loop.call_at_ns(loop.now_ns + self.graft_every, crowd)

        def release() -> None:
            over.append(True)
            for seat in seats:
                network.set_flag(seat, DIALS, False)
                for column in (SHUNS, SILENCES):
                    bend(network, seat, column, bent(network, seat, column) & ~group)

        if self.graft_every and world.gossip.startswith("gossipsub"):
            loop.call_at_ns(loop.now_ns + 1, crowd)
        return release

    def _victim(self, topology: Topology) -> int:
        found = seats_called(self.target, topology)
        if len(found) != 1:
            raise ScenarioError(f"{self.target!r} names {len(found)} seats; an eclipse has one victim", "target")
        return found[0]
