"""What faults and adversaries may take hold of: the nodes from outside, the network's rules, never a protocol's inside."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.net.choose import Selector, choose
from sim.net.topology import Topology
from sim.node.behind import Trick
from sim.node.node import Node
from sim.node.society import Society

Behaviour = Callable[[int, Any], Iterator[tuple[int, Any]]]
MOST_ISLANDS = 30_000
"""So many numbers of islands there are; beyond them two islands would be one."""


@dataclass
class Surroundings:
    """One run as trouble sees it."""

    society: Society
    topology: Topology
    program: Callable[[Node], Coroutine[Any, Any, None]] | None
    tricks: dict[int, Trick] = field(default_factory=dict)
    """What dishonest publishers do with the data behind their blocks."""
    corrupted: list[bool] = field(default_factory=list)
    """Per seat, whether an adversary holds it at some time of the run; for judging only."""
    gossip: str = ""
    """The kind of gossip, as scenario files write it; '' for none."""
    alters: list[bool] = field(default_factory=list)
    """Per seat, whether it hands out altered copies of records."""
    skew_ns: dict[int, int] = field(default_factory=dict)
    """Per seat, how far the clock on its wall is ahead (behind: below 0)."""
    deeds: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """Per seat, what its people do that the application was built to prevent; its node keeps to the protocol."""
    open_to: frozenset[str] = frozenset()
    """The deeds for which some workload gives occasion; `tamper` is among them where records are handed out that a reader checks."""

    layers: dict[str, list[list[NDArray[np.int64]]]] = field(default_factory=dict)
    """What keeps seats apart at present, by what it sets: one entry for each trouble that ever did, empty once it is over."""

    def layer(self, what: Literal["island", "slowness"]) -> Callable[[NDArray[np.int64] | None], None]:
        """A layer for one trouble: called with every seat's `island`, or `slowness` in 1/1024 (0: as before), or with None when it is over.

        Troubles overlap in any order. Whom any of them parts is parted, and a seat is as slow as the newest that slows it says.
        """
        mine: list[NDArray[np.int64]] = []
        self.layers.setdefault(what, []).append(mine)

        def lay(values: NDArray[np.int64] | None) -> None:
            mine[:] = [] if values is None else [values]
            laid = [one for layer in self.layers[what] for one in layer]
            self.society.network.set_apart(what, (_parted if what == "island" else _slowed)(laid, self.topology.n))

        return lay

    @property
    def protocol(self) -> Any:
        """The part whose `run` the nodes play; None where there is no consensus, or the program is a plain function."""
        return getattr(self.program, "__self__", None)

    @property
    def nodes(self) -> Sequence[Node]:
        """All nodes, by seat."""
        return self.society.nodes

    def choose(self, selector: Selector, purpose: str) -> tuple[int, ...]:
        """Seats by count, share, names, role or region."""
        return choose(selector, self.topology, self.society.dice, purpose)

    def add_behaviour(self, seat: int, behaviour: Behaviour) -> None:
        """Put a behaviour behind those that a seat has already."""
        self.nodes[seat].outbound = (*self.nodes[seat].outbound, behaviour)

    def bend(self, behaviours: Mapping[int, Behaviour]) -> Callable[[], None]:
        """Put a behaviour behind each of these seats; returns how to take them off again."""
        for seat, behaviour in behaviours.items():
            self.add_behaviour(seat, behaviour)

        def release() -> None:
            for seat, behaviour in behaviours.items():
                self.drop_behaviour(seat, behaviour)

        return release

    def drop_behaviour(self, seat: int, behaviour: Behaviour) -> None:
        """Take it off again."""
        self.nodes[seat].outbound = tuple(kept for kept in self.nodes[seat].outbound if kept is not behaviour)


def _parted(laid: Sequence[NDArray[np.int64]], seats: int) -> NDArray[np.int64]:
    """The island of each seat: two seats share one if they share one in every layer."""
    if len(laid) < 2:
        return laid[0] if laid else np.zeros(seats, np.int64)
    _, together = np.unique(np.stack(laid), axis=1, return_inverse=True)
    return together.reshape(seats) % MOST_ISLANDS


def _slowed(laid: Sequence[NDArray[np.int64]], seats: int) -> NDArray[np.int64]:
    """The slowness of each seat."""
    slowness = np.full(seats, 1024, np.int64)
    for layer in laid:
        slowness = np.where(layer > 0, layer, slowness)
    return slowness


class Adversary(Protocol):
    """A part that corrupts seats; one object for all of them, so colluding is ordinary state of one closure.

    It may refuse what it would have no effect on: `fits(world)` raises ScenarioError, and `without_consensus: ClassVar[str]` says why
    a scenario without consensus has nothing for it, and what to use instead.
    """

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Take hold of the seats; returns how to let go."""


class Fault(Protocol):
    """A part that is nobody's malice."""

    def strike(self, world: Surroundings) -> Callable[[], None]:
        """Begin; returns how to mend."""
