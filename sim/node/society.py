"""What the nodes of one run share: the wire, the table of contents said so far, and the services below the protocol.

A protocol never sees it. It turns messages into numbers for the core and hands mail and wake-ups to the nodes.
"""

from __future__ import annotations

from array import array
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sim.kernel.dice import Dice
from sim.kernel.errors import ProtocolError
from sim.kernel.loop import VirtualLoop
from sim.kernel.trace import Trace
from sim.net.core.state import FIELDS
from sim.net.network import Network
from sim.node.behind import Behind
from sim.node.following import Following
from sim.node.message import HEADER_BYTES, Certificate, places_of, reader_of, size_of, weight_of
from sim.node.requests import Requests
from sim.node.storage import Storage

if TYPE_CHECKING:
    from sim.node.node import Node
    from sim.node.nodes import Nodes

Wanted = Callable[[Any], bool]
"""Whether a waiting transaction is the proposer's to include."""
_NOT_A_NUMBER = 1 << 40  # names get numbers from here on, so that they never equal a slot or a view


class Society:
    """All nodes of a run and what lies between them and the network."""

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
        self.network, self.loop, self.trace, self.dice = network, loop, trace, dice
        self.route, self.bodies = route, bodies
        self.f, self.quorum_size = faulty_bound, quorum_size
        self.n = network.topology.n
        self.nodes: Nodes
        self.blocks: dict[str, Any] = {}
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
        self.contents: list[Any] = []
        self.spoken = array("q")
        """Everything said: time in ns, who signed, to whom (-1: everybody), and the number of the content; four numbers each."""
        self.lost_votes: list[Any] = []
        """What seats had counted when they crashed, for judging: see `sim.net.tally.forget`."""
        self.votes: dict[tuple[Any, ...], list[int]] = {}
        """The numbers of all votes' contents, by the number of their kind and the value of the first field, oldest first."""
        self.behind: Behind | None = None
        """The data behind blocks, where the scenario names a scheme that keeps it in shares."""
        self.storage: Storage | None = None
        """How off-chain objects are kept, where the scenario names a scheme for them."""
        self._names: dict[Any, int] = {}
        self._kinds: dict[type[Any], int] = {}
        self._asked: dict[type[Any], tuple[int, dict[str, int]]] = {}
        """Of each kind that somebody waited for its number and the places of its fields."""
        network.on_mail = self._mail

    # decisions ------------------------------------------------------------------------------------------------------

    @cached_property
    def following(self) -> Following:
        """The chains that seats follow without being woken, in protocols whose chains fork."""
        return Following(self)

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
        if "following" in self.__dict__:
            self.following.hurry()

    def is_hurried(self) -> bool:
        """Whether somebody must hear of each decision at its instant."""
        return self.trace.is_hurried("decide") or any(tell not in self.patient for tell in self.on_decide)

    def decide_many(self, times: Any, seats: Any, slots: Any, digests: list[str]) -> None:
        """Decisions of several nodes, in order of time: for those who are patient."""
        self.trace.record_many("decide", times, seats, slots, digests)
        for tell in self.on_decide:
            self.patient[tell](times, seats, slots, digests)

    # numbers --------------------------------------------------------------------------------------------------------

    def value(self, value: Any) -> int:
        """A field's value as the core compares it."""
        if type(value) is int:
            return value
        number = self._names.get(value)
        if number is None:
            number = self._names[value] = _NOT_A_NUMBER + len(self._names)
        return number

    def kind(self, kind: type[Any]) -> int:
        """The number of a kind of message."""
        number = self._kinds.get(kind)
        if number is None:
            key: Any = kind
            number = self._kinds[kind] = self.network.kind(key, kind.__name__)
        return number

    def claim(self, kind: type[Any], fields: Mapping[str, Any]) -> tuple[int, int, list[int]]:
        """The number of a kind of message, which of its fields are asked for (a bit set of their places), and their values."""
        known = self._asked.get(kind)
        if known is None:
            asked: Any = kind
            known = self._asked[kind] = (self.kind(kind), places_of(asked))
        number, places = known
        mask, values = 0, [0] * FIELDS
        for name, value in fields.items():
            place = places.get(name, FIELDS)
            if place >= FIELDS:
                there = ", ".join(list(places)[:FIELDS])
                raise ProtocolError(f"{kind.__name__} has no field {name!r} to ask for; there are {there}")
            mask |= 1 << place
            values[place] = value if type(value) is int else self.value(value)
        return number, mask, values

    def intern(self, said: Any) -> int:
        """The number of a message's content."""
        kind: Any = type(said)
        if kind is Certificate:
            return self._intern_certificate(said)
        try:
            read = reader_of(kind)
        except TypeError:
            raise ProtocolError(f"{said!r} is not a message: make its class one with @message or @vote") from None
        key = (kind, read(said))
        number = self.network.message_of(key)
        if number is None:
            number = self._intern_message(said, key)
            self.contents.append(said)
            if getattr(kind, "is_vote", False):
                self.votes.setdefault((self.kind(kind), *key[1][:1]), []).append(number)
        return number

    def number_of(self, said: Any) -> int | None:
        """The number of a message's content if it has been said."""
        kind: Any = type(said)
        return self.network.message_of((kind, reader_of(kind)(said)))

    def _intern_certificate(self, said: Certificate) -> int:
        key = (Certificate, said.number, said.bits.tobytes())
        number = self.network.message_of(key)
        if number is None:
            size_bytes = HEADER_BYTES + size_of(said, self.n)
            options: Any = {"certified": said.number, "signers": said.bits}
            number = self.network.message(key, self.kind(Certificate), (said.number,), size_bytes, **options)
            self.contents.append(said)
        return number

    def _intern_message(self, said: Any, key: tuple[type[Any], tuple[Any, ...]]) -> int:
        kind, contents = key
        values = [value if type(value) is int else self.value(value) for value in contents[:FIELDS]]
        size_bytes, signatures = weight_of(contents, self.n)
        attached = -1
        carried = getattr(kind, "carries", None)
        if carried is not None and self.bodies == "attached":
            block = self.blocks.get(getattr(said, carried))
            if block is not None:
                attached = self.block_item(block)
                size_bytes += block.size_bytes
        return self.network.message(
            key,
            self.kind(kind),
            values,
            size_bytes,
            vote=getattr(kind, "is_vote", False),
            attached=attached,
            checks=signatures,
        )

    def block_item(self, block: Any) -> int:
        """The network's number of a block."""
        item = self.network.item(block.digest, "block", block.size_bytes)
        if self.network.costs.execute_ns:
            self.network.world.items[item]["execute_ns"] = self.network.costs.execute_ns * len(block.transactions)
        return item

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
        self.spoken.extend((self.loop.now_ns, identity, to, number))
        self.network.send(source, to, identity, number)

    def broadcast(self, source: int, identity: int, said: Any) -> None:
        """To everybody, along the scenario's route."""
        number = self.intern(said)
        self.spoken.extend((self.loop.now_ns, identity, -1, number))
        if self.route != "gossip":
            self.network.broadcast(source, identity, number)
            return
        size_bytes = self.network.size_of(number)
        item = self.network.item((number, identity, self.loop.now_ns), "vote", size_bytes, number, identity)
        self.network.publish(source, item)

    def _mail(self, seat: int, signer: int, number: int) -> None:
        self.nodes[seat].inbox.put(signer, self.contents[number])
