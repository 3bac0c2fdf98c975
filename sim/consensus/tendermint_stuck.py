"""What Tendermint's paper trusts the gossip for: whoever waits in a round for votes that were lost gets them, or goes on.

Buchman, Kwon, Milosevic, "The latest gossip on BFT consensus", 2018 (arXiv 1807.04938): all that one correct process has, every
other has in the end; f + 1 messages of a later round pull a process along (algorithm 1, line 55). Here whoever is stuck in a round says so.
Everybody answers with what it voted there, or with the decision; and those who are stuck in later rounds are the ones that pull.
"""

from __future__ import annotations

from sim.consensus.catching_up import Decisions, Missing
from sim.node.message import message
from sim.node.node import Node


@message
class Stuck:
    """I wait in this round for votes that do not come."""

    slot: int
    round: int


class Ahead(Exception):
    """f + 1 are in a later round."""

    def __init__(self, turn: int) -> None:
        super().__init__(turn)
        self.turn = turn


class Stragglers:
    """Who is stuck where, as far as one node has heard."""

    def __init__(self, node: Node, decisions: Decisions) -> None:
        self.node, self.decisions = node, decisions
        self.heard: dict[int, Stuck] = {}
        """The newest complaint of each other identity."""

    async def attend(self) -> None:
        """Answer those who are stuck: with the decision, with what was voted there, or by asking for the decisions they have."""
        node, proofs = self.node, self.decisions.proofs
        while True:
            mail = await node.receive(Stuck)
            stuck, mine = mail.message, node.keep.get("locks")
            if mail.sender == node.id:
                continue
            self.heard[mail.sender] = stuck
            if stuck.slot < len(proofs):
                node.send(mail.sender, proofs[stuck.slot])
            elif stuck.slot > len(proofs):
                node.send(mail.sender, Missing(len(proofs)))
            elif mine is not None and mine.slot == stuck.slot:
                for own in mine.said.get(stuck.round, ()):
                    node.send(mail.sender, own)

    def pull(self, slot: int, turn: int) -> None:
        """Raise Ahead if f + 1 are stuck in later rounds (line 55)."""
        later = sorted((one.round for one in self.heard.values() if one.slot == slot and one.round > turn), reverse=True)
        if len(later) > self.node.f:
            raise Ahead(later[self.node.f])
