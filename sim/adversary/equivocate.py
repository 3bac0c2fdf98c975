"""Equivocate: say one thing to one half of the others and a conflicting thing to the rest.

The corrupted seats collude: all of them tell the same story to the same half. A message may know a sharper lie of its own
(`conflicting()`); otherwise every digest it names is exchanged for that of a twin block with the same parent and height, and
every certificate for the twin's, where enough have voted for it. So that there are such certificates, the liars vote for both
blocks among themselves; and a block on top of a twin that is believed, for it was certified or decided, stands on that twin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, ClassVar

from sim.kernel.part import part
from sim.kernel.units import Duration
from sim.node.message import Certificate
from sim.node.surroundings import Behaviour, Surroundings


@part
class Equivocate:
    """Propose and vote for one block towards half of the honest nodes and for its twin towards the others."""

    wait: Duration = 1_000_000_000  # how long a lie that needs a certificate waits for it, before the truth is told instead
    without_consensus: ClassVar[str] = "nobody proposes or votes, so there is nothing to say two things about; use kind corrupt"

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """One story for each half; the liars themselves hear the first, and both in each other's votes."""
        plot = _Plot(seats, world, self.wait)
        return world.bend({seat: plot.behaviour(seat) for seat in seats})


class _Plot:
    """What the liars of one run share."""

    def __init__(self, seats: Sequence[int], world: Surroundings, wait_ns: int) -> None:
        honest = [seat for seat in range(world.topology.n) if seat not in seats]
        self.liars, self.fooled = frozenset(seats), frozenset(honest[len(honest) // 2 :])
        self.society, self.nodes, self.wait_ns = world.society, world.nodes, wait_ns
        self.twins: dict[str, str] = {}
        self.believed: dict[str, None] = {}
        """Twins that a certificate or a decision of the fooled stands for."""
        self.unsaid: dict[str, list[tuple[int, int, Any]]] = {}
        """Votes among liars that wait for the twin to be made: (from, to, the vote for the original) by its digest."""
        self.society.hear_decisions(self._decided)

    def behaviour(self, seat: int) -> Behaviour:
        """What one liar makes of all it says."""

        def two_faced(to: int, said: Any) -> Iterator[tuple[int, Any]]:
            if to not in self.fooled:
                yield to, said
                if to in self.liars and getattr(type(said), "is_vote", False):
                    self._vote_for_the_twin(seat, to, said)
                return
            exchange = self._exchange(seat, said)
            if exchange is None:
                self.nodes[seat].spawn(self._later(seat, to, said))
            else:
                yield to, self._lie(said, seat, to, exchange)

        return two_faced

    def _decided(self, seat: int, slot: int, digest: str) -> None:
        if seat in self.fooled:
            self.believed[digest] = None

    # certificates ---------------------------------------------------------------------------------------------------

    def _exchange(self, seat: int, said: Any) -> dict[Certificate, Certificate] | None:
        """For each certificate in a message that of the twin; None where that is not to be had yet."""
        exchange: dict[Certificate, Certificate] = {}
        for genuine in _certificates(said):
            told = self._told_of_twin(genuine.message)
            if told is None:
                continue
            need = min(genuine.count, self.nodes[seat].quorum_size)
            first = next(iter(fields(told))).name
            ballots = self.nodes[seat].ballots(type(told), **{first: getattr(told, first)})
            found = [ballot for ballot in ballots if ballot.message == told and ballot.count >= need]
            if not found:
                return None
            exchange[genuine] = self._believe(found[0])
        return exchange

    async def _later(self, seat: int, to: int, said: Any) -> None:
        """Wait for the certificates that a lie needs; without them the truth about those blocks must do."""
        node, exchange = self.nodes[seat], dict[Certificate, Certificate]()
        try:
            async with node.timeout(self.wait_ns):
                for genuine in _certificates(said):
                    told = self._told_of_twin(genuine.message)
                    if told is not None:
                        claim = {field.name: getattr(told, field.name) for field in fields(told)}
                        need = min(genuine.count, node.quorum_size)
                        exchange[genuine] = self._believe(await node.quorum(type(told), need, **claim))
        except TimeoutError:
            exchange = {}
        self.society.send(seat, to, seat, self._lie(said, seat, to, exchange))

    def _told_of_twin(self, said: Any) -> Any:
        """A vote with the digests of twins in place of the originals; None where it names nothing that has a twin."""
        named = {field.name: getattr(said, field.name) for field in fields(said)}
        changes = {name: self.twins[value] for name, value in named.items() if isinstance(value, str) and value in self.twins}
        return replace(said, **changes) if changes else None

    def _believe(self, certificate: Certificate) -> Certificate:
        for field in fields(certificate.message):
            value = getattr(certificate.message, field.name)
            if isinstance(value, str):
                self.believed[value] = None
        return certificate

    # lies -----------------------------------------------------------------------------------------------------------

    def _lie(self, said: Any, seat: int, to: int, exchange: dict[Certificate, Certificate]) -> Any:
        own = getattr(said, "conflicting", None)
        if own is not None:
            return own()
        if isinstance(said, Certificate):
            return exchange.get(said, said)
        if not is_dataclass(said) or isinstance(said, type):
            return said
        changes = {field.name: self._twisted(getattr(said, field.name), seat, to, exchange) for field in fields(said)}
        return replace(said, **changes)

    def _twisted(self, value: Any, seat: int, to: int, exchange: dict[Certificate, Certificate]) -> Any:
        """The value with every digest of a block exchanged for that of its twin, and certificates likewise."""
        if isinstance(value, tuple):
            return tuple(self._twisted(part, seat, to, exchange) for part in value)
        if isinstance(value, Certificate):
            return exchange.get(value, value)
        if isinstance(value, str) and value in self.society.blocks:
            return self._twin(value, seat, to)
        return value

    def _twin(self, digest: str, seat: int, to: int) -> str:
        """The digest of the block that is told instead of `digest`; made once, shown only to those who are to believe it."""
        society = self.society
        if digest not in self.twins:
            block = society.blocks[digest]
            twin = block.twin()
            below = self.twins.get(block.parent, "")
            if below in self.believed:
                twin = replace(twin, parent=below)
            if twin.edges:  # a second story of a whole graph hangs together
                twin = replace(twin, edges=tuple(self.twins.get(edge, edge) for edge in twin.edges))
            self.twins[digest] = twin.digest
            society.blocks[twin.digest] = twin
            society.trace.record("publish", seat, twin.digest, twin.size_bytes, "block")
            for source, target, said in self.unsaid.pop(digest, []):
                self._vote_for_the_twin(source, target, said)
        item = society.block_item(society.blocks[self.twins[digest]])
        society.network.publish(seat, item, False)
        if society.bodies != "attached":
            society.network.hand_over(seat, to, item)
        return self.twins[digest]

    def _vote_for_the_twin(self, seat: int, to: int, said: Any) -> None:
        """Among liars: a second vote, for the twin; once it is made, if it has not been yet."""
        told = self._told_of_twin(said)
        if told is not None:
            self.society.send(seat, to, seat, told)
            return
        for field in fields(said):
            value = getattr(said, field.name)
            if isinstance(value, str) and value in self.society.blocks:
                self.unsaid.setdefault(value, []).append((seat, to, said))


def _certificates(said: Any) -> Iterator[Certificate]:
    """Every certificate in a message that is its sender's own to choose: not in what others signed."""
    if isinstance(said, Certificate):
        yield said
    elif isinstance(said, tuple):
        for item in said:
            yield from _certificates(item)
    elif hasattr(type(said), "__dataclass_fields__") and type(said).__name__ != "Signed":
        for field in fields(said):
            yield from _certificates(getattr(said, field.name))
