"""Algorand: committees drawn by lot propose, vote softly, certify, and, where that fails, agree on how to go on.

Chen, Gorbunov, Micali, Vlachos, "Algorand agreement: super fast and partition resilient Byzantine agreement", eprint 2018/377,
section 3; step names, thresholds and times as in go-algorand. In each period the proposal with the lowest credential that has
come by the `filter` time gets the soft votes; who sees enough of them certifies; enough certificate votes decide the round.
Who has waited until the `deadline` votes for what the next period shall start with.

Sortition is a keyed draw that everybody can check. Every node has one unit of stake. With `committee = 0` everybody is on every
committee and more than two thirds suffice, as in the paper's model; otherwise thresholds are go-algorand's shares of the expected
size. Left out: the filter time that adapts itself, and fast recovery's own steps: votes are repeated at each deadline instead.
"""

from __future__ import annotations

import math
from itertools import count
from typing import Any, ClassVar

from sim.consensus.catching_up import Decisions
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import AtLeastOne, Count, Duration
from sim.node.ballots import Ballots
from sim.node.either import either
from sim.node.message import Certificate, message, vote
from sim.node.node import Node

THRESHOLD = {"Soft": 2267 / 2990, "Cert": 1112 / 1500, "Next": 3838 / 5000}
"""Votes needed, as a share of the expected committee (go-algorand, consensus parameters v10 and later)."""


@message
class Propose:
    """A block for this period of the paper's round `slot`; its credential is the sender's draw."""

    carries: ClassVar[str] = "digest"
    slot: int
    period: int
    digest: str


@vote
class Soft:
    """The best proposal that I have seen in time."""

    slot: int
    period: int
    digest: str


@vote
class Cert:
    """I have seen enough soft votes for it."""

    slot: int
    period: int
    digest: str


@vote
class Next:
    """The deadline is over for the `turn`-th time: go on with this value, or with none ('')."""

    slot: int
    period: int
    digest: str
    turn: int


@message
class Behind:
    """I am still here: who knows how it went on?"""

    slot: int
    period: int


@message
class Proof:
    """Why this period is over."""

    slot: int
    proof: Certificate


class Ledger:
    """How far a node has come; survives a crash."""

    def __init__(self, genesis: str) -> None:
        self.slot, self.period, self.tip = 0, 0, genesis
        self.entered: Certificate | None = None
        """Why the present period was entered."""
        self.softly: Certificate | None = None
        """Enough soft votes in the present period."""
        self.voted: dict[tuple[str, int], str] = {}
        """What this node has voted for in this round, by step and period."""

    def decided(self, digest: str) -> None:
        """On to the next round."""
        self.slot, self.period, self.tip, self.entered = self.slot + 1, 0, digest, None
        self.voted.clear()


@part
class Algorand:
    """Sortition: every step has a committee of its own, drawn anew; two thirds of honest stake are safe on any network."""

    committee: Count = 0  # expected members of each step's committee; 0: everybody
    proposers: AtLeastOne = 20  # expected proposers of a period
    filter: Duration = 4_000_000_000  # how long proposals are waited for
    deadline: Duration = 17_000_000_000  # how long a period lasts before it is voted on

    @property
    def ballots(self) -> Ballots | None:
        """Quorums of everybody; committees are drawn anew for each step, and none of them binds another by its members."""
        return None if self.committee else Ballots(Soft, ("slot", "period"), Cert)

    def check(self) -> None:
        """Proposals are chosen before the deadline."""
        if not 0 < self.filter < self.deadline:
            raise ScenarioError("must lie between nothing and the deadline", path="filter")

    def need(self, node: Node, step: str) -> int:
        """How many votes of a step's committee are enough."""
        if not self.committee or self.committee >= node.n:
            return 2 * node.n // 3 + 1
        return math.ceil(THRESHOLD[step] * self.committee)

    def draws(self, node: Node, identity: int, purpose: str, number: int, period: int) -> float:
        """What an identity drew for a step: it is chosen if that is low enough."""
        return node.dice.uniform("algorand", purpose, identity, number, period)

    def member(self, node: Node, identity: int, step: str, number: int, period: int) -> bool:
        """Whether an identity is on the committee."""
        return not self.committee or self.draws(node, identity, step, number, period) * node.n < self.committee

    async def run(self, node: Node) -> None:
        """Round after round."""
        ledger: Ledger = node.keep.setdefault("ledger", Ledger(node.genesis))
        decisions = Decisions(node, Cert, Propose, self.filter)
        node.spawn(self.answer(node, ledger, decisions))
        while True:
            proof = await self.agree(node, ledger)
            await node.fetch(proof.message.digest)
            decisions.add(proof)
            ledger.decided(proof.message.digest)
            for kind in (Behind, Proof):
                node.forget(kind, slot=ledger.slot)

    async def agree(self, node: Node, ledger: Ledger) -> Certificate:
        """Period after period until the round is decided."""
        number = ledger.slot
        while True:
            waits = (self.enough(node, Cert, number), self.period(node, ledger), node.receive(Proof, slot=number))
            place, found = await either(node, *waits)
            if place == 0:
                decided: Certificate = found
                return decided
            proof: Certificate = found.message.proof if place == 2 else found
            if self.proves(node, proof, Next, number) and proof.message.period >= ledger.period:
                ledger.period, ledger.entered = proof.message.period + 1, proof

    async def enough(self, node: Node, kind: type[Any], number: int, period: int | None = None) -> Certificate:
        """Wait until enough members of a committee have said the same; votes of others do not count."""
        wanted = self.need(node, kind.__name__)
        fields = {"slot": number} if period is None else {"slot": number, "period": period}
        while True:
            proof = await node.quorum(kind, wanted, **fields)
            if self.proves(node, proof, kind, number):
                return proof
            wanted = proof.count + 1

    def proves(self, node: Node, proof: Certificate, kind: type[Any], number: int) -> bool:
        """Whether enough of the right committee have signed a vote of this kind and round."""
        if not proof.proves(kind, 1, slot=number):
            return False
        period, step = proof.message.period, kind.__name__
        signers = [one for one in proof.signers if self.member(node, one, step, number, period)]
        return len(signers) >= self.need(node, step)

    async def period(self, node: Node, ledger: Ledger) -> Certificate:
        """One period; over when enough have voted on how to go on."""
        period = ledger.period
        steps = node.spawn(self.steps(node, ledger, ledger.entered.message.digest if ledger.entered else ""))
        try:
            return await self.enough(node, Next, ledger.slot, period=period)
        finally:
            steps.cancel()

    async def steps(self, node: Node, ledger: Ledger, start: str) -> None:
        """Propose, vote softly after the filter time, certify, and vote on how to go on at each deadline."""
        number, period = ledger.slot, ledger.period
        begun_ns = node.now
        if not start and self.draws(node, node.id, "propose", number, period) * node.n < self.proposers:
            block = await node.next_batch(ledger.tip)
            node.broadcast(Propose(number, period, node.publish(block)))
        elif not start and ledger.slot:
            parent = node.society.blocks[ledger.tip]
            await node.sleep(max(0, parent.time_ns + node.society.block_interval_ns - node.now))
        begun_ns = max(begun_ns, node.now)
        ledger.softly = None
        certifying = node.spawn(self.certify(node, ledger, begun_ns + self.deadline))
        try:
            await node.sleep(self.filter)
            best = start or await self.best(node, ledger)
            if best:
                self.say(node, ledger, Soft, best)
            for turn in count():
                await node.sleep(begun_ns + (turn + 1) * self.deadline - node.now)
                if ledger.softly is not None:  # who has not heard them may go on with the same value
                    node.society.broadcast(node.seat, node.id, ledger.softly)
                known = start if ledger.softly is None else ledger.softly.message.digest
                self.say(node, ledger, Next, ledger.voted.get(("Cert", period)) or known, turn)
                node.broadcast(Behind(number, period))
        finally:
            certifying.cancel()

    async def best(self, node: Node, ledger: Ledger) -> str:
        """Of the valid proposals that have come, the one with the lowest credential; '' where there is none."""
        number, period = ledger.slot, ledger.period
        drawn = []
        for mail in node.mail(Propose, slot=number, period=period):
            credential = self.draws(node, mail.sender, "propose", number, period)
            if credential * node.n < self.proposers:
                drawn.append((credential, mail))
            else:
                node.invalid(mail, "its sender was not drawn")
        for _, mail in sorted(drawn, key=lambda pair: pair[0]):
            digest: str = mail.message.digest
            if node.holds(digest) and node.accepts(node.society.blocks[digest], ledger.tip):
                return digest
        return ""

    async def certify(self, node: Node, ledger: Ledger, until_ns: int) -> None:
        """Vote to certify what has enough soft votes, if its block is here in time."""
        ledger.softly = await self.enough(node, Soft, ledger.slot, period=ledger.period)
        proof = ledger.softly
        await node.fetch(proof.message.digest)
        gone_on = any(step.startswith("Next") and period == ledger.period for step, period in ledger.voted)  # before a crash
        if node.now < until_ns and not gone_on:
            self.say(node, ledger, Cert, proof.message.digest)

    def say(self, node: Node, ledger: Ledger, kind: type[Any], digest: str, *turn: int) -> None:
        """One vote a step and period, if this node is on the committee; what was said before a crash is said again."""
        said = ledger.voted.setdefault((f"{kind.__name__}{turn or ''}", ledger.period), digest)
        if self.member(node, node.id, kind.__name__, ledger.slot, ledger.period):
            node.broadcast(kind(ledger.slot, ledger.period, said, *turn))

    async def answer(self, node: Node, ledger: Ledger, decisions: Decisions) -> None:
        """Tell those whom a round or a period has passed by why they may go on."""
        while True:
            mail = await node.receive(Behind)
            asked = mail.message
            if asked.slot < ledger.slot:
                node.send(mail.sender, decisions.proofs[asked.slot])
            elif asked.slot == ledger.slot and asked.period < ledger.period and ledger.entered is not None:
                node.send(mail.sender, Proof(ledger.slot, ledger.entered))
