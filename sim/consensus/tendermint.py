"""Tendermint, the consensus of CometBFT: rounds of proposal, PREVOTE and PRECOMMIT, in which nobody changes views.

Buchman, Kwon, Milosevic, "The latest gossip on BFT consensus", 2018 (arXiv 1807.04938), algorithm 1, whose line numbers are
given below; default times from CometBFT's configuration. A quorum of PREVOTE (a polka) locks the block, a quorum of PRECOMMIT
decides it; who waits too long votes nil and the next proposer has its turn, with patience that grows by a constant. Safety
rests on `may_prevote` and on the lock.

The paper trusts the gossip to bring everything at last, and a proposal that was valid before to be backed by PREVOTEs that all
have heard. Here the proposal carries that polka as a certificate, and who is STUCK in a round says so: everybody answers with
what it voted there, and f + 1 who are stuck in later rounds pull it along (line 55; `tendermint_stuck.py`). To send votes and blocks as CometBFT does
choose `route = "gossip"`, and `chunk = "64 KiB"` for its block parts. Left out: stakes (proposers take turns), and evidence of double votes.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any, ClassVar

from sim.consensus.catching_up import Decisions
from sim.consensus.tendermint_stuck import Ahead, Stragglers, Stuck
from sim.kernel.part import part
from sim.kernel.presets import Preset
from sim.kernel.units import Duration, Patience
from sim.node.ballots import Ballots
from sim.node.message import Certificate, message, vote
from sim.node.node import Node
from sim.node.terms import ROUTES, Terms, too_hasty

LOOKS = 8  # how often within a timeout it is looked whether a quorum has voted at all


@message
class Propose:
    """A block; `polka` certifies it in an earlier round of this height, if it was valid before."""

    carries: ClassVar[str] = "digest"
    slot: int
    round: int
    digest: str
    polka: Certificate | None


@vote
class Prevote:
    """I would lock this block; '' is nil."""

    slot: int
    round: int
    digest: str


@vote
class Precommit:
    """I am locked on this block; or nil."""

    slot: int
    round: int
    digest: str
    nil: bool


class Locks:
    """What a node has said and must stand by at one height; survives a crash."""

    def __init__(self, slot: int) -> None:
        self.slot, self.round = slot, -1
        self.locked_round, self.locked = -1, ""
        self.valid: Certificate | None = None
        """The polka behind the lock."""
        self.said: dict[int, list[Prevote | Precommit]] = {}
        """Own votes by round."""


@part
class Tendermint:
    """Tendermint: every validator prevotes and precommits; (n-1)(2n+1) messages, three delays, timers that grow by a constant."""

    propose: Duration = 3_000_000_000  # how long a proposal is waited for in round 0
    prevote: Patience = 1_000_000_000  # how long, after a quorum has prevoted, for one that agrees
    precommit: Patience = 1_000_000_000  # the same for precommits
    growth: Duration = 500_000_000  # what each of these times grows by with each round
    commit: Duration = 1_000_000_000  # rest between a decision and the next height
    preset: str = ""  # figures somebody runs; they fill what is not given

    presets: ClassVar[Mapping[str, Preset]] = {
        "cometbft": Preset(
            "CometBFT's configuration",
            {"propose": "3 s", "prevote": "1 s", "precommit": "1 s", "growth": "500 ms", "commit": "1 s"},
        ),
        "celestia": Preset("Celestia's overrides", {"propose": "3 s", "prevote": "2 s", "precommit": "3 s", "commit": "500 ms"}),
    }
    routes: ClassVar[tuple[str, ...]] = ROUTES
    ballots: ClassVar[Ballots] = Ballots(Prevote, ("slot", "round"), Precommit, Propose)

    def fits(self, terms: Terms) -> str:
        """Whether a proposer has time to propose before the others prevote nil."""
        why = "every height loses rounds, for the others prevote nil while the proposer waits for its block to be due"
        return too_hasty(self.propose + self.commit, terms, "propose: with commit", why)

    async def run(self, node: Node) -> None:
        """Decide height after height (line 49)."""
        decisions = Decisions(node, Precommit, Propose, self.prevote, {"nil": False})
        stragglers = Stragglers(node, decisions)
        node.spawn(stragglers.attend())
        for slot in count(decisions.slot):
            proof = await decisions.next(self.talk(node, slot, stragglers))
            decisions.add(proof)
            if self.commit and not decisions.passed_by():
                await node.sleep(self.commit)

    async def talk(self, node: Node, slot: int, stragglers: Stragglers) -> None:
        """Round after round until `run` has decided; after a crash never again one in which this node may have voted."""
        locks: Locks = node.keep.get("locks") or Locks(slot)
        if locks.slot != slot:
            locks = Locks(slot)
        node.keep["locks"] = locks
        turn = locks.round + 1
        while True:
            locks.round = turn
            try:
                await self.round(node, locks, stragglers)
                turn += 1
            except Ahead as others:
                turn = others.turn
            node.note("view-change", slot=slot, view=turn)

    async def round(self, node: Node, locks: Locks, stragglers: Stragglers) -> None:
        """One round, up to the end of its precommits (lines 11 to 48)."""
        slot, turn = locks.slot, locks.round
        if proposer(node, slot, turn) == node.id:
            node.spawn(self.lead(node, locks, turn))
        digest = await self.acceptable_proposal(node, locks)
        say(node, locks, Prevote(slot, turn, digest))
        polka = await self.quorum_or_late(node, locks, stragglers, self.prevote, Prevote)
        if polka is not None and polka.message.digest:
            locks.locked_round, locks.locked, locks.valid = turn, polka.message.digest, polka
            say(node, locks, Precommit(slot, turn, locks.locked, False))
        else:
            say(node, locks, Precommit(slot, turn, "", True))
        await self.quorum_or_late(node, locks, stragglers, self.precommit, Precommit)

    async def lead(self, node: Node, locks: Locks, turn: int) -> None:
        """Propose what was valid before, or something new (lines 14 to 19)."""
        polka = newest_polka((*node.ballots(Prevote, slot=locks.slot), locks.valid), node.quorum_size)
        digest = node.publish(await node.next_batch()) if polka is None else polka.message.digest
        if node.keep["locks"] is locks and locks.round == turn:
            node.broadcast(Propose(locks.slot, turn, digest, polka))

    async def acceptable_proposal(self, node: Node, locks: Locks) -> str:
        """The digest to prevote for, or '' (lines 22 to 33, 57)."""
        slot, turn = locks.slot, locks.round
        try:
            async with node.timeout(self.propose + turn * self.growth):
                while True:
                    mail = await node.receive(Propose, sender=proposer(node, slot, turn), slot=slot, round=turn)
                    said, polka = mail.message, mail.message.polka
                    if polka is not None and not polka.proves(Prevote, node.quorum_size, slot=slot, digest=said.digest):
                        node.invalid(mail, "its polka does not certify it")
                        continue
                    polka_round = -1 if polka is None else polka.message.round
                    if polka_round >= turn or not node.accepts(await node.fetch(said.digest)):
                        node.invalid(mail, "its block is not valid here")
                        return ""
                    return said.digest if may_prevote(said.digest, polka_round, locks.locked, locks.locked_round) else ""
        except TimeoutError:
            return ""

    async def quorum_or_late(
        self, node: Node, locks: Locks, stragglers: Stragglers, patience_ns: int, kind: type[Any]
    ) -> Certificate | None:
        """A quorum for one value; None if a quorum has voted and does not agree within the timeout (lines 34, 47).

        Of precommits only a quorum for nil ends the round here; `run` sees the other, which ends the height.
        """
        slot, turn = locks.slot, locks.round
        alike = {"nil": True} if kind is Precommit else {}
        patience_ns += turn * self.growth
        voted_ns, looks = -1, 0
        while voted_ns < 0 or node.now - voted_ns < patience_ns:
            try:
                async with node.timeout(max(1, patience_ns // LOOKS)):
                    return await node.quorum(kind, node.quorum_size, slot=slot, round=turn, **alike)
            except TimeoutError:
                looks += 1
            if voted_ns < 0 and enough_voted(node, kind, slot, turn):
                voted_ns = node.now
            stragglers.pull(slot, turn)
            if voted_ns < 0 and looks % LOOKS == 0:
                node.broadcast(Stuck(slot, turn))
        return None


def may_prevote(digest: str, polka_round: int, locked: str, locked_round: int) -> bool:
    """Whether the lock allows a prevote: none, the same block, or a polka no older than the lock (lines 23 and 29)."""
    return locked_round <= polka_round or digest == locked


def newest_polka(ballots: tuple[Certificate | None, ...], quorum_size: int) -> Certificate | None:
    """The polka of the latest round for a block, however late it came (line 36): validValue and validRound."""
    polkas = [ballot for ballot in ballots if ballot is not None and ballot.message.digest and ballot.count >= quorum_size]
    return max(polkas, key=lambda polka: int(polka.message.round), default=None)


def proposer(node: Node, slot: int, turn: int) -> int:
    """Round robin over heights and rounds."""
    return (slot + turn) % node.n


def enough_voted(node: Node, kind: type[Any], slot: int, turn: int) -> bool:
    """Whether a quorum has voted at all, for whatever; who has said two things counts once."""
    if node.heard(kind, slot=slot, round=turn) < node.quorum_size:
        return False
    ballots = node.ballots(kind, slot=slot, round=turn)
    return len({signer for ballot in ballots for signer in ballot.signers}) >= node.quorum_size


def say(node: Node, locks: Locks, said: Prevote | Precommit) -> None:
    """Vote, and remember it for those who are stuck."""
    locks.said.setdefault(said.round, []).append(said)
    node.broadcast(said, centre=proposer(node, said.slot, said.round) if said.digest else None)
