"""Chains that have come to a stop: their nodes compare heads, as they would on a new connection."""

from __future__ import annotations

from sim.consensus.forking.forest import Forest
from sim.node.message import message


@message
class Head:
    """What a node follows whose chain has come to a stop: who follows another one can compare."""

    digest: str


async def compare(forest: Forest, quiet_ns: int) -> None:
    """Tell the others this node's head whenever it has not changed for so long, and look at theirs, for ever."""
    node = forest.node
    node.spawn(_heads(forest))
    while True:
        head = forest.head
        await node.sleep(quiet_ns)
        if forest.head == head != node.genesis:
            node.broadcast(Head(head))


async def _heads(forest: Forest) -> None:
    while True:
        mail = await forest.node.receive(Head)
        if mail.message.digest in forest.node.society.blocks:
            forest.hear(mail.message.digest)
