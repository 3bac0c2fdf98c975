"""Real codes and real proofs: any k of n give the bytes back, fewer do not, one turned bit is found, one proof serves many leaves."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.availability import code
from sim.ledger import merkle
from sim.ledger.multiproof import Multiproof, leaf_hash, prove_many, root_of, verify_many

NUMBERS = st.tuples(st.integers(1, 24), st.integers(1, 24)).map(lambda pair: (max(pair), min(pair)))


@pytest.mark.parametrize("library", [None, code.zfec])
@settings(deadline=None, max_examples=60)
@given(text=st.binary(min_size=1, max_size=300), numbers=NUMBERS, luck=st.randoms(use_true_random=False))
def test_any_k_of_n_give_the_bytes_back_and_fewer_do_not(library: Any, text: bytes, numbers: tuple[int, int], luck: Any) -> None:
    with patch.object(code, "zfec", library):
        rebuilds(text, *numbers, luck)


def rebuilds(text: bytes, pieces: int, enough: int, luck: Any) -> None:
    fragments = code.encode(text, pieces, enough)
    assert len(fragments) == pieces
    chosen = luck.sample(range(pieces), enough)
    assert code.decode({number: fragments[number] for number in chosen}, pieces, enough, len(text)) == text
    with pytest.raises(code.Unrecoverable):
        code.decode({number: fragments[number] for number in chosen[1:]}, pieces, enough, len(text))


@given(text=st.binary(min_size=1, max_size=200), numbers=NUMBERS)
@settings(deadline=None, max_examples=60)
def test_the_fragments_are_those_of_the_library(text: bytes, numbers: tuple[int, int]) -> None:
    zfec = pytest.importorskip("zfec")
    pieces, enough = numbers
    if pieces == 1:
        return
    ours = tuple(part.tobytes() for part in code.times(code.generator(pieces, enough), code.parts_of(text, enough)))
    theirs = zfec.Encoder(enough, pieces).encode([part.tobytes() for part in code.parts_of(text, enough)])
    assert ours == tuple(theirs)


def test_the_largest_code_and_impossible_ones() -> None:
    text = bytes(range(256)) * 3
    fragments = code.encode(text, 256, 85)
    assert code.decode(dict(enumerate(fragments[171:], 171)), 256, 85, len(text)) == text
    for pieces, enough in ((257, 3), (3, 4), (3, 0)):
        with pytest.raises(code.Unrecoverable):
            code.encode(text, pieces, enough)
    with pytest.raises(code.Unrecoverable, match="bytes"):
        code.decode({0: b"short", 1: b"x"}, 3, 2, 100)


LEAVES = st.lists(st.binary(max_size=12), min_size=1, max_size=40)


@given(leaves=LEAVES, luck=st.randoms(use_true_random=False))
@settings(deadline=None)
def test_one_proof_serves_any_leaves_and_no_others(leaves: list[bytes], luck: Any) -> None:
    chosen = luck.sample(range(len(leaves)), luck.randint(1, len(leaves)))
    root, proof = root_of(leaves), prove_many(leaves, chosen)
    shown = {index: leaves[index] for index in chosen}
    assert verify_many(shown, proof, root)
    index = luck.choice(chosen)
    bit = bytes([shown[index][0] ^ 1 << luck.randrange(8)]) + shown[index][1:] if shown[index] else b"\x00"
    assert not verify_many({**shown, index: bit}, proof, root), "one turned bit"
    assert not verify_many({**shown, len(leaves): b""}, proof, root), "a leaf too many"
    assert not verify_many(shown, Multiproof(proof.indices, proof.size, (*proof.hashes, b"\x00" * 32)), root), "a hash too many"
    if proof.hashes:
        assert not verify_many(shown, Multiproof(proof.indices, proof.size, proof.hashes[:-1]), root), "a hash too few"
        turned = (bytes([proof.hashes[0][0] ^ 1]) + proof.hashes[0][1:], *proof.hashes[1:])
        assert not verify_many(shown, Multiproof(proof.indices, proof.size, turned), root), "another hash"
    if len(chosen) > 1:
        assert not verify_many({i: leaves[i] for i in chosen[1:]}, proof, root), "a leaf too few"


@given(names=st.lists(st.text(max_size=5), min_size=1, max_size=20), luck=st.randoms(use_true_random=False))
@settings(deadline=None)
def test_it_is_the_tree_of_the_ledger(names: list[str], luck: Any) -> None:
    leaves = [name.encode() for name in names]
    index = luck.randrange(len(names))
    assert root_of(leaves) == merkle.root(names)
    assert prove_many(leaves, [index]).hashes == tuple(bytes.fromhex(one) for one in merkle.prove(names, index).path)
    assert leaf_hash(leaves[index]) == merkle.hash_leaf(names[index])


def test_proofs_have_the_stated_sizes() -> None:
    """192 B for one of 64 shreds, 320 B for one of 1,024; neighbours share their paths; no leaf, no proof."""
    leaves = [bytes([number % 256, number // 256]) for number in range(1024)]
    assert len(prove_many(leaves[:64], [5]).hashes) * 32 == 192
    assert len(prove_many(leaves, [5]).hashes) * 32 == 320
    assert len(prove_many(leaves, range(512)).hashes) == 1
    assert len(prove_many(leaves, [0, 1, 2, 3]).hashes) == 8
    with pytest.raises(IndexError):
        prove_many(leaves, [1024])
    assert not verify_many({}, Multiproof((), 4, ()), root_of(leaves[:4]))
