"""Blocks whose place is settled by being decided: chains, pool and the check of integrity take them, and refuse what is wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from handmade import GOOD_ROWS, good, with_rows

from sim.ledger.block import GENESIS, LOOSE, Block, Transaction
from sim.ledger.chain import Chain
from sim.ledger.integrity import Tampered
from sim.ledger.mempool import Mempool
from sim.ledger.tree import BlockTree
from sim.study.checks_safety import integrity


def entry(number: int) -> Transaction:
    return Transaction("note", number % 4, 400, (("record", number),), submitted_ns=number)


def loose(author: int, *numbers: int, edges: tuple[str, ...] = (), height: int = 1) -> Block:
    return Block.of(LOOSE, height, author, 1000, tuple(entry(number) for number in numbers), 0, edges)


def test_a_chain_ties_loose_blocks_in_the_order_of_deciding() -> None:
    one, other = loose(0, 1, 2), loose(1, 3)
    tree = BlockTree()
    forth, back = Chain(tree), Chain(tree)
    for chain, blocks in ((forth, (one, other)), (back, (other, one))):
        for block in blocks:
            chain.append(block)
        chain.verify()
    assert forth.tip != back.tip
    assert forth.find(entry(3).id) == (2, entry(3))
    assert back.find(entry(3).id) == (1, entry(3))
    assert forth.has(one.digest) and not Chain(tree).has(one.digest)
    forth.blocks.reverse()
    with pytest.raises(Tampered, match="height 1"):
        forth.verify()


def test_what_an_earlier_block_holds_counts_there_alone() -> None:
    chain = Chain()
    chain.append(loose(0, 1, 2))
    chain.append(loose(1, 2, 3))
    assert chain.tree.counted(chain.tip) == (entry(3),)
    assert chain.find(entry(2).id) == (1, entry(2))


def test_the_pool_gives_back_only_what_counted() -> None:
    chain = Chain()
    pool = Mempool(chain.tree)
    for number in range(4):
        pool.add(entry(number), number)

    def waiting() -> list[int]:
        taken = pool.take(0, lambda items: np.ones(len(items), np.bool_), chain.tip, 10_000, 10)
        return sorted(transaction.submitted_ns for transaction in taken)

    chain.append(loose(0, 1))
    chain.append(loose(1, 1, 2))
    assert waiting() == [0, 3]
    chain.rewind(1)
    assert waiting() == [0, 2, 3]
    picky = pool.take(0, lambda items: np.ones(len(items), np.bool_), GENESIS, 10_000, 10, lambda one: one.submitter == 1)
    assert [transaction.submitted_ns for transaction in picky] == [1]


def test_edges_are_part_of_the_name_and_of_the_weight() -> None:
    plain, pointing = loose(0), loose(0, edges=("a" * 32,))
    assert plain.digest != pointing.digest
    assert pointing.size_bytes == plain.size_bytes + 32
    assert replace(pointing, edges=()).digest == plain.digest


def test_integrity_wants_each_loose_block_once_and_after_those_it_points_to() -> None:
    below = loose(0, 1)
    above = loose(1, 1, edges=(below.digest,), height=2)
    blocks = {block.digest: block for block in (below, above)}
    submits = [(0.1, "submit", 0, entry(1).id, "note")]

    def verdict(*order: Block) -> str:
        decides = [(1.0 + slot, "decide", 0, slot, block.digest) for slot, block in enumerate(order)]
        return integrity(with_rows([*submits, *decides], blocks=blocks)).verdict

    assert verdict(below, above) == "pass"
    assert verdict(above, below) == "fail"
    assert verdict(below, above, below) == "fail"
    assert integrity(with_rows(GOOD_ROWS)).verdict == integrity(good()).verdict == "pass"
