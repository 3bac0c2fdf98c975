"""What the nodes of one run share: the wire, the table of contents said so far, and the services below the protocol.

A protocol never sees it. It turns messages into numbers for the core and hands mail and wake-ups to the nodes.
"""

from __future__ import annotations

from array import array
from collections.abc import Awaitable, Callable, Iterator
from struct import Struct
from typing import TYPE_CHECKING, Any

from sim.kernel.dice import Dice
from sim.kernel.loop import VirtualLoop
from sim.kernel.trace import Trace
from sim.net.network import Network
from sim.node.behind import Behind
from sim.node.following import Following
from sim.node.requests import Requests
from sim.node.sayings import Sayings
from sim.node.storage import Storage

if TYPE_CHECKING:
    from sim.node.node import Node
    from sim.node.nodes import Nodes

_SAYING = Struct("=4q").pack
Wanted = Callable[[Any], bool]
"""Whether a waiting transaction is the proposer's to include."""


class Society(Sayings):
    """All nodes of a run and what lies between them and the network."""

    __slots__ = (
        "_following",
        "accepts",
        "batch",
        "behind",
        "block_interval_ns",
        "dice",
        "f",
        "loop",
        "lost_votes",
        "nature",
        "next_batch",
        "next_bundle",
        "nodes",
        "on_decide",
        "on_revoke",
        "patient",
        "quorum_size",
        "requests",
        "route",
        "spoken",
        "storage",
        "trace",
        "waiting",
        "withholds",
    )

    def __init__(
        self,
        network: Network,
        loop: VirtualLoop,
        trace: Trace,
        dice: Dice,
        *,
        route: str = "direct",
        bodies: str = "gossip",
        faulty_bound: int,
        quorum_size: int,
    ) -> None:
        super().__init__(network, bodies)
        self.loop, self.trace, self.dice = loop, trace, dice
        self.route = route
        self.f, self.quorum_size = faulty_bound, quorum_size
        self.nodes: Nodes
        self.requests = Requests()
        self.next_batch: Callable[..., Awaitable[Any]] | None = None
        self.next_bundle: Callable[[Node, int, Callable[[], tuple[str, ...]], Wanted | None], Awaitable[Any]] | None = None
        self.batch: Any = None
        self.waiting: Callable[[Node], Iterator[Any]] | None = None
        self.block_interval_ns = 0
        """The scenario's `block_interval`, for protocols whose blocks come by lot or by the clock."""
        self.accepts: Callable[[Node, Any, str | None], bool] | None = None
        self.on_decide: list[Callable[[int, int, str], None]] = []
        self.patient: dict[Callable[[int, int, str], None], Callable[..., None]] = {}
        self.on_revoke: list[Callable[[int, int, str], None]] = []
        self.withholds: dict[int, Callable[[Any, Any], bool]] = {}
        """By seat, an adversary's say over (block, message) that its node publishes: True keeps the block at home."""
        self.nature: dict[str, Any] = {}
        """What a protocol keeps of one run that is true for everybody whoever knows it, such as who has won a lottery."""
        self.spoken = array("q")
        """Everything said: time in ns, who signed, to whom (-1: everybody), and the number of the content; four numbers each."""
        self.lost_votes: list[Any] = []
        """What seats had counted when they crashed, for judging: see `sim.net.tally.forget`."""
        self.behind: Behind | None = None
        """The data behind blocks, where the scenario names a scheme that keeps it in shares."""
        self.storage: Storage | None = None
        """How off-chain objects are kept, where the scenario names a scheme for them."""
        self._following: Following | None = None
        network.on_mail = self._mail

    # decisions ------------------------------------------------------------------------------------------------------

    @property
    def following(self) -> Following:
        """The chains that seats follow without being woken, in protocols whose chains fork."""
        if self._following is None:
            self._following = Following(self)
        return self._following

    def forget_following(self) -> None:
        """The run is over."""
        self._following = None

    def hear_decisions(self, tell: Callable[[int, int, str], None], many: Callable[..., None] | None = None) -> None:
        """Call `tell(seat, slot, digest)` at each decision; `many(times, seats, slots, digests)` for those that may come together."""
        self.on_decide.append(tell)
        if many is not None:
            self.patient[tell] = many
        else:
            self.hurry_decisions(tell)

    def hurry_decisions(self, tell: Callable[[int, int, str], None]) -> None:
        """From now on `tell` must hear of each decision at its instant."""
        self.patient.pop(tell, None)
        if self._following is not None:
            self._following.hurry()

    def is_hurried(self) -> bool:
        """Whether somebody must hear of each decision at its instant."""
        return self.trace.is_hurried("decide") or any(tell not in self.patient for tell in self.on_decide)

    def decide_many(self, times: Any, seats: Any, slots: Any, digests: list[str]) -> None:
        """Decisions of several nodes, in order of time: for those who are patient."""
        self.trace.record_many("decide", times, seats, slots, digests)
        for tell in self.on_decide:
            self.patient[tell](times, seats, slots, digests)

    # blocks ---------------------------------------------------------------------------------------------------------

    def publish(self, node: Node, block: Any, saying: Any) -> str:
        """Make a node's block known; `saying` is heard with it wherever it goes, or brings it where bodies are attached."""
        digest: str = block.digest
        if digest not in self.blocks:
            self.blocks[digest] = block
            self.trace.record("publish", node.seat, digest, block.size_bytes, "block")
        if node.seat in self.withholds and self.withholds[node.seat](block, saying):
            return digest
        item = self.block_item(block)
        if saying is None:
            self.network.publish(node.seat, item, self.bodies == "gossip")
        elif self.bodies == "attached" or node.outbound:
            self.network.publish(node.seat, item, self.bodies == "gossip")
            node.broadcast(saying)
        else:
            self.speaks(item, saying, node.id)
            self.network.publish(node.seat, item)
        if self.behind is not None:
            self.behind.accompany(node.seat, digest, item)
        return digest

    def speaks(self, item: int, said: Any, signer: int) -> None:
        """From now on whoever comes to hold the item hears this message with it."""
        row = self.network.world.items[item]
        row["message"], row["signer"] = self.intern(said), signer

    # traffic --------------------------------------------------------------------------------------------------------

    def send(self, source: int, to: int, identity: int, said: Any) -> None:
        """Put one copy on the wire, signed by the identity of the seat."""
        number = self.intern(said)
        self.spoken.frombytes(_SAYING(self.loop.now_ns, identity, to, number))
        self.network.send(source, to, identity, number)

    def broadcast(self, source: int, identity: int, said: Any) -> None:
        """To everybody, along the scenario's route."""
        number = self.intern(said)
        self.spoken.frombytes(_SAYING(self.loop.now_ns, identity, -1, number))
        if self.route != "gossip":
            self.network.broadcast(source, identity, number)
            return
        size_bytes = self.network.size_of(number)
        item = self.network.item((number, identity, self.loop.now_ns), "vote", size_bytes, number, identity)
        self.network.publish(source, item)

    def _mail(self, seat: int, signer: int, number: int) -> None:
        node = self.nodes.made.get(seat) or self.nodes[seat]
        node.inbox.put(signer, self.contents[number])
