"""One hash for many leaves, and short proofs that a leaf is among them.

The tree of RFC 6962, section 2.1: SHA-256, leaves prefixed by 0x00 and inner nodes by 0x01, so that no inner node can pass
for a leaf. Pairing neighbours and carrying an odd last one upwards gives the RFC's left-heavy tree without recursion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

EMPTY_ROOT = sha256(b"").hexdigest()


def hash_leaf(leaf: str) -> bytes:
    """The hash of one leaf, 32 bytes."""
    return sha256(b"\x00" + leaf.encode()).digest()


def hash_pair(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees, 32 bytes."""
    return sha256(b"\x01" + left + right).digest()


def _level_above(level: list[bytes]) -> list[bytes]:
    above = [hash_pair(level[place], level[place + 1]) for place in range(0, len(level) - 1, 2)]
    if len(level) % 2:
        above.append(level[-1])
    return above


def root(leaves: Sequence[str]) -> str:
    """64 hexadecimal digits that name these leaves in this order."""
    if not leaves:
        return EMPTY_ROOT
    level = [hash_leaf(leaf) for leaf in leaves]
    while len(level) > 1:
        level = _level_above(level)
    return level[0].hex()


@dataclass(frozen=True)
class Proof:
    """That a leaf stands at `index` among `size` leaves: the hashes beside its path to the root, from below."""

    index: int
    size: int
    path: tuple[str, ...]


def prove(leaves: Sequence[str], index: int) -> Proof:
    """The inclusion proof of leaf `index`; raises IndexError where there is no such leaf."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"no leaf {index} among {len(leaves)}")
    level, place, path = [hash_leaf(leaf) for leaf in leaves], index, []
    while len(level) > 1:
        beside = place ^ 1
        if beside < len(level):
            path.append(level[beside].hex())
        level, place = _level_above(level), place // 2
    return Proof(index, len(leaves), tuple(path))


def verify(leaf: str, proof: Proof, expected_root: str) -> bool:
    """Whether `proof` shows `leaf` under `expected_root`. Every hash of the path must be used: neither more nor less."""
    if not 0 <= proof.index < proof.size:
        return False
    try:
        path = [bytes.fromhex(text) for text in proof.path]
    except ValueError:
        return False
    node, place, last, used = hash_leaf(leaf), proof.index, proof.size - 1, 0
    while last > 0:
        if place % 2 or place < last:
            if used == len(path):
                return False
            node = hash_pair(path[used], node) if place % 2 else hash_pair(node, path[used])
            used += 1
        place, last = place // 2, last // 2
    return used == len(path) and node.hex() == expected_root
