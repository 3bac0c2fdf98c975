"""Mutate: messages of the right shape with one thing in them changed, as a fuzzer would that knows the protocol's form.

Small, structural changes find more than random bytes (Winter, Buse, de Graaf, von Gleissenthall, Kulahcioglu Ozkan, "Randomized
testing of Byzantine fault tolerant algorithms", OOPSLA 2023): a number one up or down, a digest heard earlier, a proof left out.
Everything is signed with the liar's own key; what is forged stays impossible, and so is what no decoder would let through: a proof
is left out only where the message may come without one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, ClassVar

from sim.kernel.part import part
from sim.kernel.units import Share
from sim.node.message import Certificate
from sim.node.surroundings import Behaviour, Surroundings


@part
class Mutate:
    """Change one field of some messages: a number by one, a digest for an earlier one, a justification for none."""

    chance: Share = 0.2  # how many messages, each for each receiver
    without_consensus: ClassVar[str] = "no node says anything that could be changed; use kind corrupt"

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Put the hand of a forger behind each seat's voice."""
        earlier: list[str] = []  # digests that the liars have named, shared among them
        return world.bend({seat: self._behaviour(seat, world, earlier) for seat in seats})

    def _behaviour(self, seat: int, world: Surroundings, earlier: list[str]) -> Behaviour:
        society = world.society
        turns = [0]

        def altered(to: int, said: Any) -> Iterator[tuple[int, Any]]:
            turns[0] += 1
            keys = (seat, to, turns[0])
            if (
                to == seat
                or not is_dataclass(said)
                or isinstance(said, type)
                or society.dice.uniform("mutate", *keys) >= self.chance
            ):
                yield to, said
                return
            places = fields(said)
            place = places[society.dice.below(len(places), "mutate-place", *keys)]
            value = self._other(
                getattr(said, place.name),
                "None" in str(place.type),
                society.dice.key("mutate-value", *keys),
                earlier,
                society.blocks,
            )
            yield to, replace(said, **{place.name: value})

        return altered

    def _other(self, value: Any, optional: bool, luck: int, earlier: list[str], blocks: Any) -> Any:
        if isinstance(value, bool):
            return not value
        if isinstance(value, int):
            return max(0, value + (1 if luck & 1 else -1))
        if isinstance(value, str):
            if value in blocks and value not in earlier:
                earlier.append(value)
            return earlier[luck % len(earlier)] if earlier else value
        if isinstance(value, Certificate):
            return None if optional else value
        if isinstance(value, tuple):
            return value[:-1]
        return value
