"""The ledger refuses what does not fit and notices every change; the pool gives each proposer what it may include."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.kernel.dice import Dice
from sim.ledger import merkle
from sim.ledger.block import GENESIS, HEADER_BYTES, Block, Transaction
from sim.ledger.chain import Chain
from sim.ledger.crypt import OVERHEAD_BYTES, Sealed, bytes_of, digest_of, flip_bit, open_sealed, seal
from sim.ledger.integrity import Tampered, Unlinked
from sim.ledger.mempool import Mempool
from sim.ledger.tree import BlockTree

LEAVES = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=40)


def entry(number: int, priority: str = "C3", size_bytes: int = 449) -> Transaction:
    return Transaction("record_anchor", number % 5, size_bytes, (("record", number),), "ab" * 16, number, priority)


def everything(items: object) -> np.ndarray:
    return np.ones(len(items), np.bool_)  # type: ignore[arg-type]


def chain_of_blocks(count: int, per_block: int = 2) -> Chain:
    chain = Chain()
    for place in range(count):
        entries = tuple(entry(place * per_block + one) for one in range(per_block))
        chain.append(Block.of(chain.tip, chain.height + 1, place % 4, place * 1000, entries))
    return chain


# Merkle tree ---------------------------------------------------------------------------------------------------------


def rfc_root(leaves: list[str]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if len(leaves) == 1:
        return merkle.hash_leaf(leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return merkle.hash_pair(rfc_root(leaves[:split]), rfc_root(leaves[split:]))


@given(LEAVES)
def test_root_is_that_of_the_rfc(leaves: list[str]) -> None:
    assert merkle.root(leaves) == rfc_root(leaves).hex()


def test_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert merkle.root([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@settings(max_examples=60)
@given(LEAVES, st.data())
def test_every_leaf_can_be_proved_and_no_other(leaves: list[str], choose: st.DataObject) -> None:
    index = choose.draw(st.integers(0, len(leaves) - 1))
    proof, top = merkle.prove(leaves, index), merkle.root(leaves)
    assert merkle.verify(leaves[index], proof, top)
    assert not merkle.verify(leaves[index] + "x", proof, top)
    assert not merkle.verify(leaves[index], replace(proof, path=(*proof.path, "00" * 32)), top)
    assert not merkle.verify(leaves[index], replace(proof, path=("zz",)), top)
    assert not merkle.verify(leaves[index], replace(proof, size=proof.index), top)
    if proof.path:
        assert not merkle.verify(leaves[index], replace(proof, path=proof.path[1:]), top)
        changed = choose.draw(st.integers(0, len(proof.path) - 1))
        path = tuple("00" * 32 if place == changed else text for place, text in enumerate(proof.path))
        assert not merkle.verify(leaves[index], replace(proof, path=path), top)


def test_an_inner_node_cannot_pass_for_a_leaf() -> None:
    inner = merkle.hash_pair(merkle.hash_leaf("a"), merkle.hash_leaf("b"))
    assert merkle.hash_leaf(inner.decode("latin-1")) != inner


def test_no_proof_for_a_leaf_that_is_not_there() -> None:
    with pytest.raises(IndexError):
        merkle.prove(["a"], 1)


# blocks and chain ----------------------------------------------------------------------------------------------------

CHANGED_ENTRY = {
    "family": "other",
    "submitter": 99,
    "size_bytes": 1,
    "payload": (("record", -1),),
    "anchor": "cd" * 16,
    "submitted_ns": -5,
    "priority": "C0",
    "id": "0" * 32,
}
CHANGED_BLOCK = {
    "parent": "1" * 32,
    "height": 77,
    "proposer": 99,
    "time_ns": -1,
    "root": "2" * 64,
    "transactions": (),
    "filler_bytes": 1,
}


@pytest.mark.parametrize("field", CHANGED_ENTRY)
def test_every_field_of_a_record_is_guarded(field: str) -> None:
    chain = chain_of_blocks(4)
    chain.verify()
    block = chain.blocks[1]
    altered = replace(block.transactions[0], **{field: CHANGED_ENTRY[field]})
    chain.blocks[1] = replace(block, transactions=(altered, block.transactions[1]))
    with pytest.raises(Tampered, match="height 2"):
        chain.verify()


@pytest.mark.parametrize("place", [0, 1, 3])
@pytest.mark.parametrize("field", CHANGED_BLOCK)
def test_every_field_of_a_block_is_guarded(field: str, place: int) -> None:
    chain = chain_of_blocks(4)
    chain.blocks[place] = replace(chain.blocks[place], **{field: CHANGED_BLOCK[field]})
    with pytest.raises(Tampered, match=f"height {place + 1}"):
        chain.verify()


@pytest.mark.parametrize("field", CHANGED_BLOCK)
def test_a_block_changed_in_place_is_noticed(field: str) -> None:
    chain = chain_of_blocks(3)
    object.__setattr__(chain.blocks[1], field, CHANGED_BLOCK[field])
    with pytest.raises(Tampered):
        chain.verify()


def test_lost_and_swapped_blocks_are_noticed() -> None:
    short = chain_of_blocks(3)
    short.blocks.pop()
    with pytest.raises(Tampered, match="2 are stored"):
        short.verify()
    swapped = chain_of_blocks(3)
    swapped.blocks[0], swapped.blocks[1] = swapped.blocks[1], swapped.blocks[0]
    with pytest.raises(Tampered):
        swapped.verify()


def test_a_chain_takes_only_what_continues_it() -> None:
    chain = chain_of_blocks(2)
    good = Block.of(chain.tip, 3, 0, 5, (entry(100),))
    with pytest.raises(Unlinked, match="its parent"):
        chain.append(Block.of(GENESIS, 3, 0, 5))
    with pytest.raises(Unlinked, match="height 4"):
        chain.append(Block.of(chain.tip, 4, 0, 5))
    with pytest.raises(Tampered, match="root"):
        chain.append(replace(good, transactions=()))
    with pytest.raises(Tampered, match="not what its name says"):
        chain.append(replace(good, transactions=(replace(good.transactions[0], size_bytes=1),)))
    assert chain.height == 2
    chain.append(good)
    assert chain.height == 3 and chain.tip == good.digest
    # the same header with other contents has the same digest, so knowing the digest must not be enough
    late = Chain(chain.tree)
    for block in chain.blocks[:2]:
        late.append(block)
    with pytest.raises(Tampered):
        late.append(replace(good, transactions=()))


def test_find_and_rewind_follow_the_fork_of_the_node() -> None:
    tree = BlockTree()
    one, other = Chain(tree), Chain(tree)
    shared = entry(1)
    one.append(Block.of(GENESIS, 1, 0, 1, (shared,)))
    other.append(Block.of(GENESIS, 1, 1, 2))
    other.append(Block.of(other.tip, 2, 1, 3, (entry(2), shared)))
    assert one.find(shared.id) == (1, shared) and other.find(shared.id) == (2, shared)
    assert one.find(entry(2).id) is None and not one.has(other.tip) and other.has(other.tip)
    other.rewind(1)
    assert other.find(shared.id) is None and other.height == 1
    with pytest.raises(ValueError):
        other.rewind(2)


def test_a_block_weighs_header_content_and_filler() -> None:
    assert Block.of(GENESIS, 1, 0, 0, (entry(1), entry(2)), filler_bytes=10).size_bytes == HEADER_BYTES + 898 + 10
    with pytest.raises(ValueError):
        entry(1, priority="C9")


def test_an_empty_block_is_cheap() -> None:
    fastest = 1.0
    for _ in range(20):
        begin = time.perf_counter()
        for number in range(200):
            assert Block.of(GENESIS, 1, 0, number).digest
        fastest = min(fastest, (time.perf_counter() - begin) / 200)
    assert fastest < 24e-6, f"{fastest * 1e6:.1f} us; 8 us are promised on an idle machine"


@given(st.lists(st.integers(0, 200), min_size=1, max_size=120), st.data())
@settings(max_examples=40)
def test_ancestors_and_ways_are_those_of_walking(parents: list[int], choose: st.DataObject) -> None:
    tree, digests, heights = BlockTree(), [GENESIS], [0]
    for number, parent in enumerate(parents):
        under = len(digests) - 1 - parent % min(len(digests), 3)
        block = Block.of(digests[under], heights[under] + 1, 0, number)
        tree.admit(block)
        digests.append(block.digest)
        heights.append(block.height)

    def line(digest: str) -> list[str]:
        return [digest] if digest == GENESIS else [*line(tree.parent_of(digest)), digest]

    here, there = choose.draw(st.sampled_from(digests)), choose.draw(st.sampled_from(digests))
    path, other = line(here), line(there)
    assert [tree.ancestor(here, height) for height in range(len(path))] == path
    common = sum(left == right for left, right in zip(path, other, strict=False))
    assert tree.way(here, there) == (path[common:][::-1], other[common:])


# mempool -------------------------------------------------------------------------------------------------------------


def test_urgent_first_then_in_order_of_submission() -> None:
    pool = Mempool(BlockTree())
    entries = [entry(0), entry(1, "C1"), entry(2), entry(3, "C0"), entry(4, "C1")]
    for item, one in enumerate(entries):
        assert pool.add(one, item)
    assert not pool.add(entries[0], 9) and sum(pool.refused.values()) == 0
    order = [entries[place] for place in (3, 1, 4, 0, 2)]
    assert pool.take(0, everything, GENESIS, 10**6, 10) == tuple(order)
    assert pool.take(0, everything, GENESIS, 10**6, 2) == tuple(order[:2])
    assert pool.take(0, everything, GENESIS, 449 * 3, 10) == tuple(order[:3])


def test_a_proposer_includes_only_what_its_seat_holds() -> None:
    pool = Mempool(BlockTree())
    for number in range(6):
        pool.add(entry(number), 100 + number)
    taken = pool.take(0, lambda items: items % 2 == 0, GENESIS, 10**6, 10)
    assert [one.submitted_ns for one in taken] == [0, 2, 4]
    assert pool.take(0, lambda items: np.zeros(len(items), np.bool_), GENESIS, 10**6, 10) == ()


def test_an_answer_for_other_items_is_refused() -> None:
    pool = Mempool(BlockTree())
    pool.add(entry(0), 0)
    with pytest.raises(ValueError, match="seat 7"):
        pool.take(7, lambda items: np.ones(len(items) + 1, np.bool_), GENESIS, 10**6, 10)


def test_a_large_one_does_not_hold_up_small_ones() -> None:
    pool = Mempool(BlockTree())
    pool.add(entry(0, size_bytes=5000), 0)
    pool.add(entry(1, size_bytes=100), 1)
    assert [one.submitted_ns for one in pool.take(0, everything, GENESIS, 1000, 10)] == [1]


def test_a_full_pool_drops_and_counts() -> None:
    pool = Mempool(BlockTree(), capacity=2)
    assert [pool.add(entry(number, "C2"), number) for number in range(4)] == [True, True, False, False]
    assert pool.refused["C2"] == 2 and len(pool) == 2


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=1, max_size=40))
@settings(max_examples=40)
def test_exclusion_follows_the_chain_across_forks(steps: list[tuple[int, int]]) -> None:
    tree = BlockTree()
    pool, tips, added = Mempool(tree), [GENESIS], 0
    for number, (back, wanted) in enumerate(steps):
        for _ in range(2):
            pool.add(entry(added), added)
            added += 1
        parent = tips[max(0, len(tips) - 1 - back)]
        chain, walk = set(), parent
        while walk != GENESIS:
            chain |= {one.id for one in tree.blocks[walk].transactions}
            walk = tree.parent_of(walk)
        waiting = [entry(place) for place in range(added) if entry(place).id not in chain]
        assert pool.take(0, everything, parent, 10**9, 10**6) == tuple(waiting)
        assert pool.waiting == len(waiting)
        block = Block.of(parent, tree.height_of(parent) + 1, 0, number, tuple(waiting[:wanted]))
        tree.admit(block)
        tips.append(block.digest)


def test_thousands_of_blocks_stay_cheap() -> None:
    tree = BlockTree()
    pool, tip = Mempool(tree), GENESIS
    begin = time.perf_counter()
    for height in range(1, 2001):
        pool.add(entry(height), height)
        block = Block.of(tip, height, 0, height, pool.take(0, everything, tip, 10**6, 100))
        tree.admit(block)
        tip = block.digest
    assert len(tree.blocks[tip].transactions) == 1
    assert time.perf_counter() - begin < 3.0


# sealed records ------------------------------------------------------------------------------------------------------

KEY, NONCE = bytes_of(Dice(1), 32, "key", 1), bytes_of(Dice(1), 12, "nonce", 1)


@pytest.mark.parametrize("way", ["modelled", "real"])
@given(record=st.binary(max_size=80))
@settings(max_examples=25)
def test_a_record_comes_back_and_any_flipped_bit_is_noticed(way: str, record: bytes) -> None:
    sealed = seal(record, KEY, NONCE, way)
    assert len(sealed.ciphertext) == len(record) + OVERHEAD_BYTES
    assert open_sealed(sealed, KEY, way) == record
    for bit in range(0, 8 * len(sealed.ciphertext), 7):
        altered = flip_bit(sealed.ciphertext, bit)
        assert sum((a ^ b).bit_count() for a, b in zip(altered, sealed.ciphertext, strict=True)) == 1
        with pytest.raises(Tampered):
            open_sealed(replace(sealed, ciphertext=altered), KEY, way)
        with pytest.raises(Tampered, match="tag"):  # even where the digest is made to fit
            open_sealed(Sealed(altered, digest_of(altered)), KEY, way)
    with pytest.raises(Tampered):
        open_sealed(sealed, KEY[:-1] + bytes([KEY[-1] ^ 1]), way)


@pytest.mark.parametrize("way", ["modelled", "real"])
def test_what_is_too_short_is_no_sealed_record(way: str) -> None:
    with pytest.raises(Tampered, match="too few"):
        open_sealed(Sealed(b"short", digest_of(b"short")), KEY, way)
    with pytest.raises(ValueError):
        seal(b"", KEY[:5], NONCE, way)


def test_ciphertext_does_not_show_the_record_and_salt_changes_the_name() -> None:
    sealed = seal(b"patient " * 20, KEY, NONCE)
    assert b"patient" not in sealed.ciphertext
    assert digest_of(sealed.ciphertext, b"salt") != sealed.digest
    assert bytes_of(Dice(1), 5, "key", 1) == KEY[:5] and bytes_of(Dice(2), 32, "key", 1) != KEY
