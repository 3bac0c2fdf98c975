"""What an ordering protocol sees of a node: the orderers alone, and transactions that are endorsed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sim.node.node import Node
from sim.node.terms import bounds


class Ordering:
    """A node as one of `count` orderers: whoever orders knows no other seats. All else is the node's own."""

    def __init__(self, node: Node, protocol: Any, count: int, envelopes: dict[str, Any], commit: Any) -> None:
        self._node, self._envelopes, self._commit = node, envelopes, commit
        self.n = count
        self.f, self.quorum_size = bounds(protocol, count)
        self.peers = tuple(peer for peer in range(count) if peer != node.id)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._node, name)

    def broadcast(self, message: Any, *, centre: int | None = None, need: int | None = None) -> None:
        """To every orderer, itself included."""
        for peer in range(self.n):
            self._node.send(peer, message)

    def decide(self, slot: int, digest: str) -> None:
        """The order is settled; what is valid in it is the pipeline's to say."""
        self._commit(slot, digest)

    async def next_batch(self, parent: str | None = None) -> Any:
        """A block of endorsed transactions, each with its envelope."""
        block = await self._node.next_batch(parent, self._endorsed)
        seals = tuple(self._envelopes[transaction.id] for transaction in block.transactions)
        return replace(block, seals=seals) if seals else block

    def waiting(self) -> Iterator[Any]:
        """The endorsed transactions that are not ordered, oldest first."""
        return filter(self._endorsed, self._node.waiting())

    def _endorsed(self, transaction: Any) -> bool:
        return transaction.id in self._envelopes
