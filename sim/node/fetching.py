"""How a node comes by a block it was told of: the body, and where a scheme demands it the certainty that the data behind is there."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from types import coroutine
from typing import TYPE_CHECKING, Any

from sim.kernel.strand import PAUSED
from sim.net.core.state import HOLD

if TYPE_CHECKING:
    from sim.node.node import Node

AGAIN_NS = 1_000_000_000  # a body that has not come by itself is asked for again and again after this long


@coroutine
def held(node: Node, item: int, what: str, digest: str) -> Generator[object, Any, None]:
    """Wait in the core until the node's seat holds an item; `what` and `digest` tell of it in a stuck run."""
    network, loop = node.society.network, node.society.loop
    if network.holds(node.seat, item):
        return
    probe = network.watch(node.seat, HOLD, 0, 1, 1, (item,), loop.strand.wake)
    node._pending[probe] = (what, 1, {"of": digest})
    try:
        yield PAUSED
    finally:
        del node._pending[probe]
        network.unwatch(probe)


def usable(node: Node, digest: str) -> bool:
    """Whether a block is here and nothing forbids to act on it."""
    society = node.society
    if not society.network.holds(node.seat, society.network.item(digest, "block", 0)):
        return False
    return society.behind is None or society.behind.confirmed(node, digest)


async def brought(node: Node, digest: str, ask_after_ns: int) -> None:
    """Wait for a body that is not here, and ask for it now and then."""
    network = node.society.network
    item = network.item(digest, "block", 0)
    turn = 0
    while not network.holds(node.seat, item):
        try:
            async with node.timeout(ask_after_ns if turn == 0 else AGAIN_NS):
                await held(node, item, "body", digest)
        except TimeoutError:
            network.ask(node.seat, node.peers[node.dice.below(node.n - 1, "ask", node.seat, item, turn)], item)
            turn += 1


def ask_for_all(node: Node, peer: int, digests: Iterable[str]) -> None:
    """Ask one peer for every block of these that is not here: they come as fast as its line carries them, not one a round trip."""
    network = node.society.network
    for digest in digests:
        item = network.item(digest, "block", 0)
        if not network.holds(node.seat, item):
            network.ask(node.seat, peer, item)
