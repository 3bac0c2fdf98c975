"""Equivocate: say one thing to one half of the others and a conflicting thing to the rest.

The corrupted seats collude: all of them tell the same story to the same half. A message may know a sharper lie of its own
(`conflicting()`); otherwise every digest it names is exchanged for that of a twin block with the same parent and height.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from sim.kernel.part import part
from sim.node.surroundings import Behaviour, Surroundings


@part
class Equivocate:
    """Propose and vote for one block towards half of the honest nodes and for its twin towards the others."""

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """One story for each half; the liars themselves hear the first."""
        honest = [seat for seat in range(world.topology.n) if seat not in seats]
        fooled = frozenset(honest[len(honest) // 2 :])
        twins: dict[str, str] = {}
        behaviours = [(seat, self._behaviour(seat, fooled, twins, world)) for seat in seats]
        for seat, behaviour in behaviours:
            world.add_behaviour(seat, behaviour)

        def release() -> None:
            for seat, behaviour in behaviours:
                world.drop_behaviour(seat, behaviour)

        return release

    def _behaviour(self, seat: int, fooled: frozenset[int], twins: dict[str, str], world: Surroundings) -> Behaviour:
        def two_faced(to: int, said: Any) -> Iterator[tuple[int, Any]]:
            yield to, _lie(said, seat, to, twins, world) if to in fooled else said

        return two_faced


def _lie(said: Any, seat: int, to: int, twins: dict[str, str], world: Surroundings) -> Any:
    own = getattr(said, "conflicting", None)
    if own is not None:
        return own()
    if not is_dataclass(said) or isinstance(said, type):
        return said
    changes = {field.name: _twisted(getattr(said, field.name), seat, to, twins, world) for field in fields(said)}
    return replace(said, **changes)


def _twisted(value: Any, seat: int, to: int, twins: dict[str, str], world: Surroundings) -> Any:
    """The value with every digest of a block exchanged for that of its twin."""
    if isinstance(value, tuple):
        return tuple(_twisted(part, seat, to, twins, world) for part in value)
    if isinstance(value, str) and value in world.society.blocks:
        return _twin(value, seat, to, twins, world)
    return value


def _twin(digest: str, seat: int, to: int, twins: dict[str, str], world: Surroundings) -> str:
    """The digest of the block that is told instead of `digest`; made once, shown only to those who are to believe it."""
    society = world.society
    if digest not in twins:
        twin = society.blocks[digest].twin()
        twins[digest] = twin.digest
        society.blocks[twin.digest] = twin
        society.trace.record("publish", seat, twin.digest, twin.size_bytes, "block")
    item = society.block_item(society.blocks[twins[digest]])
    society.network.publish(seat, item, False)
    if society.bodies != "attached":
        society.network.hand_over(seat, to, item)
    return twins[digest]
