"""Scenes written out message by message: what the network loses or delays, and what a liar says beside or instead of its program's words.

A lost or late copy is nobody's guilt: the seats it was sent by and to stay honest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from worlds import agreeing

import sim
from sim.kernel.part import part
from sim.ledger.block import Block
from sim.node.message import Certificate
from sim.node.surroundings import Surroundings
from sim.study.report import Report
from sim.study.scenario import Consensus, Corruption, Trouble

LOST = -1
Fate = Callable[[int, int, Any], int]
"""(from, to, message) to how many ns late it comes; `LOST` never."""
Lie = Callable[[Surroundings, int, int, Any], Iterator[tuple[int, Any]]]
"""(world, liar, to, message of its program) to (to, message)s in its place."""


@part
class Weather:
    """Lose and delay copies as a scene says; what a seat says to itself always comes."""

    fate: Any

    def strike(self, world: Surroundings) -> Callable[[], None]:
        """Stand between each node and the others."""
        society = world.society

        def behaviour_of(seat: int) -> Callable[[int, Any], Iterator[tuple[int, Any]]]:
            def behaviour(to: int, said: Any) -> Iterator[tuple[int, Any]]:
                late_ns = 0 if to == seat else self.fate(seat, to, said)
                if late_ns == 0:
                    yield to, said
                elif late_ns > 0:
                    society.loop.call_at_ns(society.loop.now_ns + late_ns, lambda: society.send(seat, to, seat, said))

            return behaviour

        return world.bend({seat: behaviour_of(seat) for seat in range(society.n)})


@part
class Liar:
    """Say what a scene says."""

    lie: Any
    first: Any = None
    """Called with (world, seat) when the corruption begins."""

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Put the scene's words into each seat's mouth."""

        def behaviour_of(seat: int) -> Callable[[int, Any], Iterator[tuple[int, Any]]]:
            return lambda to, said: self.lie(world, seat, to, said)

        release = world.bend({seat: behaviour_of(seat) for seat in seats})
        if self.first is not None:
            for seat in seats:
                self.first(world, seat)
        return release


def truly(world: Surroundings, liar: int, to: int, said: Any) -> Iterator[tuple[int, Any]]:
    """A liar that tells no lie."""
    yield to, said


def always(from_: int, to: int, said: Any) -> int:
    """No copy is lost."""
    return 0


def play(
    protocol: Any,
    *,
    fate: Fate = always,
    liar: int | None = None,
    lie: Lie = truly,
    first: Callable[[Surroundings, int], None] | None = None,
    seats: int = 4,
    duration: str = "60 s",
    **tables: Any,
) -> Report:
    """A run on one-second delays with blocks at most every 500 ms; `tables` as a scenario file has them."""
    scenario = agreeing("pbft", seats, duration, **tables)
    lies = () if liar is None else (Corruption(part=Liar(lie=lie, first=first), seats=(f"seat-{liar}",)),)
    return sim.run(
        scenario.but(
            consensus=Consensus(protocol=protocol, bodies="attached", block_interval=500_000_000),
            adversary=lies,
            fault=(*scenario.fault, Trouble(part=Weather(fate=fate))),
        )
    )


def dies(seat: int, at: str) -> dict[str, Any]:
    """A table of a seat that crashes and stays away."""
    return {"kind": "crash", "seats": [f"seat-{seat}"], "at": at}


def shown_twin(world: Surroundings, seat: int, digest: str, **changes: Any) -> str:
    """The digest of another block in a block's place, which `seat` now has and everybody can be told of."""
    society = world.society
    rival: Block = replace(society.blocks[digest].twin(), **changes)
    if rival.digest not in society.blocks:
        society.blocks[rival.digest] = rival
        society.trace.record("publish", seat, rival.digest, rival.size_bytes, "block")
    society.network.publish(seat, society.block_item(rival), False)
    return rival.digest


def alone(world: Surroundings, seat: int, said: Any) -> Certificate:
    """The certificate of a vote that nobody but `seat` has cast."""
    world.society.send(seat, seat, seat, said)
    number = world.society.number_of(said)
    assert number is not None
    return Certificate(said, number, 1 << seat)


def verdict(report: Report, name: str) -> str:
    """What a check says."""
    return next(str(check["verdict"]) for check in report.to_dict()["checks"] if check["name"] == name)


def decided(report: Report, slot: int = 0) -> dict[int, str]:
    """Digest by seat of what was decided in a slot."""
    return {row[2]: row[4] for row in report.evidence.trace.of("decide") if row[3] == slot}
