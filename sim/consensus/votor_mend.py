"""Alpenglow's Votor where a slot has gone wrong: fallback votes, and votes told once more to whoever lacks a certificate.

Kniep, Sliwinski, Wattenhofer, "Solana Alpenglow consensus", white paper v1.1, 2025, definitions 13, 15 and 16. Only in a slot whose time
is up are fallback votes looked for, every tenth of `delta`, so that a good slot costs a few waits. Who lacks a slot's certificate asks
everybody for votes, its own included, which a crash may have taken from all (the paper's standstill).
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from sim.consensus.votor_pool import (
    Final,
    Notar,
    NotarFallback,
    Skip,
    SkipFallback,
    Slot,
    heard,
    safe_to_notarise,
    safe_to_skip,
)
from sim.node.message import message

if TYPE_CHECKING:
    from sim.consensus.votor import Duty

KINDS: tuple[type[Any], ...] = (Notar, NotarFallback, Skip, SkipFallback, Final)


@message
class Lacking:
    """I see no certificate for this slot: send me the votes you know."""

    slot: int


class Mending:
    """One node's part in slots that have gone wrong. Lost in a crash."""

    def __init__(self, duty: Duty) -> None:
        self.duty, self.node, self.pool = duty, duty.node, duty.pool

    async def mend(self, slot: int) -> None:
        """Count everything said in a slot that has gone wrong: fallback votes and certificates (definitions 13, 15, 16)."""
        node, mine = self.node, self.pool.slot(slot)
        settled: tuple[int, str | None] | None = None
        for turn in count():
            await node.sleep(self.duty.rules.delta // 10)
            if (seen := (heard(node, slot), mine.voted)) != settled:
                settled = seen if await self.look(slot, mine) else None
            if turn % 10 == 9 and not mine.certified and not mine.skipped:
                node.broadcast(Lacking(slot))

    async def look(self, slot: int, mine: Slot) -> bool:
        """Do what the votes of a slot ask for; whether nothing waits for more than votes, so that the same votes need no second look."""
        duty, node = self.duty, self.node
        told = self.pool.count(node, slot)
        for digest in told.certified:
            duty.certified(slot, digest)
        if told.skipped and not mine.skipped:
            mine.skipped = True
            duty.moved()
        helped = True
        for digest in safe_to_notarise(told, mine):
            if await self.parent_certified(slot, digest):
                duty.skip_window(slot)
                if not mine.over and digest not in mine.fallen:
                    mine.fallen[digest], mine.bad = None, True
                    node.broadcast(NotarFallback(slot, digest))
            else:
                helped = False
        if safe_to_skip(told, mine):
            duty.skip_window(slot)
            if not mine.over and not mine.skip_fallen:
                mine.skip_fallen = mine.bad = True
                node.broadcast(SkipFallback(slot))
        return helped

    async def parent_certified(self, slot: int, digest: str) -> bool:
        """Whether a block may be helped: inside a window its parent must be notarised, perhaps by fallback (definition 16)."""
        if slot == self.pool.first_of(slot):
            return True
        block = await self.node.fetch(digest, self.duty.rules.delta // 4)
        return block.parent in self.pool.slot(slot - 1).certified

    async def answer(self) -> None:
        """Whoever lacks a slot's certificate gets every vote of it that is known here, and mine, which a crash may have taken from all."""
        node = self.node
        while True:
            ask = await node.receive(Lacking)
            slot = ask.message.slot
            known = [ballot for kind in KINDS for ballot in node.ballots(kind, slot=slot)] if ask.sender != node.id else []
            mine = self.pool.slots.get(slot)
            for vote in (*known, *(() if mine is None else mine.said(slot))):
                node.send(ask.sender, vote)
