"""The blocks one node knows, the chain it follows among them, and which of that chain's blocks it holds for decided.

A protocol whose chains fork brings three things: what a block weighs, which branch to follow (`heaviest` or `ghost`), and how
deep a block must lie to be decided. All else is the same for all of them and stands here: blocks that come before their
parents, changes of branch, and taking decisions back.

A block on top of the branch followed is its new head under every rule. Where the node has nothing to do about a new head
(`on_head`), it is therefore not even woken: the core goes along, and the node catches up when it looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from sim.consensus.ancestry import Ancestry
from sim.net.core.state import NOWHERE
from sim.node.following import Following
from sim.node.message import Signed, message
from sim.node.node import Node

FETCH_AFTER_NS = 1_000_000_000  # a parent that has not come by itself is asked for after this long

NO_VOTES: Mapping[str, str] = {
    "withhold-votes": "nobody votes here, what is built on counts; use kind silent or late",
    "lazy-vote": "nobody votes here, what is built on counts; use kind silent or late",
}
"""What such a protocol says of enemies by way of votes (`no_lie`)."""


@message
class NewBlock:
    """Here is a block."""

    carries: ClassVar[str] = "digest"
    digest: str


Weigh = Callable[[Any], int]
"""What one block adds to the weight of its chain."""
Choose = Callable[["Forest", Any], str]
"""The head of the chain to follow, now that a block is known which does not stand on the present head."""
Valid = Callable[[Any], str]
"""What is wrong with a block whose parent is known, or ''."""


def one(block: Any) -> int:
    """Every block weighs the same: the longest chain is the heaviest."""
    return 1


def heaviest(forest: Forest, block: Any) -> str:
    """The heaviest chain; of equally heavy ones the first seen (Nakamoto 2008, section 5)."""
    return str(block.digest) if forest.total[block.digest] > forest.total[forest.head] else forest.head


class Forest:
    """What one node knows of all branches; survives a crash. `depth` is how many blocks must stand on a decided one."""

    def __init__(
        self, node: Node, depth: int, *, weigh: Weigh = one, choose: Choose = heaviest, valid: Valid = lambda block: ""
    ) -> None:
        self.node, self.depth = node, depth
        self.weigh, self.choose, self.valid = weigh, choose, valid
        self.total: dict[str, int] = node.society.nature.setdefault("weight of chains", {node.genesis: 0})
        """Weight of the chain that ends in a block: the same for everybody, so kept once a run."""
        self.ancestry = Ancestry(node)
        self._chain: list[str] = [node.genesis]
        self._decided = 0
        self._at = NOWHERE
        """What the core holds for this node's head when the node itself looked last; NOWHERE while the core must not move it."""
        self.beside: dict[int, list[str]] = {}
        """Known blocks of other branches, by height, in order of arrival."""
        self.on_head: Callable[[], None] | None = None
        """Called after every change of the head."""
        self.decides: Callable[[str], int] = lambda head: self.height_of(head) - self.depth
        """Up to which height the chain that ends in a block is decided; unless there is an `on_head`, the same for everybody."""

    @property
    def chain(self) -> list[str]:
        """The branch followed, by height."""
        self._catch_up()
        return self._chain

    @property
    def decided(self) -> int:
        """Height up to which the chain is decided."""
        self._catch_up()
        return self._decided

    @property
    def head(self) -> str:
        """The newest block of the branch followed."""
        return self.chain[-1]

    @property
    def height(self) -> int:
        """How many blocks the branch followed has."""
        return len(self.chain) - 1

    def block(self, digest: str) -> Any:
        """A known block; None for the genesis."""
        return self.node.society.blocks.get(digest)

    def follows(self, digest: str, height: int) -> bool:
        """Whether the block lies on the branch followed."""
        return height < len(self.chain) and self.chain[height] == digest

    def __contains__(self, digest: object) -> bool:
        return self.knows(str(digest))

    def knows(self, digest: str) -> bool:
        """Whether the block and all below it are here and good."""
        if digest == self.node.genesis:
            return True
        block = self.block(digest)
        return block is not None and (self.follows(digest, block.height) or digest in self.beside.get(block.height, ()))

    # blocks come ----------------------------------------------------------------------------------------------------

    async def follow(self) -> None:
        """Take blocks as they come, for ever."""
        self.ancestry = Ancestry(self.node)
        self.ancestry.help()
        self.node.inbox.hear(NewBlock, self._told)
        try:
            behind = self.node.society.behind
            if self.on_head is None and not (behind is not None and behind.demands):  # else each block is looked at here
                self._at = self.following.code(self.head)
                self._stand()
            await self.node.forever()
        finally:
            self._catch_up()
            if self._at != NOWHERE:
                self._at = NOWHERE
                self._stand()

    @property
    def following(self) -> Following:
        """What the core knows of everybody's heads."""
        return self.node.society.following

    def _catch_up(self) -> None:
        """Learn how far the core has gone along with the chain."""
        if self._at == NOWHERE:
            return
        at = self.following.head(self.node.seat)
        if at != self._at:
            self._at = at
            self._grow(self.following.digest(at))
            self._decided = int(self.following.decided[self.node.seat])

    def _grow(self, head: str) -> None:
        """The branch followed goes on to a block far above, by way of what the last node that did so has found."""
        chain, height = self._chain, self.height_of(head)
        trunk: list[str] = self.node.society.nature.setdefault("trunk", chain)
        if len(trunk) > height and trunk[height] == head:
            chain.extend(trunk[len(chain) : height + 1])
            return
        path = [head]
        while len(path) < height - len(chain) + 1:
            path.append(self.block(path[-1]).parent)
        chain.extend(reversed(path))
        self.node.society.nature["trunk"] = chain

    def _stand(self) -> None:
        """Tell the core where this node has come to stand by its own doing."""
        self.following.stand(self.node.seat, self._at, self._decided)

    def _told(self, mail: Signed[NewBlock]) -> None:
        block = self.block(mail.message.digest)
        if block is not None and block.proposer != mail.sender:
            self.node.invalid(mail, "its block is another's")
        else:
            self.hear(mail.message.digest)

    def hear(self, digest: str) -> None:
        """A block of that digest exists: take it, or first get what is missing below it."""
        if self.knows(digest):
            return
        block = self.block(digest) if self.node.holds(digest) else None
        if block is not None and self.knows(block.parent):
            self.take(block)
        else:
            self.node.spawn(self._reach(digest))

    async def _reach(self, digest: str) -> None:
        for block in reversed(await self.ancestry.fetch(digest, self, 0, FETCH_AFTER_NS)):
            if not self.knows(block.parent):
                return  # it stands on what this node has refused
            self.take(block)

    def publish(self, block: Any) -> None:
        """A block of this node's own."""
        self.node.publish(block, NewBlock(block.digest))
        self.take(block, own=True)

    def take(self, block: Any, own: bool = False) -> None:
        """A block whose parent is known: judge it, weigh it, and follow it if the rule says so."""
        digest = block.digest
        if self.knows(digest):
            return
        if not own and (self.valid(block) or not self.node.accepts(block, block.parent)):
            self.node.note("bad-block", digest=digest, why=self.valid(block) or "the ledger does not accept it")
            return
        self.total.setdefault(digest, self.total[block.parent] + self.weigh(block))
        if block.parent == self.head:
            self._chain.append(digest)
            self._decide()
        else:
            self.beside.setdefault(block.height, []).append(digest)
            self.move(self.choose(self, block))
        self._vouch(block)

    def _vouch(self, block: Any) -> None:
        """Whoever stands below this block may go along, since it is good."""
        if self._at != NOWHERE and not self.following.is_vouched(block):
            decided = max(0, self.decides(block.digest))
            digest = block.digest
            while not self.follows(digest, self.height_of(digest)) and self.height_of(digest) > decided:
                digest = self.block(digest).parent
            top = self._chain[decided] if self.height_of(digest) > decided else digest
            self.following.vouch(block, NewBlock(block.digest), decided, top)

    # the branch followed --------------------------------------------------------------------------------------------

    def move(self, head: str) -> None:
        """Follow the branch that ends in a known block; what had been decided of the one that is left is taken back, newest first."""
        if head == self.head:
            self.settle(self.decides(head))
            return
        if self.knows(head) and self.follows(head, self.height_of(head)):  # back to a block below the head
            path: list[str] = []
            fork = self.height_of(head)
        else:
            path = self.path(head)
            fork = self.block(path[-1]).height - 1
        self._leave(path, fork)

    def height_of(self, digest: str) -> int:
        """The height of a known block."""
        return 0 if digest == self.node.genesis else int(self.block(digest).height)

    def children_above(self, height: int) -> dict[str, list[str]]:
        """Known blocks above a height by their parents; of several children the one on the branch followed comes first."""
        children: dict[str, list[str]] = {}
        top = max(self.height, max(self.beside, default=0))
        for above in range(height + 1, top + 1):
            here = [self.chain[above]] if above <= self.height else []
            for digest in (*here, *self.beside.get(above, ())):
                children.setdefault(self.block(digest).parent, []).append(digest)
        return children

    def _leave(self, path: list[str], fork: int) -> None:
        chain = self.chain
        for height in range(self._decided, fork, -1):
            self.node.revoke(height - 1, chain[height])
        self._decided = min(self._decided, fork)
        left = chain[fork + 1 :]
        for height, digest in enumerate(left, start=fork + 1):
            self.beside.setdefault(height, []).append(digest)
        del chain[fork + 1 :]
        for digest in reversed(path):
            chain.append(digest)
            self.beside[len(chain) - 1].remove(digest)
        self.node.note("reorganised", left=len(left), height=self.height)
        self._decide()

    def path(self, digest: str) -> list[str]:
        """From a known block beside the branch followed down to where it forks off: newest first."""
        path = []
        while digest != self.node.genesis:
            block = self.block(digest)
            if self.follows(digest, block.height):
                break
            path.append(digest)
            digest = block.parent
        return path

    def _decide(self) -> None:
        self.settle(self.decides(self._chain[-1]))
        if self.on_head is not None:
            self.on_head()

    def settle(self, height: int) -> None:
        """Decide the chain up to a height."""
        while self._decided < height:
            self._decided += 1
            self.node.decide(self._decided - 1, self._chain[self._decided])
        if self._at != NOWHERE:
            self._at = self.following.code(self._chain[-1])
            self._stand()
