"""Transactions on their way from a seat's clients to its node, for protocols in which the node acts for them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.node.node import Node


class Requests:
    """One queue per seat that has ever asked; what others' clients submit is not kept."""

    def __init__(self) -> None:
        self._queues: dict[int, deque[Any]] = {}
        self._news: dict[int, asyncio.Event] = {}

    def put(self, seat: int, transaction: Any) -> None:
        """A client has submitted something at a seat."""
        if seat in self._queues:
            self._queues[seat].append(transaction)
            self._news[seat].set()

    async def next(self, seat: int) -> Any:
        """The oldest that the seat's node has not taken."""
        queue = self._queues.setdefault(seat, deque())
        news = self._news.setdefault(seat, asyncio.Event())
        while not queue:
            news.clear()
            await news.wait()
        return queue.popleft()


def pass_on(node: Node, to: int, transaction: Any) -> None:
    """Send a whole transaction to one node, which then has it as if its own client had submitted it."""
    network = node.society.network
    network.hand_over(node.seat, to, network.item(transaction.id, "tx", transaction.size_bytes))
