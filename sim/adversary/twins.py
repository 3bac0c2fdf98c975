"""Twins: a corrupted identity lives twice, each life an honest program that knows nothing of the other.

Bano, Sonnino, Chursin, Perelman, Li, Ching, Malkhi, "Twins: BFT systems made robust", OPODIS 2021. With partitions that change beside
it this is every lie that correct code can tell: two proposals in one view, two votes, a lock that was never heard of. Quorums and
leaders are counted without the second lives, which need seats of their own at the end of the topology: five seats of which the last
is the second life of the first are four identities, one of them bent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.node.node import Node
from sim.node.surroundings import Behaviour, Surroundings
from sim.node.terms import bounds


@part
class Twins:
    """Run each of the first half of these seats a second time, at the seat as far on in the second half; both are corrupted."""

    without_consensus: ClassVar[str] = "no node does anything that it could do twice"

    def fits(self, world: Surroundings) -> None:
        """Routes other than direct would tell both lives' votes to everybody."""
        if world.society.route != "direct":
            raise ScenarioError('votes of two lives are told apart on direct ways only; write route = "direct"', "kind")

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Put a second node into each of the last seats, and let what is said to an identity come to both its lives."""
        society, program, lives = world.society, world.program, _lives(seats, world.topology.n)
        if society.loop.now_ns:
            raise ScenarioError("second lives begin with the run; drop the key", "at")
        assert program is not None
        n = society.n - len(lives)
        society.f, society.quorum_size = bounds(world.protocol, n)
        for node in society.nodes:
            node.n, node.f, node.quorum_size = n, society.f, society.quorum_size
        before = {place: society.nodes[place] for place in lives.values()}
        for original, place in lives.items():
            before[place].crash()
            second = Node(society, place)
            second.id, second.n = original, n
            second.next_batch = _other_batch(second)  # type: ignore[method-assign]
            second.next_bundle = _other_bundle(second)  # type: ignore[method-assign]
            society.nodes[place] = second
            society.loop.call_soon(second.restart, program)  # once the old program has let go of everything
        world.bend(dict.fromkeys(range(world.topology.n), _to_both(lives)))
        return lambda: None  # what has been said twice cannot be taken back


def _lives(seats: Sequence[int], n: int) -> dict[int, int]:
    """The seat of the second life of each original."""
    half = len(seats) // 2
    first, second = sorted(seats)[:half], sorted(seats)[half:]
    if len(first) != len(second) or second != list(range(n - half, n)):
        raise ScenarioError("name originals and as many seats at the end of the topology, where their second lives run", "seats")
    return dict(zip(first, second, strict=True))


def _to_both(lives: dict[int, int]) -> Behaviour:
    def both(to: int, said: Any) -> Iterator[tuple[int, Any]]:
        yield to, said
        if to in lives:
            yield lives[to], said

    return both


def _other_batch(node: Node) -> Callable[..., Any]:
    """The second life's blocks differ from the first's, even where both are made at the same instant."""
    make = node.next_batch

    async def made(parent: str | None = None, wanted: Any = None) -> Any:
        return (await make(parent, wanted)).twin()

    return made


def _other_bundle(node: Node) -> Callable[..., Any]:
    """The same for loose blocks."""
    make = node.next_bundle

    async def made(height: int, edges: Any, wanted: Any = None) -> Any:
        return (await make(height, edges, wanted)).twin()

    return made
