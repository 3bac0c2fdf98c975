"""What a node accepts on a parent that is not decided yet: the whole chain below it counts, and a liar may name anything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sim.ledger.block import GENESIS, Block, Transaction
from sim.study.build import World, build, clear_up
from sim.study.read import from_dict


@pytest.fixture
def world() -> Iterator[World]:
    """Four seats at rest."""
    made = build(
        from_dict({"duration": "1 s", "topology": {"kind": "complete", "seats": 4}, "consensus": {"kind": "streamlet"}}), 1
    )
    yield made
    clear_up(made)


def entry(number: int) -> Transaction:
    return Transaction("record_anchor", 0, 400, (("record", number),), "ab" * 16, number, "C3")


def test_transactions_of_an_undecided_parent_are_not_repeated(world: World) -> None:
    """Published by somebody who took no batch from the ledger, as a liar's own program may: nobody has admitted them."""
    node = world.society.nodes[2]
    below = Block.of(GENESIS, 1, 0, 0, (entry(1),))
    parent = Block.of(below.digest, 2, 1, 0, (entry(2),))
    for block in (below, parent):
        node.publish(block)
    assert node.accepts(Block.of(parent.digest, 3, 0, 0, (entry(3),)), parent.digest)
    for repeated in (1, 2):
        assert not node.accepts(Block.of(parent.digest, 3, 0, 0, (entry(repeated),)), parent.digest)
    assert node.accepts(Block.of(below.digest, 2, 0, 0, (entry(2),)), below.digest), "on another fork it is no repetition"


def test_a_parent_that_nobody_has_published_bears_nothing(world: World) -> None:
    node = world.society.nodes[2]
    assert not node.accepts(Block.of("ab" * 16, 2, 0, 0, (entry(1),)), "ab" * 16)
    assert not node.accepts(Block.of("ab" * 16, 2, 0, 0), "ab" * 16)


def test_a_parent_that_is_no_block_of_a_chain_bears_nothing(world: World) -> None:
    node = world.society.nodes[2]
    floating = Block.of(GENESIS, 7, 0, 0, (entry(1),))
    altered = Block(GENESIS, 1, 0, 0, "00" * 32, (entry(1),))
    for parent in (floating, altered):
        node.publish(parent)
        assert not node.accepts(Block.of(parent.digest, parent.height + 1, 0, 0, (entry(2),)), parent.digest)
