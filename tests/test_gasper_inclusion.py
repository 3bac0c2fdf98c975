"""Gasper: votes lie in blocks, in time, and each chain justifies by its own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_gasper import S, heard, played, view

from sim.consensus.gasper_choice import Choice
from sim.consensus.gasper_finality import Branches, Checkpoint, Rules, State, weighed
from sim.consensus.gasper_votes import Aggregate, Attestation
from sim.ledger.block import GENESIS, Block
from sim.node.message import Certificate

ONE, TWO = Checkpoint(1, "one"), Checkpoint(2, "two")


def test_two_thirds_justify_and_a_link_over_justified_epochs_makes_its_source_final() -> None:
    start = State().justified
    state = State(epoch=1, border="one", voted=0b11111)
    assert weighed(state, 8).justified == start, "five of eight are too few"
    ended = weighed(state._replace(voted=0b111111), 8)
    assert (ended.justified, ended.final) == (ONE, start)
    second = State(epoch=2, border="two", voted=0b111111, border_before="one", justified=ONE, epochs=(0, 1))
    assert (weighed(second, 8).justified, weighed(second, 8).final) == (TWO, ONE)


def test_votes_that_were_late_by_an_epoch_still_make_final_over_one_between() -> None:
    """Each epoch is justified in the next one, so that votes lead from two epochs back (k = 2 of section 4.5)."""
    late = State(epoch=3, border_before="two", voted_before=0b111111, justified_before=Checkpoint(0, "zero"), epochs=(0, 1))
    assert weighed(late, 8).final == Checkpoint(0, "zero")
    assert weighed(late._replace(epochs=(0,)), 8).final == State().final, "epoch 1 between them is not justified"


def written(inclusion_slots: int, *held: tuple[int, int, str]) -> tuple[Branches, list[Block]]:
    """A chain of a block every slot with six of eight votes in some of them: (slot of the block, slot of the votes, digest voted for)."""
    blocks: dict[str, Block] = {}
    branches, made, parent = Branches(Rules(8, S, 4, inclusion_slots, 8), {}, blocks), [], GENESIS
    for slot in range(10):
        state = branches.at(parent, slot)
        votes = [
            Attestation(said, target, *state.justified, target or made[said - said % 4].digest)
            for when, said, target in held
            if when == slot
        ]
        block = replace(
            Block.of(parent, slot + 1, 0, slot * S), seals=tuple(Aggregate(Certificate(said, 0, 0b111111)) for said in votes)
        )
        made.append(block)
        blocks[block.digest], parent = block, block.digest
    return branches, made


def test_a_chain_justifies_by_the_votes_in_its_own_blocks() -> None:
    branches, made = written(4, (5, 4, ""))
    assert branches.at(made[4].digest, 8).justified == State().justified, "the vote is in the next block"
    assert branches.at(made[5].digest, 7).justified == State().justified, "and counts once the epoch is over"
    assert branches.at(made[5].digest, 8).justified == Checkpoint(1, made[4].digest)
    other, same = written(4, (5, 4, "another"))
    assert other.at(same[9].digest, 9).justified == State().justified, "its votes are for another chain's checkpoint"


@pytest.mark.parametrize(("within", "late", "fits"), [(4, 4, True), (4, 5, False), (5, 5, True), (5, 0, False)])
def test_votes_are_included_by_a_deadline(within: int, late: int, fits: bool) -> None:
    """A proposer leaves out what comes too late, and a block that holds it is refused."""
    branches, made = written(within)
    said = Certificate(Attestation(4, made[4].digest, *State().justified, made[4].digest), 0, 0b111111)
    assert (branches.lacking(made[3 + late].digest, 4 + late, [said]) == (Aggregate(said),)) is fits
    block = replace(Block.of(made[3 + late].digest, 9, 0, (4 + late) * S), seals=(Aggregate(said),))
    assert (branches.flaw(block) == "") is fits


def test_blocks_hold_votes_and_nothing_else() -> None:
    branches, made = written(4)
    votes = Certificate(Attestation(-1, GENESIS, *State().justified, GENESIS), 0, 0b111111)
    for wrong in (votes, Aggregate(Certificate("no vote", 0, 1)), Aggregate(votes)):
        block = replace(Block.of(made[0].digest, 2, 0, S), seals=(wrong,))
        assert branches.flaw(block) == "it holds what does not fit its chain"


def test_a_proposer_writes_what_its_chain_lacks_most_first_and_no_more_than_it_may() -> None:
    branches, made = written(4, (5, 4, ""))
    known, few, many = (
        Certificate(Attestation(slot, head, *State().justified, made[4].digest), 0, bits)
        for slot, head, bits in ((4, "", 0b11111), (5, "x", 0b1), (5, "y", 0b110))
    )
    assert branches.lacking(made[5].digest, 6, [known, few, many]) == (Aggregate(many), Aggregate(few))
    strict = Branches(replace(branches.rules, most_attestations=1), branches.known, branches.blocks)
    assert strict.lacking(made[5].digest, 6, [known, few, many]) == (Aggregate(many),)
    assert strict.flaw(replace(made[6], seals=(Aggregate(many), Aggregate(few)))) == "it holds too many attestations"


def test_votes_in_a_block_are_heard_and_weigh_on_the_wire() -> None:
    """Nobody told this node anything but the block."""
    _, duty, (first, second) = view()
    said = Certificate(Attestation(1, second.digest, 0, GENESIS, GENESIS), 0, 0b110000)
    block = replace(first, seals=(Aggregate(said),))
    duty.choice.votes.read(block)
    assert heard(duty, 3) == {second.digest: 2}
    assert block.size_bytes - first.size_bytes == 12 * 8 + 1 + 2 * 8 + 3 * 32
    assert len({block.digest, first.digest, replace(first, seals=(Aggregate(Certificate(said.message, 0, 0b10000)),)).digest}) == 3


# checkpoints that a node turns to ------------------------------------------------------------------------------------


def known_later(slot: int, safe_slots: int = 0) -> tuple[Choice, Checkpoint]:
    """A node that learns in some slot of a block of epoch 1 whose chain justifies epoch 1, beside the chain that it began from."""
    branches, made = written(4, (5, 4, ""), (9, 8, ""))
    beside = Block.of(made[3].digest, 5, 1, 4 * S)
    branches.blocks[beside.digest] = beside
    choice = Choice(view()[1].choice.votes, branches, safe_slots)
    choice.justified = Checkpoint(0, beside.digest)
    choice.votes.now = slot
    choice.learn(made[5], slot)
    return choice, Checkpoint(1, made[4].digest)


@pytest.mark.parametrize(("slot", "safe_slots", "turns"), [(5, 0, False), (11, 0, True), (11, 3, False), (10, 3, True)])
def test_a_block_of_an_earlier_epoch_turns_a_node_at_once_unless_it_is_late_in_the_epoch(
    slot: int, safe_slots: int, turns: bool
) -> None:
    choice, found = known_later(slot, safe_slots)
    assert (choice.justified == found) is turns
    choice.begin(slot + 4)
    assert choice.justified == found, "from the next epoch on, also if its first slot was missed"


def test_a_later_checkpoint_on_the_same_branch_is_always_turned_to() -> None:
    choice, found = known_later(11, 3)
    choice.justified = Checkpoint(0, choice.branches.blocks[found.digest].parent)
    choice.turn_to(found, State().final, 11)
    assert choice.justified == found


# deadlines -------------------------------------------------------------------------------------------------------------

AWAY = {"fault": [{"kind": "crash", "seats": ["seat-0", "seat-1"]}]}
"""Two of eight, so that each vote of the others is needed, and some slots have no block."""


def decided_and_sound(inclusion_slots: int) -> tuple[bool, str]:
    report = played(8, 12, consensus={"inclusion_slots": inclusion_slots}, **AWAY).to_dict()
    verdicts = {one["name"]: one["verdict"] for one in report["checks"]}
    return report["consensus"]["decided"] > 0, verdicts["certificate-soundness"]


def test_votes_that_no_block_holds_in_time_are_lost_for_finality(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within an epoch they find a block; in the very next slot not always. Who counts them all the same is found out."""
    assert decided_and_sound(4) == (True, "pass")
    assert decided_and_sound(1) == (False, "unknown")
    monkeypatch.setattr(Rules, "in_time", lambda self, voted, included: voted < included)
    assert decided_and_sound(1) == (True, "fail")
