"""Agreement on one bit without any clock: votes, and a coin that nobody knows before f + 1 have tossed it.

Mostéfaoui, Moumen, Raynal, "Signature-free asynchronous Byzantine consensus with t < n/3 and O(n^2) messages", PODC 2014,
figures 1 (BV-broadcast) and 2; the coin is Cachin, Kursawe, Shoup's (PODC 2000), here a keyed draw that is looked at only when
f + 1 shares have come. Rounds of three delays; with equal estimates each round ends it with chance 1/2.

Added, as every implementation does: DONE, so that who has decided may stop once 2f + 1 have. As published in 2014 the protocol lets
an adversary who orders every message delay a decision for ever (Tholoniat, Gramoli, FRIDA 2019); that is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from sim.kernel.strand import Strand
from sim.node.either import either
from sim.node.message import union, vote
from sim.node.node import Node

Say = Callable[[tuple[Any, ...], Any], None]
"""Broadcast a message, or what was said in its place before a crash."""


@vote
class BVal:
    """This bit is somebody's estimate."""

    instance: int
    round: int
    bit: int

    def conflicting(self) -> BVal:
        """The other bit."""
        return BVal(self.instance, self.round, 1 - self.bit)


@vote
class Aux:
    """This bit is an honest node's estimate: 2f + 1 have said so."""

    instance: int
    round: int
    bit: int

    def conflicting(self) -> Aux:
        """The other bit."""
        return Aux(self.instance, self.round, 1 - self.bit)


@vote
class Coin:
    """My share of this round's coin."""

    instance: int
    round: int


@vote
class Done:
    """I have decided this bit."""

    instance: int
    bit: int

    def conflicting(self) -> Done:
        """The other bit."""
        return Done(self.instance, 1 - self.bit)


class Agreement:
    """One instance at one node. It waits for its input (`start`) and calls `tell(bit, rounds)` once."""

    def __init__(self, node: Node, say: Say, instance: int, tell: Callable[[int, int], None]) -> None:
        self.node, self.say, self.instance, self.tell = node, say, instance, tell
        self.bit: int | None = None
        self.started = False
        self.turn = 0
        self.tasks: list[Strand[None]] = [node.spawn(self.hear_done())]

    def start(self, bit: int) -> None:
        """The input; later ones are ignored."""
        if not self.started:
            self.started = True
            self.tasks.append(self.node.spawn(self.rounds(bit)))

    async def rounds(self, bit: int) -> None:
        """Round after round (figure 2); goes on after deciding, until `hear_done` ends it."""
        node, instance = self.node, self.instance
        for turn in count():
            self.turn = turn
            self.say(("bval", instance, turn, bit), BVal(instance, turn, bit))
            self.tasks.append(node.spawn(self.relay(turn, 1 - bit)))
            strong = await node.quorum(BVal, 2 * node.f + 1, instance=instance, round=turn)
            self.say(("aux", instance, turn), Aux(instance, turn, strong.message.bit))
            bits = await self.auxiliary(turn)
            self.say(("coin", instance, turn), Coin(instance, turn))
            await node.quorum(Coin, node.f + 1, instance=instance, round=turn)
            bit, decided = estimate(bits, toss(node, instance, turn))
            if decided:
                self.conclude(bit)

    async def relay(self, turn: int, bit: int) -> None:
        """BV-broadcast: what f + 1 say, an honest node says; say it too (figure 1)."""
        await self.node.quorum(BVal, self.node.f + 1, instance=self.instance, round=turn, bit=bit)
        self.say(("bval", self.instance, turn, bit), BVal(self.instance, turn, bit))

    async def auxiliary(self, turn: int) -> tuple[int, ...]:
        """The bits named by n - f AUX messages, all of them backed by 2f + 1 BVAL."""
        node, place, enough = self.node, {"instance": self.instance, "round": turn}, self.node.n - self.node.f
        while True:
            backed = [bit for bit in (0, 1) if self.heard(BVal, turn, bit) >= 2 * node.f + 1]
            said = {bit: self.heard(Aux, turn, bit) for bit in backed}
            bits = settled(said, self.either_heard(turn) if len(backed) == 2 else 0, enough)
            if bits:
                return bits
            missing = enough - (self.either_heard(turn) if len(backed) == 2 else 0)
            needs = {bit: said[bit] + (missing + 1) // 2 if len(backed) == 2 else enough for bit in backed}
            waits = [node.quorum(Aux, needs[bit], bit=bit, **place) for bit in backed]
            waits += [node.quorum(BVal, 2 * node.f + 1, bit=bit, **place) for bit in (0, 1) if bit not in backed]
            await either(node, *waits)

    def heard(self, kind: type[Any], turn: int, bit: int) -> int:
        """How many have said a bit."""
        return self.node.heard(kind, instance=self.instance, round=turn, bit=bit)

    def either_heard(self, turn: int) -> int:
        """How many have sent an AUX, for whichever bit."""
        return union([known.bits for known in self.node.ballots(Aux, instance=self.instance, round=turn)]).bit_count()

    async def hear_done(self) -> None:
        """f + 1 DONE are an honest node's word; after 2f + 1 everybody will hear as much, and this node may stop."""
        proof = await self.node.quorum(Done, self.node.f + 1, instance=self.instance)
        self.conclude(proof.message.bit)
        await self.node.quorum(Done, 2 * self.node.f + 1, instance=self.instance, bit=proof.message.bit)
        self.stop()

    def conclude(self, bit: int) -> None:
        """Decide, once."""
        if self.bit is None:
            self.bit = bit
            self.say(("done", self.instance), Done(self.instance, bit))
            self.tell(bit, self.turn + 1)

    def stop(self) -> None:
        """Take part no longer."""
        for task in self.tasks:
            task.cancel()


def settled(said: dict[int, int], together: int, enough: int) -> tuple[int, ...]:
    """The set of bits that `enough` AUX messages name, () while there are too few: one bit alone where that is possible.

    `said` counts the messages of each backed bit, `together` the identities behind either where both are backed.
    """
    for bit, messages in said.items():
        if messages >= enough:
            return (bit,)
    return tuple(said) if together >= enough else ()


def estimate(bits: tuple[int, ...], coin: int) -> tuple[int, bool]:
    """(next estimate, whether it is decided): a single bit is kept, and decided if the coin shows it; else the coin rules."""
    return (bits[0], bits[0] == coin) if len(bits) == 1 else (coin, False)


def toss(node: Node, instance: int, turn: int) -> int:
    """The coin of a round, the same for all; to be called only with f + 1 shares at hand."""
    return node.dice.below(2, "coin", instance, turn)
