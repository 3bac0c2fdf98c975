"""What one node remembers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sim.node.inbox import Inbox

if TYPE_CHECKING:
    from sim.kernel.dice import Dice
    from sim.kernel.strand import Strand
    from sim.node.society import Society

Bend = Callable[[int, Any], Iterator[tuple[int, Any]]]


class Memory:
    """The attributes of a `Node`."""

    __slots__ = (
        "__dict__",  # made only where an adversary changes a method of one node, or somebody asks for its peers
        "__weakref__",
        "_pending",
        "_strands",
        "dice",
        "f",
        "id",
        "inbox",
        "keep",
        "n",
        "outbound",
        "quorum_size",
        "seat",
        "society",
    )

    society: Society
    seat: int
    id: int
    n: int
    f: int
    quorum_size: int
    dice: Dice
    inbox: Inbox
    keep: dict[str, Any]
    """What survives a crash; everything else a protocol knows is lost."""
    outbound: tuple[Bend, ...]
    """Behaviours of an adversary, applied in order to everything sent; honest nodes have none."""
    _strands: dict[Strand[Any], None]  # a dict and not a set, for its order
    _pending: dict[int, tuple[Any, int, dict[str, Any]]]

    def _begin(self) -> None:
        """Empty boxes for what comes, and for what the node does."""
        self.inbox = Inbox(self)  # type: ignore[arg-type]  # a node is what remembers
        self.keep, self._strands, self._pending = {}, {}, {}
