"""Doctor: as a leader propose another block, and doctor the proofs: left out, older, lighter, repeated, or cleared of what binds.

Every proof shown is genuine; only it is about something else, or too little. A protocol that does not ask each proof for the very claim
it needs, counts the same voice twice, or trusts what a leader leaves out, falls for it. (The new leader of PBFT's view change who
hides a lock: Castro, Liskov, OSDI 1999, section 4.4; "hidden locks": Abraham et al., 2018, arXiv 1801.10022.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, ClassVar

from sim.kernel.part import part
from sim.kernel.units import Share
from sim.node.message import Certificate, Signed
from sim.node.surroundings import Behaviour, Surroundings

_MOST_REMEMBERED = 32


@part
class Doctor:
    """Exchange one's own blocks for others and the proofs around them for poorer ones; all receivers are told the same."""

    chance: Share = 0.5  # how many of the messages that carry a proof or a block
    without_consensus: ClassVar[str] = "nobody shows blocks and proofs that could be exchanged; use kind corrupt"

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """The liars share their memory of proofs."""
        memory: list[Certificate] = []
        return world.bend({seat: _Doctored(seat, world, self.chance, memory).behaviour() for seat in seats})


class _Doctored:
    """One liar."""

    def __init__(self, seat: int, world: Surroundings, chance: float, memory: list[Certificate]) -> None:
        self.seat, self.world, self.chance, self.memory = seat, world, chance, memory
        self.told: tuple[Any, Any] = (None, None)
        """What was said last, and what was made of it: the same for every receiver."""

    def behaviour(self) -> Behaviour:
        """What becomes of each message."""

        def doctored(to: int, said: Any) -> Iterator[tuple[int, Any]]:
            if to == self.seat or isinstance(said, type) or not is_dataclass(said) or getattr(type(said), "is_vote", False):
                yield to, said
                return
            if self.told[0] is not said:
                self.told = (said, self._made_of(said))
            made = self.told[1]
            carries = getattr(type(said), "carries", None)
            if carries is not None and made is not said and getattr(made, carries) in self.world.society.blocks:
                self._show(to, getattr(made, carries))
            yield to, made

        return doctored

    def _made_of(self, said: Any) -> Any:
        society = self.world.society
        proofs = [getattr(said, one.name) for one in fields(said) if isinstance(getattr(said, one.name), Certificate)]
        keys = (self.seat, society.loop.now_ns, type(said).__name__)
        made = said
        if society.dice.uniform("doctor", *keys) < self.chance:
            changes = {one.name: self._poorer(getattr(said, one.name), str(one.type), (*keys, one.name)) for one in fields(said)}
            made = replace(said, **changes)
            carries = getattr(type(said), "carries", None)
            if carries is not None and getattr(said, carries) in society.blocks:
                made = replace(made, **{carries: self._rival(said, made, carries)})
        self.memory.extend(proof for proof in proofs if proof not in self.memory)
        del self.memory[:-_MOST_REMEMBERED]
        return made

    def _poorer(self, value: Any, kind: str, keys: tuple[Any, ...]) -> Any:
        """Another proof in place of one, or fewer reports in place of many."""
        luck = self.world.society.dice.below(1 << 20, "doctor-how", *keys)
        if isinstance(value, Certificate):
            known = [one for one in self.memory if type(one.message) is type(value.message)]
            first = fields(value.message)[0].name
            ballots = self.world.nodes[self.seat].ballots(type(value.message), **{first: getattr(value.message, first)})
            lighter = [one for one in ballots if one.count < value.count]
            choice = ([value], [None] if "None" in kind else [value], known or [value], lighter or [value])[luck % 4]
            return choice[luck // 4 % len(choice)]
        if isinstance(value, tuple) and value and isinstance(value[0], Signed):
            free = tuple(one for one in value if not any(isinstance(part, Certificate) for part in vars(one.message).values()))
            return (value, (), value[:1] * len(value), value[:-1], free, (free or value)[:1] * len(value))[luck % 6]
        return value

    def _rival(self, said: Any, made: Any, carries: str) -> str:
        """The digest of another block: on what the proof shown now names, if the old one stood on what the old proof names."""
        blocks = self.world.society.blocks
        block = blocks[getattr(said, carries)]
        rival = block.twin()
        for one in fields(said):
            before, now = getattr(said, one.name), getattr(made, one.name)
            if isinstance(before, Certificate) and getattr(before.message, "digest", None) == block.parent:
                parent = self.world.nodes[self.seat].genesis if now is None else now.message.digest
                below = blocks.get(parent)
                rival = replace(rival, parent=parent, height=1 if below is None else below.height + 1)
        if rival.digest not in blocks:
            blocks[rival.digest] = rival
            self.world.society.trace.record("publish", self.seat, rival.digest, rival.size_bytes, "block")
        digest: str = rival.digest
        return digest

    def _show(self, to: int, digest: str) -> None:
        """Let a receiver have the block that it is told of."""
        society = self.world.society
        item = society.block_item(society.blocks[digest])
        society.network.publish(self.seat, item, False)
        if society.bodies != "attached":
            society.network.hand_over(self.seat, to, item)
