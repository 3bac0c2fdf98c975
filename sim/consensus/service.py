"""A replicated service: clients that are no replicas ask for something to be ordered, and believe what f + 1 replicas answer alike.

Castro, Liskov, "Practical Byzantine fault tolerance", OSDI 1999, section 4.1: a client sends its request to the replica whose turn it
is, and to all of them if no answer comes for a while. The replicas agree on blocks of requests by whichever protocol `by` names; each
of them answers by itself, for a client that trusted one of them would trust a liar. So a client sees a decision two delays later than the
leader could: one to ask and one to be told.

The first `replicas` seats run the protocol, the others are clients; a replica's own people ask as clients do, too. Nobody proposes before
it is asked, so let the protocol's patience be longer than the time between requests. Every client is answered on every block, whoever
asked, and so holds the same order as the replicas; it asks again for answers that it missed. Which replica's turn it is a client takes
from the number of blocks that it knows: that is right under a rotation by slot, and elsewhere all are asked after `patience`. Bodies of
requests spread by the scenario's gossip as under any protocol.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from itertools import count
from typing import Any, Literal

from sim.consensus.pbft import PBFT
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Patience
from sim.node.message import message, vote
from sim.node.node import Node
from sim.node.terms import Terms, bounds

MOST_ANSWERS = 128  # blocks on which one question about missed answers is answered


@message
class Request:
    """Please have this transaction ordered."""

    transaction: str


@vote
class Reply:
    """This is the block of a slot, and my answer to each request in it."""

    slot: int
    digest: str
    results: tuple[str, ...]


@message
class Missed:
    """I have no answers on this slot and later ones."""

    slot: int


@part
class Service:
    """Clients outside the replicas of another protocol: a request to one of them, an answer from each."""

    by: Any = field(default=PBFT(), metadata={"group": "consensus"})  # how replicas agree, e.g. { kind = "jolteon" }
    replicas: Count | None = None  # how many seats are replicas, the first ones; none: all but the last
    ask: Literal["one", "all"] = "one"  # whom a client asks first: whose turn it is, or every replica, as in BFT-SMaRt
    idle: bool = False  # whether blocks are made while nobody asks, as protocols need in which later blocks make earlier ones final
    patience: Patience = 4_000_000_000  # how long a client waits before it asks every replica, and again for missed answers

    def check(self) -> None:
        """Decisions are certain."""
        if getattr(self.by, "finality", "certain") == "probable" or not hasattr(self.by, "ballots"):
            raise ScenarioError("clients believe f + 1 equal answers; name a protocol of quorums such as pbft or jolteon", "by")

    @property
    def no_lie(self) -> Mapping[str, str]:
        """As the protocol among the replicas."""
        known: Mapping[str, str] = getattr(self.by, "no_lie", {})
        return known

    @property
    def routes(self) -> tuple[str, ...]:
        """Replicas speak to replicas alone."""
        return ("direct",)

    def fits(self, terms: Terms) -> str:
        """Whether the protocol can work on these terms."""
        judge = getattr(self.by, "fits", None)
        return "" if judge is None else str(judge(terms))

    async def run(self, node: Node) -> None:
        """Be a replica or a client."""
        replicas = node.n - 1 if self.replicas is None else self.replicas
        if not 1 <= replicas < node.n:
            raise ScenarioError(
                f"there are {node.n} seats; write from 1 to {node.n - 1}, for the others are clients", "consensus.replicas"
            )
        client = Client(self, node, replicas)
        node.spawn(client.ask())
        node.spawn(client.remind())
        if node.id >= replicas:
            await client.follow()
        replica = Replica(client, self.by)
        for duty in (replica.take_requests, replica.answer_again):
            node.spawn(duty())
        seen: Any = replica
        await self.by.run(seen)


class Replica:
    """A node as one of `replicas`: the protocol knows no other seats. All else is the node's own.

    `client` asks for its own people, as anybody else's would: of the replica whose turn it is, not of it alone.
    """

    def __init__(self, client: Client, protocol: Any) -> None:
        node = client.node
        self._node, self._client, self.n, self._idle = node, client, client.replicas, client.rules.idle
        self.f, self.quorum_size = bounds(protocol, self.n)
        self.peers = tuple(peer for peer in range(self.n) if peer != node.id)
        self._asked: dict[str, None] = node.keep.setdefault("asked", {})
        self._news = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._node, name)

    def broadcast(self, message: Any, *, centre: int | None = None, need: int | None = None) -> None:
        """To every replica, itself included."""
        for peer in range(self.n):
            self._node.send(peer, message)

    def decide(self, slot: int, digest: str) -> None:
        """The order is settled: say so to every client (4.1, REPLY)."""
        self._node.decide(slot, digest)
        ordered = [one.id for one in self._node.block(digest).transactions]
        self._client.hear(slot, digest, ordered)
        for transaction in ordered:
            self._asked.pop(transaction, None)
        for client in range(self.n, self._node.n):
            self._node.send(client, self._reply(slot, digest))

    def _reply(self, slot: int, digest: str) -> Reply:
        return Reply(slot, digest, tuple(one.id for one in self._node.block(digest).transactions))

    async def next_batch(self, parent: str | None = None) -> Any:
        """A block of what was asked for here; unless blocks are made for nothing too, once there is something."""
        while not (self._idle or any(self.waiting())):
            self._news.clear()
            await self._news.wait()
        return await self._node.next_batch(parent, self._is_asked)

    def waiting(self) -> Iterator[Any]:
        """What was asked for here and is not ordered, oldest first."""
        return filter(self._is_asked, self._node.waiting())

    def _is_asked(self, transaction: Any) -> bool:
        return transaction.id in self._asked

    async def take_requests(self) -> None:
        """Remember what clients ask for."""
        while True:
            transaction = (await self._node.receive(Request)).message.transaction
            self._asked[transaction] = None
            self._node.spawn(self._once_it_is_here(transaction))

    async def _once_it_is_here(self, transaction: str) -> None:
        """Its body may come later than the request."""
        while all(one.id != transaction for one in self._node.waiting()):
            if transaction not in self._asked:
                return
            await self._node.sleep(1_000_000)
        self._news.set()

    async def answer_again(self) -> None:
        """Tell clients of blocks on which they missed the answers."""
        while True:
            mail = await self._node.receive(Missed)
            since = mail.message.slot
            for slot, digest in enumerate(self._client.known[since : since + MOST_ANSWERS], since):
                self._node.send(mail.sender, self._reply(slot, digest))


class Client:
    """A seat that asks; one that is no replica is answered."""

    def __init__(self, rules: Service, node: Node, replicas: int) -> None:
        self.rules, self.node, self.replicas = rules, node, replicas
        self.enough = bounds(rules.by, replicas)[0] + 1
        self.known: list[str] = node.keep.setdefault("known", [])
        self.open: dict[str, None] = node.keep.setdefault("open", {})

    async def ask(self) -> None:
        """Send each request to the replica whose turn it is, or to all."""
        while True:
            request = (await self.node.next_request()).id
            self.open[request] = None
            turn = len(self.known) % self.replicas
            for replica in (turn,) if self.rules.ask == "one" else range(self.replicas):
                self.node.send(replica, Request(request))

    async def remind(self) -> None:
        """What is not ordered after a while is asked of every replica, and what was missed once more."""
        while True:
            before, length = list(self.open), len(self.known)
            await self.node.sleep(self.rules.patience)
            late = [Request(one) for one in before if one in self.open]
            missed = [Missed(length)] if late and len(self.known) == length and self.node.id >= self.replicas else []
            for said in (*late, *missed):
                for replica in range(self.replicas):
                    self.node.send(replica, said)

    async def follow(self) -> None:
        """Believe what f + 1 replicas say alike, slot after slot."""
        for slot in count(len(self.known)):
            told = (await self.node.quorum(Reply, self.enough, slot=slot)).message
            self.hear(slot, told.digest, told.results)
            self.node.decide(slot, told.digest)
            self.node.spawn(self.node.fetch(told.digest, self.rules.patience // 8))  # the block itself, for its own books

    def hear(self, slot: int, digest: str, ordered: Iterable[str]) -> None:
        """What was asked for stands in the block of a slot."""
        if slot == len(self.known):
            self.known.append(digest)
        for request in ordered:
            self.open.pop(request, None)
