"""Gasper: a block a slot, votes of a committee a slot, and finality from two epochs in which two thirds have voted.

Buterin and others, "Combining GHOST and Casper", arXiv 2003.03052, section 4 (the protocol) and 6 (finality); times, committees
and the proposer boost as in Ethereum's consensus specifications (phase 0, fork choice). Each validator attests once an epoch, a
third into its slot (`gasper_duty`): LMD GHOST then follows the branch with the most latest votes (`gasper_choice`, `gasper_votes`), and
Casper FFG justifies the border of an epoch by the votes that lie in blocks in time (`gasper_finality`). With everybody there a block
at the border is final two epochs later.

Left out: aggregation in subnets (a proposer aggregates what it has heard), the inactivity leak, slashing, turning away votes of
those who are not of the slot's committee, and reorganising late blocks on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import ClassVar

from sim.consensus.forking.forest import Forest
from sim.consensus.gasper_choice import Choice
from sim.consensus.gasper_duty import Duty, proposer
from sim.consensus.gasper_finality import Branches, Rules
from sim.consensus.gasper_votes import Attestation, Votes
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.presets import Preset
from sim.kernel.units import AtLeastOne, Count, Lasting, Share, show_duration
from sim.node.ballots import Checkpoints
from sim.node.node import Node
from sim.node.terms import Terms


@part
class Gasper:
    """Ethereum's proof of stake: LMD GHOST for the head, Casper FFG for finality; every node is one validator."""

    follows: ClassVar[str] = "latest votes"

    slot: Lasting = 12_000_000_000  # how long a slot lasts
    slots_per_epoch: AtLeastOne = 32  # slots in which everybody attests once
    attest_at: Share = 0.3333  # how far into the slot its committee votes, whether or not a block has come
    boost: Share = 0.4  # what a block that comes before that counts for, as a share of a committee; 0: no proposer boost
    discount: bool = True  # whether who votes twice in a slot is not heard; if not, the vote that came first counts, as before 2022

    inclusion_slots: Count = 0  # within how many slots a vote must lie in a block to count for finality; 0: an epoch
    most_attestations: AtLeastOne = 8  # how many aggregates of equal votes a block holds at most
    safe_slots_to_update_justified: Count = 0  # only so early in an epoch another branch's checkpoint is turned to; 0: at any time
    preset: str = ""

    presets: ClassVar[Mapping[str, Preset]] = {
        "ethereum": Preset(
            "Ethereum since 2025: votes count to the end of the next epoch, 8 aggregates a block",
            {"inclusion_slots": 63, "most_attestations": 8, "boost": 0.4},
            least_seats=32,
        ),
        "ethereum-2020": Preset(
            "Ethereum at its beginning: no proposer boost, votes count for 32 slots, checkpoints are turned to in the first 8",
            {
                "inclusion_slots": 32,
                "most_attestations": 128,
                "boost": 0.0,
                "discount": False,
                "safe_slots_to_update_justified": 8,
            },
            least_seats=32,
        ),
    }

    @property
    def within(self) -> int:
        """Within how many slots a vote must lie in a block."""
        return self.inclusion_slots or self.slots_per_epoch

    @property
    def ballots(self) -> Checkpoints:
        """Links of checkpoints; heads bind nobody."""
        return Checkpoints(Attestation, self.slot, self.slots_per_epoch, self.within)

    def check(self) -> None:
        """Attesting is done within the slot."""
        if not 0 < self.attest_at < 1:
            raise ScenarioError("must lie within the slot, between 0 and 100 %", path="attest_at")

    def fits(self, terms: Terms) -> str:
        """There is a block a slot."""
        if terms.block_interval and terms.block_interval != self.slot:
            return f"block_interval: has no effect, there is a block every slot of {show_duration(self.slot)}"
        return ""

    def turn_at(self, node: Node, time_ns: int) -> tuple[int, int]:
        """Whose slot it is, and when it ends."""
        slot = time_ns // self.slot
        return proposer(node, slot), (slot + 1) * self.slot

    async def run(self, node: Node) -> None:
        """Slot after slot: at the border of epochs see what is final, propose, and attest."""
        if node.n < self.slots_per_epoch:
            why = f"{node.n} validators cannot fill {self.slots_per_epoch} committees; give at most {node.n}"
            raise ScenarioError(why, "consensus.slots_per_epoch")
        duty: Duty = node.keep.setdefault("duty", Duty(node, self, self.choice(node)))
        forest = duty.forest = node.keep.setdefault("forest", Forest(node, 0, valid=duty.flaw, choose=duty.choose))
        forest.decides = duty.decides
        forest.on_head = lambda: duty.welcome(forest.block(forest.head))
        node.spawn(forest.follow())
        for slot in count(-(-node.now // self.slot)):
            await node.sleep(slot * self.slot - node.now)
            duty.choice.begin(slot)
            await node.sleep(0)  # votes that arrive at this very instant count
            forest.move(duty.choice.head(forest, slot))
            if duty.proposer(slot) == node.id:
                forest.publish(duty.block(slot, forest.head))
            if node.id in duty.committee(slot):
                node.spawn(duty.attest(slot))

    def choice(self, node: Node) -> Choice:
        """What a node that knows nothing yet begins with."""
        rules = Rules(node.n, self.slot, self.slots_per_epoch, self.within, self.most_attestations)
        branches = Branches(rules, node.society.nature.setdefault("states", {}), node.society.blocks)
        return Choice(Votes(node, self.slots_per_epoch, self.discount), branches, self.safe_slots_to_update_justified)
