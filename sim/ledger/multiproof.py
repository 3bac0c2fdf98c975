"""One proof for several leaves of a Merkle tree: the hashes beside their joint paths, each once.

The tree is that of `sim.ledger.merkle` (RFC 6962, section 2.1), here over bytes. From the lowest level up, a hash is listed
where the neighbour of a known node is not known itself; a last node without a neighbour is carried upwards. Proofs of m
neighbouring leaves thus cost about log2(n / m) hashes and not m log2(n).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from sim.ledger.merkle import EMPTY_ROOT, hash_pair

HASH_BYTES = 32


@dataclass(frozen=True)
class Multiproof:
    """That some leaves stand at `indices` among `size` leaves: the missing hashes, level by level, left to right."""

    indices: tuple[int, ...]
    size: int
    hashes: tuple[bytes, ...]

    @property
    def size_bytes(self) -> int:
        """What the proof weighs on the wire: its hashes, and 4 bytes an index."""
        return HASH_BYTES * len(self.hashes) + 4 * len(self.indices)


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of one leaf, 32 bytes."""
    return sha256(b"\x00" + leaf).digest()


def _levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    level = [leaf_hash(leaf) for leaf in leaves]
    levels = [level]
    while len(level) > 1:
        above = [hash_pair(level[place], level[place + 1]) for place in range(0, len(level) - 1, 2)]
        level = [*above, level[-1]] if len(level) % 2 else above
        levels.append(level)
    return levels


def root_of(leaves: Sequence[bytes]) -> str:
    """64 hexadecimal digits that name these leaves in this order."""
    return _levels(leaves)[-1][0].hex() if leaves else EMPTY_ROOT


def prove_many(leaves: Sequence[bytes], indices: Sequence[int]) -> Multiproof:
    """The proof of the leaves at `indices` (any order, each once); raises IndexError where there is no such leaf."""
    wanted = tuple(sorted(dict.fromkeys(indices)))
    for index in wanted:
        if not 0 <= index < len(leaves):
            raise IndexError(f"no leaf {index} among {len(leaves)}")
    known, hashes = list(wanted), []
    for level in _levels(leaves)[:-1]:
        here = dict.fromkeys(known)
        hashes += [level[place ^ 1] for place in known if place ^ 1 not in here and place ^ 1 < len(level)]
        known = list(dict.fromkeys(place // 2 for place in known))
    return Multiproof(wanted, len(leaves), tuple(hashes))


def verify_many(leaves: Mapping[int, bytes], proof: Multiproof, expected_root: str) -> bool:
    """Whether exactly these leaves stand under `expected_root`. Every hash of the proof must be used: neither more nor less."""
    if not leaves or tuple(sorted(leaves)) != proof.indices or not 0 <= proof.indices[0] <= proof.indices[-1] < proof.size:
        return False
    nodes = {index: leaf_hash(leaves[index]) for index in proof.indices}
    width, used = proof.size, 0
    while width > 1:
        above: dict[int, bytes] = {}
        for place, node in nodes.items():
            if place // 2 in above:
                continue
            beside = nodes.get(place ^ 1)
            if beside is None and place ^ 1 < width:
                if used == len(proof.hashes):
                    return False
                beside = proof.hashes[used]
                used += 1
            above[place // 2] = node if beside is None else hash_pair(beside, node) if place % 2 else hash_pair(node, beside)
        nodes, width = above, (width + 1) // 2
    return used == len(proof.hashes) and nodes[0].hex() == expected_root
