"""The nodes of one run by seat, each made when it is first asked for: where nobody runs a protocol, nobody asks.

Of a hundred thousand seats that only relay, few ever get mail, wait, or keep anything. An idle node takes 150 bytes instead of 700.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

from sim.node.node import Node

if TYPE_CHECKING:
    from sim.node.society import Society


class Idle(Node):
    """A node without its boxes; a common one from when one of them is first asked for.

    A class of its own, for what has a `__getattr__` Python looks up the slow way, each attribute, whether it is there or not.
    """

    __slots__ = ()

    def _begin(self) -> None:
        """Not yet."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Make what is not there yet; called only for what is not found."""
            if name not in ("inbox", "keep", "_strands", "_pending"):
                raise AttributeError(f"a node has no {name!r}")
            self.__class__ = Node
            self._begin()
            return getattr(self, name)


class Nodes(Sequence[Node]):
    """As many nodes as there are seats."""

    __slots__ = ("_society", "made")

    def __init__(self, society: Society) -> None:
        self._society = society
        self.made: dict[int, Node] = {}
        """Those that somebody has asked for."""

    @overload
    def __getitem__(self, seat: int) -> Node: ...

    @overload
    def __getitem__(self, seat: slice) -> list[Node]: ...

    def __getitem__(self, seat: int | slice) -> Node | list[Node]:
        try:
            return self.made[seat]  # type: ignore[index]
        except (KeyError, TypeError):  # not made yet, or several
            pass
        if isinstance(seat, slice):
            return [self[one] for one in range(self._society.n)[seat]]
        seat = range(self._society.n)[seat]  # IndexError where there is no such seat
        return self.made.setdefault(seat, Idle(self._society, seat))

    def __setitem__(self, seat: int, node: Node) -> None:
        self.made[seat] = node

    def __len__(self) -> int:
        return self._society.n
