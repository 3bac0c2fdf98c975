"""The nodes of one run by seat, each made when it is first asked for: where nobody runs a protocol, nobody asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from sim.node.node import Node

if TYPE_CHECKING:
    from sim.node.society import Society


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
        return self.made.setdefault(seat, Node(self._society, seat))

    def __setitem__(self, seat: int, node: Node) -> None:
        self.made[seat] = node

    def __len__(self) -> int:
        return self._society.n
