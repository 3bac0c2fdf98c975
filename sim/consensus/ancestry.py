"""How a node fetches a block together with all that it lacks below it, where a block names its parent and nothing else.

One parent after another costs a round trip a block, so whoever was away for long asks a peer what lies below, and then for all those
bodies together. A name is the digest of what it names: a peer that tells wrong names gets nobody to believe anything, and costs time.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from sim.node.either import either
from sim.node.fetching import AGAIN_NS, ask_for_all
from sim.node.message import message
from sim.node.node import Node

ON_THE_WAY = 2  # missing blocks at the top that may still come by themselves
MOST_TOLD = 128  # blocks that one answer names


@message
class Below:
    """What are the blocks called that lie below this one, down to height `lowest`?"""

    digest: str
    lowest: int


@message
class Path:
    """These, the highest first, and I hold them."""

    digest: str
    digests: tuple[str, ...]


class Ancestry:
    """One node's fetching of chains, and its answers to others; lost in a crash."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.coming: dict[str, None] = {}
        """Blocks that a peer has been asked for together with others."""
        self.helps = False
        """Whether others are answered: as soon as there is something to tell them of."""

    async def fetch(self, digest: str, known: Container[str], final_height: int, ask_after_ns: int) -> list[Any]:
        """A block and all below it that are not `known`, the highest first, down to the first of `final_height` or less."""
        node, path = self.node, list[Any]()
        self.help()
        while digest not in known and digest != node.genesis:
            if len(path) < ON_THE_WAY:
                path.append(await node.fetch(digest, ask_after_ns))
            else:
                path.append(await self._fetch_deep(digest, final_height, ask_after_ns))
            if path[-1].height <= final_height:
                break
            digest = path[-1].parent
        return path

    async def _fetch_deep(self, digest: str, final_height: int, ask_after_ns: int) -> Any:
        """A block that is not on its way by itself: it is asked for at once, with what lies below it."""
        node = self.node
        if not node.holds(digest) and digest not in self.coming:
            await self._ask_for_path(digest, final_height + 1, ask_after_ns)
        asked_ns = node.now
        block = await node.fetch(digest, AGAIN_NS if digest in self.coming else 1)
        if node.now - asked_ns >= AGAIN_NS:
            self.coming.clear()  # that peer does not send what it named; the next one is asked
        self.coming.pop(digest, None)
        return block

    async def _ask_for_path(self, digest: str, lowest: int, patience_ns: int) -> None:
        node = self.node
        peer = node.peers[node.dice.below(node.n - 1, "below", node.id, digest, node.now)]
        self.coming[digest] = None  # whoever else comes here meanwhile waits for this answer
        node.send(peer, Below(digest, lowest))
        try:
            async with node.timeout(max(1, patience_ns)):
                place, told = await either(
                    node, node.receive(Path, sender=peer, digest=digest), node.fetch(digest, 2 * patience_ns + 1)
                )
        except TimeoutError:
            place = 1
        if place == 1:  # no answer, or the block has come by itself meanwhile
            self.coming.pop(digest, None)
            return
        digests = told.message.digests[:MOST_TOLD]
        fresh = [one for one in digests if one == digest or one not in self.coming]
        self.coming |= dict.fromkeys(fresh)
        ask_for_all(node, peer, fresh)

    def help(self) -> None:
        """Answer others from now on."""
        if not self.helps:
            self.helps = True
            self.node.spawn(self._help())

    async def _help(self) -> None:
        """Tell others what lies below a block, itself included, as far as it is here."""
        node = self.node
        while True:
            ask = await node.receive(Below)
            digest, path = ask.message.digest, list[str]()
            while len(path) < MOST_TOLD and digest != node.genesis and node.holds(digest):
                path.append(digest)
                block = node.block(digest)
                if block.height <= ask.message.lowest:
                    break
                digest = block.parent
            if path:
                node.send(ask.sender, Path(ask.message.digest, tuple(path)))
